"""Looking ids up in a block, held against going through it row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from operators.labels import join_search
from operators.labels.join_search import search
from operators.labels.join_state import NOTHING

MOST = 2**64 - 1
ids = st.integers(0, 12) | st.integers(0, MOST) | st.integers(MOST - 3, MOST)
predictions = st.lists(st.tuples(ids, st.integers(-50, 50)), max_size=60)
labels = st.dictionaries(ids, st.integers(-50, 50), max_size=30)


def read_only(values, kind):
    """An array as it comes out of bytes of the state."""
    return np.frombuffer(np.array(values, kind).tobytes(), kind)


def found(block, wanted, within_ms):
    """Pairs of rows and labels, and the newest prediction of each id."""
    newest = np.full(len(wanted), NOTHING)
    rows, whose = search(
        read_only([who for who, _ in block], "<u8"),
        read_only([time_ms for _, time_ms in block], "<i8"),
        np.array(list(wanted), np.uint64),
        np.array(list(wanted.values()), np.int64),
        within_ms,
        newest,
    )
    return list(zip(rows.tolist(), whose.tolist(), strict=True)), newest.tolist()


@example([(MOST, 0)], {MOST: 0, 0: 0}, 5, 5)
@example([(0, 0), (MOST, 0)], {1: 0, MOST - 1: 0}, 5, 5)
@given(predictions, labels, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_equals_going_through_all(made, wanted, within_ms, less_ms):
    """Ids at both ends of all hashes, several rows of one id, and blocks without any."""
    block, wanted = sorted(made), dict(sorted(wanted.items()))
    given_ms = max(within_ms - less_ms, 0)
    pairs, newest = found(block, wanted, (within_ms, given_ms))
    expected, latest = [], []
    for label, (who, label_ms) in enumerate(wanted.items()):
        there = [(row, time_ms) for row, (one, time_ms) in enumerate(block) if one == who]
        expected += [(row, label) for row, time_ms in there if label_ms - time_ms <= given_ms]
        latest.append(max((time_ms for _, time_ms in there if label_ms - time_ms <= within_ms), default=NOTHING))
    assert pairs == expected
    assert newest == latest


@pytest.mark.parametrize("bend", [1, 3])
def test_however_hashes_are_spread(bend):
    """Also where they crowd at one end, where interpolation is far off."""
    whole = np.random.default_rng(bend).random(5_000) ** bend
    block = sorted((int(one * MOST), 0) for one in whole)
    wanted = dict.fromkeys([who for who, _ in block[::7]] + [who + 1 for who, _ in block[::11]], 0)
    assert [row for row, _ in found(block, dict(sorted(wanted.items())), (0, 0))[0]] == list(range(0, 5_000, 7))


def test_compiled_once():
    """A second form would be compiled while a worker waits."""
    join_search.warm()
    found([(1, 1)], {1: 1}, (5, 5))
    assert len(join_search._search.signatures) == 1
