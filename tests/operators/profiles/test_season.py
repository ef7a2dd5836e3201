"""Which part of a season a time is in, by the clocks of a zone."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.plan import SeasonPlan
from operators.profiles.season import Calendar

HOUR, DAY, WEEK = 3_600_000, 86_400_000, 7 * 86_400_000
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"]


def calendar(period_ms=WEEK, bins=168, timezone="UTC", ignore=()):
    return Calendar(SeasonPlan(period_ms=period_ms, bins=bins, timezone=timezone, ignore=ignore))


def at(text):
    """Milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


@given(time_ms=st.integers(0, 4_000_000_000_000), zone=st.sampled_from(ZONES))
@example(time_ms=at("2026-03-29 00:59:59"), zone="Europe/Berlin")
@example(time_ms=at("2026-03-29 01:00:00"), zone="Europe/Berlin")
@example(time_ms=at("2026-10-25 00:30:00"), zone="Europe/Berlin")
@example(time_ms=at("2026-10-25 01:30:00"), zone="Europe/Berlin")
@example(time_ms=at("2026-04-04 15:15:00"), zone="Australia/Lord_Howe")
def test_the_hour_of_the_week_is_what_the_clocks_say(time_ms, zone):
    """Of any time in any zone, as Python's own time zones have it."""
    local = datetime.fromtimestamp(time_ms / 1000, timezone.utc).astimezone(ZoneInfo(zone))
    assert calendar(timezone=zone).bins(np.array([time_ms])).tolist() == [24 * local.weekday() + local.hour]


@given(
    time_ms=st.integers(0, 4_000_000_000_000),
    zone=st.sampled_from(ZONES),
    period_ms=st.integers(DAY, 60 * DAY),
    bins=st.integers(2, 10_080),
)
def test_any_period_and_bins(time_ms, zone, period_ms, bins):
    """Periods are counted from a Monday of 1970, by the clocks; their parts are equally long."""
    local = datetime.fromtimestamp(time_ms / 1000, timezone.utc).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    since_ms = (local - datetime(1970, 1, 5)) // timedelta(milliseconds=1)  # noqa: DTZ001 (what the clocks say)
    of = calendar(period_ms, bins, zone)
    assert of.periods(np.array([time_ms])).tolist() == [since_ms // period_ms]
    assert of.bins(np.array([time_ms])).tolist() == [since_ms % period_ms * bins // period_ms]


def test_both_changes_of_the_clocks():
    """In March an hour is left out, in October one comes twice."""
    berlin = calendar(DAY, 24, "Europe/Berlin")
    hours = HOUR * np.arange(-1, 4)
    assert berlin.bins(at("2026-03-29 00:00") + hours).tolist() == [0, 1, 3, 4, 5]
    assert berlin.bins(at("2026-10-25 00:00") + hours).tolist() == [1, 2, 2, 3, 4]
    assert berlin.shares(at("2026-10-25 00:00"), at("2026-10-25 02:00")) == ((2, 1.0),)


def test_times_without_clocks():
    """Whatever a producer writes as time of a record: nothing fails."""
    found = calendar(timezone="Europe/Berlin").bins(np.array([-(1 << 60), -1, 1 << 60]))
    assert ((found >= 0) & (found < 168)).all()


@given(start=st.integers(0, 2_000), minutes=st.integers(1, 3_000), bins=st.sampled_from([2, 7, 168]))
def test_shares_of_a_span(start, minutes, bins):
    """They add up to one, and are right to a twelfth of a part."""
    start_ms, length_ms = at("2026-03-28 00:00") + 60_000 * start, 60_000 * minutes
    of = calendar(WEEK, bins, "Europe/Berlin")
    shares = dict(of.shares(start_ms, start_ms + length_ms))
    assert sum(shares.values()) == pytest.approx(1)
    exact = np.bincount(of.bins(start_ms + 1_000 * np.arange(60 * minutes)), minlength=bins) / (60 * minutes)
    touched = -(-length_ms * bins // WEEK)
    assert all(abs(exact[part] - shares.get(part, 0.0)) <= 1.1 / (12 * touched) for part in range(bins))


def test_spans_that_are_left_out():
    """From their beginning to before their end; a slide that touches one is no part of the season."""
    of = calendar(ignore=((1_000, 2_000), (5_000, 6_000)))
    assert of.ignored(np.array([999, 1_000, 1_999, 2_000, 5_500])).tolist() == [False, True, True, False, True]
    assert [of.ignores(*span) for span in [(0, 1_000), (0, 1_001), (1_500, 3_000), (2_000, 5_000)]] == [
        False,
        True,
        True,
        False,
    ]
