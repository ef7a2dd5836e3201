"""Windows: what the newest part of one says of a signal, and where a change began."""

from __future__ import annotations

import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.monitoring.window_tests import LEAST
from operators.sketches.sketch import Ring, Slide, count
from operators.sketches.windows import Slides
from tests.operators.panes import MINUTE, TENTHS, Records, detection, pane
from tests.operators.signals import categorical_signal

KINDS = {"o": range(10), "u": range(5, 10), "d": range(5), "w": [0, 1, 8, 9]}


def slides(drawn, of, records=200, kinds=KINDS, seed=0):
    """A slide a letter, a minute each, records drawn from the letter's codes."""
    rng, found = np.random.default_rng(seed), []
    for minute, letter in enumerate(drawn, 1):
        codes = rng.choice(np.array(kinds[letter], np.uint8), (records, len(of.signals.names)))
        shown = pane(Records(minute * MINUTE, codes), of)
        slide = Slide(minute * MINUTE)
        slide.fold(shown.codes, shown.sums)
        found.append(slide)
    return Slides(of, found, len(drawn) * MINUTE), found


@pytest.mark.parametrize("records", [100, 600])
@pytest.mark.parametrize(("drawn", "minute"), [("oooouuu", 4), ("oooooou", 6), ("uuuuuuu", 0), ("ooowwww", 3)])
def test_an_onset_is_the_slide_at_which_the_change_begins(drawn, minute, records):
    """Of a move up as well as of values that come apart; from small slides as well as from large ones."""
    window, _ = slides(drawn, detection(), records)
    found = window.onset(0)
    assert found.at_ms == pytest.approx(minute * MINUTE, abs=MINUTE / 6)
    assert found.at_ms < found.to_ms
    if minute == 0:
        assert found.from_ms is None  # who knows what was before the window
    else:
        assert found.from_ms <= found.at_ms
    if drawn.endswith("ou"):
        assert found.to_ms == 7 * MINUTE  # one slide that differs: anywhere in it
    else:
        assert found.to_ms - minute * MINUTE < MINUTE / 2


@pytest.mark.parametrize("changed", [3, 100, 180])
def test_an_onset_in_slides_that_were_merged(changed):
    """Lies where it is in those that were not, as sure as the slides are long."""
    of = detection()
    exact, found = slides("o" * changed + "u" * (200 - changed), of, records=60)
    ring = Ring(found)
    ring.coarsen(MINUTE, len(of.signals.names))
    merged = Slides(of, ring.slides, 200 * MINUTE)
    assert len(ring.slides) < 140
    sure, less_sure = exact.onset(0), merged.onset(0)
    longest = MINUTE if changed > 140 else 4 * MINUTE
    assert less_sure.at_ms == pytest.approx(changed * MINUTE, abs=longest / 2)
    assert less_sure.from_ms <= changed * MINUTE <= less_sure.to_ms
    assert less_sure.to_ms - less_sure.from_ms >= sure.to_ms - sure.from_ms
    assert merged.span(True) == exact.span(True)
    assert merged.shift_since(0, 150 * MINUTE, 0, spread=False) == exact.shift_since(0, 150 * MINUTE, 0, spread=False)


def test_the_onset_of_a_mix():
    """Categories in the middle change places: no rank moves, shares do."""
    of = detection({"plan": categorical_signal([4_000, 3_000, 2_000, 1_000])}, None)
    kinds = {"o": [0, 0, 0, 0, 1, 1, 1, 2, 2, 3], "x": [0, 0, 0, 0, 1, 1, 2, 2, 2, 3]}
    window, _ = slides("oooooxxxx", of, 1_000, kinds)
    found = window.onset(0)
    assert found.at_ms == pytest.approx(5 * MINUTE, abs=MINUTE / 4)
    assert found.from_ms < 5 * MINUTE < found.to_ms < 7 * MINUTE


def test_the_shift_since_an_onset():
    """By the slides after it: those before do not dilute it, and a slide that it lies in only if it is the last one."""
    window, _ = slides("oooouu", detection(), 2_000)
    up = 0.25 / np.sqrt(1 / 12)  # the mean rank moves from 1/2 to 3/4
    for onset_ms, size in [(4 * MINUTE, up), (5 * MINUTE, up), (5 * MINUTE + 1, up), (2 * MINUTE, up / 2)]:
        assert window.shift_since(0, onset_ms, 0, spread=False).size == pytest.approx(size, abs=0.05)
    assert window.shift_since(0, 10 * MINUTE, 0, spread=False) == window.shift_since(0, 5 * MINUTE, 0, spread=False)
    shift = window.shift_since(0, 4 * MINUTE, 0, spread=False)
    assert shift.z_location > 20 * abs(shift.z_spread)


def test_the_slide_of_an_onset_counts_where_it_shows_more_of_the_move():
    """Of a change in the last slide but one its part says more than it hides; of one that goes back it does not."""
    kinds = {"m": [*range(10), *[*range(5, 10)] * 4], **KINDS}
    window, _ = slides(
        "ooomu",
        detection(),
        200,
        kinds,
    )
    with_it, without = (window.shift_since(0, 3 * MINUTE + 1, direction, spread=False) for direction in (1, 0))
    assert with_it.z_location > without.z_location + 1
    back, _ = slides(
        "uuumo",
        detection(),
        200,
        kinds,
    )
    assert back.shift_since(0, 3 * MINUTE + 1, -1, spread=False) == back.shift_since(0, 4 * MINUTE, 0, spread=False)


def test_a_shift_is_judged_by_enough_values():
    """Where the slides after an onset have too few, older ones are taken, and dilute it."""
    window, _ = slides("oooouu", detection(), LEAST // 4)
    whole, _ = slides("oooouu", detection(), LEAST // 4)
    since = window.shift_since(0, 4 * MINUTE, 0, spread=False)
    assert since == whole.shift_since(0, MINUTE, 0, spread=False)


def test_counts_and_sums_are_those_of_all_slides():
    """Taken together."""
    of = detection({"age": TENTHS, "plan": categorical_signal([5, 5])}, (DetectorPlan(name="psi"),))
    window, found = slides("oud", of, kinds={"o": [0], "u": [1], "d": [0, 1]})
    assert window.records == 600
    assert (window.counts == count(found, 2)).all()
    values = int(window.counts[0] @ np.arange(256))
    assert of.signals.moments.mean(window.sums, np.array([600]))[0] == pytest.approx(values / 600 + 0.5)
