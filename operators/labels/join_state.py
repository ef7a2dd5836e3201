"""State of the join of one range of ids: predictions that wait for their labels, in blocks, as bytes by name.

::

    head       2s magic "TJ", H format, I number of the next block, q end of the newest pane (ms); then per block
               I number, I level, Q rows, q time of the first, q time of the last row (ms); all little-endian
    bNUMBER    a block: hashes u64 per row, ascending; times i64 per row (ms)
    fNUMBER    one bit per row of a block: whether it has its label; not there while none has
    dNUMBER    data of the rows of a block, so many bytes each; not there where they have none
    texts      msgpack list of the texts that data point to
    waiting    labels of the newest pane without a prediction so far: hashes u64, times i64
    outcomes   data of those labels; not there where they have none
    settled    q time (ms): outcomes of predictions before it are settled; where they are
    lNAME      labels of open predictions, as blocks of their own, with a head; where the last one counts

What is kept is read and written by name, so that a pane reads the hashes of blocks, and writes few of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from operators.labels.join_chunks import Bytes, Hashes, Ints, Rows, put_together
from schemas.errors import StateVersionError

FAN = 4  # blocks that become one; with 8 there are 46 of them instead of 15, and lookups take twice as long
MOST = 1 << 18  # rows of a merged block, 4 MB: larger ones are slow to cross to the worker, smaller ones are more to
# search where predictions are many
SPANS = 4  # a block spans at most so much of `within`: with longer ones predictions stay for longer than they must
FORMAT = 1  # raised when an older release could misread the bytes
NOTHING = -(2**63)  # end of the newest pane before the first
_MAGIC = b"TJ"
_HEAD = struct.Struct("<2sHIq")
_BLOCK = struct.Struct("<IIQqq")
_WAITING, _OUTCOMES, _TEXTS = "waiting", "outcomes", "texts"
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
    for name in (_HEAD_NAME, _WAITING, _OUTCOMES, _TEXTS):
        if name in kept:
            del kept[name]


def write_block(kept: Kept, head: Head, rows: Rows, level: int, labelled: npt.NDArray[np.bool_] | None = None) -> None:
    """Sort predictions into a block of their own, and note which have labels."""
    order = np.argsort(rows.hashes, kind="stable")
    times = rows.times_ms[order]
    block = Block(head.next_number, level, len(times), int(times.min()), int(times.max()))
    kept[f"b{block.number}"] = _bytes(rows.hashes[order], times)
    if rows.data.shape[1]:
        kept[f"d{block.number}"] = rows.data[order].tobytes()
    if labelled is not None and labelled.any():
        write_labelled(kept, block, labelled[order])
    head.blocks.append(block)
    head.next_number += 1


def read_block(kept: Kept, block: Block) -> tuple[Hashes, Ints]:
    """Hashes and times of the rows of a block."""
    return _columns(kept[f"b{block.number}"])


def read_data(kept: Kept, block: Block) -> Bytes:
    """Data of the rows of a block, shape (rows, width)."""
    name = f"d{block.number}"
    return np.frombuffer(kept[name] if name in kept else b"", np.uint8).reshape(block.rows, -1)


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
    for name in (f"b{block.number}", f"f{block.number}", f"d{block.number}"):
        if name in kept:
            del kept[name]


def expire(kept: Kept, head: Head, before_ms: int) -> None:
    """Remove the blocks of which all rows are older."""
    for block in head.blocks:
        if block.last_ms < before_ms:
            drop(kept, block)
    head.blocks = [block for block in head.blocks if block.last_ms >= before_ms]


def merge(kept: Kept, head: Head, within_ms: int) -> None:
    """Merge the blocks of each level that has FAN of them, unless they would span too much or be too many."""
    level = 0
    while level <= max((block.level for block in head.blocks), default=-1):
        members = [block for block in head.blocks if block.level == level]
        level += 1
        span_ms = max((b.last_ms for b in members), default=0) - min((b.first_ms for b in members), default=0)
        if len(members) < FAN or span_ms > within_ms // SPANS or sum(b.rows for b in members) > MOST:
            continue
        datas = [read_data(kept, block) for block in members]
        if len({data.shape[1] for data in datas}) > 1:
            continue  # from before and after a change of the configuration
        columns = [read_block(kept, block) for block in members]
        rows = put_together([Rows(*both, data) for both, data in zip(columns, datas, strict=True)])
        labelled = np.concatenate([read_labelled(kept, block) for block in members])
        for block in members:
            drop(kept, block)
        head.blocks = [block for block in head.blocks if block.level != level - 1]
        write_block(kept, head, rows, level, labelled)


def read_waiting(kept: Kept) -> Rows:
    """Labels that wait for their predictions."""
    hashes, times_ms = _columns(kept[_WAITING] if _WAITING in kept else b"")
    data = np.frombuffer(kept[_OUTCOMES] if _OUTCOMES in kept else b"", np.uint8)
    return Rows(hashes, times_ms, data.reshape(len(hashes), -1) if len(hashes) else np.empty((0, 0), np.uint8))


def write_waiting(kept: Kept, waiting: Rows) -> None:
    """Keep labels until the next pane."""
    for name, data in ((_WAITING, _bytes(waiting.hashes, waiting.times_ms)), (_OUTCOMES, waiting.data.tobytes())):
        if data:
            kept[name] = data
        elif name in kept:
            del kept[name]


def read_texts(kept: Kept) -> list[str]:
    """Texts that data point to."""
    return msgspec.msgpack.decode(kept[_TEXTS], type=list[str]) if _TEXTS in kept else []


def write_texts(kept: Kept, texts: list[str]) -> None:
    """Keep more of them."""
    kept[_TEXTS] = msgspec.msgpack.encode(texts)


def _bytes(hashes: Hashes, times_ms: Ints) -> bytes:
    return hashes.astype("<u8", copy=False).tobytes() + times_ms.astype("<i8", copy=False).tobytes()


def _columns(data: bytes) -> tuple[Hashes, Ints]:
    count = len(data) // 16
    return np.frombuffer(data, "<u8", count), np.frombuffer(data, "<i8", count, 8 * count)
