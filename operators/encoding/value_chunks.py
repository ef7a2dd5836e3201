"""A chunk of values: the records of one (key, pane) in one batch, of a version whose values have no codes yet.

::

    header   as of a chunk of codes (chunks.py): signals are those read as numbers, raw those read as names, no sums
    rows     per record: time u32 (ms from the start of the pane), hash u64 of id or line,
             number f64 per signal (NaN: missing, inf: invalid, -inf: its source does not carry it),
             id u64 per signal of names (see name_ids.py; below 256: why there is none)
    texts    msgpack: id -> name

Rows of a pane are taken in the order of (time, hash, values), as those of codes are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding import chunks
from operators.encoding.chunks import Bytes

_decoder = msgspec.msgpack.Decoder(dict[int, str])

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]


class ValuePane(msgspec.Struct, frozen=True):
    """All records of one key in one pane, in their order."""

    end_ms: int
    times_ms: Ints  # (records,), event time
    numbers: Floats  # (records, signals read as numbers), C-contiguous
    ids: Ids  # (records, signals of names), C-contiguous
    texts: dict[int, str]
    hashes: Ids  # (records,), of id or line

    def __len__(self) -> int:
        return len(self.times_ms)

    def part(self, which: slice) -> ValuePane:
        """Some of the records."""
        return ValuePane(
            self.end_ms,
            self.times_ms[which].copy(),
            np.ascontiguousarray(self.numbers[which]),
            np.ascontiguousarray(self.ids[which]),
            self.texts,
            self.hashes[which].copy(),
        )


def rows(offsets_ms: Ints, hashes: Ids, numbers: Floats, ids: Ids) -> Bytes:
    """The rows of a batch as bytes, shape (records, bytes a row); ``offsets_ms`` count from the pane's start."""
    values = np.hstack([np.ascontiguousarray(numbers).view(np.uint8), np.ascontiguousarray(ids).view(np.uint8)])
    return chunks.rows(offsets_ms, hashes, values, np.empty((len(values), 0)))


def encode(pane_end_ms: int, meaning: int, numbers: int, ids: Ids, data: bytes, texts: dict[int, str]) -> bytes:
    """One chunk from the bytes of its rows, the ids in them, and the names of a batch that those may stand for."""
    told = {number: texts[number] for number in np.unique(ids).tolist() if number in texts}
    head = chunks.encode(pane_end_ms, meaning, numbers, ids.shape[1], 0, len(ids), b"", data)
    return head + msgspec.msgpack.encode(told)


def decode(parts: Sequence[bytes], pane_ms: int) -> ValuePane:
    """Put the chunks of one (key, pane) together, at least one, records in order.

    Raises
    ------
    StateVersionError
        A chunk was written by another release; let the job finish its panes before upgrading.
    """
    found: list[Bytes] = []
    texts: dict[int, str] = {}
    numbers = names = end_ms = 0
    for part in parts:
        numbers, names, records, end_ms = chunks.header(part)
        width = chunks.PREFIX + 8 * (numbers + names)
        stop = chunks.HEADER.size + records * width
        found.append(np.frombuffer(part, np.uint8, records * width, chunks.HEADER.size).reshape(records, width))
        texts |= _decoder.decode(memoryview(part)[stop:])
    data = found[0] if len(found) == 1 else np.concatenate(found)
    order = chunks.row_order(data)
    if order is not None:
        data = data[order]
    split = chunks.PREFIX + 8 * numbers
    return ValuePane(
        end_ms,
        end_ms - pane_ms + chunks.row_times(data),
        data[:, chunks.PREFIX : split].copy().view(np.float64) if numbers else np.empty((len(data), 0)),
        data[:, split:].copy().view(np.uint64) if names else np.empty((len(data), 0), np.uint64),
        texts,
        np.ascontiguousarray(data[:, 4 : chunks.PREFIX]).view("<u8")[:, 0],
    )
