import json
import math
from datetime import date, time, timedelta

import pyarrow as pa
import pytest

from config.plan import FeaturePlan, FieldsPlan, PredictionPlan, SourcePlan
from operators.reading.inference import Guess, guess_fields, guess_prediction, guess_type, infer_features


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, None], "numeric"),
        ([0, 1, 0], "numeric"),
        ([1] * 19 + ["broken"], "numeric"),
        (["1", "2"], "categorical"),
        (["a", "b", None], "categorical"),
        ([1, "a", 2, "b"], "categorical"),
        ([True, False, None], "boolean"),
        (["true", "False"], "boolean"),
        (list(range(49)), "numeric"),
    ],
)
def test_types(values, kind):
    """Mostly numbers are numeric, texts categorical, truth values boolean."""
    assert guess_type(values, texts=False) == Guess(kind)


@pytest.mark.parametrize("texts", [False, True])
def test_texts_and_embeddings(texts):
    """Different texts of several words are texts, lists of as many numbers embeddings; other lists are neither."""
    assert guess_type([f"a title {i}" for i in range(60)], texts=texts) == Guess("text")
    vectors = [[i / 7] * 8 for i in range(3)]
    wrong = [[[1.0] * 8, [1.0] * 9], [[1.0] * 7] * 2, [[1.0] * 8, ["1"] * 8], [[True] * 8]]
    for lists, guess in (
        (vectors, Guess("embedding", dim=8)),
        *((one, Guess(None, "holds lists or objects")) for one in wrong),
    ):
        cells = [*map(json.dumps, lists), None] if texts else [*lists, None]
        assert guess_type(cells, texts=texts) == guess


def test_what_is_measured_of_what_is_found():
    """Features that are found are those that a configuration would have."""
    lines = [json.dumps({"features": {"title": f"a title {i}", "v": [i] * 8}}).encode() for i in range(60)]
    found = infer_features(lines, SourcePlan(name="p", kind="predictions"))
    assert [(f.name, f.dim) for f in found] == [
        *(("title.length", None), ("title.coverage", None), ("v.norm", 8), ("v.distance", 8))
    ]


@pytest.mark.parametrize(("values", "kind"), [(["1", "2.5", None], "numeric"), (["0x1", "a"], "categorical")])
def test_types_of_cells(values, kind):
    """In a CSV texts may be numbers."""
    assert guess_type(values, texts=True) == Guess(kind)


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ([], "has no values"),
        ([None, None], "has no values"),
        ([[1.0], [2.0]], "holds lists or objects"),
        ([{"a": 1}], "holds lists or objects"),
        (list(range(50)), "rises with every record"),
        (["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"], "holds times"),
        (["1/2/11", "30/2/11"], "holds times"),
        ([time(1, 2), None, time(3, 4)], "holds times"),
        ([date(2026, 1, 2)], "holds times"),
        ([timedelta(seconds=1)], "holds values of another kind (timedelta)"),
        ([b"a", b"b"], "holds values of another kind (bytes)"),
        ([f"text {i}" for i in range(60)], "has 60 different texts in 60 records"),
        ([f"text {i % 1001}" for i in range(5000)], "has 1,001 different texts in 5,000 records"),
    ],
)
def test_what_is_no_feature(values, remark):
    """Counters, times, free texts and nested values are left out, and it is said why."""
    assert guess_type(values, texts=False) == Guess(None, remark)


def test_numbers_that_are_none():
    """NaN and infinities do not make a text of a number; a column of numbers and texts is said to be one."""
    assert guess_type([1.5, math.nan, math.inf], texts=False) == Guess("numeric")
    assert guess_type(["1.5", "nan", "-Infinity", " inf"], texts=True) == Guess("numeric")
    assert guess_type(["nan", "inf"], texts=True) == Guess("categorical")
    mixed = [f"{i}.5" if i % 2 else f"broken {i}" for i in range(60)]
    assert guess_type(mixed, texts=True).remark == "has 60 different texts in 60 records, 50% of them numbers"


def test_fields():
    """Fields are found by usual names, whatever their spelling, if their values fit."""
    columns = {
        "Request-ID": ["a", "b"],
        "Timestamp": ["2026-01-01T00:00:00Z", None],
        "y_pred": [1, 0],
        "y_pred_proba": [0.5, 1.0],
        "class": ["a", "b"],
        "model version": [3, 3],
        "age": [1, 2],
    }
    assert guess_fields(columns, texts=False) == {
        "id": "Request-ID",
        "timestamp": "Timestamp",
        "version": "model version",
        "prediction": "y_pred",
        "confidence": "y_pred_proba",
        "label": "class",
    }


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("id", [1, 1]),
        ("time", [5, 17]),
        ("date", ["1/2/11"]),
        ("confidence", [0.5, 1.5]),
        ("probabilities", [0.5]),
        ("prediction", [{"a": 1}]),
        ("prediction", [None]),
    ],
)
def test_columns_that_only_have_the_name(column, values):
    """A column whose values do not fit its name is no field."""
    assert guess_fields({column: values}, texts=False) == {}


@pytest.mark.parametrize(
    ("values", "plan"),
    [
        ([], None),
        ([None], None),
        ([0, 1, 1], PredictionPlan(task="binary", positive="1")),
        ([True, False], PredictionPlan(task="binary", positive="true")),
        (["no", "Yes"], PredictionPlan(task="binary", positive="Yes")),
        (["a", "b", "b"], PredictionPlan(task="binary", positive="a")),
        ([0.25, 1, 0], PredictionPlan(task="binary")),
        ([1, 2, 3], PredictionPlan(task="multiclass")),
        (["a", "b", "c"], PredictionPlan(task="multiclass")),
        ([1.5, 2], PredictionPlan(task="regression")),
        (list(range(21)), PredictionPlan(task="regression")),
    ],
)
def test_tasks(values, plan):
    """The task follows from the predictions; of two classes the usual word or the rarer one is positive."""
    assert guess_prediction(values, texts=False) == plan


@pytest.mark.parametrize("place", ["/features", "/", "/a/b"])
def test_features_of_lines(place):
    """Features are looked for where the source says; bad lines and what is excluded do not count."""
    inner = {"age": 1, "plan": "gold", "member": True, "vector": [1.0], "secret": "x"}
    record = {"/features": {"features": inner}, "/": {"id": 1, "prediction": 1, **inner}, "/a/b": {"a": {"b": inner}}}
    source = SourcePlan(name="p", kind="predictions", fields=FieldsPlan(features=place))
    lines = [b"nonsense", b"[]", json.dumps(record[place]).encode()]
    assert infer_features(lines, source, exclude=("secret",)) == (
        FeaturePlan(name="age", type="numeric"),
        FeaturePlan(name="plan", type="categorical"),
        FeaturePlan(name="member", type="categorical"),
    )


def test_features_of_tables():
    """In a table every column is a feature that is no field of the record."""
    table = pa.table({"id": ["a"], "age": ["1"], "y": ["no"], "plan": ["gold"]})
    source = SourcePlan(name="p", kind="predictions", format="csv", fields=FieldsPlan(label="y"))
    assert infer_features(table, source) == (
        FeaturePlan(name="age", type="numeric"),
        FeaturePlan(name="plan", type="categorical"),
    )
