"""Segments as text."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from schemas.segments import parse, text


@given(st.dictionaries(st.text(), st.text()))
def test_segments_survive_the_way_through_text(values):
    """Any name and any value, in their order; nothing in them can end a key or a field."""
    written = text(values)
    assert list(parse(written).items()) == list(values.items())
    assert "|" not in written


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ({}, "all"),
        ({"country": "DE"}, "country=DE"),
        ({"country": "DE", "device": "ios"}, "country=DE,device=ios"),
        ({"a,b": "c=d|e%"}, "a%2Cb=c%3Dd%7Ce%25"),
        ({"city": "Köln am Rhein/all"}, "city=Köln am Rhein/all"),
        ({"empty": ""}, "empty="),
    ],
)
def test_only_what_has_a_meaning_is_quoted(values, written):
    """People read segments in messages."""
    assert text(values) == written
