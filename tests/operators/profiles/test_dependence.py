from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from operators.encoding.codes import MISSING
from operators.profiles.dependence import also_of_means, calibrate
from schemas.profile import Calibration
from tests.operators.signals import categorical_signal, codes_of, continuous_signal, discrete_signal, unhurried


def autoregressive(rho: float, count: int, seed: int = 1) -> np.ndarray:
    """Normal values, each rho times the one before it and something new."""
    noise = np.random.default_rng(seed).normal(size=count + 2_000)
    return np.asarray(lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise))[2_000:]


def calibrated(values: np.ndarray, discrete: bool = False):
    """Calibration of numbers in their order."""
    signal = (discrete_signal if discrete else continuous_signal)(values)
    return calibrate(signal, codes_of(values, signal.edges).astype(np.uint8))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [50, 200, 2_000, 20_000])
def test_independent_values_are_found_independent(seed: int, count: int) -> None:
    """Also few ones, skewed ones and rare ones."""
    rng = np.random.default_rng(seed)
    assert calibrated(rng.normal(size=count)).tau == ()
    assert calibrated(rng.poisson(2, count), discrete=True).tau == ()


@pytest.mark.parametrize(("rho", "tau"), [(0.2, 1.49), (0.5, 2.86), (0.9, 17.6), (0.97, 60.0)])
def test_tau_is_that_of_the_ranks(rho: float, tau: float) -> None:
    """Within three of the stated errors; those of ranks are a little below (1 + rho) / (1 - rho)."""
    found = calibrated(autoregressive(rho, 50_000))
    assert found.tau[-1] == pytest.approx(tau, rel=max(found.error, 0.05))
    assert found.error == pytest.approx(3 * np.sqrt(found.tau[-1] / 50_000), rel=0.01)
    assert found.spread_tau[-1] < found.tau[-1]


@pytest.mark.parametrize(("count", "known"), [(49, False), (50, True), (99, True)])
def test_so_few_values_that_follow_each_other_are_not_independent(count: int, known: bool) -> None:
    """From fifty on, as few as are judged at all: a reference of these is not compared as if they were independent."""
    found = calibrated(np.arange(count) + autoregressive(0.9, count))
    assert bool(found.tau) == known
    assert not known or found.tau[-1] > 5


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_the_gap_varies_less_than_the_ranks(rho: float) -> None:
    """As the share of values below the median does: 1 + 2 sum of 2 / pi arcsin(rho^t)."""
    found = calibrated(autoregressive(rho, 100_000))
    expected = 1 + 4 / np.pi * np.arcsin(rho ** np.arange(1, 400)).sum()
    assert found.gap_tau[-1] == pytest.approx(expected, rel=3 * found.error)
    assert found.gap_tau[-1] < 0.85 * found.tau[-1]
    assert len(found.gap_tau) == len(found.tau)


def test_names_have_no_gap() -> None:
    """Nothing is compared by distribution functions."""
    signal = categorical_signal([1_000, 1_000])
    assert calibrate(signal, np.random.default_rng(1).integers(0, 2, 200).repeat(10).astype(np.uint8)).gap_tau == ()


def test_short_means_vary_less() -> None:
    """Of two values tau is 1 + rho(1), and it grows with the length from there."""
    found = calibrated(autoregressive(0.9, 50_000))
    assert found.tau[0] == pytest.approx(1 + 6 / np.pi * np.arcsin(0.45), rel=0.02)
    assert list(found.tau) == sorted(found.tau)


def test_a_cycle_is_dependence_at_its_length() -> None:
    """Hourly means of a daily cycle vary with it, its tail of lags being cancelled over whole days."""
    hours = np.arange(24 * 50 * 20) / 50
    values = np.random.default_rng(1).normal(size=len(hours)) + np.sin(hours * 2 * np.pi / 24)
    found = calibrated(values)
    # A third of the variance is the cycle's: means of 64 values, near an hour's, vary 1 + 64/3 times as much.
    assert found.tau[5] == pytest.approx(1 + 64 / 3, rel=0.15)


def test_devices_that_take_turns_are_dependence() -> None:
    """Neighbours are independent, and each tenth value follows the one before."""
    values = np.stack([autoregressive(0.9, 4_000, seed) for seed in range(10)], axis=1).ravel()
    assert calibrated(values).tau[-1] > 12


def test_shares_vary_by_direction() -> None:
    """Slow values: few directions vary most, the first as much as the mean rank does; none varies less than 1."""
    found = calibrated(autoregressive(0.9, 100_000, seed=2))
    last = np.array(found.shares[-1])
    assert len(last) == 10
    assert last[0] == pytest.approx(18.5, rel=0.1)
    assert last[:9].mean() == pytest.approx(4.2, rel=0.15)
    assert (np.diff(last) <= 0).all()
    assert last.min() >= 1


def test_runs_of_categories_vary_as_their_lengths() -> None:
    """A category lasts for ten records: all directions vary tenfold, also those that are not told one by one."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 20, 10_000).repeat(10)
    signal = categorical_signal(np.bincount(codes))
    order = np.argsort(-np.bincount(codes), kind="stable")
    found = calibrate(signal, np.argsort(order)[codes].astype(np.uint8))
    assert np.array(found.shares[-1]) == pytest.approx(np.full(10, 10.0), rel=0.5)  # nine largest of nineteen, the rest
    assert np.mean([*found.shares[-1][:9], *[found.shares[-1][9]] * 10]) == pytest.approx(10.0, rel=0.05)


@unhurried
@given(st.lists(st.integers(0, 9), max_size=300), st.integers(1, 50))
def test_any_reference_has_finite_numbers(drawn: list[int], run: int) -> None:
    """At least 1, one row for each length; missing values change nothing."""
    codes = np.repeat(np.array(drawn, np.uint8), run)
    signal = categorical_signal(np.arange(10, 0, -1))
    found = calibrate(signal, codes)
    assert np.isfinite(found.error)
    for row in (found.tau, found.spread_tau, *found.shares):
        assert all(np.isfinite(x) and x >= 1 for x in row)
    assert len(found.tau) == len(found.spread_tau) == len(found.shares)
    with_gaps = np.full(2 * len(codes), MISSING, np.uint8)
    with_gaps[::2] = codes
    assert calibrate(signal, with_gaps) == found


def test_means_of_long_tails():
    """Where values follow each other more closely than their ranks, or their squares do, that counts."""
    rng = np.random.default_rng(3)
    levels = np.exp(2 * rng.normal(size=400)).repeat(25)  # runs with a common level, of which the largest decide
    values = levels * rng.random(len(levels))
    known = msgspec.structs.replace(calibrated(values), tau=(1.0,) * len(calibrated(values).tau))
    found = also_of_means(known, values)
    assert found.tau[0] >= 1
    assert found.tau[-1] > 5
    assert also_of_means(Calibration(values=10, error=0.1), values[:10]).tau == ()
    assert also_of_means(known, values[1:]) is known
