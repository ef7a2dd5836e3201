"""A window against the time before it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.encoding.codes import OTHER, UNSEEN
from operators.sketches.previous import before
from operators.sketches.sketch import Ring, Slide
from schemas.cloudevents import timestamp
from schemas.profile import Calibration
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, TENTHS, Driver, Records, detection, pane, timeline
from tests.operators.signals import categorical_signal

# Codes of a minute's records: where the profile was made, two places that it never saw, and spread out.
KINDS = {"o": range(10), "u": range(5, 10), "d": range(5), "l": range(3), "h": range(7, 10)}
PREVIOUS = {"previous_ms": 10 * MINUTE}


def told(drawn, records=200, **more):
    """What is said of one feature, each minute of the timeline a slide; windows have three, of ten before them."""
    driver = Driver(detection(**{**PREVIOUS, **more})).run(timeline(drawn, KINDS, records))
    return [(minute, state, why) for minute, _, state, why in driver.told]


def ring(drawn, of, records=200):
    """Slides of a minute."""
    found = Ring()
    for minute, letter in enumerate(drawn, 1):
        codes = np.resize(np.array(KINDS[letter], np.uint8), (records, len(of.signals.names)))
        shown = pane(Records(minute * MINUTE, codes), of)
        found.slides.append(Slide(minute * MINUTE))
        found.slides[-1].fold(shown.codes, shown.sums)
    return found


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ("u" * 30, []),  # always unlike the profile, which does not matter
        ("u" * 12 + "d" * 25, [(14, "opened", "down"), (26, "recovered", "recovered")]),
        (
            "o" * 12 + "uuuuuuuuuuuuuuuuuuuu",
            [(14, "opened", "up"), (15, "changed", "up"), (26, "recovered", "recovered")],
        ),
        ("ooouuuuu", [(6, "opened", "up")]),  # what there is of the time before is enough
    ],
)
def test_a_timeline(drawn, said):
    """A change opens a signal, and is over when the time before looks like it; what never changes is never told."""
    assert told(drawn) == said


def test_nothing_is_said_without_a_time_before():
    """Of the first window, of one after a gap that is longer than it, and while it has too few records."""
    driver = Driver(detection(**PREVIOUS), scores=True)
    driver.run(timeline("ooo" + "ooooo" + "." * 30 + "uuuu", KINDS))
    assert driver.told == []
    said = [(s.window.end, s.status) for s in driver.summaries]
    statuses = dict(zip((f"{minute}" for minute in [*range(1, 9), *range(39, 43)]), (s for _, s in said), strict=True))
    assert [minute for minute, status in statuses.items() if status == "ok"] == ["4", "5", "6", "7", "8", "42"]
    assert {status for status in statuses.values()} == {"ok", "insufficient"}


def test_a_short_gap_does_not_matter():
    """A time before that is not quite empty is compared with."""
    assert told("ooooo.....uuuu")[0] == (12, "opened", "up")


def test_restarts_and_order_change_nothing():
    """The same bytes are said, with summaries."""
    items = timeline("o" * 12 + "uuuu....uuuuooooooooo", KINDS)
    plain = Driver(detection(**PREVIOUS), scores=True).run(items)
    stirred = [part for item in items for part in (item, RESTART)]
    assert Driver(detection(**PREVIOUS), scores=True).run([SHUFFLE, *stirred]).said == plain.said
    assert plain.told


def test_what_is_told():
    """The time before stands where the profile would: moments, shares, kind and span."""
    driver = Driver(detection(**PREVIOUS), scores=True).run(timeline("u" * 12 + "d" * 3, KINDS))
    (opened, *_) = driver.changes
    assert (opened.profile_kind, opened.profile_id) == ("previous", driver.detection.signals.profile_id)
    assert (opened.previous.start, opened.previous.end) == (timestamp(MINUTE), timestamp(11 * MINUTE))
    assert opened.window.start == opened.previous.end
    assert driver.summaries[-1].previous.end == timestamp(12 * MINUTE)
    assert driver.summaries[0].previous is None
    assert opened.evidence.reference.mean == pytest.approx(7.5)
    assert opened.evidence.histogram.reference == (0.2,) * 5
    assert opened.onset_ms == pytest.approx(12 * MINUTE, abs=MINUTE / 8)


def test_a_new_category_is_new_once():
    """One that the profile never had is known when it was there before the window."""
    for rest, code in ((0, UNSEEN), (50, OTHER)):
        of = detection({"plan": categorical_signal([500, 500], rest)}, (DetectorPlan(name="psi"),), **PREVIOUS)
        kinds = {"o": [0, 1], "n": [0, 1, code]}
        driver = Driver(of)
        for item in timeline("o" * 12 + "n" * 30, kinds, 300):
            driver.run([item])
        (first, _, opened, _), (last, _, over, _) = driver.told
        assert (first, opened, over) == (14, "opened", "recovered")
        assert last in (25, 26)


def test_both_sides_vary():
    """With values that follow each other the reference's mean varies as much as the window's."""
    slow = Calibration(values=900, error=0.0, tau=(2.0, 4.0, 8.0), spread_tau=(2.0, 4.0, 8.0), shares=((2.0, 1.0),) * 3)
    of = detection({"age": msgspec.structs.replace(TENTHS, calibration=slow)}, **PREVIOUS)
    assert before(of, ring("ooooooooo", of, 1), 9 * MINUTE) is None  # too few records
    against, span = before(of, ring("ooooooooo", of), 9 * MINUTE)
    assert (span.start, span.end) == (timestamp(-MINUTE), timestamp(9 * MINUTE))
    assert against.tables.totals.tolist() == [1_800]
    # Two values, of which the mean varies 2 times as much, against 1,800, 8 times: 2/2 + 8/1800 over 1/2 + 1/1800.
    assert against.tables.inflated(np.array([2.0])).location[0] == pytest.approx(
        (2 / 2 + 8 / 1800) / (1 / 2 + 1 / 1800)
    )
    assert of.tables.inflated(np.array([2.0])).location[0] == 2.0


def test_another_kind_of_reference_begins_anew():
    """What was open against the profile is over."""
    driver = Driver(detection()).run(timeline("oooouuu", KINDS))
    driver.detection = detection(**PREVIOUS)
    driver.run(timeline("uuu", KINDS, start=7))
    assert driver.told[-1][2:] == ("recovered", "configuration")


def test_no_detector_needs_a_reference_that_stays():
    """What is watched when nothing is said of it."""
    of = detection({"age": TENTHS, "plan": categorical_signal([5, 5])}, None, **PREVIOUS)
    assert [[plan.name for plan in plans] for plans in of.detectors] == [["psi", "lepage", "adwin"], ["psi", "adwin"]]
