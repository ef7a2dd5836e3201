import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import FieldsPlan, SourcePlan
from operators.reading.columns import Columns, column_name, extract, names, numbers
from operators.reading.values import Gap, boolean, category, numeric

SOURCE = SourcePlan(name="predictions", kind="predictions", path="a.jsonl", format="jsonl")
RECORD = {
    **{"id": "a1", "timestamp": "2026-01-01T00:00:00Z", "model": "churn", "version": "3", "role": "champion"},
    **{"features": {"age": 41, "plan": "gold"}, "prediction": "yes", "probabilities": {"yes": 0.83}, "confidence": 0.9},
    **{"label": "no", "group": 1, "item": 2, "score": 3, "country": "DE", "request": {"items": [{"a/b": 7}]}},
}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.lists(st.integers(), max_size=1)
)


def lines(*records):
    return [json.dumps(record).encode() for record in records]


def test_a_record_of_the_default_shape():
    """Every field of DESIGN's record is found, features by name, segment fields at the top level."""
    read = extract(lines(RECORD), SOURCE, ["age", "plan", "income"], ["country"])
    assert read.rows.tolist() == [0]
    assert read.fields == {
        **{"id": ["a1"], "timestamp": ["2026-01-01T00:00:00Z"], "model": ["churn"], "version": ["3"]},
        **{"role": ["champion"], "prediction": ["yes"], "probabilities": [{"yes": 0.83}], "confidence": [0.9]},
        **{"label": ["no"], "group": [1], "item": [2], "score": [3]},
    }
    assert read.features == {"age": [41], "plan": ["gold"], "income": [None]}
    assert read.others == {"country": ["DE"]}
    assert read.errors == ()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/request/items/0/a~1b", 7),
        ("/request/items/1/a~1b", None),
        ("/request/items/x", None),
        ("/id/deeper", None),
        ("id", "a1"),
        ("/absent", None),
    ],
)
def test_pointers(place, value):
    """A field stands where its pointer leads; a pointer that leads nowhere means missing."""
    source = SourcePlan(name="p", kind="predictions", fields=FieldsPlan(id=place))
    assert extract(lines(RECORD), source, []).fields["id"] == [value]


@pytest.mark.parametrize("place", ["/", "", "/request/inputs"])
def test_features_elsewhere(place):
    """Features may stand in the record itself or in any object of it."""
    record = {"age": 41} if len(place) < 2 else {"request": {"inputs": {"age": 41}}}
    source = SourcePlan(name="p", kind="predictions", fields=FieldsPlan(features=place))
    assert extract(lines(record), source, ["age"]).features == {"age": [41]}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "expected a JSON object, got an empty line"),
        (b" \r", "expected a JSON object, got an empty line"),
        (b'{"id": "a', "not JSON: input data was truncated"),
        (b'{"id": secret}', "not JSON: invalid character (byte 7)"),
        (b'{"id": NaN}', "not JSON: NaN (byte 7), which JSON does not have; write null"),
        (b'{"id": -Infinity}', "not JSON: Infinity (byte 8), which JSON does not have; write null"),
        (b'{"id": 1e999}', "not JSON: number out of range"),
        (b"\xef\xbb\xbf{}", "not JSON: invalid character (byte 0)"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b'{"id": ' + b"[" * 100_000, "not JSON: nested too deeply"),
        (b"null", "expected an object, got null"),
        (b"[]", "expected an object, got an array"),
        (b'"secret"', "expected an object, got a text"),
        (b"true", "expected an object, got a boolean"),
        (b"7", "expected an object, got a number"),
        (b'{"features": ["secret"]}', "'features': expected an object, got an array at /features"),
    ],
)
def test_records_that_cannot_be_read(line, error):
    """A bad record is named with its position and what is wrong, never with its values; the others are read."""
    read = extract([b"{}", line, b'{"id": 2}'], SOURCE, ["age"])
    assert read.errors == ((1, error),)
    assert read.rows.tolist() == [0, 2]
    assert read.fields["id"] == [None, 2]
    assert read.features == {"age": [None, None]}


def test_a_table():
    """In a table fields and features are columns; what the table lacks is not there."""
    table = pa.table({"id": ["a", None], "age": [1.5, 2.0], "plan": pa.array(["x", None]).dictionary_encode()})
    read = extract(table, SOURCE, ["age", "plan", "income"], ["/country"])
    assert read.rows.tolist() == [0, 1]
    assert {name: column.to_pylist() for name, column in read.fields.items()} == {"id": ["a", None]}
    assert {name: column.to_pylist() for name, column in read.features.items()} == {
        "age": [1.5, 2.0],
        "plan": ["x", None],
    }
    assert read.others == {}


def test_a_table_in_several_pieces():
    """How a table is cut in pieces does not show, and an empty one has empty columns."""
    table = pa.concat_tables([pa.table({"age": [1]}), pa.table({"age": [2]})])
    assert extract(table, SOURCE, ["age"]).features["age"].to_pylist() == [1, 2]
    assert extract(table.slice(0, 0), SOURCE, ["age"]).features["age"].to_pylist() == []


def test_columns_of_pointers():
    """A pointer names the column that its last part names."""
    assert [column_name(place) for place in ("/id", "/a/b~1c", "y", "", "/")] == ["id", "b/c", "y", "", ""]


def test_some_of_the_records():
    """Taking some records takes them in every column, of lists and of tables."""
    listed = extract(lines({"id": 1}, {"id": 2}, {"id": 3}), SOURCE, ["age"])
    tabled = extract(pa.table({"id": [1, 2, 3]}), SOURCE, [])
    keep = np.array([True, False, True])
    assert listed.take(keep).fields["id"] == [1, 3]
    assert listed.take(keep).features == {"age": [None, None]}
    assert tabled.take(keep).fields["id"].to_pylist() == [1, 3]
    assert tabled.take(keep).rows.tolist() == [0, 2]
    assert isinstance(listed.take(np.ones(3, bool)), Columns)


def expected_numbers(column, texts=False):
    gaps = {Gap.MISSING: math.nan, Gap.INVALID: math.inf}
    read = [numeric(value, texts=texts) for value in column]
    return [gaps[value] if isinstance(value, Gap) else value for value in read]


@settings(deadline=None)  # other work on the same machine
@given(st.lists(VALUES), st.booleans())
def test_numbers_of_a_list(column, texts):
    """A column of numbers is what `numeric` makes of each value."""
    np.testing.assert_array_equal(numbers(column, texts=texts), np.array(expected_numbers(column, texts)))


@settings(deadline=None)  # other work on the same machine
@given(st.lists(st.one_of(st.none(), st.floats(), st.integers().map(float))))
def test_numbers_of_a_list_of_floats(column):
    """The short way for floats gives the same."""
    np.testing.assert_array_equal(numbers(column), np.array(expected_numbers(column)))


@settings(deadline=None)  # other work on the same machine
@given(
    st.lists(st.one_of(st.none(), st.text("0123456789.eE+- nax_", max_size=5), st.floats().map(repr))), st.booleans()
)
def test_numbers_of_a_column_of_texts(column, texts):
    """A column of texts is what `numeric` makes of each text."""
    got = numbers(pa.array(column, pa.string()), texts=texts)
    np.testing.assert_array_equal(got, np.array(expected_numbers(column, texts)))


@pytest.mark.parametrize(
    ("column", "read"),
    [
        (pa.array([1, None, 2**60 + 1]), [1.0, math.nan, float(2**60)]),
        (pa.array([1.5, None, math.nan, -math.inf], pa.float32()), [1.5, math.nan, math.inf, math.inf]),
        (pa.array([255, None], pa.uint8()), [255.0, math.nan]),
        (pa.array([None, None]), [math.nan, math.nan]),
        (pa.array([True, None]), [math.inf, math.nan]),
        (pa.array([b"1", None]), [math.inf, math.nan]),
        (pa.array([{"a": 1}, None]), [math.inf, math.nan]),
        (pa.array(["1.25", None]).cast(pa.decimal128(5, 2)), [1.25, math.nan]),
    ],
)
def test_numbers_of_typed_columns(column, read):
    """Columns of Parquet: numbers of every width; anything else is invalid, null is missing."""
    np.testing.assert_array_equal(numbers(column), np.array(read))


@settings(deadline=None)  # other work on the same machine
@given(st.lists(VALUES))
def test_names(column):
    """A column of names is what `category` or `boolean` makes of each value."""
    assert names(column) == [category(value) for value in column]
    assert names(column, booleans=True) == [boolean(value) for value in column]
    assert names(pa.array([True, None])) == ["true", Gap.MISSING]
