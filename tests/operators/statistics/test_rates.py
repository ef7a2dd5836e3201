"""Rates: what is usual of earlier windows, and how far a window is from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from operators.statistics.rates import rate, stable, usual

NO_SEASON = {0: 1.0}


def of(records, parts=None, shares=None):
    records = np.asarray(records, np.float64)
    parts = np.zeros(len(records), np.int64) if parts is None else np.asarray(parts, np.int64)
    return usual(records, parts, NO_SEASON if shares is None else shares)


@pytest.mark.parametrize("phi", [0.0, 0.01, 0.3])
def test_what_is_stable_varies_by_one(phi):
    """The transformed counts of negative binomial ones (Poisson's for phi 0) have a standard deviation near 1."""
    rng = np.random.default_rng(1)
    for mean in (50, 1_000, 20_000):
        counts = rng.poisson(mean if not phi else mean * rng.gamma(1 / phi, phi, 200_000), 200_000)
        assert np.std(stable(counts.astype(np.float64), phi)) == pytest.approx(1.0, abs=0.1)


def test_independent_counts():
    """Phi near 0, the mean as it is, and p-values of Student's t."""
    records = np.random.default_rng(2).poisson(400, 100)
    known = of(records)
    assert known is not None
    assert known.records == records.mean()
    assert known.phi < 0.001
    found = rate(300.0, known, 0.001)
    z = (stable(np.array([300.0]), known.phi)[0] - known.center) / known.error
    assert found.p_value == pytest.approx(2 * t.sf(abs(z), known.freedom))
    assert not found.rises


@pytest.mark.parametrize("records", [0.0, 30.0, 99.0, 101.0, 400.0])
def test_the_bound_is_where_the_level_is(records):
    """A window at the bound has the level as its p-value, on the side where it is."""
    known = of(np.random.default_rng(3).poisson(100, 60))
    assert known is not None
    found = rate(records, known, 0.003)
    assert found.rises == (records > 100)
    assert (found.bound > 100) == found.rises
    assert rate(found.bound, known, 0.003).p_value == pytest.approx(0.003)


def test_nothing_can_be_fewer_than_none():
    """Where rare records are usual the lower bound is 0, and an empty window is no alarm."""
    known = of([1.0, 0.0, 2.0, 0.0, 1.0, 3.0] * 10)
    assert known is not None
    found = rate(0.0, known, 1e-4)
    assert (found.bound, found.p_value > 1e-4) == (0.0, True)


def test_windows_that_follow_each_other_count_for_less():
    """The same windows, in blocks of ten alike, say less than shuffled ones."""
    rng = np.random.default_rng(4)
    blocks = np.repeat(rng.poisson(100 * rng.gamma(5, 0.2, 60)), 10)
    close, apart = of(blocks), of(rng.permutation(blocks))
    assert close is not None
    assert apart is not None
    assert close.freedom < apart.freedom / 5
    assert rate(10.0, close, 0.01).p_value > rate(10.0, apart, 0.01).p_value


def test_parts_of_a_season():
    """A window is held against those of its own part, or, where it is in two, what lies between."""
    rng = np.random.default_rng(5)
    parts = np.arange(60) % 2
    records = rng.poisson(np.where(parts == 0, 100, 1_000))
    low, high, both = (of(records, parts, shares) for shares in ({0: 1.0}, {1: 1.0}, {0: 0.5, 1: 0.5}))
    assert low is not None
    assert high is not None
    assert both is not None
    assert both.records == pytest.approx((low.records + high.records) / 2)
    assert low.center < both.center < high.center
    assert rate(500.0, low, 0.01).p_value < 1e-6
    assert rate(500.0, both, 0.01).p_value > 0.01


def test_too_little_is_known():
    """One window of the part, none, or so few that Student's tail would be endless."""
    assert of([100.0] * 30, [0] * 29 + [1], {1: 1.0}) is None
    assert of([100.0] * 30, shares={7: 1.0}) is None
    assert of([90.0, 100.0, 110.0]) is None
    assert of([], shares={}) is None


def test_a_clock():
    """Windows that are all equal are as certain as Poisson's, and no more."""
    known = of([1_200.0] * 50)
    assert known is not None
    assert (known.records, known.phi) == (1_200.0, 0.0)
    assert known.freedom == pytest.approx(46, abs=1.1)
    assert known.error == pytest.approx(np.sqrt((1 + 1 / known.freedom) * (1 + 1 / 50)), abs=1e-3)
    assert rate(1_200.0, known, 0.001).p_value == pytest.approx(1.0)
