from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from msgspec import structs
from scipy.stats import rankdata

from operators.encoding.codes import INVALID, MISSING, OTHER, UNSEEN
from operators.profiles.binning import value_edges
from operators.statistics.ranks import (
    mean_and_sd,
    probabilities,
    rank_table,
    reference_counts,
    spread_ranks,
    standardised,
    unseen_codes,
    value_codes,
)
from schemas.profile import Signal
from tests.operators.signals import (
    categorical_signal,
    continuous_signal,
    discrete_signal,
    expanded,
    numeric_signal,
    signals,
)


@given(signal=signals())
def test_ranks_are_scipys_average_ranks(signal: Signal) -> None:
    """The rank of a code is the average rank of its values in the reference, less one half, over their number."""
    counts = reference_counts(signal)
    values = expanded(counts)
    if len(values):
        expected = (rankdata(values) - 0.5) / len(values)
        np.testing.assert_allclose(rank_table(signal)[values], expected, rtol=0, atol=1e-12)


@given(signal=signals())
def test_ranks_never_fall_and_stay_between_zero_and_one(signal: Signal) -> None:
    """Later codes have no lower rank; only codes that are no values have none."""
    ranks = rank_table(signal)
    assert np.array_equal(np.isnan(ranks), ~value_codes(signal))
    there = ranks[value_codes(signal)]
    assert np.all(np.diff(there) >= 0)
    assert np.all((there >= 0) & (there <= 1))


@given(signal=signals())
def test_mean_rank_of_the_reference_is_one_half(signal: Signal) -> None:
    """The mid-distribution function has the mean 1/2 under its own reference, whatever that is."""
    shares = probabilities(signal)
    mean, sd = mean_and_sd(shares, rank_table(signal))
    assert mean == pytest.approx(0.5, abs=1e-12)
    assert 0 <= sd <= 0.2887
    mean, sd = mean_and_sd(shares, spread_ranks(rank_table(signal)))
    assert 0 <= mean <= 1
    assert 0 <= sd <= 0.5


def test_continuous_ranks_are_uniform() -> None:
    """Mean and deviation of ranks and spread ranks of a continuous feature are those of [0, 1]."""
    signal = continuous_signal(np.random.default_rng(1).lognormal(0, 2, 10_000))
    for ranks in (rank_table(signal), spread_ranks(rank_table(signal))):
        mean, sd = mean_and_sd(probabilities(signal), ranks)
        assert mean == pytest.approx(0.5, abs=1e-6)
        assert sd == pytest.approx(12**-0.5, rel=1e-4)  # 250 bins instead of a continuum


def test_values_between_and_beyond_those_of_a_discrete_reference_have_ranks() -> None:
    """What the reference never had stands at the mass below it."""
    ranks = rank_table(discrete_signal(np.array([0] * 9 + [1])))
    assert ranks[:5].tolist() == [0.0, 0.45, 0.9, 0.95, 1.0]
    assert np.isnan(ranks[5:]).all()


def test_categories_stand_by_frequency_then_other_then_unseen() -> None:
    """The most frequent category has the lowest rank, an unseen one the rank 1, gaps none."""
    ranks = rank_table(categorical_signal([10, 60, 20], rest=10))
    np.testing.assert_allclose(ranks[[0, 1, 2, OTHER]], [0.3, 0.7, 0.85, 0.95])
    assert ranks[UNSEEN] == 1.0
    assert np.isnan(ranks[[3, INVALID, MISSING]]).all()


@pytest.mark.parametrize(
    "signal", [numeric_signal(np.array([]), np.array([0]), discrete=False), categorical_signal([])]
)
def test_reference_without_values(signal: Signal) -> None:
    """All codes have the rank 1/2 and there is no deviation."""
    ranks = rank_table(signal)
    assert set(ranks[value_codes(signal)]) == {0.5}
    assert mean_and_sd(probabilities(signal), ranks) == (0.5, 0.0)


def test_constant_reference_has_no_deviation_and_standardised_ranks_are_zero() -> None:
    """Exactly zero, not a rounding error that would blow ranks up."""
    ranks = rank_table(discrete_signal(np.full(7, 3.3)))[None, :]
    mean, sd = mean_and_sd(probabilities(discrete_signal(np.full(7, 3.3))), ranks[0])
    assert (mean, sd) == (0.5, 0.0)
    standard = standardised(ranks, np.array([mean]), np.array([sd]))
    assert standard[0, :3].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(standard[0, 3:]).all()


def test_standardised_ranks_have_mean_zero_and_deviation_one() -> None:
    """Under the reference, also for skewed ranks."""
    signal = discrete_signal(np.array([0] * 99 + [1]))
    ranks, shares = rank_table(signal), probabilities(signal)
    mean, sd = mean_and_sd(shares, ranks)
    standard = standardised(ranks[None, :], np.array([mean]), np.array([sd]))[0]
    np.testing.assert_allclose(mean_and_sd(shares, standard), (0.0, 1.0), atol=1e-12)


def test_what_lies_between_the_values_of_a_discrete_signal_was_never_seen() -> None:
    """Below, between and above; not what a merged profile has there, nor anything of a continuous one."""
    discrete = discrete_signal(np.repeat([1.0, 2.0, 4.0], 100))
    assert np.flatnonzero(unseen_codes(discrete)).tolist() == [0, 2, 4, 6]
    merged = structs.replace(discrete, counts=(0, 100, 7, 100, 0, 100, 0))
    assert np.flatnonzero(unseen_codes(merged)).tolist() == [0, 4, 6]
    assert not unseen_codes(continuous_signal(np.arange(1_000.0))).any()
    assert np.flatnonzero(unseen_codes(categorical_signal([5, 3]))).tolist() == [UNSEEN]
    largest = np.finfo(np.float64).max
    edges = value_edges(np.array([1.0, np.nextafter(1.0, 2.0)]))
    beside = numeric_signal(edges, np.array([0, 9, 9, 0]), discrete=True)  # neighbours: nothing fits between
    assert np.flatnonzero(unseen_codes(beside)).tolist() == [0, 3]
    last = numeric_signal(np.array([largest]), np.array([0, 9]), discrete=True)
    assert np.flatnonzero(unseen_codes(last)).tolist() == [0]
    assert np.flatnonzero(unseen_codes(numeric_signal(np.array([]), np.array([0]), discrete=True))).tolist() == [0]
