"""Settling: what predictions come to when they are mature, by the last of their labels or by none.

A pane of the key settles the predictions that have become mature since the pane before it: each once, whole panes of
them, by the labels that came in time for each. There is no timer, so what is settled does not depend on how time
passes between panes, nor on where bounded input ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.labels import join_groups, join_state
from operators.labels.join_chunks import Hashes, Ints, Rows
from operators.labels.join_rows import FEWEST, OUTCOME, Matches, label_data
from operators.labels.join_state import NOTHING, Block, Head, Kept

_SETTLED, _LABELS = "settled", "l"
_TIME = struct.Struct("<q")

Floats = npt.NDArray[np.float64]


class Settling(NamedTuple):
    """How outcomes are settled."""

    mature_ms: int  # after a prediction; a multiple of the pane
    last: bool  # by the last label, else by the first
    absent: float | None  # outcome where there is no label; None: there is none
    grouped: bool = False  # whole groups of items at once, see join_groups.py

    @property
    def keeps(self) -> bool:
        """Whether labels wait until what they are of is settled."""
        return self.last or self.grouped


class _Labels:
    """Bytes of the labels among those of the predictions."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def __contains__(self, name: str) -> bool:
        return _LABELS + name in self._kept

    def __getitem__(self, name: str) -> bytes:
        return self._kept[_LABELS + name]

    def __setitem__(self, name: str, data: bytes) -> None:
        self._kept[_LABELS + name] = data

    def __delitem__(self, name: str) -> None:
        del self._kept[_LABELS + name]


def keep(settling: Settling, kept: Kept, labels: Rows) -> None:
    """Keep labels until the predictions that they were given to are settled."""
    if not len(labels.hashes) or not labels.data.shape[1]:
        return
    ours = _Labels(kept)
    head = join_state.read_head(ours) or Head()
    join_state.write_block(ours, head, Rows(labels.hashes, labels.times_ms, labels.data[:, :OUTCOME]), 0)
    join_state.merge(ours, head, settling.mature_ms)
    join_state.write_head(ours, head)


def settled(settling: Settling, kept: Kept, head: Head, pane_ms: int) -> tuple[list[Matches], Ints]:
    """Settle the predictions that are mature at the end of the newest pane, whose labels have been looked up.

    Gives their outcomes, and the times of those that were settled without a label.
    """
    until_ms = head.pane_ms - settling.mature_ms
    since_ms = _TIME.unpack(kept[_SETTLED])[0] if _SETTLED in kept else until_ms
    kept[_SETTLED] = _TIME.pack(until_ms)
    ours = _Labels(kept)
    labels = join_state.read_head(ours)
    found: list[Matches] = []
    absent_ms = [np.empty(0, np.int64)]
    if settling.grouped:
        found, times_ms = join_groups.settled(
            kept, head, (since_ms, until_ms), settling.mature_ms, pane_ms, settling.absent,
            lambda hashes, from_ms, to_ms: _label(kept, labels, hashes, (from_ms, to_ms), last=settling.last),
        )  # fmt: skip
        absent_ms.append(times_ms)
    for block in () if settling.grouped else head.blocks:
        if block.last_ms >= since_ms and block.first_ms < until_ms:
            found += _of_block(settling, kept, block, (since_ms, until_ms), labels, absent_ms)
    if labels is not None:
        join_state.expire(ours, labels, until_ms - 2 * pane_ms)  # a label may come a pane before its prediction
        join_state.write_head(ours, labels)
    return found, np.concatenate(absent_ms)


def _of_block(
    settling: Settling,
    kept: Kept,
    block: Block,
    span_ms: tuple[int, int],
    labels: Head | None,
    absent_ms: list[Ints],
) -> Iterator[Matches]:
    """Settle the predictions of a block that were made in a span; adds the times of those without a label, by id."""
    hashes, times_ms = join_state.read_block(kept, block)
    data = join_state.read_data(kept, block)
    rows = np.flatnonzero((times_ms >= span_ms[0]) & (times_ms < span_ms[1]))
    if not len(rows) or data.shape[1] < FEWEST:
        return
    labelled = join_state.read_labelled(kept, block)[rows]
    if settling.last and labels is not None:
        ours = rows[labelled]
        until_ms = times_ms[ours] + settling.mature_ms
        labels_ms, outcomes = _label(kept, labels, hashes[ours], (np.full(len(ours), NOTHING), until_ms), last=True)
        there = labels_ms != NOTHING
        ours = ours[there]
        yield Matches(hashes[ours], times_ms[ours], labels_ms[there], data[ours], label_data(outcomes[there]))
    if settling.absent is not None:
        ours = rows[~labelled]
        none = label_data(np.full(len(ours), settling.absent))
        absent_ms.append(times_ms[ours][np.unique(hashes[ours], return_index=True)[1]])
        yield Matches(hashes[ours], times_ms[ours], times_ms[ours] + settling.mature_ms, data[ours], none)


def _label(
    kept: Kept, head: Head | None, hashes: Hashes, span_ms: tuple[Ints, Ints], *, last: bool
) -> tuple[Ints, Floats]:
    """Time and value of the last, or the first, label of each id in a span; of those at one time by their bits."""
    found_ms, found = np.full(len(hashes), NOTHING), np.zeros(len(hashes), np.uint64)
    for block in head.blocks if head is not None else ():
        theirs, times_ms = join_state.read_block(_Labels(kept), block)
        bits = join_state.read_data(_Labels(kept), block).view("<u8")[:, 0]
        at, who = np.searchsorted(theirs, hashes), np.arange(len(hashes))
        # Invariant: each id of `who` has had its labels before `at`; a block may have several labels of one id.
        while True:
            there = at < block.rows
            at, who = at[there], who[there]
            same = theirs[at] == hashes[who]
            at, who = at[same], who[same]
            if not len(at):
                break
            time_ms, bit = times_ms[at], bits[at]
            better = time_ms > found_ms[who] if last else time_ms < found_ms[who]
            better |= (time_ms == found_ms[who]) & (bit > found[who] if last else bit < found[who])
            better |= found_ms[who] == NOTHING
            better &= (time_ms >= span_ms[0][who]) & (time_ms <= span_ms[1][who])
            found_ms[who[better]], found[who[better]] = time_ms[better], bit[better]
            at = at + 1
    return found_ms, found.view(np.float64)


def clear(kept: Kept) -> None:
    """Remove everything."""
    ours = _Labels(kept)
    head = join_state.read_head(ours)
    if head is not None:
        join_state.clear(ours, head)
    join_groups.clear(kept)
    if _SETTLED in kept:
        del kept[_SETTLED]
