"""What all messages have in common: times, numbers, ids, bytes."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from schemas.cloudevents import Time, encode, identity, milliseconds, significant, source, subject, timestamp

YEAR_1, YEAR_9999 = -62_135_596_800_000, 253_402_300_799_999
FINITE = st.floats(allow_nan=False, allow_infinity=False)


class Message(msgspec.Struct):
    b: Any
    a: Any = None


@given(st.integers(YEAR_1, YEAR_9999))
def test_times_survive_the_way_through_text(time_ms):
    """To the millisecond, and the text is one that the schema accepts."""
    text = timestamp(time_ms)
    assert milliseconds(text) == time_ms
    assert msgspec.convert(text, Time) == text


@given(st.integers(YEAR_1, YEAR_9999), st.integers(YEAR_1, YEAR_9999))
def test_times_sort_as_text(first_ms, second_ms):
    """A consumer may compare the texts."""
    assert (timestamp(first_ms) < timestamp(second_ms)) == (first_ms < second_ms)


@pytest.mark.parametrize(
    "text", ["2026-01-05T10:05:00Z", "2026-01-05T10:05:00.000+00:00", "2026-01-05 10:05:00.000Z", "", "now"]
)
def test_other_texts_are_no_times(text):
    """One spelling, so that equal times are equal texts."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Time)


@given(FINITE)
def test_rounding_again_changes_nothing(value):
    """A rounded number is its own rounding, and within half a unit of the ninth digit."""
    rounded = significant(value)
    assert significant(rounded) == rounded
    assert math.isclose(rounded, value, rel_tol=5.1e-9, abs_tol=5e-324)


def test_noise_in_the_last_digits_does_not_show():
    """Sums in another order are equal messages; zero has no sign."""
    assert encode(Message(b=0.1 + 0.2, a=[{"x": -0.0}])) == encode(Message(b=0.3, a=[{"x": 0.0}]))
    assert (
        encode(Message(b=-1e-40, a=((1.0 / 3,), 7, True, None, "x")))
        == b'{"b":-1e-40,"a":[[0.333333333],7,true,null,"x"]}'
    )


@given(st.recursive(FINITE | st.text() | st.integers() | st.none(), lambda inner: st.lists(inner)))
def test_what_is_read_and_written_again_is_the_same(value):
    """Bytes are a fixed point: a consumer that passes a message on does not change it."""
    data = encode(Message(b=value))
    assert encode(msgspec.json.decode(data, type=Message)) == data


@given(st.lists(st.text() | st.integers()), st.lists(st.text() | st.integers()))
def test_ids_differ_where_parts_differ(first, second):
    """Parts do not run into each other: ("ab", "c") is not ("a", "bc"), and 1 is not "1"."""
    assert (identity(*first) == identity(*second)) == (first == second)


def test_names_are_quoted_in_source_and_subject():
    """A slash in a name is not a place in the path."""
    assert source("prod/eu", "a b") == "tidemark/prod%2Feu/a%20b"
    assert subject("team/churn", "3", "all") == "team%2Fchurn/3/all"
