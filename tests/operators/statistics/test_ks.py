from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, ks_2samp, kstwobign

from operators.statistics import ks as module
from operators.statistics.ks import ks, ks_threshold
from tests.operators.signals import expanded, unhurried

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=30)


def table(counts: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """One signal's counts of window and reference."""
    both = np.array(counts, dtype=np.float64).T
    return both[:1].copy(), both[1:].copy()


@unhurried
@given(counts=COUNTS)
def test_equals_scipys_gap(counts: list[tuple[int, int]]) -> None:
    """D is that of the two samples of codes."""
    current, reference = table(counts)
    gap = ks(current, reference).statistic[0]
    if current.sum() and reference.sum():
        samples = expanded(current[0]), expanded(reference[0])
        assert gap == pytest.approx(ks_2samp(*samples, method="asymp").statistic, abs=1e-12)
    else:
        assert gap == 0.0
    result = np.empty(1)
    module._largest_gap.py_func(current, reference, result)
    assert result[0] == gap


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.2])
def test_p_value_is_kolmogorovs_tail_with_stephens_factor(gap: float) -> None:
    """The first term of the series, which differs from the whole by less than a ten-thousandth once p < 0.1."""
    half = 1_000
    moved = gap * half
    test = ks(np.array([[half / 2 - moved, half / 2 + moved]]), np.array([[half / 2, half / 2]]))
    root = (half / 2) ** 0.5
    assert test.statistic[0] == pytest.approx(gap)
    expected = kstwobign.sf((root + 0.12 + 0.11 / root) * gap)
    assert test.p_value[0] == pytest.approx(expected, rel=1e-4 if gap > 0.05 else 1e-2)


@unhurried
@given(counts=COUNTS, level=st.floats(1e-12, 0.5), tau=st.floats(1, 50), rough=st.floats(0.05, 1))
def test_above_the_threshold_exactly_when_p_is_below_the_level(
    counts: list[tuple[int, int]], level: float, tau: float, rough: float
) -> None:
    """But for ties in the last digits; also where values follow each other."""
    current, reference = table(counts)
    test = ks(current, reference, tau, rough)
    if current.sum() and reference.sum() and abs(test.p_value[0] / level - 1) > 1e-9:
        threshold = ks_threshold(level, tau * (1 / current.sum() + 1 / reference.sum()), rough)
        assert (test.statistic[0] > threshold) == (test.p_value[0] < level)


@pytest.mark.parametrize(("n", "m"), [(300, 2_000), (5_000, 2_000)])
def test_never_more_false_alarms_than_promised(n: int, m: int) -> None:
    """Of 10,000 windows on 250 bins, with a reference each, at most the promised share (99.9 % of the binomial)."""
    rng = np.random.default_rng(n)
    number = 10_000
    shares = np.full(250, 1 / 250)
    current = rng.multinomial(n, shares, size=number).astype(np.float64)
    reference = rng.multinomial(m, shares, size=number).astype(np.float64)
    p = ks(current, reference).p_value
    for level in (0.1, 0.01, 0.001):
        assert np.count_nonzero(p <= level) <= binom.ppf(0.999, number, level)
    assert np.count_nonzero(p <= 0.1) >= 0.04 * number  # and the test is alive


@unhurried
@given(moved=st.integers(0, 99))
def test_moving_more_values_widens_the_gap(moved: int) -> None:
    """Every further value that moves up raises D."""
    gaps = [ks(np.array([[100.0 - k, 100.0 + k]]), np.array([[50.0, 50.0]])).statistic[0] for k in (moved, moved + 1)]
    assert gaps[1] > gaps[0]


@pytest.mark.parametrize(("n", "m"), [(0, 10), (10, 0), (0, 0)])
def test_empty_sample_is_no_change(n: int, m: int) -> None:
    """Statistic 0 and p-value 1, never NaN."""
    test = ks(np.array([[float(n), 0.0]]), np.array([[0.0, float(m)]]))
    assert (test.statistic[0], test.p_value[0]) == (0.0, 1.0)


def test_kernel_is_compiled_once() -> None:
    """A second signature would mean that somebody passes another dtype or layout."""
    assert len(module._largest_gap.signatures) == 1
