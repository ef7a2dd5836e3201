"""The join: what becomes of labels, held against a simulation that knows nothing of blocks."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from operators import join
from operators.encoding.entries import LabelCounts
from operators.labels import join_state
from operators.labels.facts import BINS
from operators.labels.facts import unpack as unpack_facts
from operators.labels.join_chunks import JoinPane, Part, Rows, put_together
from operators.labels.join_rows import label_data, prediction_data, unpack
from schemas.errors import StateVersionError

STATES = Path(__file__).parents[1] / "data" / "state"
PANE_MS = 10
Arrival = tuple[int, int]  # time in ms, id


def rows(arrivals: list[Arrival]) -> Rows:
    """Arrivals in columns."""
    hashes, times_ms = ([one[column] for one in arrivals] for column in (1, 0))
    return Rows(np.array(hashes, np.uint64), np.array(times_ms, np.int64), np.empty((len(arrivals), 0), np.uint8))


def pane_of(end_ms: int, predictions: list[Arrival], labels: list[Arrival]) -> JoinPane:
    """What comes in one pane."""
    return JoinPane(end_ms, (Part(rows(predictions), ()),) if predictions else (), rows(labels))


def by_pane(arrivals: list[Arrival]) -> dict[int, list[Arrival]]:
    """Arrivals by the ends of their panes."""
    panes = defaultdict(list)
    for time_ms, who in arrivals:
        panes[time_ms - time_ms % PANE_MS + PANE_MS].append((time_ms, who))
    return panes


def joined(
    predictions: list[Arrival], labels: list[Arrival], within_ms: int, kept: dict[str, bytes], wakes: bool
) -> LabelCounts:
    """Counts of a whole stream; ``wakes`` lets time pass when the key asks for it, as Flink does."""
    counts = LabelCounts()
    ours, theirs = by_pane(predictions), by_pane(labels)
    timers: set[int] = set()
    for end_ms in sorted({*ours, *theirs}):
        for time_ms in sorted(time for time in timers if time < end_ms) if wakes else ():
            counts.add(join.step("m", within_ms, PANE_MS, kept, None, time_ms).counts)
        timers = {time for time in timers if time >= end_ms}
        pane = pane_of(end_ms, ours[end_ms], theirs[end_ms])
        step = join.step("m", within_ms, PANE_MS, kept, pane, end_ms)
        counts.add(step.counts)
        timers.update(step.next_ms)
    counts.add(join.step("m", within_ms, PANE_MS, kept, None, 10**9).counts)
    return counts


def simulated(predictions: list[Arrival], labels: list[Arrival], within_ms: int) -> LabelCounts:
    """The same by the rules as they are written, one label after the other."""
    counts = LabelCounts()
    ours, theirs = by_pane(predictions), by_pane(labels)
    known: list[list[int]] = []  # time, id, whether it has its label
    waiting: list[Arrival] = []
    for end_ms in range(PANE_MS, 10_000, PANE_MS):
        known += [[time_ms, who, 0] for time_ms, who in ours.get(end_ms, ())]
        left = []
        old = set(map(id, waiting))
        for arrival in sorted([*waiting, *theirs.get(end_ms, ())], key=lambda one: one[0]):
            time_ms, who = arrival
            there = [one for one in known if one[1] == who and time_ms - one[0] <= within_ms]
            free = [one for one in there if not one[2]]
            for one in free:
                one[2] = 1
            if free:
                counts.matched += 1
            elif there:
                counts.duplicate += 1
            elif id(arrival) in old:
                counts.orphan += 1
            else:
                left.append(arrival)
        waiting = left
    return counts


arrivals = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), max_size=10) | st.lists(
    st.tuples(st.integers(0, 999), st.integers(0, 30)), max_size=150
)


@example([(35, 0)], [(60, 0), (61, 0)], 25, False)
@example([(20, 0), (45, 0)], [(70, 0)], 25, True)  # woken within the pane that has the label
@given(arrivals, arrivals, st.integers(1, 400), st.booleans())
@settings(max_examples=300, deadline=None)
def test_equals_the_simulation(predictions, labels, within_ms, wakes):
    """Labels early, late, again and of nobody: each is counted once, and as the rules say."""
    kept: dict[str, bytes] = {}
    found = joined(predictions, labels, within_ms, kept, wakes)
    assert found == simulated(predictions, labels, within_ms)
    assert found.matched + found.duplicate + found.orphan == len(labels)
    assert kept == {}


@given(arrivals, arrivals, st.integers(1, 400), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_within_a_pane_does_not_matter(predictions, labels, within_ms, random):
    """Batches fall as they like: the same arrivals in another order leave the same counts."""
    found = joined(predictions, labels, within_ms, {}, wakes=False)
    random.shuffle(predictions)
    random.shuffle(labels)
    assert joined(predictions, labels, within_ms, {}, wakes=True) == found


def test_every_version_gets_the_label():
    """Two predictions of one id take one label; a second one is a duplicate."""
    kept: dict[str, bytes] = {}
    pane = pane_of(10, [(1, 7), (2, 7)], [(3, 7), (4, 7)])
    counts = join.step("m", 100, PANE_MS, kept, pane, 10).counts
    assert counts == LabelCounts(matched=1, duplicate=1)
    head = join_state.read_head(kept)
    assert head is not None
    assert join_state.read_labelled(kept, head.blocks[0]).tolist() == [True, True]


def test_a_pane_that_comes_again_is_not_joined_again():
    """Sources that are read again after a restart change nothing."""
    kept: dict[str, bytes] = {}
    pane = pane_of(10, [(1, 7)], [(3, 7), (3, 8)])
    join.step("m", 100, PANE_MS, kept, pane, 10)
    before = dict(kept)
    assert not join.step("m", 100, PANE_MS, kept, pane, 10).counts
    assert kept == before


def test_blocks_are_few_and_predictions_are_dropped():
    """A day of panes leaves fewer than 20 blocks, of predictions that a label could still be in time for."""
    kept: dict[str, bytes] = {}
    within_ms, most = 360 * PANE_MS, 0
    for number in range(2_000):
        start_ms = number * PANE_MS
        pane = pane_of(start_ms + PANE_MS, [(start_ms, number), (start_ms + 1, 10_000 + number)], [])
        join.step("m", within_ms, PANE_MS, kept, pane, pane.end_ms)
        head = join_state.read_head(kept)
        assert head is not None
        most = max(most, len(head.blocks))
        if number > 400:
            assert 2 * 360 <= sum(block.rows for block in head.blocks) <= 2 * 360 * 1.35
    assert most < 20
    assert len(kept) == len(head.blocks) + 1
    assert sum(map(len, kept.values())) / (2 * 360) < 25  # bytes a prediction that is open


def test_blocks_do_not_grow_without_end(monkeypatch):
    """Of many predictions there are more blocks, not longer ones."""
    monkeypatch.setattr(join_state, "MOST", 64)
    kept: dict[str, bytes] = {}
    for start_ms in range(0, 1_000, PANE_MS):
        pane = pane_of(start_ms + PANE_MS, [(start_ms, who) for who in range(4)], [(start_ms, 99)])
        join.step("m", 10**9, PANE_MS, kept, pane, pane.end_ms)
    head = join_state.read_head(kept)
    assert head is not None
    assert [block.rows for block in head.blocks].count(64) == 6
    assert sum(block.rows for block in head.blocks) == 400


def test_state_of_the_first_release():
    """What it kept is read: an open prediction, one with its label, and a label that waits."""
    kept = msgspec.msgpack.decode((STATES / "join-1.bin").read_bytes(), type=dict[str, bytes])
    labels = [(20, 7), (20, 8)]
    counts = join.step("m", 1_000, PANE_MS, kept, pane_of(20, [(11, 9)], labels), 20).counts
    assert counts == LabelCounts(matched=2, duplicate=1)


def test_a_format_of_another_release():
    """State that this release does not read is refused, not misread."""
    kept: dict[str, bytes] = {}
    join.step("m", 100, PANE_MS, kept, pane_of(10, [(1, 7)], []), 10)
    kept["head"] = b"TJ\x09\x00" + kept["head"][4:]
    with pytest.raises(StateVersionError) as caught:
        join.step("m", 100, PANE_MS, kept, None, 20)
    assert str(caught.value) == (
        "state of a join: format 9 is not one that this release reads (1); upgrade tidemark or restore an older "
        "savepoint"
    )


def with_data(arrivals: list[Arrival], data: np.ndarray) -> Rows:
    """Arrivals with data."""
    return Rows(rows(arrivals).hashes, rows(arrivals).times_ms, data)


def predicted(arrivals: list[Arrival], outcomes: list[float], numbers: list[int]) -> Rows:
    """Predictions of one version, each in the segment of a number."""
    pairs = np.column_stack([outcomes, np.full(len(outcomes), 0.5)])
    return with_data(arrivals, prediction_data(pairs, [np.zeros(len(outcomes), np.int64), np.array(numbers)]))


def given_out(joined: join.Joined) -> list[tuple[str, list[tuple[int, list[float]]]]]:
    """Matches by key: times of labels, and what was predicted, how probable, and what was true."""
    found = []
    for key, data in joined.matches:
        labelled = unpack([data])
        found.append((key, list(zip(labelled.labels_ms.tolist(), labelled.values.tolist(), strict=True))))
    return found


def test_matches_go_to_each_segment():
    """Chunks have texts of their own numbers; what is given out goes by the texts, also after blocks were merged."""
    kept: dict[str, bytes] = {}
    texts = [("1|champion", "country=DE", "country=FR"), ("2|shadow", "country=FR")]
    for number in range(6):
        parts = (
            Part(predicted([(10 * number, 7), (10 * number, 8 + number)], [1.0, 0.0], [1, 2]), texts[0]),
            Part(predicted([(10 * number, 100 + number)], [1.0], [1]), texts[1]),
        )
        join.step("m", 1_000, PANE_MS, kept, JoinPane(10 * number + 10, parts, rows([])), 10 * number + 10)
    labels = with_data([(61, 9), (62, 102)], label_data(np.array([0.0, 1.0])))
    result = join.step("m", 1_000, PANE_MS, kept, JoinPane(70, (), labels), 70)
    assert sorted(given_out(result)) == [
        ("p|m|1|champion|all", [(61, [0.0, 0.5, 0.0])]),
        ("p|m|1|champion|country=FR", [(61, [0.0, 0.5, 0.0])]),
        ("p|m|2|shadow|all", [(62, [1.0, 0.5, 1.0])]),
        ("p|m|2|shadow|country=FR", [(62, [1.0, 0.5, 1.0])]),
    ]
    assert result.counts == LabelCounts(matched=2)


def test_predictions_from_before_performance_was_wanted():
    """They find their labels and tell nothing; those with data beside them do, and so do labels that waited."""
    kept: dict[str, bytes] = {}
    join.step("m", 1_000, PANE_MS, kept, pane_of(10, [(1, 7)], [(2, 9)]), 10)
    parts = (Part(predicted([(11, 8), (11, 9)], [1.0, 1.0], [1, 1]), ("1|champion", "country=DE")),)
    labels = with_data([(12, 7), (13, 8)], label_data(np.array([1.0, 1.0])))
    result = join.step("m", 1_000, PANE_MS, kept, JoinPane(20, parts, labels), 20)
    assert result.counts == LabelCounts(matched=3)
    whole = dict(given_out(result))["p|m|1|champion|all"]
    assert [(time, values[2]) for time, values in whole if values[2] == values[2]] == [(13, 1.0)]
    assert len(whole) == 2  # that of the label that had waited has no outcome


def test_labels_that_wait_keep_their_outcomes():
    """The prediction comes a pane later."""
    kept: dict[str, bytes] = {}
    early = with_data([(2, 9)], label_data(np.array([3.5])))
    join.step("m", 1_000, PANE_MS, kept, JoinPane(10, (), early), 10)
    parts = (Part(predicted([(11, 9)], [3.0], [1]), ("1|champion", "country=DE")),)
    none = with_data([], np.empty((0, 8), np.uint8))
    result = join.step("m", 1_000, PANE_MS, kept, JoinPane(20, parts, none), 20)
    assert dict(given_out(result))["p|m|1|champion|all"] == [(2, [3.0, 0.5, 3.5])]


def test_who_gave_a_label():
    """It is told beside how long it took; labels that wait from before it was asked came from nobody."""
    kept: dict[str, bytes] = {}
    early = with_data([(2, 9)], label_data(np.array([1.0])))
    join.step("m", 100, PANE_MS, kept, JoinPane(PANE_MS, (), early), PANE_MS, watched=True)
    parts = (Part(predicted([(11, 9), (12, 7), (12, 8)], [1.0] * 3, [1, 1, 1]), ("1|champion", "country=DE")),)
    people, rules = (with_data([(13, id)], label_data(np.array([1.0]), by=who)) for id, who in ((7, 1), (8, 2)))
    labels = put_together([people, rules])
    found = join.step("m", 100, PANE_MS, kept, JoinPane(2 * PANE_MS, parts, labels), 2 * PANE_MS, watched=True)
    assert found.counts.matched == 3
    (told,) = [data for key, data in found.matches if key.startswith("a|")]
    rows = unpack_facts([told])
    by_who = {which // BINS: int(count) for _, which, count in rows[rows[:, 1] >= BINS].tolist()}
    assert by_who == {1: 1, 2: 1}
    assert rows[(rows[:, 1] >= 0) & (rows[:, 1] < BINS), 2].sum() == 3
    assert [len(unpack([data]).values) for key, data in found.matches if key.startswith("p|")] == [3, 3]
