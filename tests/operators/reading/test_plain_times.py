"""operators/reading/plain_times.py."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from operators.reading.plain_times import NO_TIME, plain_times
from operators.reading.scan_values import FLOAT, INTEGER, LARGE, NOTHING, TEXT
from operators.reading.values import Gap, event_time
from tests.operators.signals import unhurried


def read(text: str, form: int = TEXT) -> int:
    written = text.encode()
    data = np.frombuffer(bytearray(b"." + written + bytes(16)), np.uint8)
    return int(plain_times(data, np.array([[1, 1 + len(written)]]), np.array([form], np.uint8))[0])


FIRST = datetime(1970, 1, 1, tzinfo=timezone.utc)
OFFSETS = st.one_of(st.just(""), st.just("Z"), st.from_regex(r"[+-]([01][0-9]|2[0-3]):[0-5][0-9]", fullmatch=True))
FRACTIONS = st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,9}", fullmatch=True))


@unhurried
@given(st.integers(86_400, 7_258_000_000), FRACTIONS, OFFSETS)
@example(951_868_799, ".999999999", "-23:59")
@example(4_107_542_400, "", "+00:01")
def test_texts_come_to_what_the_general_way_reads(second: int, fraction: str, offset: str) -> None:
    """Every plain time is taken, and is the same to the millisecond."""
    text = f"{FIRST + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}{fraction}{offset}"
    assert read(text) == event_time(text)


def test_every_day_is_one_day_after_the_one_before() -> None:
    """All dates from 1970 to 2199 are in their places."""
    days = [FIRST + timedelta(days=day) for day in range(84_006)]
    assert [days[-1].year, (days[-1] + timedelta(days=1)).year] == [2199, 2200]
    data = np.frombuffer(bytearray("".join(f"{day:%Y-%m-%dT%H:%M:%S}" for day in days).encode()), np.uint8)
    places = 19 * np.arange(len(days))[:, None] + np.array([0, 19])
    times = plain_times(data, np.ascontiguousarray(places), np.full(len(days), TEXT, np.uint8))
    assert (times == 86_400_000 * np.arange(len(days))).all()


@unhurried
@given(
    st.one_of(
        st.from_regex(r"[0-9TZ:.+ -]{0,35}", fullmatch=True),
        st.from_regex(r"(19|20|21)\d\d-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{0,11})?(Z|z|[+-]\d\d:?\d\d|)", fullmatch=True),
    )
)
def test_what_is_taken_is_what_the_general_way_reads(text: str) -> None:
    """Whatever the text, a time that is taken is the right one."""
    time_ms = read(text)
    assert time_ms in (NO_TIME, event_time(text))


@pytest.mark.parametrize(
    "text",
    [
        *("2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z"),
        *("2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z"),
        *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100", "2026-01-01t00:00:00z", "2026-01-01 00:00:00"),
        *("2026-01-01", "", "2026-01-01T00:00", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"),
        *("1970-01-01T00:00:00+00:01", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00ZZ"),
    ],
)
def test_other_texts_are_left(text: str) -> None:
    """What is no time, or not of the usual form, is for the general way."""
    assert read(text) == NO_TIME


@unhurried
@given(st.integers(0, 2**64))
@example(10**11 - 1)
@example(10**11)
@example(10**14)
@example(10**17)
@example(2**63 - 1)
@example(2**63)
@example(1_767_225_600_250_123_456)
def test_whole_numbers_come_to_what_the_general_way_reads(number: int) -> None:
    """By their magnitude, up to the year 2199; others are left."""
    expected = event_time(number)
    time_ms = read(str(number), INTEGER if number <= 2**53 else LARGE)
    assert time_ms == (expected if not isinstance(expected, Gap) and 0 <= expected < 7_258_118_400_000 else NO_TIME)


@pytest.mark.parametrize("form", [FLOAT, NOTHING])
def test_other_forms_are_left(form: int) -> None:
    """A number with a point, null."""
    assert read("1767225600", form) == NO_TIME


def test_numbers_before_1970_are_left() -> None:
    """A minus is no digit."""
    assert read("-5", INTEGER) == NO_TIME
