from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from operators.monitoring.window_tests import evaluate_counts, reference_tables
from operators.statistics import lepage as module
from operators.statistics.lepage import LepageTest, RankMoments, is_even, lepage, lepage_threshold
from operators.statistics.ranks import mean_and_sd, rank_table, reference_counts, spread_ranks
from schemas.profile import Signal
from tests.operators.signals import (
    categorical_signal,
    codes_of,
    continuous_signal,
    discrete_signal,
    expanded,
    signals,
    tables,
    unhurried,
    window,
)


def compare(signal: Signal, current: np.ndarray) -> LepageTest:
    """Test of one signal's window."""
    return evaluate_counts(reference_tables([signal]), current).lepage


def naive_z(signal: Signal, codes: np.ndarray, spread: bool) -> float:
    """The formula on the values themselves, one by one."""
    ranks = rank_table(signal)
    ranks = spread_ranks(ranks) if spread else ranks
    reference = ranks[expanded(reference_counts(signal))]
    current = ranks[codes]
    variance = reference.var()
    if max(np.bincount(expanded(reference_counts(signal)))) > 0.1 * len(reference):
        variance = max(variance, current.var(), np.concatenate((current, reference)).var())
    difference = current.mean() - reference.mean()
    return difference / (variance * (1 / len(current) + 1 / len(reference))) ** 0.5 if variance > 1e-12 else 0.0


@unhurried
@given(signal=signals(), row=tables())
def test_equals_the_formula_on_the_values(signal: Signal, row: list[int]) -> None:
    """Moments by code give what the values one by one give."""
    current = np.array([row])
    test = compare(signal, current)
    codes = expanded(np.where(np.isnan(rank_table(signal)), 0, row))
    if len(codes) and reference_counts(signal).sum():
        assert test.z_location[0] == pytest.approx(naive_z(signal, codes, False), rel=1e-6, abs=1e-6)
        assert test.z_spread[0] == pytest.approx(naive_z(signal, codes, True), rel=1e-6, abs=1e-6)
    else:
        assert (test.z_location[0], test.z_spread[0], test.p_value[0]) == (0.0, 0.0, 1.0)
    assert test.statistic[0] == max(abs(test.z_location[0]), abs(test.z_spread[0]))
    assert test.p_value[0] == pytest.approx(min(1.0, 4 * norm.sf(test.statistic[0])), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(300, 2_000), (2_000, 2_000)])
def test_p_values_hold_for_continuous_features(n: int, m: int) -> None:
    """Of 4,000 windows over 40 references the promised share is below each level.

    Two tests share the level by halves, so the interval (central 99.9 % of the binomial) is that of a rate 20 % off
    either way: the halves overlap a little, and windows share references.
    """
    rng = np.random.default_rng(n)
    p = []
    for _ in range(40):
        signal = continuous_signal(rng.normal(size=m))
        codes = codes_of(rng.normal(size=(100, n)), signal.edges)
        counts = np.array([window(row)[0] for row in codes])
        p.append(evaluate_counts(reference_tables([signal] * 100), counts).lepage.p_value)
    for level in (0.1, 0.01):
        low, high = binom.ppf(0.0005, 4_000, 0.8 * level), binom.ppf(0.9995, 4_000, 1.2 * level)
        assert low <= np.count_nonzero(np.concatenate(p) <= level) <= high


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.002])
@pytest.mark.parametrize(("n", "m"), [(300, 2_000), (300, 10_000), (5_000, 2_000)])
def test_never_more_false_alarms_than_promised_on_two_values(share: float, n: int, m: int) -> None:
    """Exactly, down to 1e-7: all counts of the rarer value in window and reference, by their probabilities.

    With the reference's variance alone this rate is up to 200,000 times the promised one.
    """
    likely = [np.flatnonzero(binom.pmf(np.arange(size + 1), size, share) > 1e-12) for size in (n, m)]
    rate = dict.fromkeys((1e-3, 1e-5, 1e-7), 0.0)
    for rare in likely[1]:
        counts = np.array([[m - rare, rare] + [0] * 254] * len(likely[0]), dtype=np.float64)
        current = np.zeros_like(counts)
        current[:, 0], current[:, 1] = n - likely[0], likely[0]
        ranks = np.zeros_like(counts)
        ranks[:, 0], ranks[:, 1] = (m - rare) / 2 / m, (m - rare / 2) / m
        spreads = spread_ranks(ranks)
        moments = [np.array(mean_and_sd(counts[0] / m, table[0])) for table in (ranks, spreads)]
        location, spread = (RankMoments(*(np.full(len(counts), value) for value in pair)) for pair in moments)
        totals = np.full(len(counts), float(m))
        p = lepage(current, totals, ranks, spreads, location, spread, is_even(counts)).p_value
        weight = binom.pmf(rare, m, share) * binom.pmf(likely[0], n, share)
        for level in rate:
            rate[level] += float(np.sum(weight[p <= level]))
    assert all(actual <= level for level, actual in rate.items())


@unhurried
@given(first=st.floats(0.1, 2.0), second=st.floats(0.1, 2.0))
def test_larger_shifts_and_spreads_have_larger_statistics(first: float, second: float) -> None:
    """Location follows a shift, spread a factor, each with its sign."""
    normal = norm.ppf((np.arange(1_000) + 0.5) / 1_000)
    signal = continuous_signal(normal)
    small, large = sorted((first, first + second))
    down = [compare(signal, window(codes_of(normal - shift, signal.edges))).z_location[0] for shift in (small, large)]
    assert down[1] < down[0] < 0
    apart = [compare(signal, window(codes_of(normal * (1 + f), signal.edges))).z_spread[0] for f in (small, large)]
    assert apart[1] > apart[0] > 0


def test_constant_reference_can_be_left() -> None:
    """Without deviation in the reference the pooled one judges; the same constant again is no change."""
    signal = discrete_signal(np.full(5_000, 2.0))
    same = compare(signal, window(codes_of(np.full(500, 2.0), signal.edges)))
    assert (same.statistic[0], same.p_value[0]) == (0.0, 1.0)
    other = compare(signal, window(codes_of(np.full(500, 3.0), signal.edges)))
    assert other.z_location[0] > 50
    one = compare(signal, window(codes_of(np.array([2.0] * 499 + [3.0]), signal.edges)))
    assert one.p_value[0] > 0.1


def test_even_references_are_those_without_a_frequent_value() -> None:
    """Continuous features and many equal categories are even, two categories are not."""
    rows = [continuous_signal(np.arange(1_000.0)), categorical_signal([5] * 10), categorical_signal([5] * 9)]
    assert is_even(np.array([reference_counts(row) for row in rows])).tolist() == [True, True, False]


@pytest.mark.parametrize("level", [0.5, 1e-3, 2.9e-7, 1e-12])
def test_threshold_inverts_the_p_value(level: float) -> None:
    """Twice the quantile of a test of two sides."""
    assert lepage_threshold(level) == pytest.approx(norm.isf(level / 4), rel=1e-12)


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(module._moments.signatures) == 1
