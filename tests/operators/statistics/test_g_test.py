from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2, chi2_contingency

from operators.encoding.codes import OTHER
from operators.statistics import g_test as module
from operators.statistics.g_test import chi_squared_threshold, g_test
from operators.statistics.grouping import Cells, group_counts
from tests.operators.signals import unhurried

FILLED = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5_000)), min_size=2, max_size=12).filter(
    lambda counts: all(c + r for c, r in counts) and sum(c for c, _ in counts) > 0 and sum(r for _, r in counts) > 0
)


def cells(counts: list[tuple[int, int]] | np.ndarray) -> Cells:
    """One signal's cells from pairs of counts."""
    table = np.array(counts, dtype=np.float64).T
    return Cells(table[:1].copy(), table[1:].copy(), np.array([len(counts)]))


@unhurried
@given(counts=FILLED)
def test_equals_scipys_g_over_williams_correction(counts: list[tuple[int, int]]) -> None:
    """G is scipy's log-likelihood ratio of the 2 x B table; q is the formula; the tail is chi-square."""
    table = np.array(counts, dtype=np.float64).T
    n, m = table.sum(axis=1)
    total, parts = n + m, len(counts)
    q = 1 + (total / n + total / m - 1) * (np.sum(total / table.sum(axis=0)) - 1) / (6 * total * (parts - 1))
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic / q
    result = g_test(cells(counts))
    assert result.statistic[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)  # scipy adds in another order
    assert result.df[0] == parts - 1
    assert result.p_value[0] == pytest.approx(chi2.sf(result.statistic[0], parts - 1), rel=1e-12)
    statistic = np.empty(1)
    module._statistics.py_func(*cells(counts), statistic)
    assert statistic[0] == pytest.approx(result.statistic[0], rel=1e-12, abs=1e-12)  # the compiler's log may differ


@unhurried
@given(counts=FILLED, seed=st.integers(0, 2**32 - 1))
def test_order_of_cells_and_of_samples_does_not_matter(counts: list[tuple[int, int]], seed: int) -> None:
    """The statistic is symmetric but for the last digits of its sums."""
    first = g_test(cells(counts)).statistic[0]
    order = np.random.default_rng(seed).permutation(len(counts))
    assert g_test(cells([counts[i] for i in order])).statistic[0] == pytest.approx(first, rel=1e-9, abs=1e-9)
    assert g_test(cells([(r, c) for c, r in counts])).statistic[0] == pytest.approx(first, rel=1e-9, abs=1e-9)


@unhurried
@given(moved=st.integers(0, 99))
def test_moving_more_values_raises_the_statistic(moved: int) -> None:
    """From equal shares on, every further value in the wrong cell makes G larger and p smaller."""
    less = g_test(cells([(100 - moved, 1_000), (100 + moved, 1_000)]))
    more = g_test(cells([(99 - moved, 1_000), (101 + moved, 1_000)]))
    assert more.statistic[0] > less.statistic[0]
    assert more.p_value[0] < less.p_value[0]


@pytest.mark.parametrize(
    ("n", "m", "parts"), [(300, 2_000, 10), (500, 10_000, 10), (5_000, 2_000, 10), (130, 2_000, 5)]
)
def test_p_values_are_uniform_without_change(n: int, m: int, parts: int) -> None:
    """Of 40,000 windows, each with a reference of its own, the promised share is below 0.1, 0.01 and 0.001.

    The interval is the central 99.9 % of the binomial with the rate 5 % off either way, as measured.
    """
    rng = np.random.default_rng(n + m)
    number = 40_000
    current = rng.multinomial(n, np.full(parts, 1 / parts), size=number).astype(np.float64)
    reference = rng.multinomial(m, np.full(parts, 1 / parts), size=number).astype(np.float64)
    p = g_test(Cells(current, reference, np.full(number, parts))).p_value
    for level in (0.1, 0.01, 0.001):
        low, high = binom.ppf(0.0005, number, 0.95 * level), binom.ppf(0.9995, number, 1.05 * level)
        assert low <= np.count_nonzero(p <= level) <= high


@pytest.mark.parametrize("tail", [1.0, 2.0])
def test_p_values_hold_for_many_rare_categories(tail: float) -> None:
    """Thirty categories of falling share, merged by pooled counts: never more than 1.4 times the promised rate."""
    rng = np.random.default_rng(int(tail))
    number, n, m = 8_000, 500, 5_000
    shares = 1 / np.arange(1, 31) ** tail
    current, reference = np.zeros((number, 256)), np.zeros((number, 256))
    current[:, :30] = rng.multinomial(n, shares / shares.sum(), size=number)
    reference[:, :30] = rng.multinomial(m, shares / shares.sum(), size=number)
    groups = np.tile(np.arange(256), (number, 1))
    p = g_test(group_counts(current, reference, groups, np.zeros(number, dtype=np.bool_))).p_value
    for level in (0.1, 0.01, 0.001):
        assert np.count_nonzero(p <= level) <= binom.ppf(0.9995, number, 1.4 * level)
    assert np.count_nonzero(p <= 0.1) >= 0.07 * number  # and the test is alive


def test_p_values_hold_where_only_frequent_categories_have_names() -> None:
    """Those that have one by luck look more frequent in the reference than they are: that is no change.

    Of 2,000 categories some 125 have a name; compared as they are, 2.0 and 3.3 times as many windows were below.
    """
    rng = np.random.default_rng(11)
    shares = 1 / np.arange(1, 2_001)
    shares /= shares.sum()
    p = []
    for _ in range(30):
        counts = rng.multinomial(20_000, shares)
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts >= 20)]
        windows = rng.multinomial(1_200, shares, size=100)
        current, reference = np.zeros((100, 256)), np.zeros((100, 256))
        current[:, : len(order)], reference[:, : len(order)] = windows[:, order], counts[order]
        current[:, OTHER], reference[:, OTHER] = 1_200 - windows[:, order].sum(axis=1), 20_000 - counts[order].sum()
        groups = np.tile(np.arange(256), (100, 1))
        p.append(g_test(group_counts(current, reference, groups, np.zeros(100, dtype=np.bool_))).p_value)
    for level in (0.1, 0.01):
        assert 0.5 * level < np.mean(np.concatenate(p) <= level) < 1.5 * level


@pytest.mark.parametrize("parts", [0, 1])
def test_fewer_than_two_cells_say_nothing(parts: int) -> None:
    """Statistic 0, p-value 1, and a threshold that is a number."""
    result = g_test(Cells(np.full((1, 3), 7.0), np.full((1, 3), 9.0), np.array([parts])))
    assert (result.statistic[0], result.df[0], result.p_value[0]) == (0.0, 0, 1.0)
    assert np.isfinite(chi_squared_threshold(1e-9, result.df)[0])


def test_equal_shares_are_no_change() -> None:
    """Exactly: no rounding makes the statistic negative."""
    result = g_test(cells([(10, 1_000), (20, 2_000), (7, 700)]))
    assert result.statistic[0] == pytest.approx(0.0, abs=1e-10)
    assert result.statistic[0] >= 0
    assert result.p_value[0] == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0.5, 1e-3, 2.9e-7, 1e-12])
@pytest.mark.parametrize("df", [1, 9, 100])
def test_threshold_is_scipys_critical_value(level: float, df: int) -> None:
    """The inverse of the tail that gives the p-value."""
    assert chi_squared_threshold(level, df) == pytest.approx(chi2.isf(level, df), rel=1e-10)


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(module._statistics.signatures) == 1
