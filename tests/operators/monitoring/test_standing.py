"""Where sequential detectors stand at the end of a window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec import structs

from config.plan import ALL, DetectorPlan
from operators.detectors import page_hinkley
from operators.monitoring.standing import standings
from operators.monitoring.state import KeyState
from tests.operators.panes import detection
from tests.operators.signals import continuous_signal, discrete_signal

SIGNALS = {"age": continuous_signal(np.arange(10_000.0)), "flag": discrete_signal([1_000])}


def state_of(of, rows) -> KeyState:
    """Of a key whose page_hinkley tracks have these rows of (rise, fall)."""
    known = page_hinkley.start(len(of.tracks.page_hinkley.tracks))
    known[:, page_hinkley.COUNT] = 100.0
    known[: len(rows), page_hinkley.RISE] = [rise for rise, _ in rows]
    known[: len(rows), page_hinkley.FALL] = [-fall for _, fall in rows]
    tracks = of.tracks.pack(of.tracks.start())
    tracks[1] = page_hinkley.pack(known)
    return KeyState(made_for=b"", first_ms=0, pane_ms=3_600_000, records=3_600, slide=None, tracks=tracks)


@pytest.mark.parametrize(("rise", "fall"), [(3.0, 1.0), (1.0, 3.0), (0.0, 0.0)])
def test_the_side_that_is_nearer_to_an_alarm(rise, fall):
    """Its cumulative deviation, and above what it alarms; of ADWIN without values there is nothing to tell."""
    of = detection({"age": SIGNALS["age"]}, (DetectorPlan(name="page_hinkley"), DetectorPlan(name="adwin")))
    state = state_of(of, [(rise, fall)])
    at = of.thresholds(ALL, state.values_per_ms(of.signals.model.window.slide_ms))
    found = standings(of, ALL, state)
    names = [track.name for track in of.tracks.tracks]
    assert sorted(names[track] for track in found) == ["page_hinkley", "page_hinkley:spread"]
    statistic, threshold = found[names.index("page_hinkley")]
    assert statistic == max(rise, fall)
    assert threshold == (at.down if fall > rise else at.up)[0]


def test_what_cannot_alarm_is_not_told():
    """A reference of one value gives no threshold, never an infinite one."""
    of = detection({"flag": SIGNALS["flag"]}, (DetectorPlan(name="page_hinkley"),))
    state = state_of(of, [(3.0, 1.0), (3.0, 1.0)])
    for statistic, threshold in standings(of, ALL, state).values():
        assert math.isfinite(statistic)
        assert math.isfinite(threshold)


def test_a_rate_of_records():
    """In the first slide as if it were over, later of the time that has passed."""
    of = detection({"age": SIGNALS["age"]}, (DetectorPlan(name="page_hinkley"),))
    state = state_of(of, [])
    assert state.values_per_ms(300_000) == 0.001
    assert structs.replace(state, pane_ms=10_000, records=300).values_per_ms(300_000) == 0.001
