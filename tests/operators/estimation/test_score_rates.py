"""Rates by bin of a score: scikit-learn's isotonic regression, on bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from operators.estimation.score_rates import GROUPS, isotonic, jackknife_error, rates

ONE = np.zeros(40, np.int64)  # one part
SCORES = np.linspace(0, 1, 40)


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 1)), min_size=1, max_size=400))
def test_is_that_of_scikit_learn(records):
    """Rates are scikit-learn's, between bins and beyond the outermost as well."""
    bins, outcomes = np.array(records).T
    counts = np.bincount(bins, minlength=40).astype(np.float64)
    found = isotonic(counts, np.bincount(bins, outcomes, 40), SCORES, ONE)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(SCORES[bins], outcomes).predict(SCORES)
    np.testing.assert_allclose(found, oracle, atol=1e-12)


def test_parts_say_nothing_of_each_other():
    """Bins of two classes are two scales, and one without records has the rate of all."""
    counts = np.array([10.0, 10.0, 10.0, 10.0, 0.0])
    sums = np.array([2.0, 8.0, 1.0, 9.0, 0.0])
    found = isotonic(counts, sums, np.arange(5.0), np.array([0, 0, 1, 1, 2]))
    assert found.tolist() == [0.2, 0.8, 0.1, 0.9, 0.5]


def test_groups_are_left_out_one_by_one():
    """A row for each group is what the other records alone would give."""
    rng = np.random.default_rng(5)
    codes, outcomes = rng.integers(0, 40, 1_000).astype(np.uint8), rng.integers(0, 2, 1_000).astype(np.float64)
    found = rates(codes, outcomes, SCORES, ONE)
    assert found.shape == (1 + GROUPS, 40)
    for group in (0, 7, GROUPS - 1):
        rest = np.arange(1_000) * GROUPS // 1_000 != group
        alone = rates(codes[rest], outcomes[rest], SCORES, ONE)[0]
        np.testing.assert_allclose(found[1 + group], alone, atol=1e-12)


def test_the_error_is_that_of_a_mean():
    """Of a mean the jackknife tells the standard error of independent groups."""
    groups = np.random.default_rng(2).normal(size=(GROUPS, 50))
    left = (groups.sum() - groups.sum(axis=1)) / (groups.size - 50)
    assert jackknife_error(left) == pytest.approx(groups.mean(axis=1).std(ddof=1) / np.sqrt(GROUPS))
