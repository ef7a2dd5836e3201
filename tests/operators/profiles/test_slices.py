"""Slices of the reference: bytes and back, on other codes, and without small numbers of sensitive values."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.codes import CODES, INVALID, MISSING, OTHER
from operators.profiles.slices import SliceCodec, SliceReader, smoothed
from operators.statistics.ranks import value_codes
from schemas.errors import ProfileError
from schemas.profile import CategoricalSignal, NumericSignal
from tests.operators.signals import discrete_signal, signals, unhurried

NAMES = CategoricalSignal(
    count=90, missing=0, invalid=0, categories=(("a", 40), ("b", 30), ("c", 10)), rest=10, distinct=5
)
AGE = discrete_signal(np.array([1.0, 1.0, 2.0]))


@unhurried
@given(of=st.lists(signals(), max_size=4), data=st.data())
def test_a_slice_survives_its_bytes(of, data):
    """Counts of any size and moments come back to the bit, whatever lies between them."""
    counts = np.zeros((len(of), CODES), np.int64)
    for row, signal in zip(counts, of, strict=True):
        codes = np.append(np.flatnonzero(value_codes(signal)), [MISSING, INVALID])
        codes = codes[(codes < OTHER + 1) | (codes >= INVALID)]
        many = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 2**50))
        row[codes] = data.draw(st.lists(many, min_size=len(codes), max_size=len(codes)))
    numeric = sum(isinstance(signal, NumericSignal) for signal in of)
    moments = np.random.default_rng(1).normal(size=(numeric, 2))
    codec = SliceCodec(of)
    packed = codec.pack(7, counts, moments)
    assert packed.records == 7
    assert np.array_equal(codec.counts(packed), counts)
    assert np.array_equal(codec.moments(packed), moments)


def test_a_slice_of_a_few_values_is_small():
    """Empty bins side by side take two bytes together."""
    packed = SliceCodec([discrete_signal(np.arange(50.0))]).pack(0, np.zeros((1, CODES), np.int64), np.zeros((1, 2)))
    assert len(packed.counts) == 2


@pytest.mark.parametrize("change", [b"", b"\x00\x00", b"\x00" * 9, b"\xff" * 20, b"\x05" * 8, b"\x05\x05\x80"])
def test_other_bytes_are_refused(change):
    """Too few, too many, cut off."""
    codec = SliceCodec([AGE])
    packed = codec.pack(3, np.zeros((1, CODES), np.int64), np.zeros((1, 2)))
    with pytest.raises(ProfileError, match=r"a slice has .* counts and 1 means for 7 codes"):
        codec.counts(msgspec.structs.replace(packed, counts=change))


def test_a_slice_without_its_moments_is_refused():
    """As many as the profile has number-valued signals."""
    packed = SliceCodec([AGE]).pack(3, np.zeros((1, CODES), np.int64), np.zeros((1, 2)))
    with pytest.raises(ProfileError, match="a slice has 7 counts and 0 means for 7 codes"):
        SliceCodec([AGE]).counts(msgspec.structs.replace(packed, moments=b""))


def test_a_slice_is_read_on_other_codes():
    """Signals in another order, categories in another order, and one that is not named any more."""
    counts = np.zeros((2, CODES), np.int64)
    counts[0, [0, 1, 2, OTHER, MISSING, INVALID]] = [5, 6, 7, 1, 2, 3]
    counts[1, [1, 3]] = [8, 9]
    packed = SliceCodec([NAMES, AGE]).pack(24, counts, np.array([[1.5, 0.5]]))
    fewer = msgspec.structs.replace(NAMES, categories=(("c", 50), ("a", 30)), rest=10)
    part = SliceReader({"plan": NAMES, "age": AGE}, {"age": AGE, "plan": fewer}).read(packed)
    assert np.array_equal(part.counts[0], counts[1])
    assert part.counts[1][[0, 1, OTHER, MISSING, INVALID]].tolist() == [7, 5, 7, 2, 3]
    assert part.counts[1].sum() == counts[0].sum()
    assert (part.means.tolist(), part.sds.tolist()) == ([1.5], [0.5])


def test_signals_that_are_not_wanted_are_left_out():
    """A model that watches fewer features than the profile has."""
    packed = SliceCodec([NAMES, AGE]).pack(1, np.zeros((2, CODES), np.int64), np.array([[1.5, 0.5]]))
    part = SliceReader({"plan": NAMES, "age": AGE}, {"plan": NAMES}).read(packed)
    assert (part.counts.shape, part.means.tolist()) == ((1, CODES), [])


@given(
    rows=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 400)), min_size=1, max_size=30), least=st.integers(1, 50)
)
def test_smoothed_counts_add_up(rows, least):
    """To all records, or to none where these are too few."""
    whole = np.array([mine + others for mine, others in rows])
    counts = np.array([mine for mine, _ in rows])
    found = smoothed(counts, whole, least)
    assert found.sum() == (counts.sum() if counts.sum() >= least else 0)
    assert np.all(found >= 0)


def test_smoothed_counts_with_enough_records_stay():
    """Those of a value that has enough; others are shared out as all records are, also what is none."""
    assert smoothed(np.array([20, 35, 21]), np.array([100, 200, 100]), 20).tolist() == [20, 35, 21]
    assert smoothed(np.array([20, 0, 44]), np.array([100, 25, 75]), 20).tolist() == [20, 11, 33]
    assert smoothed(np.array([19, 1, 0, 30]), np.array([100, 300, 100, 90]), 20).tolist() == [5, 15, 15, 15]
