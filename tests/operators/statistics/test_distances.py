"""Distances between shares: what scipy and the formulas say, and thresholds that say what G says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from operators.statistics import distances as module
from operators.statistics.distances import DISTANCES, debiased, distance_threshold, distances, usual_square
from operators.statistics.g_test import GTest, chi_squared_threshold, g_test
from operators.statistics.grouping import Cells
from tests.operators.signals import unhurried
from tests.operators.statistics.test_g_test import FILLED, cells


def shares(counts: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Of window and reference."""
    table = np.array(counts, dtype=np.float64).T
    p, q = table / table.sum(axis=1)[:, None]
    return p, q


@unhurried
@given(counts=FILLED)
def test_are_what_they_are_called(counts: list[tuple[int, int]]) -> None:
    """Jensen-Shannon is scipy's to base 2; the others are one line of numpy each."""
    p, q = shares(counts)
    found = distances(cells(counts))
    # Of nearly equal shares only as many digits are left as their logarithms' sum has.
    assert found.jensen_shannon[0] == pytest.approx(jensenshannon(p, q, base=2), rel=1e-6, abs=3e-8)
    assert found.hellinger[0] == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2), abs=1e-12)
    assert found.total_variation[0] == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-12)
    assert found.l_infinity[0] == pytest.approx(np.abs(p - q).max(), abs=1e-12)
    assert found.breadth[0] == pytest.approx(1 / (q @ q))
    result = np.zeros((7, 1))
    module._distances.py_func(*cells(counts), result)
    assert result[:, 0].tolist() == pytest.approx([one[0] for one in found], rel=1e-9, abs=1e-9)


@unhurried
@given(counts=FILLED)
def test_keep_the_inequalities_between_them(counts: list[tuple[int, int]]) -> None:
    """H^2 <= TV <= H sqrt 2, and no cell's gap is more than the total; window and reference may change places."""
    found = distances(cells(counts))
    hellinger, variation = found.hellinger[0], found.total_variation[0]
    assert hellinger**2 <= variation + 1e-12
    assert variation <= hellinger * math.sqrt(2) + 1e-12
    assert found.l_infinity[0] <= variation + 1e-12
    turned = distances(cells([(r, c) for c, r in counts]))
    for one, other in zip(found[:4], turned[:4], strict=True):
        assert one[0] == pytest.approx(other[0], rel=1e-9, abs=3e-8)


def test_nothing_in_common_is_one() -> None:
    """The largest that each can be."""
    found = distances(Cells(np.array([[5.0, 0.0]]), np.array([[0.0, 9.0]]), np.array([2])))
    assert [one[0] for one in found[:4]] == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", DISTANCES)
@unhurried
@given(counts=FILLED, level=st.floats(1e-12, 0.3))
def test_above_the_threshold_exactly_when_g_is_above_its_own(
    name: str, counts: list[tuple[int, int]], level: float
) -> None:
    """A distance and G decide alike, but for ties in the last digits."""
    g, found = g_test(cells(counts)), distances(cells(counts))
    n, m = (sum(side) for side in zip(*counts, strict=True))
    critical = chi_squared_threshold(level, g.df)
    if abs(g.statistic[0] / critical[0] - 1) > 1e-9:
        threshold = distance_threshold(level, found, name, g, np.array([1 / n + 1 / m]))
        assert (getattr(found, name)[0] > threshold[0]) == (g.statistic[0] > critical[0])


@pytest.mark.parametrize("name", DISTANCES)
def test_threshold_without_change_is_a_usual_one(name: str) -> None:
    """That of the critical value for small changes, on cells as even as these."""
    even = Cells(np.full((1, 10), 50.0), np.full((1, 10), 700.0), np.array([10]))
    found = distances(even)
    threshold = distance_threshold(1e-7, found, name, GTest(np.zeros(1), np.array([9]), np.ones(1)), np.array([0.002]))
    expected = math.sqrt(float(chi_squared_threshold(1e-7, 9)) * 0.002 * float(usual_square(name, 10)))
    assert threshold[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize(("seed", "weights"), [(4, np.full(10, 0.1)), (5, np.array([0.6, 0.2, 0.1, 0.06, 0.04]))])
def test_squares_less_what_chance_adds_are_zero_on_average(name: str, seed: int, weights: np.ndarray) -> None:
    """Without change what is taken off the square is its mean, within 3 % (a third where cells are unequal)."""
    rng = np.random.default_rng(seed)
    number, n, m = 20_000, 1_000, 10_000
    many = Cells(
        rng.multinomial(n, weights, size=number).astype(np.float64),
        rng.multinomial(m, weights, size=number).astype(np.float64),
        np.full(number, len(weights)),
    )
    found, df, inverse = distances(many), np.full(number, len(weights) - 1), np.full(number, 1 / n + 1 / m)
    squares = getattr(found, name) ** 2
    kept = debiased(found, name, df, inverse) ** 2
    taken = (squares - kept)[kept > 0].mean()
    share = {"jensen_shannon": 0.03, "hellinger": 0.03}.get(name, 0.35)
    assert taken == pytest.approx(squares.mean(), rel=share)


@pytest.mark.parametrize("parts", [0, 1])
def test_fewer_than_two_cells_are_no_change(parts: int) -> None:
    """Zero, never NaN."""
    found = distances(Cells(np.full((1, 3), 7.0), np.full((1, 3), 9.0), np.array([parts])))
    assert [one.tolist() for one in found] == [[0.0]] * 7


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(module._distances.signatures) == 1
