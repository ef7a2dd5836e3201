"""A chunk for the join: predictions or labels of one model, range of ids, pane and batch.

::

    header   little-endian: format u8, kind u8 (0 predictions, 1 labels), width of the data u16, records u32,
             pane end i64 (ms)
    hashes   u64 per record, of the id
    times    u32 per record, ms from the start of the pane
    data     so many bytes per record, of what the header says: see join_rows.py; none where only counts are wanted
    texts    only of predictions with data: msgpack list of the texts that data point to
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import LabelsPlan
from operators.encoding.cutting import cut
from operators.encoding.entries import Entry
from operators.encoding.keys import join_key
from schemas.errors import StateVersionError

FORMAT = 1
PREDICTIONS, LABELS = 0, 1
BUCKETS = 16  # ranges of ids of a model; with more of them each pane costs a fixed time more often, with fewer the
# work of one model cannot be shared by as many workers
MOST = 100_000  # records of a chunk, 1.2 MB: a 100 MB one overflows the window's buffer
_HEADER = struct.Struct("<BBHIq")  # 16 bytes: what follows is aligned

_NOTHING = np.append(np.array([np.nan], "<f8").view(np.uint8), np.uint8(0))  # data of a label of which nothing is known

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]


class Rows(msgspec.Struct, frozen=True):
    """Predictions or labels."""

    hashes: Hashes
    times_ms: Ints
    data: Bytes  # (records, width)


class Part(msgspec.Struct, frozen=True):
    """Predictions of one chunk."""

    rows: Rows
    texts: tuple[str, ...]  # that their data point to


class JoinPane(msgspec.Struct, frozen=True):
    """What came of one range of ids in one pane."""

    end_ms: int
    predictions: tuple[Part, ...]
    labels: Rows


def sampled(hashes: Hashes, plan: LabelsPlan) -> npt.NDArray[np.bool_]:
    """Which ids are in the sample: the same for predictions and labels."""
    if plan.sample >= 1.0:
        return np.ones(len(hashes), np.bool_)
    return hashes < np.uint64(int(plan.sample * 2.0**64))


def buckets(sample: float) -> int:
    """How many ranges the ids of a sample are in: the fewer ids, the fewer, so that each pane has some of each.

    >>> buckets(1.0), buckets(0.5), buckets(0.1), buckets(0.001)
    (16, 8, 2, 1)
    """
    count = BUCKETS
    while count > 1 and count // 2 >= BUCKETS * sample:
        count //= 2
    return count


def cut_chunks(
    kind: int,
    model: str,
    plan: LabelsPlan,
    given: Rows,
    rows: Ints,
    pane_ms: int,
    texts: Sequence[str] = (),
    by: Hashes | None = None,
) -> Iterator[Entry]:
    """Cut predictions or labels into chunks by bucket and pane; those outside the sample are left out.

    Parameters
    ----------
    given
        Hashes of the ids, event times and data.
    rows : int64, shape (records,)
        Positions in the batch.
    texts
        That data point to.
    by
        Hashes by which they are in a bucket and in the sample; None: those of the ids.
    """
    hashes, times_ms, data = given.hashes, given.times_ms, given.data
    by = hashes if by is None else by
    chosen = sampled(by, plan)
    if not chosen.all():
        hashes, times_ms, data, rows, by = hashes[chosen], times_ms[chosen], data[chosen], rows[chosen], by[chosen]
    if not len(hashes):
        return
    starts = times_ms - times_ms % pane_ms
    many = buckets(plan.sample)
    ranges = (by % np.uint64(many)).astype(np.int64)
    order, ends, _ = cut(ranges + (starts - starts.min()) // pane_ms * many, MOST)
    hashes, offsets, width = hashes[order], (times_ms - starts)[order].astype("<u4"), data.shape[1]
    packed, tail = data[order].tobytes(), msgspec.msgpack.encode(texts) if width and kind == PREDICTIONS else b""
    firsts = order[np.append(0, ends[:-1])]
    where = zip(
        ends.tolist(),
        ranges[firsts].tolist(),
        (starts[firsts] + pane_ms).tolist(),
        rows[firsts].tolist(),
        strict=True,
    )
    start = 0
    for end, bucket, end_ms, row in where:
        parts = (
            _HEADER.pack(FORMAT, kind, width, end - start, end_ms),
            hashes[start:end].tobytes(),
            offsets[start:end].tobytes(),
            packed[start * width : end * width],
            tail,
        )
        yield Entry(row, join_key(model, bucket), b"".join(parts), end_ms)
        start = end


def decode(chunks: Sequence[bytes], pane_ms: int) -> JoinPane:
    """Put the chunks of one key and pane together.

    Raises
    ------
    StateVersionError
        A chunk was written by another release; let the job finish its panes before upgrading.
    """
    predictions: list[Part] = []
    labels: list[Rows] = []
    end_ms = 0
    for chunk in chunks:
        form, kind, width, records, end_ms = _HEADER.unpack_from(chunk)
        if form != FORMAT:
            message = f"chunk of a join: format {form} is not what this release reads ({FORMAT}); use the same release"
            raise StateVersionError(message)
        hashes = np.frombuffer(chunk, "<u8", records, _HEADER.size)
        offsets = np.frombuffer(chunk, "<u4", records, _HEADER.size + 8 * records)
        at = _HEADER.size + 12 * records
        data = np.frombuffer(chunk, np.uint8, records * width, at).reshape(records, width)
        rows = Rows(hashes, offsets.astype(np.int64) + (end_ms - pane_ms), data)
        if kind == LABELS:
            labels.append(rows)
        else:
            texts = msgspec.msgpack.decode(chunk[at + records * width :], type=tuple[str, ...]) if width else ()
            predictions.append(Part(rows, texts))
    width = max((rows.data.shape[1] for rows in labels), default=0)
    return JoinPane(end_ms, tuple(predictions), put_together([widened(rows, width) for rows in labels]))


def widened(labels: Rows, width: int) -> Rows:
    """Labels with as many bytes of data: those from before a change of the configuration may have fewer, or more.

    Without an outcome a label is found, and tells nothing of performance; whose it is, nobody knows.
    """
    if labels.data.shape[1] == width:
        return labels
    data = np.tile(_NOTHING[:width], (len(labels.hashes), 1))
    same = min(width, labels.data.shape[1])
    data[:, :same] = labels.data[:, :same]
    return Rows(labels.hashes, labels.times_ms, data)


def put_together(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, whose data are equally wide."""
    if not parts:
        return Rows(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty((0, 0), np.uint8))
    return Rows(*(np.concatenate(column) for column in zip(*map(msgspec.structs.astuple, parts), strict=True)))
