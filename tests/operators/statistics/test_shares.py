"""Shares: exact against scipy's distributions, and bounds that are where the tails become too small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import betabinom, hypergeom

from operators.statistics.shares import bounds, tails
from tests.operators.signals import unhurried


def one(*values: float) -> list[np.ndarray]:
    """Each as an array of one signal."""
    return [np.array([float(value)]) for value in values]


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Found and records of the window, found and records of the reference."""
    n, m = draw(st.integers(1, 2_000)), draw(st.integers(1, 5_000))
    return draw(st.integers(0, n)), n, draw(st.integers(0, m)), m


@unhurried
@given(tables())
def test_it_is_fishers_exact_test(table):
    """Of independent records both tails are those of the hypergeometric distribution."""
    k, n, r, m = table
    rise, fall = tails(*one(k, n, r, m, 1))
    known = hypergeom(n + m, k + r, n)
    assert rise[0] == pytest.approx(known.sf(k - 1), rel=1e-8, abs=1e-270)
    assert fall[0] == pytest.approx(known.cdf(k), rel=1e-8, abs=1e-270)


@unhurried
@given(tables(), st.floats(1.5, 60))
def test_bursts_are_beta_binomial(table, tau):
    """The parameters follow from the pooled share and tau."""
    k, n, r, m = table
    t, share = k + r, (k + r) / (n + m)
    assume(2 * r <= m and (1 - share) * tau > 1.001 and 0 < t < n + m)
    phi = (1 - share) * tau
    known = betabinom(t, n * share / (phi - 1), m * share / (phi - 1)).pmf(np.arange(t + 1))
    rise, fall = tails(*one(k, n, r, m, tau))
    assert rise[0] == pytest.approx(known[k:].sum(), rel=1e-5, abs=1e-250)
    assert fall[0] == pytest.approx(known[: k + 1].sum(), rel=1e-5, abs=1e-250)


@unhurried
@given(tables(), st.sampled_from([1.0, 3.0, 40.0]))
def test_what_is_of_the_kind_and_what_is_not_are_told_alike(table, tau):
    """More of the ones are fewer of the others."""
    k, n, r, m = table
    assume(2 * r != m)
    rise, fall = tails(*one(k, n, r, m, tau))
    others_rise, others_fall = tails(*one(n - k, n, m - r, m, tau))
    assert (others_fall[0], others_rise[0]) == (rise[0], fall[0])


@unhurried
@given(tables(), st.sampled_from([1.0, 3.0, 40.0]), st.floats(1e-9, 0.2))
def test_bounds_are_where_tails_become_too_small(table, tau, level):
    """Of all numbers of a window, those beyond a bound are those with a tail below the level."""
    _, n, r, m = table
    assume(n <= 300)
    most, least = bounds(*one(n, r, m, tau, level))
    every = np.arange(n + 1, dtype=np.float64)
    rise, fall = tails(every, *(np.full(n + 1, float(value)) for value in (n, r, m, tau)))
    expected = n * r // m
    assert [k for k in range(expected + 1, n + 1) if rise[k] < level] == list(range(int(most[0]) + 1, n + 1))
    assert [k for k in range(min(expected + 1, n)) if fall[k] < level] == list(range(int(least[0])))


def test_nothing_to_compare():
    """Without records on one of the sides, or where all are alike, nothing is said."""
    assert [tails(*one(*table)) for table in ((0, 0, 5, 9, 1), (5, 9, 0, 0, 1), (0, 9, 0, 9, 1), (9, 9, 9, 9, 2))] == [
        (1.0, 1.0)
    ] * 4


def test_a_clear_change_has_a_p_value():
    """However far out: tails are never nought."""
    rise, fall = tails(*one(90_000, 100_000, 0, 1_000_000, 1))
    assert 0 < rise[0] < 1e-250
    assert fall[0] == 1.0
