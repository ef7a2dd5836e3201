"""A monitor whose model has a season: what comes back is no drift, what does not is, whatever the batches."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, SeasonPlan, WindowPlan
from operators.monitoring.detection import Detection
from operators.profiles.references import ModelSignals
from tests.operators.panes import RESTART, SHUFFLE, Driver, Records
from tests.operators.seasons import DAY, HOUR, MONDAY_MS, SEASON, model, profile, times, values

SLIDE = HOUR // 4
ALARMS = AlarmsPlan(budget=1.0, period_ms=30 * DAY, confirm=2, recover=2, min_effect="small", critical="large")
WINDOW = WindowPlan(size_ms=HOUR, slide_ms=SLIDE, min_count=100, grow_to_ms=HOUR)
WHEN = times(14, 240)
LIVE_MS = MONDAY_MS + 28 * DAY


def detection(season=SEASON, when=WHEN, columns=None):
    plan = model(season, window=WINDOW, alarms=ALARMS)
    return Detection(ModelSignals(plan, profile(plan, when, values(when) if columns is None else columns)))


def panes(of, when, columns, length_ms=SLIDE):
    """The records, a pane every so many milliseconds."""
    codes = np.empty((len(when), 2), np.uint8)
    codes[:, 0] = of.signals.numeric_coder.codes(columns["age"][:, None].copy()).ravel()
    codes[:, 1] = of.signals.category_coders[0].codes(list(columns["plan"]))
    ends = (when // length_ms + 1) * length_ms
    return [Records(int(end), codes[ends == end], length_ms) for end in np.unique(ends)]


def live(of, days=2.0, hour=240, start_ms=LIVE_MS, **more):
    when = times(days, hour, start_ms)
    return panes(of, when, values(when, seed=7, **more))


@pytest.fixture(scope="module")
def seasonal():
    return detection()


def test_what_comes_back_is_no_drift(seasonal):
    """Two days like those of the reference; without `season` the cycle hides what is smaller than itself."""
    assert Driver(seasonal).run(live(seasonal, 4)).told == []


def test_a_shift_on_top_of_the_season_is_found(seasonal):
    """Within three hours, at any time of the day; without a season never."""
    for hour in (0, 7, 15):
        start = LIVE_MS + hour * HOUR
        items = [*live(seasonal, 0.5, start_ms=start), *live(seasonal, 0.25, start_ms=start + 12 * HOUR, shift=0.7)]
        told = [one for one in Driver(seasonal).run(items).told if one[2] == "opened"]
        minute = (start + 12 * HOUR) // 60_000
        assert [one[1:] for one in told] == [("age", "opened", "up")]
        assert minute < told[0][0] <= minute + 180
    plain = detection(None)
    assert Driver(plain).run([*live(plain, 1), *live(plain, 1, start_ms=LIVE_MS + DAY, shift=0.7)]).told == []


def test_a_shift_of_the_cycle_is_found(seasonal):
    """Values of the afternoon in the morning: as of all times nothing has changed."""
    when = times(1, 240, LIVE_MS)
    told = Driver(seasonal).run(panes(seasonal, when, values(when + 8 * HOUR, seed=3))).told
    assert {one[1] for one in told if one[2] == "opened"} == {"age", "plan"}


def test_the_onset_is_not_where_the_season_turns(seasonal):
    """The change begins at half past the hour, in the steepest part of the cycle."""
    start, change_ms = LIVE_MS, LIVE_MS + 22 * HOUR + HOUR // 2
    items = [*live(seasonal, 22.5 / 24, 800, start), *live(seasonal, 0.125, 800, change_ms, shift=0.8)]
    change = next(one for one in Driver(seasonal).run(items).changes if one.evidence.signal == "feature.age")
    assert change.onset_ms == pytest.approx(change_ms, abs=20 * 60_000)


def test_the_reference_that_is_shown_is_that_of_these_times(seasonal):
    """Mean and histogram of the reference at these hours."""
    items = live(seasonal, 0.25, start_ms=LIVE_MS + 4 * HOUR, shift=1.0)
    told = Driver(seasonal).run(items).changes[0]
    evidence = told.evidence
    middle_ms = told.time_ms - HOUR // 2
    assert evidence.reference.mean == pytest.approx(2 * np.sin(2 * np.pi * middle_ms / DAY), abs=0.25)
    assert evidence.histogram.reference == pytest.approx([0.1] * 10, abs=0.05)
    assert told.profile_id == seasonal.signals.profile_id


def test_neither_batches_nor_restarts_matter(seasonal):
    """Also over both changes of the clocks, and for the sequential detectors."""
    season = SeasonPlan(period_ms=DAY, bins=24, timezone="Europe/Berlin")
    of = detection(season)
    items = live(of, 1, start_ms=20_541 * DAY, shift=0.5)
    whole = Driver(of, scores=True).run(items)
    again = Driver(of, scores=True).run([SHUFFLE, *(one for item in items for one in (item, RESTART))])
    assert whole.said == again.said
    assert whole.state == again.state


def test_what_is_ignored_neither_opens_nor_resolves(seasonal):
    """A sale from noon on: values of it are counted, compared with nothing, and in no window afterwards."""
    sale = (LIVE_MS + DAY // 2, LIVE_MS + DAY)
    of = detection(msgspec.structs.replace(SEASON, ignore=(sale,)))
    before, after = live(of, 0.5), live(of, 0.5, start_ms=sale[1])
    items = [*before, *live(of, 0.5, start_ms=sale[0], shift=3.0), *after]
    driver = Driver(of, scores=True).run(items)
    assert driver.told == []
    assert driver.counted == 240 * 36
    assert len(driver.summaries) == 24 * 4
    assert Driver(seasonal).run(items).told != []


def test_an_episode_goes_on_over_what_is_ignored():
    """It does not recover for want of records."""
    sale = (LIVE_MS + DAY // 2, LIVE_MS + DAY)
    of = detection(msgspec.structs.replace(SEASON, ignore=(sale,)))
    items = [*live(of, 0.5, shift=1.0), *live(of, 0.5, start_ms=sale[0]), *live(of, 0.25, start_ms=sale[1], shift=1.0)]
    assert [one[2] for one in Driver(of).run(items).told if one[1] == "age"] == ["opened"]
    over = [*items[:-24], *live(of, 0.25, start_ms=sale[1])]
    assert [one[2] for one in Driver(of).run(over).told if one[1] == "age"] == ["opened", "recovered"]
