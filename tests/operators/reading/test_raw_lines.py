from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.letters import UnusableError
from operators.reading.raw_lines import NESTING, _depth, usable
from tests.operators.signals import unhurried

FILLING = '"[{\\"\\\\": [1], "a": {"b": "]}"}'  # brackets in texts, quotes in texts


def nested(depth):
    return "[" * (depth - 1) + "[]" + "]" * (depth - 1)


@pytest.mark.parametrize("filling", ["", " " * 1_000, FILLING * 100])
@pytest.mark.parametrize(("depth", "good"), [(NESTING - 1, True), (NESTING, False)])
def test_nesting(depth, good, filling):
    """Objects and arrays within each other are counted, not those beside each other, nor brackets in texts."""
    line = json.dumps({"text": filling, "list": [[[]]] * 100, "deep": 0}).replace("0}", nested(depth) + "}").encode()
    if good:
        assert usable(line) == line
    else:
        with pytest.raises(UnusableError) as raised:
            usable(line)
        assert str(raised.value) == "not JSON: nested more than 200 levels deep"


@unhurried
@given(st.recursive(st.text(max_size=3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)))
def test_depth(value):
    """The depth of any JSON is the depth of its value."""

    def depth(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return 0 if isinstance(value, str) else 1 + max(map(depth, inner), default=0)

    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert _depth(np.frombuffer(bytearray(text.encode()), np.uint8), 1_000) == depth(value)


def test_hostile_lines_take_no_time():
    """A megabyte of quotes or brackets is looked at once."""
    for line in (b'"\\"' * 300_000, b"[]" * 500_000, b"{" * 1_000_000):
        try:
            usable(line)
        except UnusableError:
            pass


def test_one_kernel():
    """One compiled version serves all lines."""
    usable(b"[]" * 300)
    assert len(_depth.signatures) == 1
