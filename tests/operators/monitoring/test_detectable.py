from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri
from scipy.stats import binom, ncx2

from config.plan import AlarmsPlan, DetectorPlan
from operators.monitoring.detectable import (
    NORMAL_TILT,
    Slow,
    describe,
    smallest_psi,
    smallest_shift,
    smallest_spread,
)
from operators.monitoring.window_tests import evaluate_counts, judge, reference_tables
from operators.profiles.dependence import calibrate
from operators.statistics.effects import LEVELS, effect_levels, effect_sizes
from operators.statistics.g_test import chi_squared_threshold
from operators.statistics.ks import ks_threshold
from operators.statistics.lepage import lepage_threshold
from tests.operators.panes import detection
from tests.operators.signals import codes_of, continuous_signal, window

ALARMS = AlarmsPlan(budget=1.0, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large")


@pytest.mark.parametrize(
    ("n", "m", "shift", "spread"),
    [
        (500, 2_000, 0.332, 1.36),
        (500, 10_000, 0.311, 1.32),
        (1_000, 10_000, 0.223, 1.22),
        (5_000, 2_000, 0.179, 1.17),
        (5_000, 10_000, 0.116, 1.11),
        (5_000, 100_000, 0.099, 1.09),
    ],
)
def test_smallest_changes_are_those_simulated(n: int, m: int, shift: float, spread: float) -> None:
    """At 2.9e-7, within 2.5 %: what simulations with 90 % power found by the rank tests."""
    inverse = 1 / n + 1 / m
    assert smallest_shift(2.9e-7, inverse) == pytest.approx(shift, rel=0.025)
    assert smallest_spread(2.9e-7, inverse) == pytest.approx(spread, rel=0.025)


@pytest.mark.parametrize("level", [0.5, 1e-3, 2.9e-7, 1e-12])
def test_smallest_psi_has_the_stated_power(level: float) -> None:
    """The noncentral tail of scipy at it is 90 %."""
    noncentrality = smallest_psi(level, 1.0)
    assert ncx2.sf(chi_squared_threshold(level, 9), 9, noncentrality) == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize("min_effect", ["small", "large"])
def test_smallest_change_is_at_least_the_smallest_that_matters(min_effect) -> None:
    """Of large windows `min_effect` decides: nine in ten of 400 are found and as large as it asks, within 99.9 %."""
    rng = np.random.default_rng(14)
    n, m, level = 2_500, 20_000, 1e-4
    inverse = 1 / n + 1 / m
    told = describe(
        structs.replace(ALARMS, budget=level, period_ms=1, confirm=1, min_effect=min_effect),
        tests=1, segments=0, whole=True, slide_ms=1, count=n, reference=m, values_per_ms=1.0,
    )  # fmt: skip
    assert told.smallest_shift > smallest_shift(level, inverse)
    tenths = ndtri(np.arange(1, 10) / 10)

    def psi_of(shift: float) -> float:
        shares = np.diff(ndtr(tenths - shift), prepend=0, append=1)
        return float(((shares - 0.1) * np.log(shares / 0.1)).sum())

    changes = [("lepage", told.smallest_shift, 1.0), ("lepage", 0.0, told.smallest_spread)]
    changes.append(("psi", brentq(lambda shift: psi_of(shift) - told.smallest_psi, 0.01, 3), 1.0))
    found = [0, 0, 0]
    for _ in range(20):
        signal = continuous_signal(rng.normal(size=m))
        for change, (detector, shift, factor) in enumerate(changes):
            codes = codes_of(shift + factor * rng.normal(size=(20, n)), signal.edges)
            tests = evaluate_counts(reference_tables([signal] * 20), np.array([window(row)[0] for row in codes]))
            judged, sizes = judge(tests, detector, level), effect_sizes(tests, detector)
            large = effect_levels(tests, detector, sizes) >= LEVELS.index(min_effect)
            found[change] += np.count_nonzero((judged.statistic > judged.threshold) & large)
    for many in found:
        assert binom.ppf(0.0005, 400, 0.85) <= many <= binom.ppf(0.9995, 400, 0.95)


@pytest.mark.parametrize("change", ["shift", "spread"])
def test_smallest_change_is_found_nine_times_in_ten(change: str) -> None:
    """1,000 windows with the smallest change and a level of 1e-4: central 99.9 % of a binomial with 85 to 95 %."""
    rng = np.random.default_rng(12)
    n, m, level = 1_000, 10_000, 1e-4
    inverse = 1 / n + 1 / m
    shift = smallest_shift(level, inverse) if change == "shift" else 0.0
    factor = smallest_spread(level, inverse) if change == "spread" else 1.0
    found = 0
    for _ in range(50):
        signal = continuous_signal(rng.normal(size=m))
        codes = codes_of(shift + factor * rng.normal(size=(20, n)), signal.edges)
        tests = evaluate_counts(reference_tables([signal] * 20), np.array([window(row)[0] for row in codes]))
        judged = judge(tests, "lepage", level)
        found += np.count_nonzero(judged.statistic > judged.threshold)
    assert binom.ppf(0.0005, 1_000, 0.85) <= found <= binom.ppf(0.9995, 1_000, 0.95)


def test_changes_that_no_window_can_show_are_infinite() -> None:
    """One value against one: even everything moved says nothing."""
    assert smallest_shift(1e-6, 2.0) == math.inf
    assert smallest_spread(1e-6, 2.0) == math.inf
    assert math.isfinite(smallest_psi(1e-6, 2.0))


def test_normal_tilt_is_that_of_a_continuous_reference() -> None:
    """The constant for the typical threshold agrees with the solver."""
    of = detection({"age": continuous_signal(np.arange(10_000.0))}, (DetectorPlan(name="page_hinkley"),))
    up, down = of.tracks.page_hinkley.tilts(of.tables.counts)
    assert (up[0], down[0]) == pytest.approx((NORMAL_TILT, NORMAL_TILT), rel=2e-3)


def test_smallest_changes_of_values_that_follow_each_other() -> None:
    """AR(0.9), each change in 300 windows: central 99.9 % of a binomial with 80 to 99 %, thresholds being cautious."""
    rng = np.random.default_rng(13)
    n, m, level = 2_000, 40_000, 1e-3

    def values(count: int) -> np.ndarray:
        return np.asarray(lfilter([np.sqrt(0.19)], [1, -0.9], rng.normal(size=count + 500)))[500:]

    reference = values(m)
    signal = continuous_signal(reference)
    signal = structs.replace(signal, calibration=calibrate(signal, codes_of(reference, signal.edges).astype(np.uint8)))
    tables = reference_tables([signal])
    grown = tables.inflated(np.array([float(n)]))
    slow = Slow(
        float(grown.location[0]), float(grown.spread[0]), float(grown.gap[0]), float(grown.rough[0]),
        tuple(grown.shares[0].tolist()), float(tables.inflation.long.location[0]),
    )  # fmt: skip
    told = describe(
        AlarmsPlan(budget=level, period_ms=1, confirm=1, recover=3, min_effect="small", critical="large"),
        tests=1, segments=0, whole=True, slide_ms=1, count=n, reference=m, values_per_ms=1.0, slow=slow,
    )  # fmt: skip
    assert told.level == level
    assert told.block == math.ceil(3 * slow.long)
    changes = (("psi", math.sqrt(told.smallest_psi / 0.96), 1.0), ("lepage", 0.0, told.smallest_spread))
    found = dict.fromkeys(("psi", "lepage"), 0)
    for _ in range(300):
        for detector, shift, factor in changes:
            shown = window(codes_of(shift + factor * values(n), signal.edges))
            judged = judge(evaluate_counts(tables, shown), detector, level)
            found[detector] += int(judged.statistic[0] > judged.threshold[0])
    for detector in found:
        assert binom.ppf(0.0005, 300, 0.75) <= found[detector] <= binom.ppf(0.9995, 300, 0.99)


def test_description_of_a_key() -> None:
    """One a month for 22 signals with 4 detectors, every 5 minutes, windows of 5,000 against 20,000."""
    told = describe(
        ALARMS,
        tests=88,
        segments=10,
        whole=False,
        slide_ms=300_000,
        count=5_000,
        reference=20_000,
        values_per_ms=5_000 / 3_600_000,
    )
    inverse = 1 / 5_000 + 1 / 20_000
    assert told.false_episodes == 0.05
    assert told.level == pytest.approx(4 * 0.05 / (8_640 * 88))
    assert told.chi_squared == chi_squared_threshold(told.level, 9)
    assert told.psi == told.chi_squared * inverse
    assert told.ks == ks_threshold(told.level, inverse)
    assert told.lepage == lepage_threshold(told.level)
    assert told.values_between == pytest.approx(3_600_000 * 88 / 0.05)
    assert told.smallest_psi == smallest_psi(told.level, inverse, least=0.01) > smallest_psi(told.level, inverse)
    assert told.smallest_shift == smallest_shift(told.level, inverse, least=0.1) > smallest_shift(told.level, inverse)
    assert told.smallest_spread == smallest_spread(told.level, inverse, least=0.1)
    assert told.window_share == 0.25
    assert 0 < told.adwin_delta < 0.01
    assert 20 < told.page_hinkley < 60


def test_documented_table_is_what_is_computed() -> None:
    """The rows of docs/detection.md under "What will be found"."""
    text = (Path(__file__).parents[3] / "docs" / "detection.md").read_text()
    lines = text.partition("## What will be found")[2].partition("A larger budget")[0].splitlines()
    rows = [
        [float(cell.replace(",", "")) for cell in line.strip("|").split("|")] for line in lines if line[2:3].isdigit()
    ]
    assert len(rows) == 5
    for n, m, psi, shift, factor in rows:
        inverse = 1 / n + 1 / m
        assert round(smallest_psi(2.9e-7, inverse), 3) == psi
        assert round(smallest_shift(2.9e-7, inverse), 2) == shift
        assert round(smallest_spread(2.9e-7, inverse), 2) == factor
