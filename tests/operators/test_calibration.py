from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from config.plan import AlarmsPlan, DetectorPlan
from operators.calibration import (
    ALLOWANCE,
    LEAST_VALUES,
    OTHER,
    OVERSHOOT,
    STAYING,
    adwin_delta,
    constant_threshold,
    count_tests,
    evaluation_level,
    key_budget,
    page_hinkley_threshold,
    tilts,
    values_between_alarms,
)
from operators.detectors import adwin, page_hinkley
from operators.statistics.ranks import (
    mean_and_sd,
    probabilities,
    rank_table,
    reference_counts,
    spread_ranks,
    standardised,
)
from schemas.profile import Signal
from tests.operators.panes import detection
from tests.operators.signals import categorical_signal, continuous_signal, discrete_signal, expanded, signals, unhurried

DAY = 86_400_000


def alarms(budget: float = 1.0, confirm: int = 2) -> AlarmsPlan:
    """So many false episodes in 30 days."""
    return AlarmsPlan(
        budget=budget, period_ms=30 * DAY, confirm=confirm, recover=3, min_effect="small", critical="large"
    )


def standard_ranks(signal: Signal, spread: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Counts by code and standardised ranks or spread ranks, as the detectors get them."""
    ranks = spread_ranks(rank_table(signal)) if spread else rank_table(signal)
    mean, sd = mean_and_sd(probabilities(signal), ranks)
    return reference_counts(signal)[None, :], standardised(ranks[None, :], np.array([mean]), np.array([sd]))


# --- the budget and its shares ---


@given(budget=st.floats(1e-6, 1e6), segments=st.integers(0, 5_000))
def test_keys_together_have_the_budget(budget: float, segments: int) -> None:
    """The whole traffic and all segments add up to what was asked for."""
    plan = alarms(budget)
    total = key_budget(plan, segments, True) + segments * (key_budget(plan, segments, False) if segments else 0)
    assert total == pytest.approx(budget)


@pytest.mark.parametrize(("confirm", "factor"), [(1, 1), (2, 4), (3, 8), (7, 8)])
def test_level_is_the_even_share_times_the_factor_of_confirm(confirm: int, factor: float) -> None:
    """30 days of 5 minutes, 100 signals, 4 detectors: 1 / (8640 x 400)."""
    level = evaluation_level(alarms(confirm=confirm), 1.0, 400, 300_000)
    assert level == pytest.approx(factor / (8_640 * 400))


def test_level_never_reaches_one() -> None:
    """A budget of more episodes than evaluations still leaves a threshold."""
    assert evaluation_level(alarms(1e9), 1e9, 1, 300_000) == 0.5


def test_tests_are_counted_by_their_weights() -> None:
    """Psi and chi_squared are one; page_hinkley has three parts where it follows spread too; none at all counts one."""
    numeric = ["psi", "chi_squared", "lepage", "adwin", "adwin:spread", "page_hinkley", "page_hinkley:spread"]
    assert count_tests([numeric] * 3 + [["psi", "page_hinkley"]]) == 26
    assert count_tests([["chi_squared"]]) == 1
    assert count_tests([]) == 1


def test_values_between_false_alarms() -> None:
    """Rate times period times tests over weight and budget, and never below the measured."""
    plan = alarms()
    assert values_between_alarms(plan, 0.5, 400, 0.01) == pytest.approx(30 * DAY * 0.01 * 400 / 0.5)
    assert values_between_alarms(plan, 0.5, 400, 0.01, weight=3) == pytest.approx(10 * DAY * 0.01 * 400 / 0.5)
    assert values_between_alarms(plan, 1.0, 1, 0.0) == LEAST_VALUES


# --- ADWIN ---


@pytest.mark.parametrize(
    ("delta", "rate"), [(1.0, 2.5e-4), (0.3, 4.0e-5), (0.1, 8.3e-6), (0.03, 1.6e-6), (0.01, 3.0e-7)]
)
def test_adwin_delta_is_near_the_measured_one(delta: float, rate: float) -> None:
    """Within a quarter of those measured on uniform ranks, for 1.6 alarms at a time."""
    assert adwin_delta(1 / rate / 1.6) == pytest.approx(delta, rel=0.25)


@given(first=st.floats(1, 1e15), second=st.floats(1, 1e15))
def test_adwin_delta_falls_with_the_values_between(first: float, second: float) -> None:
    """Rarer alarms, smaller delta; always in (0, 1]."""
    fewer, more = sorted((first, second))
    assert 0 < adwin_delta(more) <= adwin_delta(fewer) <= 1


# --- Page-Hinkley ---


@unhurried
@given(signal=signals(), spread=st.booleans(), up=st.booleans(), a=st.floats(1e4, 1e13))
def test_thresholds_are_positive_and_never_nan(signal: Signal, spread: bool, up: bool, a: float) -> None:
    """For any reference; infinite where a side cannot alarm."""
    counts, values = standard_ranks(signal, spread)
    tilt = tilts(counts, values if up else -values)
    threshold = page_hinkley_threshold(a, tilt)
    assert tilt[0] > 0
    assert threshold[0] > 0
    assert np.isinf(threshold[0]) == np.isinf(tilt[0])


@unhurried
@given(signal=signals(), up=st.booleans())
def test_tilt_solves_its_equation(signal: Signal, up: bool) -> None:
    """The mean of exp(theta (z - k)) is 1, half a value thought to be in empty codes."""
    counts, values = standard_ranks(signal)
    there = ~np.isnan(values[0])
    z = (values if up else -values)[0][there]
    theta = tilts(counts, values if up else -values)[0]
    weights = counts[0][there]
    if np.isfinite(theta):
        if np.any(weights == 0):
            weights[weights == 0] = 0.5 / np.count_nonzero(weights == 0)
        mean = np.sum(weights * np.exp(theta * (z - ALLOWANCE))) / weights.sum()
        assert mean == pytest.approx(1.0, abs=1e-9)


def test_threshold_is_near_its_closed_form_and_siegmunds() -> None:
    """ln(2 A k theta) / theta; for normal values, theta = 2k, Siegmund's formula less its shift by 1.166."""
    assert page_hinkley_threshold(1.44e9, 0.51285) == pytest.approx(np.log(2 * 1.44e9 * 0.25 * 0.51285) / 0.51285)
    threshold = float(page_hinkley_threshold(1e5, 0.5))
    one_side = (np.exp(0.5 * threshold) - 1 - 0.5 * threshold) / (2 * 0.25**2)
    assert one_side / 2 == pytest.approx(1e5)


def test_side_that_the_reference_cannot_take_never_alarms() -> None:
    """One in a hundred differs: the others are 0.1 deviations below the mean, less than the allowance."""
    counts, values = standard_ranks(categorical_signal([9_900, 100]))
    two = np.full((1, 256), np.nan)
    two[0, :2] = values[0, :2]
    assert np.isinf(tilts(counts, -two)[0])
    assert np.isfinite(tilts(counts, two)[0])


@pytest.mark.parametrize("signal", [categorical_signal([]), categorical_signal([500]), discrete_signal(np.zeros(9))])
def test_constant_reference_gives_no_threshold(signal: Signal) -> None:
    """Without deviation there is no scale, and no tilt: see `constant_threshold`."""
    counts, values = standard_ranks(signal)
    assert np.isinf(tilts(counts, values)).all()


@pytest.mark.parametrize("between", [1e4, 1e5, 1e6, 1e9])
def test_a_constant_allows_for_others_that_stay(between: float) -> None:
    """More values in a row the smaller the reference is for its budget; never one alone, and none is too many."""
    counts = np.array([60, 300, 8_000, 1e5, 1e8])
    many = constant_threshold(between, counts) / (OTHER - ALLOWANCE)
    assert (np.diff(many) <= 0).all()
    assert many[-1] >= 1
    once_in = np.e * counts / STAYING**many  # values from one run that is so long to the next
    assert (once_in >= between * (1 - 1e-9)).all()


@pytest.mark.parametrize(("staying", "most"), [(0.0, 0.0), (0.5, 0.5), (0.7, 1.6)])
def test_a_constant_keeps_the_promised_rate(staying: float, most: int) -> None:
    """References that are constant by luck, where each thousandth value begins a run of others: of the promised rate.

    Of all references of 1,000 values 1/e are constant there: these may have e times as many alarms as are promised.
    """
    rng = np.random.default_rng(3)
    runs = np.cumsum(rng.geometric(1e-3, 4_000) + 40)
    lasting = rng.geometric(1 - staying, 4_000)
    values = np.zeros((1, 4_000_000))
    for start, values_long in zip(runs.tolist(), lasting.tolist(), strict=True):
        values[0, start : start + values_long] = OTHER
    found = page_hinkley.page_hinkley(
        values,
        np.array([values.size]),
        page_hinkley.start(1),
        ALLOWANCE,
        constant_threshold([2e4], [1_000]),
        np.array([np.inf]),
        prior_mean=np.zeros(1),
        prior_weight=np.array([1_000.0]),
    )
    assert len(found.signal) <= most * np.e * values.size / 2e4


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(continuous_signal(np.arange(10_000.0)), id="continuous"),
        pytest.param(categorical_signal([9_000, 1_000]), id="one in ten"),
        pytest.param(categorical_signal([9_900, 100]), id="one in a hundred"),
        pytest.param(discrete_signal(np.random.default_rng(5).poisson(2, 10_000)), id="counts"),
        pytest.param(categorical_signal(1_000 / np.arange(1, 31)), id="thirty categories"),
    ],
)
@pytest.mark.parametrize("spread", [False, True])
def test_page_hinkley_keeps_the_promised_rate(signal: Signal, spread: bool) -> None:
    """20 streams of 100,000 values like the reference, one alarm in 10,000 promised: at most 200 (in fact 35 to 130).

    The bound is the 99.9 % point of the Poisson distribution with the mean 200.
    """
    counts, values = standard_ranks(signal, spread)
    rng = np.random.default_rng(6)
    shares = counts[0] / counts.sum()
    stream = values[0][rng.choice(256, size=(20, 100_000), p=shares)]
    sides = [np.repeat(page_hinkley_threshold(1e4, tilts(counts, side)), 20) for side in (values, -values)]
    found = page_hinkley.page_hinkley(
        stream,
        np.full(20, 100_000),
        page_hinkley.start(20),
        ALLOWANCE,
        *sides,
        prior_mean=np.zeros(20),
        prior_weight=np.full(20, 2_000.0),
    )
    assert len(found.signal) <= poisson.ppf(0.999, 200)


@pytest.mark.parametrize("form", ["page_hinkley", "page_hinkley:spread"])
def test_page_hinkley_uses_the_rate_on_values_without_ties(form: str) -> None:
    """200 streams of 100,000 scores, one alarm in 20,000 promised: 1,000, of which there are 800 to 1,100.

    Sums that go beyond the threshold are allowed for, see OVERSHOOT.
    """
    plan = DetectorPlan(name="page_hinkley")
    of = detection({"age": continuous_signal(np.random.default_rng(1).normal(size=10_000))}, (plan,))
    bank = of.tracks.page_hinkley
    row = [of.tracks.tracks[track].name for track in bank.tracks].index(form)
    assert bank.is_smooth[row]
    up, down = (page_hinkley_threshold(2e4 * OVERSHOOT, side[row]) for side in bank.tilts(of.tables.counts))
    shares = of.tables.counts[0] / of.tables.counts[0].sum()
    rng = np.random.default_rng(9)
    found = 0
    for _ in range(10):
        stream = bank.values[row][rng.choice(256, size=(20, 100_000), p=shares)]
        alarms = page_hinkley.page_hinkley(
            stream,
            np.full(20, 100_000),
            page_hinkley.start(20),
            ALLOWANCE,
            np.full(20, up),
            np.full(20, down),
            prior_mean=np.zeros(20),
            prior_weight=np.full(20, 2_000.0),
        )
        found += len(alarms.signal)
    assert 800 <= found <= 1_100


@pytest.mark.parametrize(("keep", "rate"), [(True, 1.0), (False, 0.65)])
def test_adwin_keeps_the_promised_rate(keep: bool, rate: float) -> None:
    """20 streams of 100,000 uniform ranks, one alarm in 10,000 promised: 200, or 0.65 of that if ADWIN forgets all.

    The relation of delta to the rate was fitted, so it may be a fifth more; above that 99.9 % of the Poisson.
    """
    stream = np.random.default_rng(8).random((20, 100_000))
    delta = np.full(20, float(adwin_delta(1e4)))
    found = adwin.adwin(stream, np.full(20, 100_000), adwin.start(20), delta, keep)
    assert len(found.signal) <= poisson.ppf(0.999, 1.2 * rate * 200)


def test_reference_is_sampled_as_counted() -> None:
    """The streams above have the reference's own shares, so their mean standardised rank is 0."""
    counts, values = standard_ranks(categorical_signal([9_900, 100]))
    assert values[0][expanded(counts[0])].mean() == pytest.approx(0.0, abs=1e-9)
