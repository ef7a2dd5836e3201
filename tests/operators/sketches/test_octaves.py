"""Octaves: what a stream tells of how closely its values follow each other, however it is cut into panes."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.signal import lfilter
from scipy.stats import norm

from operators.sketches import octaves
from operators.sketches.octaves import CUT, CUT_FROM, KEPT, LENGTHS, OPEN, PAIRS, SUM, TOTAL
from schemas.errors import StateVersionError

CODES = 250
VALUES = np.full((2, 256), np.nan)
VALUES[0, :CODES] = ((np.arange(CODES) + 0.5) / CODES - 0.5) * math.sqrt(12)
VALUES[1, :CODES] = (np.abs(2 * (np.arange(CODES) + 0.5) / CODES - 1) - 0.5) * math.sqrt(12)
SIGNALS = np.zeros(2, np.int64)


def curves(state):
    """Tau of values whose squares tell as much as normal ones'."""
    return octaves.curves_of(state[:, :, octaves.PAIRS], state[:, :, octaves.TOTAL], np.full(len(state), np.inf))


def followed(codes, pieces=1):
    """State after codes of one signal, followed as ranks and as spread ranks."""
    state = octaves.start(2)
    for piece in np.array_split(np.asarray(codes, np.uint8), pieces):
        octaves.follow(state, np.ascontiguousarray(piece[:, None]), SIGNALS, VALUES)
    return state


def coded(values):
    """Codes of normal values, each of 250 alike."""
    return np.minimum(CODES * norm.cdf(values), CODES - 1).astype(np.uint8)


def following(rng, rho, count):
    """Each value rho times the one before it and something new."""
    return lfilter([math.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count + 1_000))[1_000:]


def twin(values):
    """Octave by octave, from all values at once: pairs, total and what waits."""
    found = np.zeros((LENGTHS, 4))
    sums, length = list(values), 1
    for octave in range(LENGTHS):
        pairs, total = 0.0, 0.0
        for one, other in zip(sums[0::2], sums[1::2], strict=False):
            square = (other - one) ** 2 / (2 * length)
            if octave >= CUT_FROM:
                square = min(square, CUT * max(1.0, (total + 1) / (pairs + 1)))
            if pairs >= KEPT:
                pairs, total = pairs / 2, total / 2
            pairs, total = pairs + 1, total + square
        found[octave, [PAIRS, TOTAL]] = pairs, total
        if len(sums) % 2:
            found[octave, [SUM, OPEN]] = sums[-1], 1.0
        sums, length = [one + other for one, other in zip(sums[0::2], sums[1::2], strict=False)], 2 * length
    return found


@given(st.lists(st.sampled_from([0, 3, 120, 249, 250, 255]), max_size=300), st.integers(1, 9))
def test_cuts_change_nothing(codes, pieces):
    """A stream cut into panes anywhere gives the same state; codes without a value are passed over."""
    assert np.array_equal(followed(codes), followed(codes, pieces))


@pytest.mark.parametrize("count", [0, 1, 7, 1_000, 20_000])
def test_like_the_twin(count):
    """As from all values at once, also where old pairs count half."""
    codes = np.random.default_rng(count).integers(0, CODES, count)
    state = followed(codes)
    for row, values in zip(state, VALUES, strict=True):
        assert np.allclose(row, twin(values[codes].tolist()), rtol=1e-12, atol=1e-12)
    assert len(octaves._follow.signatures) == 1


def test_independent_values():
    """No dependence is found, and tau is 1 exactly, from the first values on."""
    for seed in range(20):
        tau, clear = curves(followed(np.random.default_rng(seed).integers(0, CODES, 6_000)))
        assert not clear.any()
        assert (tau == 1).all()


@pytest.mark.parametrize(("rho", "low", "high"), [(0.5, 2.8, 4.0), (0.9, 17.0, 25.0)])
def test_values_that_follow_each_other(rho, low, high):
    """Tau comes out as it is, with its margin; ranks of AR(0.5) have 2.9, of AR(0.9) 18.4."""
    tau, clear = curves(followed(coded(following(np.random.default_rng(1), rho, 200_000))))
    assert clear.all()
    assert low < tau[0, 9] < high
    assert 1.2 < tau[1, 9] < tau[0, 9]
    assert (np.diff(tau) >= 0).all()


def test_few_values_that_follow_each_other():
    """While the longest octaves that are known still rise, tau is taken for larger than it is."""
    for seed in range(10):
        tau, _ = curves(followed(coded(following(np.random.default_rng(seed), 0.9, 1_200))))
        assert tau[0, 9] > 18.4


@pytest.mark.parametrize("shift", [0.2, 0.5, 1.0, 3.0])
def test_a_change_of_level(shift):
    """One shift that lasts, wherever it is, is hardly any dependence: it would hide itself."""
    rng = np.random.default_rng(2)
    for at in (0.3, 0.5, 0.9):
        values = rng.normal(size=30_000) + shift * (np.arange(30_000) > at * 30_000)
        tau, _ = curves(followed(coded(values)))
        assert tau[:, 9].max() < 2.5


def test_values_that_come_apart():
    """A larger variance is no dependence, nor is a smaller one."""
    rng = np.random.default_rng(3)
    for factor in (0.4, 2.5):
        tau, _ = curves(followed(coded(factor * rng.normal(size=30_000))))
        assert tau[:, 9].max() < 1.3


def test_few_runs():
    """That neighbours are equal tells of runs before sums of any length do."""
    for seed in range(10):
        codes = np.random.default_rng(seed).integers(0, CODES, 10).repeat(40)
        tau, clear = curves(followed(codes))
        assert clear[0]
        assert tau[0, 7] > 30


def test_rare_values():
    """Of a value that one in a hundred records has, each alone."""
    values = np.full((1, 256), np.nan)
    values[0, :2] = -0.01 / math.sqrt(0.0099), 0.99 / math.sqrt(0.0099)
    state = octaves.start(1)
    drawn = (np.random.default_rng(4).random((30_000, 1)) < 0.01).astype(np.uint8)
    octaves.follow(state, drawn, np.zeros(1, np.int64), values)
    tau, _ = curves(state)
    assert tau[0, 9] < 1.3


def test_too_few_values():
    """Nothing is said of fewer than four times sixteen values."""
    tau, clear = curves(followed([0] * 20 + [249] * 20))
    assert not clear.any()
    assert tau.shape == (2, LENGTHS)


def test_bytes():
    """State goes through bytes; others are refused."""
    state = followed([3, 4, 5])
    assert np.array_equal(octaves.unpack(state.tobytes(), 2), state)
    assert np.array_equal(octaves.unpack(b"", 2), octaves.start(2))
    with pytest.raises(StateVersionError) as raised:
        octaves.unpack(state.tobytes(), 3)
    assert str(raised.value) == "state of octaves: 1280 bytes are not those of 3 streams; restore another savepoint"
