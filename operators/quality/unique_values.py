"""Values that have to be unique: what a pane says of them, as hashes, and which of them came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.entries import Place
from operators.hashing import hash64, hash_rows
from operators.reading.columns import Column, names
from operators.reading.values import Gap
from operators.sketches.seen import Seen, look
from schemas.events import Example

MOST = 16_384  # values of a rule that a key remembers, 16 bytes each; of more in a window it is held against a sample

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class Values(msgspec.Struct, array_like=True):
    """Values of a rule in some records that have one."""

    hashes: bytes  # uint64, of the values
    times_ms: bytes  # int64
    orders: bytes  # uint64, of the records, which decide between equal times
    partitions: bytes  # int64; 0 in files
    places: bytes  # int64: offsets, or rows
    topic: str | None
    path: str | None


class Repeated(NamedTuple):
    """Records of a pane whose value came within the window before them."""

    values: int  # that were looked up
    again: int
    first: list[tuple[int, int, Example]]  # of the first of them: time, order, place


def hashes_of(values: npt.NDArray[np.float64] | Column) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hashes of numbers or names, and which of them are values."""
    if isinstance(values, np.ndarray):
        return hash_rows((values + 0.0).view(np.uint64)[:, None]), np.isfinite(values)
    read = names(values)
    there = np.array([not isinstance(name, Gap) for name in read], np.bool_)
    return hash64([b"" if isinstance(name, Gap) else name.encode("utf-8", "surrogatepass") for name in read]), there


def values_of(hashes: Hashes, times_ms: Ints, orders: Hashes, rows: Ints, place: Place) -> Values:
    """Values of some records, which stand in some rows of a batch."""
    where = [place.of(row) for row in rows.tolist()]
    first = where[0] if where else {}
    return Values(
        hashes.tobytes(),
        times_ms.tobytes(),
        orders.tobytes(),
        np.array([one.get("partition", 0) for one in where], np.int64).tobytes(),
        np.array([one.get("offset", one.get("row", 0)) for one in where], np.int64).tobytes(),
        first.get("topic"),
        first.get("path"),
    )


def repeated(known: Seen, parts: Sequence[Values], span_ms: int, examples: int) -> tuple[Seen, Repeated]:
    """Look the values of a pane up, and remember them."""
    hashes, orders = (np.concatenate([np.frombuffer(one, np.uint64) for one in each]) for each in _columns(parts, 0, 2))
    times_ms, partitions, places = (
        np.concatenate([np.frombuffer(one, np.int64) for one in each]) for each in _columns(parts, 1, 3, 4)
    )
    part = np.repeat(np.arange(len(parts)), [len(one.hashes) // 8 for one in parts])
    whose = [(one.topic or "", one.path or "") for one in parts]
    ranks = np.array([sorted(set(whose)).index(one) for one in whose], np.int64)
    order = np.lexsort((places, partitions, ranks[part], orders, times_ms))
    seen, again, chosen = look(known, hashes[order], times_ms[order], span_ms, MOST)
    first = []
    for at in order[np.flatnonzero(again)[:examples]].tolist():
        one = parts[int(part[at])]
        if one.topic is not None:
            where = Example(topic=one.topic, partition=int(partitions[at]), offset=int(places[at]))
        else:
            where = Example(path=one.path, row=int(places[at]))
        first.append((int(times_ms[at]), int(orders[at]), where))
    return seen, Repeated(int(chosen.sum()), int(again.sum()), first)


def _columns(parts: Sequence[Values], *fields: int) -> list[list[bytes]]:
    told = [msgspec.structs.astuple(one) for one in parts]
    return [[one[field] for one in told] for field in fields]
