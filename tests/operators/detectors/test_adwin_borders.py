"""How near ADWIN is to a cut: what its next check would say."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from operators.detectors.adwin import CLOCK, adwin, start
from operators.detectors.adwin_borders import _closest, closest
from tests.operators.signals import unhurried


@unhurried
@given(
    seed=st.integers(0, 10_000), checks=st.integers(1, 40), moved=st.floats(0, 1), delta=st.sampled_from([0.3, 1e-3])
)
def test_beyond_one_is_a_cut(seed, checks, moved, delta):
    """The parts are further apart than they may be exactly where the check at that value cuts."""
    values = np.random.default_rng(seed).random((2, CLOCK * checks))
    values[1, values.shape[1] // 2 :] += moved
    lengths, deltas = np.full(2, values.shape[1]), np.full(2, delta)
    state = start(2)
    adwin(values, lengths, state, np.zeros(2), keep=True)  # of a delta of 0 nothing is cut
    difference, epsilon = closest(state, deltas)
    before = start(2)
    adwin(values[:, :-1].copy(), lengths - 1, before, np.zeros(2), keep=True)
    alarms = adwin(values[:, -1:].copy(), np.ones(2, np.int64), before, deltas, keep=True)
    assert np.isin([0, 1], alarms.signal).tolist() == (difference > epsilon).tolist()


def test_where_there_is_no_border():
    """Nothing is told of few values, nor where no cut is wanted."""
    state = start(2)
    adwin(np.random.default_rng(1).random((2, 100)), np.array([8, 100]), state, np.zeros(2), keep=True)
    assert np.isnan(closest(state, np.array([0.1, 0.0]))).all()
    assert np.isfinite(closest(state, np.array([0.1, 0.1]))[1]).tolist() == [False, True]
    assert len(_closest.signatures) == 1
