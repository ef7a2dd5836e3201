"""Join: labels find the predictions of their ids, pane by pane, for one model and range of ids.

Predictions are kept as blocks sorted by the hashes of their ids. A pane adds a block; FAN blocks of one level become
one of the next, as in a log-structured merge tree (O'Neil and others 1996, doi:10.1007/s002360050048), so there are
few of them and a prediction is written again only a few times. The labels of a pane are looked up with one search a
block. Blocks are dropped by event time, when no label could be in time for any of their predictions.

The first label of an id, by its time, is given to all predictions of that id, of whichever version and role, that
have come by the end of its pane and are at most ``within`` older; if there is none, to those of the next pane. A
label is *matched* if it was given to one at least, a *duplicate* if all there are have one, an *orphan* if there is
none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from operators.encoding.entries import LabelCounts
from operators.labels import join_settling, join_state
from operators.labels.facts import facts
from operators.labels.join_chunks import Ints, JoinPane, Rows, put_together, widened
from operators.labels.join_rows import (
    FEWEST,
    Matches,
    by_key,
    outcome_bits,
    owners_of,
    renumbered,
    who_gave,
)
from operators.labels.join_search import search
from operators.labels.join_settling import Settling
from operators.labels.join_state import NOTHING, Block, Head, Kept

NEVER_MS = 2**63 - 1


@dataclass
class Joined:
    """What a step comes to."""

    counts: LabelCounts = field(default_factory=LabelCounts)
    matches: list[tuple[str, bytes]] = field(default_factory=list)  # of `join_rows.by_key`
    predicted_ms: Ints = field(
        default_factory=lambda: np.empty(0, np.int64)
    )  # earliest prediction of each matched label
    pane_ms: int = 0  # end of the pane that they are of
    kept: int = 0  # predictions that labels can still find
    next_ms: tuple[int, ...] = ()  # when the key wants to be woken, if nothing comes before


def step(
    model: str,
    within_ms: int,
    pane_ms: int,
    kept: Kept,
    pane: JoinPane | None,
    until_ms: int,
    settling: Settling | None = None,
    *,
    watched: bool = False,
) -> Joined:
    """Take a pane, or let time pass.

    Parameters
    ----------
    model
        Whose predictions they are.
    within_ms
        How much later than its prediction a label may be.
    pane_ms
        Length of panes.
    kept
        State of the key; it is changed in place.
    pane
        None where only time has passed.
    until_ms
        Panes that end by then have come; the end of `pane`, if there is one.
    settling
        How outcomes are settled; None where the first label is the outcome.
    watched
        Whether it is told how labels come.

    Examples
    --------
    >>> from operators.labels.join_chunks import Part
    >>> kept = {}
    >>> there = lambda *ids: Rows(np.array(ids, np.uint64), np.full(len(ids), 5_000), np.empty((len(ids), 0), np.uint8))
    >>> step("m", 60_000, 10_000, kept, JoinPane(10_000, (Part(there(7, 8), ()),), there(7, 7, 9)), 10_000).counts
    LabelCounts(read=0, matched=1, duplicate=1, orphan=0, overdue=0, ignored=0, dead=0, late=0)
    >>> step("m", 60_000, 10_000, kept, None, 20_000).counts.orphan
    1
    """
    head = join_state.read_head(kept)
    joined = Joined()
    if head is None:
        if pane is None:
            return joined
        head = Head()
    joined.kept = sum(block.rows for block in head.blocks)
    if pane is not None and pane.end_ms <= head.pane_ms:
        return joined  # joined before a restart of the sources; its timers are set
    # What is to come is not older; of a time within a pane, that is the pane's start.
    start_ms = until_ms - pane_ms if pane is not None else until_ms - until_ms % pane_ms
    waiting = join_state.read_waiting(kept)
    if head.pane_ms + pane_ms < until_ms or (pane is None and head.pane_ms + pane_ms <= until_ms):
        joined.counts.orphan += len(waiting.hashes)
        waiting = _NONE
    if pane is not None:
        head.pane_ms = joined.pane_ms = pane.end_ms
        texts, arrived = _add(kept, head, pane)
        waiting, matches, joined.predicted_ms = _look_up(
            within_ms, kept, head.blocks, waiting, pane.labels, joined.counts, settling
        )
        if watched:
            joined.matches += facts(model, arrived, matches, texts, pane.end_ms, pane_ms)
        if settling is not None:
            matches = [] if settling.keeps else matches
            settled, absent_ms = join_settling.settled(settling, kept, head, pane_ms)
            matches += settled
            joined.predicted_ms = np.concatenate([joined.predicted_ms, absent_ms])
        for one in matches:
            joined.matches += by_key(model, one, texts)
    join_state.expire(kept, head, start_ms - within_ms)
    if pane is not None:
        join_state.merge(kept, head, within_ms)
    forget_ms = _forget_ms(head, max(within_ms, pane_ms))
    if until_ms >= forget_ms:
        join_state.clear(kept, head)
        join_settling.clear(kept)
        joined.kept = 0
        return joined
    joined.kept = sum(block.rows for block in head.blocks)
    join_state.write_waiting(kept, waiting)
    join_state.write_head(kept, head)
    joined.next_ms = (forget_ms, head.pane_ms + pane_ms) if len(waiting.hashes) else (forget_ms,)
    return joined


_NONE = put_together([])


def _forget_ms(head: Head, reach_ms: int) -> int:
    """When nothing kept can be of use any more, to the next multiple of ``reach``, so that a key has few timers."""
    return -(-(head.pane_ms + reach_ms + 1) // reach_ms) * reach_ms


def _add(kept: Kept, head: Head, pane: JoinPane) -> tuple[list[str], dict[int, int]]:
    """Make a block of the pane's predictions, of each width of data one.

    Gives the texts that all data point to, and how many predictions came by the number of whose they are.
    """
    arrived: dict[int, int] = {}
    texts = join_state.read_texts(kept)
    known = {text: number for number, text in enumerate(texts)}
    by_width: dict[int, list[Rows]] = {}
    for part in pane.predictions:
        rows = renumbered(part, known)
        by_width.setdefault(rows.data.shape[1], []).append(rows)
        if rows.data.shape[1] >= FEWEST:
            for owner, count in enumerate(np.bincount(owners_of(rows.data)).tolist()):
                if count:
                    arrived[owner] = arrived.get(owner, 0) + count
    for _, parts in sorted(by_width.items()):
        join_state.write_block(kept, head, put_together(parts), 0)
    if len(known) > len(texts):
        texts = list(known)
        join_state.write_texts(kept, texts)
    return texts, arrived


def _look_up(
    within_ms: int,
    kept: Kept,
    blocks: list[Block],
    waiting: Rows,
    new: Rows,
    counts: LabelCounts,
    settling: Settling | None,
) -> tuple[Rows, list[Matches], Ints]:
    """Give labels to predictions, and count them.

    Gives those of the new ones that found none, the matches, and the earliest prediction of each label that has some.
    """
    if len(waiting.hashes) and len(new.hashes):
        waiting = widened(waiting, new.data.shape[1])
    labels = put_together([rows for rows in (waiting, new) if len(rows.hashes)])
    if not len(labels.hashes):
        return _NONE, [], np.empty(0, np.int64)
    values = outcome_bits(labels.data) if labels.data.shape[1] else labels.hashes
    # Of labels at one time the smallest bits are first.
    order = np.lexsort((who_gave(labels.data), values, labels.times_ms, labels.hashes))
    is_new = order >= len(waiting.hashes)
    hashes, times_ms, data = labels.hashes[order], labels.times_ms[order], labels.data[order]
    first = np.append(True, hashes[1:] != hashes[:-1])
    firsts = Rows(hashes[first], times_ms[first], data[first])
    newest_ms = np.full(len(firsts.hashes), NOTHING)  # prediction of the id
    given_ms = np.full(len(firsts.hashes), NEVER_MS)  # earliest prediction of those that are given to some
    matches: list[Matches] = []
    last_ms = within_ms if settling is None else settling.mature_ms  # after a prediction that it is given to
    for block in blocks:
        matches += _give((within_ms, last_ms), kept, block, firsts, newest_ms, given_ms)
    newest_of_ms = newest_ms[np.cumsum(first) - 1]
    without, in_time = newest_of_ms < times_ms - within_ms, newest_of_ms >= times_ms - last_ms
    predicted_ms = given_ms[given_ms < NEVER_MS]
    matched = len(predicted_ms)
    counts.matched += matched
    counts.duplicate += int(in_time.sum()) - matched
    counts.overdue += int((~without & ~in_time).sum())
    counts.orphan += int((without & ~is_new).sum())
    left = without & is_new
    if settling is not None and settling.keeps:
        join_settling.keep(settling, kept, Rows(hashes[in_time], times_ms[in_time], data[in_time]))
    return Rows(hashes[left], times_ms[left], data[left]), matches, predicted_ms


def _give(
    within_ms: tuple[int, int], kept: Kept, block: Block, labels: Rows, newest_ms: Ints, given_ms: Ints
) -> Iterator[Matches]:
    """Look labels up in a block; notes the newest prediction of each id, and of those labelled here the earliest.

    Up to the first of ``within_ms`` after a prediction they are of it, up to the second they are given to it.
    """
    hashes, times_ms = join_state.read_block(kept, block)
    rows, whose = search(hashes, times_ms, labels.hashes, labels.times_ms, within_ms, newest_ms)
    if not len(rows):
        return
    labelled = join_state.read_labelled(kept, block)
    free = ~labelled[rows]
    if not free.any():
        return
    rows, whose = rows[free], whose[free]
    np.minimum.at(given_ms, whose, times_ms[rows])
    labelled[rows] = True
    join_state.write_labelled(kept, block, labelled)
    data = join_state.read_data(kept, block)
    if data.shape[1] >= FEWEST and labels.data.shape[1]:
        yield Matches(labels.hashes[whose], times_ms[rows], labels.times_ms[whose], data[rows], labels.data[whose])
