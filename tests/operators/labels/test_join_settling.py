"""Settling: the last label until a prediction is mature, or none, held against the rules label by label."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import join
from operators.encoding.entries import LabelCounts
from operators.labels.join_chunks import JoinPane, Part, Rows
from operators.labels.join_rows import label_data, prediction_data, unpack
from operators.labels.join_settling import Settling

PANE_MS = 10
ABSENT = 0.0
Prediction = tuple[int, int]  # time in ms, id
Label = tuple[int, int, int]  # time in ms, id, outcome
Outcome = tuple[int, int, float]  # time of the prediction, of the label, what is true


def rows_of(times_ids: list[tuple[int, int]], data: np.ndarray) -> Rows:
    """Arrivals in columns."""
    times_ms, hashes = ([one[column] for one in times_ids] for column in (0, 1))
    return Rows(np.array(hashes, np.uint64), np.array(times_ms, np.int64), data)


def pane_of(end_ms: int, predictions: list[Prediction], labels: list[Label]) -> JoinPane:
    """What comes in one pane; each prediction is 1 with the probability 0.5."""
    count = len(predictions)
    parts: tuple[Part, ...] = ()
    if count:
        data = prediction_data(np.tile([1.0, 0.5], (count, 1)), [np.zeros(count, np.int64)])
        parts = (Part(rows_of(predictions, data), ("1|champion",)),)
    outcomes = label_data(np.array([one[2] for one in labels], np.float64))
    return JoinPane(end_ms, parts, rows_of([one[:2] for one in labels], outcomes))


def ended(time_ms: int) -> int:
    """End of the pane of a time."""
    return time_ms - time_ms % PANE_MS + PANE_MS


def joined(
    predictions: list[Prediction], labels: list[Label], within_ms: int, how: Settling, kept: dict[str, bytes]
) -> tuple[LabelCounts, list[tuple[int, Outcome]]]:
    """Counts of a whole stream, and what was settled at the end of which pane."""
    counts, found = LabelCounts(), []
    for end_ms in sorted({ended(one[0]) for one in (*predictions, *labels)}):
        ours, theirs = ([one for one in them if ended(one[0]) == end_ms] for them in (predictions, labels))
        step = join.step("m", within_ms, PANE_MS, kept, pane_of(end_ms, ours, theirs), end_ms, how)
        counts.add(step.counts)
        for key, data in step.matches:
            if key == "p|m|1|champion|all":
                of = unpack([data])
                outcomes = zip(of.times_ms.tolist(), of.labels_ms.tolist(), of.values[:, 2].tolist(), strict=True)
                found += [(end_ms, one) for one in outcomes]
    counts.add(join.step("m", within_ms, PANE_MS, kept, None, 10**9, how).counts)
    return counts, sorted(found)


def simulated(
    predictions: list[Prediction], labels: list[Label], within_ms: int, how: Settling
) -> tuple[LabelCounts, list[tuple[int, Outcome]]]:
    """The same by the rules as they are written, one label after the other."""
    counts, found = LabelCounts(), []
    known: list[tuple[int, int, list[tuple[int, int]]]] = []  # time, id, whether it has a label
    heard: dict[int, list[tuple[int, int]]] = defaultdict(list)  # times and outcomes of labels of ids
    waiting: list[Label] = []
    before_ms = None
    for end_ms in sorted({ended(one[0]) for one in (*predictions, *labels)}):
        if before_ms is not None and end_ms > before_ms + PANE_MS:
            counts.orphan += len(waiting)
            waiting = []
        before_ms = end_ms
        known += [(*one, []) for one in predictions if ended(one[0]) == end_ms]
        old, left = set(map(id, waiting)), []
        come = [*waiting, *(one for one in labels if ended(one[0]) == end_ms)]
        for arrival in sorted(come, key=lambda one: (one[0], one[2])):
            time_ms, who, outcome = arrival
            there = [one for one in known if one[1] == who and time_ms - one[0] <= within_ms]
            in_time = [one for one in there if time_ms - one[0] <= how.mature_ms]
            free = [one for one in in_time if not one[2]]
            for one in free:
                one[2].append((time_ms, outcome))
                if not how.last:
                    found.append((end_ms, (one[0], time_ms, float(outcome))))
            if in_time:
                heard[who].append((time_ms, outcome))
                counts.matched += bool(free)
                counts.duplicate += not free
            elif there:
                counts.overdue += 1
            elif id(arrival) in old:
                counts.orphan += 1
            else:
                left.append(arrival)
        waiting = left
        for one in [one for one in known if one[0] < end_ms - how.mature_ms and one[2] != [(-1, -1)]]:
            time_ms, who, first = one
            if first and how.last:
                last = max(label for label in heard[who] if label[0] <= time_ms + how.mature_ms)
                found.append((end_ms, (time_ms, last[0], float(last[1]))))
            elif not first and how.absent is not None:
                found.append((end_ms, (time_ms, time_ms + how.mature_ms, how.absent)))
            first[:] = [(-1, -1)]
    counts.orphan += len(waiting)
    return counts, sorted(found)


hows = st.builds(
    Settling,
    mature_ms=st.sampled_from([10, 20, 50, 100]),
    last=st.booleans(),
    absent=st.sampled_from([None, ABSENT]),
    grouped=st.just(False),
)
few = st.integers(0, 99), st.integers(0, 3)
many = st.integers(0, 999), st.integers(0, 30)
outcomes = st.integers(0, 2)
streams = st.tuples(
    st.lists(st.tuples(*few), max_size=10), st.lists(st.tuples(*few, outcomes), max_size=10)
) | st.tuples(st.lists(st.tuples(*many), max_size=150), st.lists(st.tuples(*many, outcomes), max_size=150))


@given(streams, st.integers(0, 100), hows)
@settings(max_examples=300, deadline=None)
def test_equals_the_simulation(stream, more_ms, how):
    """Labels early, late, again, corrected and of nobody, and predictions without any."""
    predictions, labels = stream
    within_ms = how.mature_ms + more_ms
    kept: dict[str, bytes] = {}
    found = joined(predictions, labels, within_ms, how, kept)
    assert found == simulated(predictions, labels, within_ms, how)
    counts = found[0]
    assert counts.matched + counts.duplicate + counts.orphan + counts.overdue == len(labels)
    assert kept == {}


@pytest.mark.parametrize("last", [False, True])
def test_labels_after_maturity_are_overdue(last):
    """What was settled stays: the absence has counted."""
    predictions = [(1, 7), (2, 8), (60, 9)]
    labels = [(5, 7, 1), (15, 7, 0), (61, 8, 1)]
    counts, found = joined(predictions, labels, 100, Settling(50, last, ABSENT), {})
    assert counts == LabelCounts(matched=1, duplicate=1, overdue=1)
    assert [one for _, one in found] == [(1, 15, 0.0) if last else (1, 5, 1.0), (2, 52, 0.0)]


def test_open_labels_are_dropped_with_their_predictions():
    """State does not grow with time, and has few blocks."""
    kept: dict[str, bytes] = {}
    most = 0
    for number in range(1_000):
        start_ms = number * PANE_MS
        pane = pane_of(start_ms + PANE_MS, [(start_ms, number)], [(start_ms + 1, number, 1)])
        join.step("m", 600, PANE_MS, kept, pane, pane.end_ms, Settling(400, True, None))
        if number == 200:
            most = sum(map(len, kept.values()))
    assert sum(map(len, kept.values())) < 1.5 * most
    assert len(kept) < 60
