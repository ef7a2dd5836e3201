"""Paired tests: against other ways to compute them, and by what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from operators.metrics.paired import Paired, losses, shares, worse_slices


def test_the_p_value_of_shares_is_that_of_the_sign_test():
    """On the records on which the versions differ."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        old, new = rng.random(200) < 0.7, rng.random(200) < 0.75
        found = shares(old, new, "accuracy", "all")
        better, worse = int((new & ~old).sum()), int((old & ~new).sum())
        assert found.p_value == pytest.approx(stats.binomtest(better, better + worse).pvalue, rel=1e-8)
        assert found.gain == pytest.approx(new.mean() - old.mean(), rel=1e-8)


def test_the_p_value_of_losses_is_that_of_the_paired_t_test():
    """And so is its interval."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        old, new = rng.exponential(size=50), rng.exponential(size=50)
        found, oracle = losses(old, new, "mae", "all"), stats.ttest_rel(old, new)
        assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-7)
        interval = oracle.confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-7)


def test_the_interval_holds_the_true_gain():
    """At least 93 times in 100, for few records and for many; the binomial interval of 2,000 draws is 1 point wide."""
    rng = np.random.default_rng(3)
    for count in (30, 1000):
        held = 0
        for _ in range(2000):
            kind = rng.choice(4, size=count, p=[0.6, 0.12, 0.07, 0.21])
            found = shares(np.isin(kind, [0, 2]), np.isin(kind, [0, 1]), "accuracy", "all")
            held += found.low <= 0.05 <= found.high
        assert held / 2000 > 0.93


def test_equal_versions_differ_by_nothing():
    """Also where there is no spread."""
    same = shares(np.ones(10, bool), np.ones(10, bool), "accuracy", "all")
    assert (same.gain, same.p_value) == (0.0, 1.0)
    assert same.low < 0 < same.high
    none = losses(np.ones(5), np.ones(5), "mae", "all")
    assert (none.gain, none.low, none.high, none.p_value) == (0.0, 0.0, 0.0, 1.0)
    all_better = losses(np.full(5, 2.0), np.ones(5), "mae", "all")
    assert (all_better.gain, all_better.p_value) == (1.0, 0.0)


def found(name, gain, p_value):
    return Paired("accuracy", name, 100, 0.5, 0.5 + gain, gain, gain, gain, p_value)


def test_slices_are_blamed_by_holms_rule():
    """The smallest p-value against a level for all, the next against one for the rest; who is better is not blamed."""
    slices = [found("a", -0.1, 0.012), found("b", 0.1, 0.001), found("c", -0.1, 0.02), found("d", -0.1, 0.06)]
    assert [each.slice for each in worse_slices(slices)] == ["a", "c"]
    assert worse_slices([found("a", -0.1, 0.03), found("b", -0.1, 0.04)]) == []
    assert worse_slices([]) == []


def test_slices_of_equal_versions_are_rarely_blamed():
    """In 5 of 100 comparisons of ten slices at most, and a little for chance."""
    rng = np.random.default_rng(4)
    blamed = 0
    for _ in range(400):
        slices = [shares(rng.random(60) < 0.7, rng.random(60) < 0.7, "accuracy", str(number)) for number in range(10)]
        blamed += bool(worse_slices(slices))
    assert blamed <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05 * 0.95)
