from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import chi2

from operators.statistics.mixture import critical, tails
from tests.operators.signals import unhurried

WEIGHTS = st.lists(st.floats(1.0, 1e4), min_size=1, max_size=10).map(lambda drawn: tuple(sorted(drawn, reverse=True)))


def tail(weights: tuple[float, ...], squares: int, x: float) -> float:
    """Of one row."""
    return float(tails(np.array([weights]), np.array([squares]), np.array([x]))[0])


@pytest.mark.parametrize("df", [1, 2, 4, 9, 29, 250])
@pytest.mark.parametrize("p", [0.9, 0.5, 0.3, 0.1, 1e-2, 1e-3, 1e-5, 1e-7, 1e-9])
def test_equal_weights_are_chi_square(df: int, p: float) -> None:
    """Never below by more than rounding and 1 %, above by at most 11 %."""
    assert 0.99 <= tail((1.0, 1.0), df, chi2.isf(p, df)) / p <= 1.11


def test_unequal_weights() -> None:
    """Two million sums with the weights of slow values, to within four standard errors and 11 %."""
    weights = (19.0, 9.0, 4.0, 2.0, 1.4, 1.1, 1.0)
    drawn = np.random.default_rng(1).normal(size=(2_000_000, 9)) ** 2 @ np.array([*weights, 1.0, 1.0])
    for x in (30.0, 100.0, 200.0, 300.0):
        above = (drawn > x).mean()
        error = 4 * np.sqrt(above / len(drawn))
        assert 0.97 * above - error <= tail(weights, 9, x) <= 1.11 * above + error


@unhurried
@example((2862.0, 2681.0, 2108.0, 2037.0, 1279.0, 1003.0, 820.0), 15, 0.431640625)  # beside the mean
@given(WEIGHTS, st.integers(0, 300), st.floats(1e-12, 0.5))
def test_critical_point_has_its_tail(weights: tuple[float, ...], squares: int, alpha: float) -> None:
    """As near as floats come."""
    point = critical(weights, squares, alpha)
    assert tail(weights, squares, point) <= alpha
    assert tail(weights, squares, point * (1 - 1e-9)) == pytest.approx(alpha, rel=1e-5)


@unhurried
@given(WEIGHTS, st.integers(1, 300), st.floats(0, 1e6), st.floats(1.0, 2.0))
def test_tail_falls_and_scales(weights: tuple[float, ...], squares: int, x: float, factor: float) -> None:
    """Further out there is less; weights times 4 at 4 x are the same."""
    here = tail(weights, squares, x)
    assert 0 <= tail(weights, squares, factor * x) <= here * (1 + 1e-9) <= 1 + 1e-9
    assert tail(tuple(4 * w for w in weights), squares, 4 * x) == pytest.approx(here, rel=1e-6)
