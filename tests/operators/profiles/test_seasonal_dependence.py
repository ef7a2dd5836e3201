"""How closely values follow each other beside their season."""

import numpy as np
import pytest
from scipy.signal import lfilter

from config.plan import SeasonPlan
from operators.encoding.codes import CODES
from operators.profiles.seasonal_dependence import calibrate_in_season
from operators.statistics.ranks import rank_rows, reference_counts, spread_ranks, value_codes
from schemas.profile import Calibration
from tests.operators.seasons import DAY, HOUR, model, profile, times, values
from tests.operators.signals import categorical_signal, codes_of, continuous_signal, discrete_signal


def following(rho, count, seed):
    noise = np.random.default_rng(seed).normal(size=count)
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise)


def test_a_daily_cycle_is_no_dependence():
    """Without season it is a strong one, after which hardly anything is found."""
    when = times(21, 60)
    made = profile(model(), when, values(when))
    assert made.signals["feature.age"].calibration.tau[-1] > 30
    assert made.signals["feature.plan"].calibration.tau[-1] > 3
    for name in ("feature.age", "feature.plan"):
        found = made.season.calibrations[name]
        assert max((*found.tau, *found.spread_tau), default=1.0) < 1.6


@pytest.mark.parametrize("cycle", [0.0, 2.0])
def test_values_that_follow_each_other_are_noticed(cycle):
    """AR(.8): tau is 9, with and without a cycle."""
    when = times(42, 60)
    columns = values(when, cycle=cycle)
    columns["age"] = following(0.8, len(when), 3) + cycle * np.sin(2 * np.pi * when / DAY)
    found = profile(model(), when, columns).season.calibrations["feature.age"]
    assert found.tau[-1] == pytest.approx(9 * 0.95, rel=0.25)
    assert found.values == len(when)


def test_a_single_period_explains_nothing():
    """What is compared with itself alone would look as if it hardly varied; so the cycle counts as dependence."""
    when = times(1, 400)
    made = profile(model(), when, values(when))
    assert made.season.calibrations["feature.age"].tau == pytest.approx(
        made.signals["feature.age"].calibration.tau, rel=0.1
    )


def test_what_a_few_periods_leave_open_is_counted():
    """Of two periods each is as far from the other as live values will be from both together, or farther."""
    when = times(2, 400)
    found = profile(model(), when, values(when)).season.calibrations["feature.age"]
    assert 1.5 < max(found.tau[-1], found.spread_tau[-1]) < 4


def naive_ranks(codes, parts, periods, slices, shared, is_value):
    """Each value in the slice of its part less the values of its own period."""
    found = []
    for code, part, period in zip(codes, parts, periods, strict=True):
        own = np.bincount(codes[(parts == part) & (periods == period)], minlength=CODES)
        rest = np.maximum(slices[part] * is_value - own, 0) + shared
        found.append(rank_rows(rest[None], is_value[None])[0, code])
    return np.array(found)


@pytest.mark.parametrize("kind", ["continuous", "discrete", "categorical"])
def test_ranks_are_those_in_the_other_periods(kind, monkeypatch):
    """Kernel and naive twin agree on what curves and counts are made of."""
    rng = np.random.default_rng(5)
    count = 3_000
    parts, periods = np.repeat(np.tile(np.arange(5), 12), 50), np.repeat(np.arange(12), 250)
    drawn = rng.poisson(1 + parts).astype(float) if kind != "continuous" else rng.normal(size=count) + parts
    if kind == "continuous":
        signal = continuous_signal(drawn, bins=50)
        codes = codes_of(drawn, signal.edges).astype(np.uint8)
    elif kind == "discrete":
        signal = discrete_signal(drawn)
        codes = codes_of(drawn, signal.edges).astype(np.uint8)
    else:
        signal = categorical_signal(np.bincount(drawn.astype(int)))
        codes = np.argsort(np.argsort(-np.bincount(drawn.astype(int)), kind="stable"))[drawn.astype(int)].astype(
            np.uint8
        )
    slices = np.array([np.bincount(codes[parts == part], minlength=CODES) for part in range(5)], np.uint32)
    seen = {}

    def described(forms, counted):
        seen.update(forms=forms, counted=counted())
        return Calibration(values=0, error=0.0)

    monkeypatch.setattr("operators.profiles.seasonal_dependence.described", described)
    calibrate_in_season(signal, codes, parts, periods, slices, 7.0)
    is_value = value_codes(signal)
    whole = reference_counts(signal)
    expected = naive_ranks(codes, parts, periods, slices, 7.0 * whole / whole.sum(), is_value)
    assert seen["forms"][0] == pytest.approx(expected, abs=1e-12)
    assert len(seen["forms"]) == (1 if kind == "categorical" else 2)
    if kind == "continuous":
        assert seen["counted"].expected is None
        assert seen["counted"].cells.tolist() == np.minimum(10 * expected, 9).astype(int).tolist()
        # The mean of its part is taken off a spread rank.
        assert np.corrcoef(seen["forms"][1], spread_ranks(expected))[0, 1] > 0.99
    else:
        wanted = seen["counted"].expected
        assert wanted[-1].sum() == pytest.approx(count)
        observed = np.bincount(seen["counted"].cells, minlength=wanted.shape[1])
        assert wanted[-1] == pytest.approx(observed, rel=0.05, abs=5)


def test_few_values_tell_nothing():
    """As without a season."""
    signal = continuous_signal(np.arange(1_000.0))
    few = np.zeros(99, np.int64)
    found = calibrate_in_season(signal, few.astype(np.uint8), few, few, np.zeros((1, CODES), np.uint32), 1.0)
    assert (found.values, found.tau) == (99, ())


def test_only_the_order_of_time_counts():
    """Not how the records come, in what pieces."""
    when = times(4, 60)
    columns = values(when)
    made = profile(model(), when, columns)
    order = np.random.default_rng(1).permutation(len(when))
    mixed = profile(model(), when[order], {name: column[order] for name, column in columns.items()}, pieces=3)
    assert made.id == mixed.id


def test_clocks_that_change():
    """A cycle by the clocks of Berlin stays one when they go forward."""
    season = SeasonPlan(period_ms=DAY, bins=24, timezone="Europe/Berlin")
    start = 20_538 * DAY  # 2026-03-26, three days before the change
    when = times(30, 60, start)
    forward = when >= (20_541 * DAY + HOUR)
    columns = values(when + HOUR * forward)
    found = profile(model(season), when, columns).season.calibrations["feature.age"]
    assert max((*found.tau, *found.spread_tau), default=1.0) < 1.6
