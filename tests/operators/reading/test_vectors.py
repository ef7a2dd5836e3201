import json

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.reading import vectors
from operators.reading.vectors import Vectors

NUMBER = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -0.0, 1e-320, 2**53 + 1, 1.7976931348623157e308]),
)
VALUE = st.one_of(
    st.lists(NUMBER, min_size=3, max_size=3),
    st.lists(st.one_of(NUMBER, st.none(), st.booleans()), max_size=4),
    st.none(),
    st.text(max_size=3),
)


def expected(value, dim):
    """A vector and its gap, read with the standard library."""
    if value is None:
        return [0.0] * dim, np.nan
    fits = isinstance(value, list) and len(value) == dim and all(type(each) in (int, float) for each in value)
    return ([float(each) + 0.0 for each in value], 0.0) if fits else ([0.0] * dim, np.inf)


def same(made, column, dim=3):
    values, gaps = zip(*(expected(value, dim) for value in column), strict=True) if column else ((), ())
    assert made.values.view(np.uint64).tolist() == np.array(values, float).reshape(-1, dim).view(np.uint64).tolist()
    np.testing.assert_array_equal(made.gaps, np.array(gaps, float))


@settings(deadline=None)
@given(st.lists(VALUE, max_size=6), st.sampled_from([None, (",", ":"), (" ,\t", ": ")]))
def test_every_way_to_write_a_vector(column, separators):
    """Objects, JSON and cells of a CSV come to the same numbers to the bit, and every gap is told."""
    texts = [json.dumps(value, separators=separators) for value in column]
    raw = [None if value is None else msgspec.Raw(text.encode()) for value, text in zip(column, texts, strict=True)]
    same(Vectors(column, 3), column)
    same(Vectors(raw, 3), column)
    cells = pa.array([None if value is None else text for value, text in zip(column, texts, strict=True)], pa.string())
    same(Vectors(cells, 3, texts=True), column)
    mixed = [one if row % 2 else other for row, (one, other) in enumerate(zip(column, raw, strict=True))]
    same(Vectors(mixed, 3), column)


@pytest.mark.parametrize(
    "text",
    ["[1,2]", "[1,2,3,4]", "[1,2,3", "[1,2,3]x", "[1,,3]", "[]", "{}", '"[1,2,3]"', "[[1],2,3]", "[1e999,2,3]",
     "[NaN,2,3]",
     "[1,2,+3]", "[1,2,03]", "", " ", "[" * 2000],
)  # fmt: skip
def test_what_is_no_vector(text):
    """It is invalid as a whole, whatever is wrong with it; an empty cell never comes here, a blank one is no JSON."""
    assert Vectors(pa.array([text]), 3, texts=True).gaps.tolist() == [np.inf]
    assert Vectors(pa.array([text]), 3).gaps.tolist() == [np.inf]


def test_null_in_json():
    """It is missing, as if the key were not there."""
    assert np.isnan(Vectors([msgspec.Raw(b"null"), msgspec.Raw(b" null ")], 3).gaps).all()


KINDS = [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.int16()), pa.list_(pa.float64(), 3)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_arrays_of_a_table(kind):
    """Of Parquet's lists each kind is read, from any part of a column."""
    column = [[1, 2, 3], None, [4, 5, 6], [7, None, 9], [1, 1, 1]]
    if kind != KINDS[3]:
        column += [[1, 2], [], [1, 2, 3, 4]]
    array = pa.array(column, kind)
    same(Vectors(array, 3), column)
    same(Vectors(array.slice(2, 3), 3), column[2:5])
    same(Vectors(array.slice(0, 0), 3), [])


def test_arrays_that_are_no_vectors():
    """Lists of texts or truth values, and structs, are invalid; infinities among numbers as well."""
    for kind, value in (
        (pa.list_(pa.string()), ["1"]),
        (pa.list_(pa.bool_()), [True]),
        (pa.struct({"a": pa.int8()}), {"a": 1}),
    ):
        np.testing.assert_array_equal(Vectors(pa.array([value, None], kind), 1).gaps, [np.inf, np.nan])
    made = Vectors(pa.array([[np.inf], [np.nan], [1.0]]), 1)
    assert (made.gaps.tolist(), made.values.tolist()) == ([np.inf, np.inf, 0.0], [[0.0], [0.0], [1.0]])
    np.testing.assert_array_equal(Vectors(pa.nulls(1), 1).gaps, [np.nan])


def test_the_kernel_reads_what_is_common():
    """Only what it is not sure of takes the slow way."""
    values = np.random.default_rng(1).normal(size=(50, 8)).tolist()
    text = "".join(map(json.dumps, values)).encode()
    ends = np.cumsum([0, *(len(json.dumps(value)) for value in values)])
    found, read = np.zeros((50, 8)), np.empty(50, np.int64)
    vectors._read(
        np.frombuffer(bytearray(text + bytes(16)), np.uint8), np.column_stack([ends[:-1], ends[1:]]), found, read
    )
    assert (read == vectors.READ).all()
    assert found.tolist() == values
    assert len(vectors._read.signatures) == 1
