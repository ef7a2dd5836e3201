from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from operators.encoding.codes import CODES, OTHER, UNSEEN
from operators.statistics import grouping
from operators.statistics.g_test import g_test
from operators.statistics.grouping import COARSE, LEAST, NEVER, Cells, code_groups, group_counts
from operators.statistics.ranks import rank_table
from tests.operators.signals import categorical_signal, continuous_signal, discrete_signal, unhurried

IDS = np.arange(CODES)[None, :]
PAIRS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4_000)), min_size=1, max_size=40)


def row(counts: list[int] | np.ndarray) -> np.ndarray:
    """One signal's counts by code."""
    table = np.zeros((1, CODES))
    table[0, : len(counts)] = counts
    return table


def grouped(current: list[int], reference: list[int], groups: np.ndarray | None = None, continuous: bool = False):
    """Pairs of counts by cell, of one signal."""
    ids = np.arange(CODES) if groups is None else groups
    cells = group_counts(row(current), row(reference), ids.astype(np.int64)[None, :], np.array([continuous]))
    return pairs(cells)


def pairs(cells: Cells) -> list[tuple[float, float]]:
    number = cells.cells[0]
    return list(zip(cells.current[0, :number].tolist(), cells.reference[0, :number].tolist(), strict=True))


def beyond_chance(count: int, total: int, share: float) -> bool:
    """Whether the binomial's Chernoff bound for so many in the window is below NEVER."""
    part = count / total
    if part <= share:
        return False
    exponent = part * math.log(part / share)
    if part < 1:
        exponent += (1 - part) * math.log((1 - part) / (1 - share))
    return total * exponent > -math.log(NEVER)


def naive(counts: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """The rule as one would say it, on Python's lists."""
    n, m = sum(c for c, _ in counts), sum(r for _, r in counts)
    if min(n, m) == 0:
        return []
    need = LEAST * (n + m) / min(n, m)
    counts = counts[::-1]
    cells = [pair for pair in counts if sum(pair) >= need]
    rest = sorted((pair for pair in counts if 0 < sum(pair) < need), key=sum)
    smallest = min(range(len(cells)), key=lambda i: sum(cells[i])) if cells else None
    while rest:
        c = r = 0
        while rest and c + r < need:
            c, r = c + rest[0][0], r + rest[0][1]
            rest = rest[1:]
        if c + r >= need or not cells or beyond_chance(c, c + r, n / (n + m)):
            cells.append((c, r))
        else:
            into = len(cells) - 1 if smallest is None else smallest
            cells[into] = (cells[into][0] + c, cells[into][1] + r)
    return [(float(c), float(r)) for c, r in cells]


@unhurried
@given(counts=PAIRS)
def test_cells_equal_those_of_the_naive_rule(counts: list[tuple[int, int]]) -> None:
    """Kernel, the same function uncompiled, and the rule written plainly agree exactly."""
    current, reference = [c for c, _ in counts], [r for _, r in counts]
    expected = naive(counts)
    assert grouped(current, reference) == expected
    cells = Cells(np.empty((1, CODES)), np.empty((1, CODES)), np.zeros(1, dtype=np.int64))
    work, order = np.empty((2, CODES)), np.empty(CODES, dtype=np.int64)
    ids = np.arange(CODES)[None, :]
    grouping._group.py_func(row(current), row(reference), ids, np.array([False]), *cells, work, order)
    assert pairs(cells) == expected


@unhurried
@given(counts=PAIRS)
def test_nothing_is_lost_and_no_cell_is_too_small(counts: list[tuple[int, int]]) -> None:
    """All values are in some cell, and in more than one cell only where each has five values expected.

    But for one that has more values of the window than chance would ever give it.
    """
    n, m = sum(c for c, _ in counts), sum(r for _, r in counts)
    cells = grouped([c for c, _ in counts], [r for _, r in counts])
    if min(n, m) == 0:
        assert cells == []
        return
    assert (sum(c for c, _ in cells), sum(r for _, r in cells)) == (n, m)
    if len(cells) > 1:
        small = [(c, r) for c, r in cells if (c + r) * min(n, m) / (n + m) < LEAST * (1 - 1e-12)]
        assert len(small) <= 1
        assert all(beyond_chance(c, c + r, n / (n + m)) for c, r in small)


@unhurried
@given(counts=PAIRS, seed=st.integers(0, 2**32 - 1))
def test_cells_depend_on_pooled_counts_only(counts: list[tuple[int, int]], seed: int) -> None:
    """Dealing the same pooled values out anew, with the same sample sizes, leaves the cells where they are.

    But for a cell that is there because chance would never deal so.
    """
    totals = np.array([c + r for c, r in counts])
    n = sum(c for c, _ in counts)
    dealt = np.random.default_rng(seed).multivariate_hypergeometric(totals, n)
    first = grouped([c for c, _ in counts], [r for _, r in counts])
    assume(len(first) < 2 or all(c + r >= LEAST * totals.sum() / min(n, totals.sum() - n) for c, r in first))
    second = grouped(dealt.tolist(), (totals - dealt).tolist())
    assert [c + r for c, r in first] == [c + r for c, r in second]


@unhurried
@given(totals=st.lists(st.integers(1, 3_000), min_size=2, max_size=30, unique=True), seed=st.integers(0, 2**32 - 1))
def test_cells_do_not_depend_on_the_order_of_categories(totals: list[int], seed: int) -> None:
    """Permuted categories of different size come to the same set of cells."""
    rng = np.random.default_rng(seed)
    current = rng.binomial(totals, 0.3)
    reference = np.array(totals) - current
    order = rng.permutation(len(totals))
    shuffled = grouped(current[order].tolist(), reference[order].tolist())
    assert sorted(grouped(current.tolist(), reference.tolist())) == sorted(shuffled)


@pytest.mark.parametrize(("n", "m", "unseen"), [(300, 10_000, 12), (1_000, 1_000_000, 24)])
def test_a_new_category_does_not_hide_in_company(n: int, m: int, unseen: int) -> None:
    """Few of a window are enough to stand alone, where hundreds would be merged with the smallest known category."""
    known = [round(0.6 * (n - unseen)), n - unseen - round(0.6 * (n - unseen))]
    cells = grouped([*known, unseen], [6 * m // 10, 4 * m // 10, 0])
    assert (float(unseen), 0.0) in cells
    table = group_counts(row([*known, unseen]), row([6 * m // 10, 4 * m // 10, 0]), IDS, np.array([False]))
    assert g_test(table).p_value[0] < 1e-7
    few = unseen // 12
    assert len(grouped([n - known[1] - few, known[1], few], [6 * m // 10, 4 * m // 10, 0])) == 2


@pytest.mark.parametrize("new", [0.0, 0.001])
def test_what_no_chance_would_deal_comes_by_no_chance(new: float) -> None:
    """Of 20,000 windows of a rare category none has a cell that is too small."""
    rng = np.random.default_rng(9)
    shares = np.array([0.6, 0.4 - 2 * new, new, new])
    current, reference = rng.multinomial(300, shares, 20_000), rng.multinomial(5_000, shares, 20_000)
    tables = [np.zeros((20_000, CODES)) for _ in range(2)]
    tables[0][:, :4], tables[1][:, :4] = current, reference
    cells = group_counts(*tables, np.tile(IDS, (20_000, 1)), np.zeros(20_000, bool))
    totals = np.where(np.arange(CODES) < cells.cells[:, None], cells.current + cells.reference, np.inf)
    assert totals.min() >= LEAST * 5_300 / 300 * (1 - 1e-12)


def test_continuous_signal_is_compared_on_tenths() -> None:
    """Ten groups with a tenth of the reference each; codes beyond the bins belong to none."""
    signal = continuous_signal(np.random.default_rng(2).normal(size=5_000))
    groups = code_groups(signal, rank_table(signal))
    assert np.bincount(groups[:250], weights=signal.counts).tolist() == [500.0] * 10
    assert np.all(groups[250:] == -1)


@pytest.mark.parametrize(("count", "cells"), [(COARSE - 1, 5), (COARSE, 10)])
def test_small_windows_are_compared_on_fifths(count: float, cells: int) -> None:
    """Below 250 values, in the window or the reference, two tenths are one cell."""
    groups = np.where(np.arange(CODES) < 10, np.arange(CODES), -1)
    small = [int(count) - 9 * 24] + [24] * 9
    large = [400] * 10
    assert len(grouped(small, large, groups, continuous=True)) == cells
    assert len(grouped(large, small, groups, continuous=True)) == cells


def test_discrete_values_and_categories_are_groups_of_their_own() -> None:
    """Also what the reference does not have: values between, other and unseen categories."""
    values = discrete_signal(np.array([1, 1, 2]))
    assert code_groups(values, rank_table(values))[:6].tolist() == [0, 1, 2, 3, 4, -1]
    names = categorical_signal([5, 5], rest=2)
    groups = code_groups(names, rank_table(names))
    assert groups[[0, 1, OTHER, UNSEEN]].tolist() == [0, 1, OTHER, UNSEEN]
    assert groups[2] == -1


@pytest.mark.parametrize(("current", "reference"), [([], [5, 5]), ([5, 5], []), ([], [])])
def test_empty_sample_has_no_cells(current: list[int], reference: list[int]) -> None:
    """Nothing can be compared with nothing."""
    assert grouped(current, reference) == []


def test_samples_of_fewer_than_five_values_are_one_cell() -> None:
    """However many categories: there is nothing to compare."""
    assert grouped([1, 1, 1, 1], [100, 100, 100, 100]) == [(4.0, 400.0)]


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(grouping._group.signatures) == 1
