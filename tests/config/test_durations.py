import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import (
    LONGEST_US,
    UNITS_US,
    budget,
    duration,
    microseconds,
    milliseconds,
    share,
    time_ms,
)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("90 s", 90_000_000),
        ("5 min", 300_000_000),
        ("5min", 300_000_000),
        ("5 minutes", 300_000_000),
        ("1 hour", 3_600_000_000),
        ("14 days", 1_209_600_000_000),
        ("1 week", 604_800_000_000),
        ("0.5 h", 1_800_000_000),
        ("0.07 h", 252_000_000),
        ("1_000 ms", 1_000_000),
        ("  7 us ", 7),
        ("0 s", 0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, us):
    """Singular, plural and short units mean the same, with and without a space."""
    assert microseconds(text) == us


WHAT = "is not a duration (a number and ms, s, min, h, days or weeks, as in '5 min')"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", f"'5' {WHAT}"),
        ("", f"'' {WHAT}"),
        ("min", f"'min' {WHAT}"),
        ("-5 min", f"'-5 min' {WHAT}"),
        ("5 lightyears", f"'5 lightyears' {WHAT}"),
        ("5 Min", f"'5 Min' {WHAT}"),
        ("1e3 s", f"'1e3 s' {WHAT}"),
        ("nan s", f"'nan s' {WHAT}"),
        ("0.1 us", "'0.1 us' is finer than a microsecond"),
        ("101 weeks weeks", f"'101 weeks weeks' {WHAT}"),
        ("36601 days", "'36601 days' is too long (at most 100 years)"),
        ("9" * 400 + " s", f"'{'9' * 57}...' is too long (at most 100 years)"),
    ],
)
def test_what_is_no_duration_says_what_one_is(text, message):
    """The text is quoted, and cut where it is long."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        microseconds(text)


def test_most_durations_are_whole_milliseconds():
    """Where milliseconds are the finest, microseconds are refused and not rounded."""
    with pytest.raises(ValueError, match=r"^'1500 us' is finer than a millisecond$"):
        milliseconds("1500 us")


@given(st.integers(0, LONGEST_US // 1_000))
def test_what_is_written_reads_back(ms):
    """`duration` loses nothing."""
    assert milliseconds(duration(ms)) == ms


@given(st.integers(0, 5_000), st.sampled_from(list(UNITS_US)))
def test_units_are_multiples(count, unit):
    """A count of a unit is that many times the unit."""
    assert microseconds(f"{count} {unit}") == count * UNITS_US[unit]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 per 30 days", (1.0, 2_592_000_000)),
        ("2.5 per week", (2.5, 604_800_000)),
        ("1e-1 per 1 h", (0.1, 3_600_000)),
        ("1  per  day", (1.0, 86_400_000)),
    ],
)
def test_a_budget_is_a_count_per_duration(text, expected):
    """The count may be a fraction, and one unit needs no 1."""
    assert budget(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1 per fortnight",
        "0 per day",
        "-1 per day",
        "nan per day",
        "inf per day",
        "1 per 0 s",
        "per day",
        "1 per",
        "",
        "1",
    ],
)
def test_what_is_no_budget_says_what_one_is(text):
    """One message for every way to be wrong."""
    message = f"'{text}' is not a budget (COUNT per DURATION, as in '1 per 30 days')"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        budget(text)


@pytest.mark.parametrize(("text", "expected"), [("1%", 0.01), ("100 %", 1.0), ("0.25", 0.25), ("0", 0.0)])
def test_a_share_is_a_fraction_or_percent(text, expected):
    """Both ways to write it are allowed."""
    assert share(text) == expected


@pytest.mark.parametrize("text", ["101%", "1.5", "-1%", "nan", "x", "", "1 per cent", "e"])
def test_what_is_no_share_says_what_one_is(text):
    """Shares are within 0 and 1."""
    with pytest.raises(ValueError, match="^" + re.escape(f"'{text}' is not a share (0 to 1, or 0% to 100%)")):
        share(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01t00:00:00.123z".upper(), 1_767_225_600_123),
        ("2026-01-01T05:30:00+05:30", 1_767_225_600_000),
        ("2026-01-01", 1_767_225_600_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_a_time_is_rfc_3339(text, ms):
    """Without an offset it is UTC; times before 1970 are fine."""
    assert time_ms(text) == ms


def test_what_is_no_time_says_what_one_is():
    """The text is quoted."""
    with pytest.raises(ValueError, match=r"^'soon' is not a time \(RFC 3339, as in '2026-01-31T12:00:00Z'\)$"):
        time_ms("soon")
