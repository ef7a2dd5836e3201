import json
import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.reading.values import Gap, boolean, category, confidence, disguised, event_time, numeric

HUGE = 10**5_000  # a JSON integer that is no float, and longer than Python writes


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (-0.5, -0.5),
        (5e-324, 5e-324),
        (Decimal("1.25"), 1.25),
        (None, Gap.MISSING),
        (True, Gap.INVALID),
        ("3", Gap.INVALID),
        ("", Gap.INVALID),
        (math.nan, Gap.INVALID),
        (-math.inf, Gap.INVALID),
        pytest.param(HUGE, Gap.INVALID, id="huge"),
        ([1], Gap.INVALID),
        ({}, Gap.INVALID),
        (b"1", Gap.INVALID),
    ],
)
def test_number_in_typed_data(value, number):
    """Only finite numbers are numbers where the data has types."""
    assert numeric(value) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3.0),
        (" -3.5e-1 ", -0.35),
        ("+.5", 0.5),
        ("1_000", Gap.INVALID),
        ("1,5", Gap.INVALID),
        ("nan", Gap.INVALID),
        ("-Infinity", Gap.INVALID),
        ("1e999", Gap.INVALID),
        ("\u0663", Gap.INVALID),
        ("", Gap.INVALID),
        ("gold", Gap.INVALID),
    ],
)
def test_number_in_cells(text, number):
    """In cells of a CSV a decimal number is read from its text, and nothing else."""
    assert numeric(text, texts=True) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_survives_its_text(number):
    """A number reads the same from JSON, from Parquet and from a CSV cell."""
    assert numeric(repr(number), texts=True) == numeric(json.loads(repr(number))) == numeric(number) == number


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("gold", "gold"),
        ("", ""),
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (2.0**53, "9007199254740992.0"),
        (2**53 + 1, "9007199254740993"),
        (1e22, "1e+22"),
        (Decimal("3.0"), "3"),
        (True, "true"),
        (None, Gap.MISSING),
        (math.nan, Gap.INVALID),
        pytest.param(HUGE, Gap.INVALID, id="huge"),
        (["gold"], Gap.INVALID),
        ({}, Gap.INVALID),
    ],
)
def test_category(value, name):
    """A category is a text; numbers and booleans where one is expected are taken as their text."""
    assert category(value) == name


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_category_of_whole_number(number):
    """1 and 1.0 are the same category."""
    assert category(number) == category(float(number)) == str(number)


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "TRUE", "1"])
def test_true(value):
    """All ways to write true are one category."""
    assert boolean(value) == "true"


@pytest.mark.parametrize("value", [False, 0, -0.0, "false", "False", "0"])
def test_false(value):
    """All ways to write false are one category."""
    assert boolean(value) == "false"


@pytest.mark.parametrize("value", [2, "yes", "", [], math.inf])
def test_not_a_boolean(value):
    """Everything else is invalid, not false."""
    assert boolean(value) is Gap.INVALID


@pytest.mark.parametrize(
    ("value", "probabilities", "result"),
    [
        (0.7, {"a": 0.9}, 0.7),
        (None, {"a": 0.4, "b": 0.6}, 0.6),
        (None, [0.4, 0.6], 0.6),
        (None, {}, Gap.MISSING),
        (None, None, Gap.MISSING),
        (None, {"a": "high"}, Gap.INVALID),
        (None, {"a": None}, Gap.INVALID),
        (None, 0.9, Gap.INVALID),
        ("high", {"a": 0.9}, Gap.INVALID),
    ],
)
def test_confidence(value, probabilities, result):
    """The record's own confidence wins, even an invalid one; else it is the largest probability."""
    assert confidence(value, probabilities) == result


@pytest.mark.parametrize(
    ("value", "time_ms"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T01:00:01.0019+01:00", 1_001),
        ("1970-01-01 00:00:01", 1_000),
        ("1969-12-31T23:59:59.9999Z", -1),
        (1.001, 1_001),
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000_123_456, 1_700_000_000_123),
        (1_700_000_000_123_456_789, 1_700_000_000_123),
        (datetime(1970, 1, 1, 0, 0, 1), 1_000),  # noqa: DTZ001  Parquet has times without zone
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
        (None, Gap.MISSING),
        ("yesterday", Gap.INVALID),
        ("\ud800", Gap.INVALID),
        ("1700000000", Gap.INVALID),
        (True, Gap.INVALID),
        (math.nan, Gap.INVALID),
        (1e300, Gap.INVALID),
        pytest.param(HUGE, Gap.INVALID, id="huge"),
        ({}, Gap.INVALID),
    ],
)
def test_event_time(value, time_ms):
    """Times are RFC 3339 text or a number whose magnitude tells its unit; milliseconds are cut off."""
    assert event_time(value) == time_ms


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_event_time_of_any_moment(moment):
    """What Python writes as ISO 8601 is read to the millisecond."""
    exact = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
    assert event_time(moment.isoformat()) == event_time(moment) == exact


@pytest.mark.parametrize("text", ["1700000000", "1700000000123", "1700000000123456789", "1.7e9"])
def test_event_time_in_cells(text):
    """A number in a CSV cell is a time like a number in JSON."""
    assert event_time(text, texts=True) // 1_000 == 1_700_000_000


def test_disguised_names():
    """Names of sensitive categories differ from each other, do not contain the name, and stay the same."""
    assert disguised("a") == disguised("a") != disguised("b")
    assert "diabetes" not in disguised("diabetes")
    assert len(disguised("\ud800")) == 17
