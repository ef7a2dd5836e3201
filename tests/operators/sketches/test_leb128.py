"""Counts as bytes: what is written is read again, and what is no such bytes is not read as numbers."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from operators.sketches import leb128
from tests.operators.signals import unhurried


@unhurried
@given(st.lists(st.one_of(st.just(0), st.integers(0, 200), st.integers(0, 2**62 - 1))))
def test_numbers_come_back(numbers):
    """Whatever their size, with zeros in any places."""
    data = leb128.pack(np.array(numbers, np.int64))
    found = np.zeros(len(numbers), np.int64)
    assert leb128.unpack(data, found) == len(numbers)
    assert found.tolist() == numbers


@pytest.mark.parametrize(("data", "room"), [(b"\xff", 3), (b"\x01\x02\x03", 2), (b"\x00", 3), (10 * b"\xff", 3)])
def test_what_is_cut_off_or_too_long_is_not_read(data, room):
    """A last byte that says that more follow, more numbers than there is room for, a number of too many bits."""
    assert leb128.unpack(data, np.zeros(room, np.int64)) == -1
