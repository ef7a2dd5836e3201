"""A chunk: the records of one (key, pane) in one batch, as codes.

::

    header   little-endian: format u8, flags u8, signals u16, raw u16, numeric u16, records u32, pane end i64 (ms),
             meaning u32: what the codes mean, `ModelSignals.meaning`
    sums     int64 (numeric signals, 5), see moments.py
    rows     per record: time u32 (ms from the start of the pane), hash u64 of id or line,
             code u8 per signal, raw value f64 per signal that asks for raw values
    names    only if flags is 1: msgpack, see unnamed.py
    notes    only if flags is 2: msgpack, `Notes`, in place of names

The rows of a pane are taken in the order of (time, hash, codes, raw values): total up to records that are
equal in all of it, so it is the same from Kafka and from files, at any parallelism, however batches fell.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.unnamed import Names, merged
from operators.sketches import moments
from schemas.errors import StateVersionError

FORMAT = 1
NAMES, NOTES = 1, 2  # flags
LIMIT = 4 << 20  # bytes a chunk; a 100 MB one overflows the window's buffer, small ones cost a row each
HEADER = struct.Struct("<BBHHHIqI")  # 24 bytes: what follows is aligned
PREFIX = 12  # bytes of time and hash before the codes

Bytes = npt.NDArray[np.uint8]


class Notes(msgspec.Struct, array_like=True):
    """What a chunk says of its records beside their codes."""

    names: Names = {}
    outside: list[int] = []  # values out of the range of each feature that has one


_names = msgspec.msgpack.Decoder(Names)
_notes = msgspec.msgpack.Decoder(Notes)


class Pane(msgspec.Struct, frozen=True):
    """All records of one key in one pane, in their order."""

    end_ms: int
    times_ms: npt.NDArray[np.int64]  # (records,), event time
    codes: Bytes  # (records, signals), C-contiguous
    sums: npt.NDArray[np.int64]  # (numeric signals, 5)
    raw: npt.NDArray[np.float64]  # (records, signals with raw input)
    names: Names = {}
    outside: tuple[int, ...] = ()  # values out of the range of each feature that has one; none where there are none
    hashes: npt.NDArray[np.uint64] | None = None  # (records,), of id or line, where they are asked for

    def __len__(self) -> int:
        return len(self.times_ms)


def rows(
    offsets_ms: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    codes: Bytes,
    raw: npt.NDArray[np.float64],
) -> Bytes:
    """The rows of a batch as bytes, shape (records, bytes a row); ``offsets_ms`` count from the pane's start."""
    records, signals = codes.shape
    out = np.empty((records, PREFIX + signals + 8 * raw.shape[1]), np.uint8)
    out[:, :4] = offsets_ms.astype("<u4").view(np.uint8).reshape(-1, 4)
    out[:, 4:PREFIX] = hashes.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    out[:, PREFIX : PREFIX + signals] = codes
    if raw.shape[1]:
        out[:, PREFIX + signals :] = np.ascontiguousarray(raw).view(np.uint8)
    return out


def encode(
    pane_end_ms: int,
    meaning: int,
    signals: int,
    raw: int,
    numeric: int,
    records: int,
    sums: bytes,
    data: bytes,
    names: Names | None = None,
    outside: list[int] | None = None,
) -> bytes:
    """One chunk from the bytes of its sums and of its rows."""
    flags, more = 0, b""
    if outside is not None and any(outside):
        flags, more = NOTES, msgspec.msgpack.encode(Notes(names or {}, outside))
    elif names:
        flags, more = NAMES, msgspec.msgpack.encode(names)
    return HEADER.pack(FORMAT, flags, signals, raw, numeric, records, pane_end_ms, meaning) + sums + data + more


def overhead(numeric: int) -> int:
    """Bytes of a chunk before its rows, by the number of numeric signals."""
    return HEADER.size + 8 * moments.FIELDS * numeric


def pane_end(chunk: bytes) -> int:
    """End of the pane that a chunk belongs to, event time in ms."""
    return int(HEADER.unpack_from(chunk)[6])


def header(chunk: bytes) -> tuple[int, int, int, int]:
    """Numbers of signals, of raw values and of records, and the end of the pane.

    Raises
    ------
    StateVersionError
        The chunk was written by another release; let the job finish its panes before upgrading.
    """
    form, _, signals, raw, _, records, end_ms, _ = HEADER.unpack_from(chunk)
    if form != FORMAT:
        message = f"chunk of a pane: format {form} is not what this release reads ({FORMAT}); use the same release"
        raise StateVersionError(message)
    return signals, raw, records, end_ms


def meaning_of(chunk: bytes) -> int:
    """What its codes mean."""
    return int(HEADER.unpack_from(chunk)[7])


def with_meaning(chunks: Sequence[bytes], meaning: int) -> list[bytes]:
    """Those whose codes mean what they mean now.

    A job that goes on under another profile finds chunks of its open panes that were coded by the old one.
    """
    return [chunk for chunk in chunks if meaning_of(chunk) == meaning]


def decode(chunks: Sequence[bytes], pane_ms: int, *, hashes: bool = False) -> Pane:
    """Put the chunks of one (key, pane) together, at least one, records in order; with their hashes if wanted.

    Raises
    ------
    StateVersionError
        The chunk was written by another release; let the job finish its panes before upgrading.
    """
    signals = raw = numeric = end_ms = 0
    sums, parts = [], []
    names: list[Names] = []
    outside: list[list[int]] = []
    for chunk in chunks:
        signals, raw, records, end_ms = header(chunk)
        _, flags, _, _, numeric, *_ = HEADER.unpack_from(chunk)
        at = HEADER.size + 8 * moments.FIELDS * numeric
        after = at + records * (PREFIX + signals + 8 * raw)
        sums.append(chunk[HEADER.size : at])
        parts.append(chunk[at:after])
        if flags:
            notes = notes_of(chunk[after:], flags)
            names.append(notes.names)
            if notes.outside:
                outside.append(notes.outside)
    total = moments.added(np.frombuffer(b"".join(sums), np.int64).reshape(len(parts), numeric, moments.FIELDS))
    data = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, PREFIX + signals + 8 * raw)
    positions = row_order(data)
    if positions is not None:
        data = data[positions]
    # Copies, also of a single row, whose bytes could be taken as they are: read-only arrays compile kernels again.
    codes = data[:, PREFIX : PREFIX + signals].copy()
    raw_values = data[:, PREFIX + signals :].copy().view(np.float64) if raw else np.empty((len(data), 0))
    out = tuple(map(sum, zip(*outside, strict=True)))
    known = np.ascontiguousarray(data[:, 4:PREFIX]).view("<u8")[:, 0] if hashes else None
    return Pane(end_ms, end_ms - pane_ms + row_times(data), codes, total, raw_values, merged(names), out, known)


def notes_of(data: bytes, flags: int) -> Notes:
    """What a chunk says beside its rows, from the bytes after them."""
    if flags & NOTES:
        return _notes.decode(data)
    return Notes(_names.decode(data)) if flags & NAMES else Notes()


def row_times(data: Bytes) -> npt.NDArray[np.int64]:
    """Time of each row, in ms from the start of the pane."""
    return np.ascontiguousarray(data[:, :4]).view("<u4")[:, 0].astype(np.int64)


def row_order(data: Bytes) -> npt.NDArray[np.int64] | None:
    """Positions of the rows in their order; None where they are in it already."""
    times = row_times(data).astype(np.uint64)
    hashes = np.ascontiguousarray(data[:, 4:PREFIX]).view("<u8")[:, 0]
    # The time takes the upper 32 bits, the hash's upper half the rest: one sort of whole numbers decides nearly all.
    keys = (times << np.uint64(32)) | (hashes >> np.uint64(32))
    if bool((keys[1:] > keys[:-1]).all()):
        return None
    order = np.argsort(keys, kind="stable")
    ties = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    if len(ties):
        _settle(data, keys, order, ties)
    return order


def _settle(
    data: Bytes, keys: npt.NDArray[np.uint64], order: npt.NDArray[np.int64], ties: npt.NDArray[np.int64]
) -> None:
    """Put each run of rows with equal keys into the order of (hash, codes, raw values)."""
    starts = ties[np.r_[True, np.diff(ties) > 1]]
    for start in starts.tolist():
        stop = start + 1
        while stop < len(order) and keys[order[stop]] == keys[order[start]]:
            stop += 1
        run = order[start:stop]
        hashes = np.ascontiguousarray(data[run, 4:PREFIX]).view("<u8")[:, 0]
        texts = [data[i, PREFIX:].tobytes() for i in run]
        order[start:stop] = run[sorted(range(len(run)), key=lambda i: (int(hashes[i]), texts[i]))]
