import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.texts import Mapping, Mark, Text, native, quote, shape

MARK = Mark("a.yaml", 1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-3", -3), ("0.5", 0.5), ("true", True), ("false", False), ("2026", 2026)],
)
def test_plain_numbers_and_truths_become_json(text, value):
    """`info: {tier: 1}` is the number 1 in events."""
    assert native(Text(text, MARK)) == value
    assert type(native(Text(text, MARK))) is type(value)


@pytest.mark.parametrize("text", ["1.10", "007", "yes", "1e5", "+1", "nan", "inf", "NO", "1_0", " 1", "True"])
def test_what_would_lose_something_stays_text(text):
    """A version, a phone number or a country is not turned into another one."""
    assert native(Text(text, MARK)) == text
    assert type(native(Text(text, MARK))) is str


def test_quoted_text_stays_text():
    """Quotes say that it is text."""
    assert native(Text("1", MARK, plain=False)) == "1"


@given(st.text())
def test_plain_content_is_json_that_says_the_same(text):
    """Whatever is written, its JSON shows the characters of the file."""
    assert json.loads(json.dumps(native(Text(text, MARK)))) in (text, native(Text(text, MARK)))
    assert str(native(Text(text, MARK))).lower() == text.lower()


def test_what_was_put_in_is_never_shown():
    """Quoting, repr and shape show the file's text."""
    text = Text("hunter2", MARK, source="${PASSWORD}", plain=False)
    mapping = Mapping()
    mapping.put("a", text, MARK)
    assert (quote(text), repr(text), shape(text), repr(mapping)) == (
        "'${PASSWORD}'",
        "'${PASSWORD}'",
        "'${PASSWORD}'",
        "{'a': '${PASSWORD}'}",
    )


@pytest.mark.parametrize(("value", "name"), [(None, "empty"), ({}, "a mapping"), ([], "a list"), ("x", "'x'")])
def test_shapes_have_names(value, name):
    """For messages about a list where a text belongs, and the like."""
    assert shape(value) == name
