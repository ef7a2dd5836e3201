"""Seen: which hashes came before, exactly in the sample, and in bounded memory."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from operators.hashing import hash64
from operators.sketches.seen import Seen, look, sampled

SPAN = 50


def hashes_of(ids):
    """As decode makes them of ids."""
    return hash64([b"%d" % id for id in np.asarray(ids).tolist()])


def naive(records):
    """Whether each of (id, time), in the order of time, came within the span before."""
    last: dict[int, int] = {}
    found = []
    for id, time_ms in records:
        found.append(id in last and time_ms - last[id] <= SPAN)
        last[id] = time_ms
    return found


def shown(records, cuts, most=10_000):
    known, again, chosen = Seen(), [], []
    for part in np.split(np.arange(len(records)), cuts):
        ids, times = [records[at][0] for at in part], [records[at][1] for at in part]
        known, one, other = look(known, hashes_of(ids), np.array(times, np.int64), SPAN, most)
        again, chosen = [*again, *one.tolist()], [*chosen, *other.tolist()]
    return again, chosen, known


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 200)), max_size=40), st.sets(st.integers(1, 39)))
def test_what_came_before(records, cuts):
    """As a loop finds it, wherever the stream is cut."""
    records = sorted(records, key=lambda one: one[1])
    cuts = sorted(cut for cut in cuts if cut < len(records) and records[cut][1] > records[cut - 1][1])
    again, chosen, _ = shown(records, cuts)
    assert again == naive(records)
    assert all(chosen)


def test_the_order_in_a_call_does_not_matter():
    """Records of a pane may come in any order: as many came again, and the same is remembered."""
    rng = np.random.default_rng(1)
    ids, times = hashes_of(rng.integers(1, 30, 100)), rng.integers(0, 40, 100)
    order = rng.permutation(100)
    one, other = (look(Seen(), ids[o], times[o], SPAN, 1_000) for o in (np.arange(100), order))
    assert one[0] == other[0]
    assert one[1].sum() == other[1].sum()


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_more_than_is_remembered(share):
    """A sample of the ids tells the share of all, and memory stays bounded."""
    rng = np.random.default_rng(2)
    known, again, chosen = Seen(), 0, 0
    every, exact = Seen(), 0
    fresh = 1
    for call in range(200):
        many = rng.random(500) < share
        ids = np.where(many, fresh - rng.integers(1, 400, 500) if call else 1, fresh + np.arange(500))
        fresh += 500
        times = np.full(500, call)
        known, one, other = look(known, hashes_of(ids), times, SPAN, 1_000)
        assert len(known.hashes) <= 8 * 1_000
        every, of_all, _ = look(every, hashes_of(ids), times, SPAN, 1_000_000)
        exact += int(of_all.sum())
        again, chosen = again + int(one.sum()), chosen + int(other.sum())
    assert known.level >= 4
    assert chosen < 20_000
    truth = exact / (200 * 500)
    assert truth > share / 2
    assert again / chosen == pytest.approx(truth, abs=4 * np.sqrt(truth * (1 - truth) / chosen))


def test_the_sample_grows_again():
    """When few records come, more of them are looked at."""
    known, *_ = look(Seen(), hashes_of(np.arange(10_000)), np.zeros(10_000, np.int64), SPAN, 100)
    assert known.level == 7
    for call in range(1, 20):
        known, *_ = look(known, hashes_of(np.arange(10) + 20_000 * call), np.full(10, 1_000 * call), SPAN, 100)
    assert known.level == 0


def test_samples_are_nested():
    """Each level has half of the one before it."""
    hashes = hashes_of(np.arange(10_000))
    levels = [sampled(hashes, level) for level in range(4)]
    assert all((one | ~other).all() for one, other in itertools.pairwise(levels))
    assert [round(float(one.mean()), 1) for one in levels] == [1.0, 0.5, 0.2, 0.1]
