"""State of the join of one range of ids: predictions that wait for their labels, in blocks, as bytes by name.

::

    head       2s magic "TJ", H format, I number of the next block, q end of the newest pane (ms); then per block
               I number, I level, Q rows, q time of the first, q time of the last row (ms); all little-endian
    bNUMBER    a block: hashes u64 per row, ascending; times i64 per row (ms)
    fNUMBER    one bit per row of a block: whether it has its label; not there while none has
    waiting    labels of the newest pane without a prediction so far: hashes u64, times i64

What is kept is read and written by name, so that a pane reads the hashes of blocks, and writes few of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from operators.join_chunks import Rows
from schemas.errors import StateVersionError

FORMAT = 1  # raised when an older release could misread the bytes
NOTHING = -(2**63)  # end of the newest pane before the first
_MAGIC = b"TJ"
_HEAD = struct.Struct("<2sHIq")
_BLOCK = struct.Struct("<IIQqq")
_WAITING = "waiting"
_HEAD_NAME = "head"


class Kept(Protocol):
    """Bytes by name: a dictionary, or Flink's map state."""

    def __contains__(self, name: str) -> bool: ...

    def __getitem__(self, name: str) -> bytes: ...

    def __setitem__(self, name: str, data: bytes) -> None: ...

    def __delitem__(self, name: str) -> None: ...


@dataclass(frozen=True)
class Block:
    """Some predictions, sorted by the hashes of their ids."""

    number: int
    level: int  # how often they were merged
    rows: int
    first_ms: int
    last_ms: int


@dataclass
class Head:
    """What is known of all blocks."""

    next_number: int = 0
    pane_ms: int = NOTHING
    blocks: list[Block] = field(default_factory=list)


def read_head(kept: Kept) -> Head | None:
    """Read the head; None where there is nothing.

    Raises
    ------
    StateVersionError
        The format is not one that this release reads.
    """
    if _HEAD_NAME not in kept:
        return None
    data = kept[_HEAD_NAME]
    magic, version, number, pane_ms = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != FORMAT:
        message = (
            f"state of a join: format {version} is not one that this release reads ({FORMAT}); "
            "upgrade tidemark or restore an older savepoint"
        )
        raise StateVersionError(message)
    return Head(number, pane_ms, [Block(*fields) for fields in _BLOCK.iter_unpack(data[_HEAD.size :])])


def write_head(kept: Kept, head: Head) -> None:
    """Write what `read_head` reads."""
    packed = [_BLOCK.pack(b.number, b.level, b.rows, b.first_ms, b.last_ms) for b in head.blocks]
    kept[_HEAD_NAME] = _HEAD.pack(_MAGIC, FORMAT, head.next_number, head.pane_ms) + b"".join(packed)


def clear(kept: Kept, head: Head) -> None:
    """Remove everything."""
    for block in head.blocks:
        drop(kept, block)
    for name in (_HEAD_NAME, _WAITING):
        if name in kept:
            del kept[name]


def write_block(kept: Kept, head: Head, rows: Rows, level: int, labelled: npt.NDArray[np.bool_] | None = None) -> None:
    """Sort predictions into a block of their own, and note which have labels."""
    order = np.argsort(rows.hashes, kind="stable")
    times = rows.times_ms[order]
    block = Block(head.next_number, level, len(times), int(times.min()), int(times.max()))
    kept[f"b{block.number}"] = _bytes(Rows(rows.hashes[order], times))
    if labelled is not None and labelled.any():
        write_labelled(kept, block, labelled[order])
    head.blocks.append(block)
    head.next_number += 1


def read_block(kept: Kept, block: Block) -> Rows:
    """The rows of a block."""
    return _rows(kept[f"b{block.number}"])


def read_labelled(kept: Kept, block: Block) -> npt.NDArray[np.bool_]:
    """Which rows of a block have their labels; an array of its own."""
    name = f"f{block.number}"
    if name not in kept:
        return np.zeros(block.rows, np.bool_)
    return np.unpackbits(np.frombuffer(kept[name], np.uint8), count=block.rows).astype(np.bool_)


def write_labelled(kept: Kept, block: Block, labelled: npt.NDArray[np.bool_]) -> None:
    """Note which rows have their labels."""
    kept[f"f{block.number}"] = np.packbits(labelled).tobytes()


def drop(kept: Kept, block: Block) -> None:
    """Remove a block."""
    del kept[f"b{block.number}"]
    if f"f{block.number}" in kept:
        del kept[f"f{block.number}"]


def read_waiting(kept: Kept) -> Rows:
    """Labels that wait for their predictions."""
    return _rows(kept[_WAITING] if _WAITING in kept else b"")


def write_waiting(kept: Kept, waiting: Rows) -> None:
    """Keep labels until the next pane."""
    if len(waiting.hashes):
        kept[_WAITING] = _bytes(waiting)
    elif _WAITING in kept:
        del kept[_WAITING]


def _bytes(rows: Rows) -> bytes:
    return rows.hashes.astype("<u8", copy=False).tobytes() + rows.times_ms.astype("<i8", copy=False).tobytes()


def _rows(data: bytes) -> Rows:
    count = len(data) // 16
    return Rows(np.frombuffer(data, "<u8", count), np.frombuffer(data, "<i8", count, 8 * count))
