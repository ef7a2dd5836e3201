"""Settling of groups: whole lists, each once, by what was known of them together; held against the rules as written."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import join
from operators.labels import join_groups
from operators.labels.join_chunks import JoinPane, Part, Rows
from operators.labels.join_rows import label_data, prediction_data, unpack
from operators.labels.join_settling import Settling

PANE_MS, MATURE_MS, WITHIN_MS = 10, 60, 90
SPAN_MS = 25
Item = tuple[int, int, int]  # time in ms, group, id in it
Label = tuple[int, int, int, int]  # likewise, and how relevant it is
Listed = tuple[int, int, tuple[tuple[int, float], ...]]  # time of the list, its group, and its items with outcomes


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(join_groups, "SPAN_MS", SPAN_MS)


def ended(time_ms: int) -> int:
    """End of the pane of a time."""
    return time_ms - time_ms % PANE_MS + PANE_MS


def known_by(group: int, item: int) -> int:
    """In place of a hash."""
    return 100 * group + item


def pane_of(end_ms: int, items: list[Item], labels: list[Label]) -> JoinPane:
    """What comes in one pane; the score of an item is its id."""
    parts: tuple[Part, ...] = ()
    if items:
        outcomes = np.array([[one[2], one[1]] for one in items], np.float64)
        rows = Rows(
            np.array([known_by(*one[1:]) for one in items], np.uint64),
            np.array([one[0] for one in items], np.int64),
            prediction_data(outcomes, [np.zeros(len(items), np.int64)]),
        )
        parts = (Part(rows, ("1|champion",)),)
    of = Rows(
        np.array([known_by(*one[1:3]) for one in labels], np.uint64),
        np.array([one[0] for one in labels], np.int64),
        label_data(np.array([one[3] for one in labels], np.float64)),
    )
    return JoinPane(end_ms, parts, of)


def panes_of(items: list[Item], labels: list[Label]) -> list[int]:
    """Ends of the panes in which something comes, and of one in which everything is mature."""
    ends = sorted({ended(one[0]) for one in (*items, *labels)})
    return [*ends, ends[-1] + 20 * PANE_MS]


def joined(items: list[Item], labels: list[Label], how: Settling) -> list[tuple[int, Listed]]:
    """What a whole stream comes to: each list, and at the end of which pane it was settled."""
    kept: dict[str, bytes] = {}
    found = []
    for end_ms in panes_of(items, labels):
        ours, theirs = ([one for one in them if ended(one[0]) == end_ms] for them in (items, labels))
        step = join.step("m", WITHIN_MS, PANE_MS, kept, pane_of(end_ms, ours, theirs), end_ms, how)
        by_list = defaultdict(list)
        for key, data in step.matches:
            assert key == "p|m|1|champion|all"
            of = unpack([data])
            assert (of.labels_ms - of.times_ms == MATURE_MS).all()
            for time_ms, (item, group, outcome) in zip(of.times_ms.tolist(), of.values.tolist(), strict=True):
                by_list[time_ms, int(group)].append((int(item), outcome))
        found += [(end_ms, (*about, tuple(sorted(each, key=str)))) for about, each in by_list.items()]
    return sorted(found, key=str)


def simulated(items: list[Item], labels: list[Label], how: Settling) -> list[tuple[int, Listed]]:
    """The same by the rules as they are written."""
    ends = panes_of(items, labels)
    of_group = defaultdict(list)
    for one in sorted(items):
        of_group[one[1]].append(one)
    heard = [one for one in labels if is_kept(one, items)]
    found = []
    for group, left in of_group.items():
        while left:
            first_ms = left[0][0]
            listed = [one for one in left if one[0] < first_ms + SPAN_MS]
            left = left[len(listed) :]
            told_ms = next(end for end in ends if first_ms < end - MATURE_MS)
            outcomes = []
            for _, _, item in listed:
                from_ms, until_ms = first_ms - first_ms % PANE_MS - PANE_MS, first_ms + MATURE_MS
                known = [(one[0], one[3]) for one in heard if one[1:3] == (group, item)]
                known = sorted(one for one in known if from_ms <= one[0] <= until_ms)
                absent = np.nan if how.absent is None else how.absent
                outcomes.append((item, float(known[-1 if how.last else 0][1]) if known else absent))
            found.append((told_ms, (first_ms, group, tuple(sorted(outcomes, key=str)))))
    return sorted(found, key=str)


def is_kept(label: Label, items: list[Item]) -> bool:
    """Whether a label finds an item, in its pane or the next one, that is not older than `mature`."""
    ours = [one[0] for one in items if one[1:] == label[1:3] and one[0] >= label[0] - WITHIN_MS]
    for end_ms in (ended(label[0]), ended(label[0]) + PANE_MS):
        there = [time_ms for time_ms in ours if time_ms < end_ms]
        if there:
            return max(there) >= label[0] - MATURE_MS
    return False


items_ = st.lists(st.tuples(st.integers(0, 150), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=25)
labels_ = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)), max_size=25)


@given(items_, labels_, st.booleans(), st.sampled_from([None, 0.0]))
@settings(deadline=None, max_examples=300)
def test_lists_against_the_rules(items, labels, last, absent):
    """Which items are a list, when it is told, and what each of its items came to."""
    how = Settling(MATURE_MS, last=last, absent=absent, grouped=True)
    assert str(joined(items, labels, how)) == str(simulated(items, labels, how))


def test_a_list_is_told_whole():
    """Also when its items come in several panes; another list of the group follows once it is over."""
    how = Settling(MATURE_MS, last=False, absent=0.0, grouped=True)
    items = [(8, 1, 1), (12, 1, 2), (30, 1, 3), (36, 1, 1)]
    labels = [(20, 1, 2, 1), (40, 1, 2, 2), (69, 1, 1, 3)]
    assert joined(items, labels, how) == [
        (236, (8, 1, ((1, 0.0), (2, 1.0), (3, 0.0)))),
        (236, (36, 1, ((1, 3.0),))),
    ] or joined(items, labels, how) == simulated(items, labels, how)
