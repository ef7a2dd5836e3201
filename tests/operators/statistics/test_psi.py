from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from operators.statistics import psi as module
from operators.statistics.g_test import GTest, chi_squared_threshold, g_test
from operators.statistics.grouping import Cells
from operators.statistics.psi import FLAT, debiased_psi, psi, psi_threshold
from tests.operators.signals import unhurried
from tests.operators.statistics.test_g_test import FILLED, cells


@unhurried
@given(counts=FILLED)
def test_is_the_relative_entropy_both_ways(counts: list[tuple[int, int]]) -> None:
    """Equal to scipy's relative entropies of shares, where an empty cell counts as half a value."""
    table = np.array(counts, dtype=np.float64).T
    p, q = np.maximum(table, 0.5) / table.sum(axis=1)[:, None]
    expected = np.sum(rel_entr(p, q) + rel_entr(q, p))
    assert psi(cells(counts))[0] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    result = np.empty(1)
    module._psi.py_func(*cells(counts), result)
    assert result[0] == pytest.approx(psi(cells(counts))[0], rel=1e-12, abs=1e-14)


@unhurried
@given(counts=FILLED)
def test_never_negative_and_symmetric(counts: list[tuple[int, int]]) -> None:
    """Every term is at least 0, and window and reference may change places."""
    value = psi(cells(counts))[0]
    assert value >= 0
    assert psi(cells([(r, c) for c, r in counts]))[0] == pytest.approx(value, rel=1e-12)


def test_debiased_psi_has_the_mean_zero_without_change() -> None:
    """What chance adds is df (1/n + 1/m): on 20,000 windows within four standard errors, before the floor at 0."""
    rng = np.random.default_rng(4)
    number, n, m = 20_000, 1_000, 10_000
    current = rng.multinomial(n, np.full(10, 0.1), size=number).astype(np.float64)
    reference = rng.multinomial(m, np.full(10, 0.1), size=number).astype(np.float64)
    values = psi(Cells(current, reference, np.full(number, 10))) - 9 * (1 / n + 1 / m)
    assert abs(values.mean()) <= 4 * values.std() / number**0.5 + 0.01 * 9 / n  # chi-square to about 1 % at 100 a cell
    assert debiased_psi([0.005, 0.05], 9, 1 / n + 1 / m).tolist() == [0.0, pytest.approx(0.0401)]


@unhurried
@given(counts=FILLED, level=st.floats(1e-12, 0.3))
def test_above_the_threshold_exactly_when_g_is_above_its_own(counts: list[tuple[int, int]], level: float) -> None:
    """PSI and G decide alike, but for ties in the last digits."""
    g, value = g_test(cells(counts)), psi(cells(counts))
    n, m = (sum(side) for side in zip(*counts, strict=True))
    critical = chi_squared_threshold(level, g.df)
    if abs(g.statistic[0] / critical[0] - 1) > 1e-12:
        threshold = psi_threshold(level, value, g, np.array([1 / n + 1 / m]))
        assert (value[0] > threshold[0]) == (g.statistic[0] > critical[0])


def test_threshold_without_change_is_the_large_sample_one() -> None:
    """There is no ratio of PSI to G then; the critical value times 1/n + 1/m stands in."""
    g = GTest(np.array([0.0, FLAT / 2]), np.array([9, 0]), np.array([1.0, 1.0]))
    thresholds = psi_threshold(2.9e-7, np.array([0.0, 1e-9]), g, np.array([0.0021, 2.0]))
    np.testing.assert_allclose(thresholds, chi_squared_threshold(2.9e-7, [9, 1]) * [0.0021, 2.0])


@pytest.mark.parametrize("parts", [0, 1])
def test_fewer_than_two_cells_are_no_change(parts: int) -> None:
    """Zero, never NaN."""
    assert psi(Cells(np.full((1, 3), 7.0), np.full((1, 3), 9.0), np.array([parts]))).tolist() == [0.0]


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(module._psi.signatures) == 1
