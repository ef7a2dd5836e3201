"""Dependence of the stream's values, where the reference is in no known order: thresholds follow it."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import structs

from config.plan import ALL, DetectorPlan
from operators.encoding.codes import MISSING, OTHER, UNSEEN
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key, unpack
from operators.monitoring.stream_dependence import unordered
from operators.profiles.references import ModelSignals
from schemas.profile import Calibration
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, Driver, Records, detection
from tests.operators.signals import categorical_signal, numeric_signal
from tests.operators.sketches.test_octaves import coded, following

INDEPENDENT = Calibration(values=20_000, error=0.02)
SLOW = Calibration(values=20_000, error=0.1, tau=(2.0, 9.0), spread_tau=(1.5, 4.0), shares=((9.0, 4.0), (9.0, 4.0)))
EVEN = numeric_signal(np.arange(1, 250), np.full(250, 80), discrete=False)
ALL_DETECTORS = tuple(DetectorPlan(name=name) for name in ("psi", "lepage", "ks", "adwin", "page_hinkley"))


def of_file(signals, order="file", **more):
    """Detection against a reference whose records came in this order."""
    made = detection(signals, ALL_DETECTORS, budget=30.0, **more).signals
    provenance = structs.replace(made.profile.provenance, order=order)
    return Detection(ModelSignals(made.model, structs.replace(made.profile, provenance=provenance)))


def known(calibration=INDEPENDENT):
    """A number with this calibration."""
    return structs.replace(EVEN, calibration=calibration)


def shown(codes, each=200):
    """Panes of a minute."""
    return [
        Records((minute + 1) * MINUTE, part[:, None])
        for minute, part in enumerate(np.array_split(np.asarray(codes, np.uint8), len(codes) // each))
    ]


@pytest.mark.parametrize(
    ("order", "calibrations", "positions"),
    [
        ("file", (INDEPENDENT, INDEPENDENT), [0, 1]),
        ("time", (INDEPENDENT, INDEPENDENT), []),
        (None, (INDEPENDENT, INDEPENDENT), []),  # made before there was an order
        ("file", (INDEPENDENT, None), [0]),
        ("file", (INDEPENDENT, SLOW), [0, 1]),  # which may be sorted by anything
    ],
)
def test_of_which_signals_the_reference_does_not_tell(order, calibrations, positions):
    """Without times, whatever follows each other in the file."""
    signals = {f"x{number}": known(one) for number, one in enumerate(calibrations)}
    assert unordered(of_file(signals, order).signals) == positions


def test_independent_values_change_nothing():
    """Evaluations are those against a reference in the order of time."""
    codes = np.random.default_rng(1).integers(0, 250, 6_000)
    said = [Driver(of_file({"age": known()}, order), scores=True).run(shown(codes)) for order in ("time", "file")]
    evaluations = [[one.evaluations for one in driver.summaries] for driver in said]
    assert evaluations[0] == evaluations[1] != []


def test_values_that_follow_each_other():
    """Against a shuffled reference they would alarm again and again; the stream tells that they follow each other."""
    codes = coded(following(np.random.default_rng(3), 0.9, 40_000))
    alone = Driver(of_file({"age": known()}, "time"), scores=True).run(shown(codes))
    told = Driver(of_file({"age": known()}), scores=True).run(shown(codes))
    assert len(alone.changes) > 20
    assert told.changes == []
    assert sum(one.exceeded for one in alone.summaries) > 50 * sum(one.exceeded for one in told.summaries)
    detection_of = of_file({"age": known()})
    own = detection_of.slowed(_tau(told))
    assert own.id == detection_of.id  # the state is the same's
    before, after = (one.thresholds(ALL, 200 / MINUTE) for one in (detection_of, own))
    assert (after.up > 5 * before.up).all()
    assert (after.delta < before.delta).all()


def test_a_change_is_found_all_the_same():
    """In independent values as before; in values that follow each other when it is large enough."""
    rng = np.random.default_rng(4)
    shift = np.where(np.arange(12_000) < 6_000, 0.0, 0.5)
    for values in (rng.normal(size=12_000) + shift, following(rng, 0.5, 12_000) + 2 * shift):
        driver = Driver(of_file({"age": known()})).run(shown(coded(values)))
        assert [change.state for change in driver.changes][:1] == ["opened"]
        assert abs(driver.changes[0].onset_ms - 30 * MINUTE) < 2 * MINUTE


def test_names():
    """Of names one thing is followed, their ranks; missing ones are passed over."""
    plan = structs.replace(categorical_signal([500, 300, 200]), calibration=INDEPENDENT)
    runs = np.repeat(np.random.default_rng(5).choice(3, 1_000, p=[0.5, 0.3, 0.2]), 40)
    codes = np.where(np.arange(len(runs)) % 3 == 0, MISSING, runs)
    told = Driver(of_file({"plan": plan})).run(shown(codes))
    alone = Driver(of_file({"plan": plan}, "time")).run(shown(codes))
    assert len(alone.changes) > 5
    assert told.changes == []


def test_neither_restarts_nor_batches_matter():
    """The state goes through bytes, and records come mixed."""
    codes = coded(following(np.random.default_rng(6), 0.8, 6_000) + np.where(np.arange(6_000) < 4_000, 0.0, 2.0))
    panes = shown(codes)
    once = Driver(of_file({"age": known()}), scores=True).run(panes)
    assert once.changes
    again = [item for pane in panes for item in (RESTART, pane)]
    assert Driver(of_file({"age": known()}), scores=True).run([SHUFFLE, *again]).said == once.said


def _tau(driver):
    return unpack(Key("churn", "3", "champion", ALL), driver.state).tau


@pytest.mark.parametrize("ones", [0, 1, 4])
@pytest.mark.parametrize("kind", [numeric_signal, categorical_signal])
def test_what_hardly_varies_in_the_reference_is_not_taken_for_dependent(ones, kind):
    """A record of a rare kind has not come yet: nothing varies, and that is no sign of how values follow each other."""
    if kind is numeric_signal:
        counts = [0, 2_000 - ones, 0, ones, 0]
        edges = [0.0, np.nextafter(0.0, 1.0), 1.0, np.nextafter(1.0, 2.0)]
        signal, codes = numeric_signal(edges, counts, discrete=True), (1, 3)
    else:
        signal, codes = categorical_signal([2_000 - ones], rest=ones), (0, OTHER if ones else UNSEEN)
    signal = structs.replace(signal, calibration=INDEPENDENT)
    rng = np.random.default_rng(1)
    calm = np.full(4_000, codes[0])
    changed = np.where(rng.random(2_000) < 0.2, codes[1], codes[0])
    driver = Driver(of_file({"x": signal})).run(shown(np.concatenate([calm, changed])))
    opened = [change for change in driver.changes if change.state == "opened"]
    assert [change.evidence.signal for change in opened] == ["feature.x"]
    assert 0 <= opened[0].time_ms // MINUTE - 20 <= 3
