"""Tails of mean shifts, far out, against exact and simulated ones."""

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from operators.statistics.mean_shifts import deviate, log_tail

SHARES = np.array([0.5, 0.3, 0.15, 0.05])
VALUES = np.array([0.0, 0.1, 0.4, 1.0])


@pytest.mark.parametrize("k", [30, 40, 50, 60])
def test_two_values(k):
    """Of two values the tail is that of the exact test, half of the chance of the count itself counted."""
    window, reference = np.array([200.0 - k, k]), np.array([9_000.0, 1_000.0])
    k_all = int(window[1] + reference[1])
    exact = hypergeom.sf(k, 10_200, k_all, 200) + hypergeom.pmf(k, 10_200, k_all, 200) / 2
    assert math.exp(log_tail(np.array([0.0, 1.0]), window, reference)) == pytest.approx(exact, rel=0.15)


def test_the_chance_is_kept():
    """Without a change, p-values below a level are as frequent as it says: windows of 500, level 0.01 (0.0083-0.0118
    holds 99.9 % of such simulations).
    """
    rng = np.random.default_rng(11)
    reference = rng.multinomial(20_000, SHARES, 4_000).astype(np.float64)
    windows = rng.multinomial(500, SHARES, 4_000).astype(np.float64)
    found = [log_tail(VALUES, one, other) for one, other in zip(windows, reference, strict=True)]
    found += [log_tail(-VALUES, one, other) for one, other in zip(windows, reference, strict=True)]
    assert 0.0065 < (np.array(found) < math.log(0.01)).mean() < 0.0140


@pytest.mark.parametrize("more", [6, 12, 18, 24, 30])
def test_far_out(more):
    """Down to 1e-12 the tail is the exact one of a sum of 300 values, where the reference is as good as known."""
    window = np.array([150.0 - more, 90.0, 45.0, 15.0 + more])
    one = np.zeros(11)
    one[[0, 1, 4, 10]] = SHARES  # tenths
    total = np.array([1.0])
    for _ in range(300):
        total = np.convolve(total, one)
    reached = round(float(window @ VALUES) * 10)
    exact = total[reached + 1 :].sum() + total[reached] / 2
    assert math.exp(log_tail(VALUES, window, SHARES * 1e9)) == pytest.approx(exact, rel=0.05)


def test_dependence():
    """Records of which tau say as much as one tell so much less."""
    window, reference = SHARES[::-1] * 400, SHARES * 8_000
    small = log_tail(VALUES, window, reference, 10.0)
    assert small == pytest.approx(log_tail(VALUES, window / 10, reference / 10))
    assert small > log_tail(VALUES, window, reference)


def test_edges():
    """No spread, no shift, and a window beyond all that the reference has."""
    assert log_tail(np.ones(4), SHARES * 100, SHARES * 100) == math.log(0.5)
    assert log_tail(VALUES, SHARES * 100, SHARES * 900) == pytest.approx(math.log(0.5), abs=1e-6)
    beyond = log_tail(VALUES, np.array([0.0, 0.0, 0.0, 500.0]), np.array([5_000.0, 0.0, 0.0, 0.0]))
    assert -4_000 < beyond < -500
    assert deviate(beyond) > 30
    assert deviate(math.log(0.5)) == pytest.approx(0.0)
