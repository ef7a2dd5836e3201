"""Labelled reference data: whichever way the labels come, the same outcomes."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Configuration, load
from config.plan import ModelPlan
from jobs.labelled import Labels, labelled
from jobs.pieces import label_pieces, reference_pieces
from jobs.reference import model_plan

CONFIGURATION = """\
sources:
  predictions: {path: live.jsonl}
  labels: {path: labels.jsonl}
models:
  churn:
    features: {age: numeric}
    prediction: {task: binary, positive: "yes", classes: ["yes", "no"]}
  other: {features: {age: numeric}, labels: {within: 1 day}}
"""
TABLE = """\
sources: {predictions: {path: live.csv, fields: {prediction: proba, label: outcome}}}
models:
  churn: {features: {age: numeric}, prediction: {task: binary, positive: 1}}
"""


def progress(total: int | None) -> Any:
    """Tells nobody."""
    return nullcontext(lambda many: None)


def configured(folder: Path, text: str = CONFIGURATION) -> tuple[Configuration, ModelPlan]:
    (folder / "monitors.yaml").write_text(text)
    loaded = load(folder / "monitors.yaml")
    return loaded, model_plan(loaded, "churn")


def record(i: int, **others: Any) -> dict[str, Any]:
    return {"id": i, "timestamp": 1_767_225_600 + i, "features": {"age": i}, **others}


def write(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return str(path)


def test_labels_in_records(tmp_path):
    """Records whose label is missing, or of no known class, are left out; probabilities are told by the prediction."""
    loaded, plan = configured(tmp_path)
    data = write(
        tmp_path / "train.jsonl",
        record(0, prediction="yes", confidence=0.75, label="yes"),
        record(1, prediction=0.25, label="no"),
        record(2, prediction="yes"),
        record(3, prediction="yes", label="perhaps"),
        record(4, label="no"),
        record(5, prediction="maybe", confidence=0.5, label="yes"),
        record(6, model="other", prediction="yes", label="yes"),
    )
    (found,) = labelled(plan, reference_pieces(loaded, plan, data), None, None, progress)
    assert np.array_equal(
        found.values, [[1, 0.75, 1], [0, 0.25, 0], [np.nan, np.nan, 0], [np.nan, np.nan, 1]], equal_nan=True
    )
    assert found.columns.fields["id"] == [0, 1, 4, 5]
    assert found.times_ms is not None
    assert (found.times_ms - 1_767_225_600_000).tolist() == [0, 1_000, 4_000, 5_000]


def test_labels_of_their_own(tmp_path):
    """The first label of an id counts, those of other models do not, ids are the same as text and as number."""
    loaded, plan = configured(tmp_path)
    data = write(tmp_path / "train.jsonl", *(record(i, prediction="yes", label="no") for i in range(4)))
    labels = write(
        tmp_path / "labels.jsonl",
        {"id": "1", "label": "yes"},
        {"id": 1, "label": "no"},
        {"id": 0, "model": "other", "label": "yes"},
        {"id": 3, "model": "churn", "label": "no"},
        {"label": "no"},
    )
    joined = Labels(plan, label_pieces(loaded, plan, labels), progress)
    (found,) = labelled(plan, reference_pieces(loaded, plan, data), joined, None, progress)
    assert (found.columns.fields["id"], found.values[:, 2].tolist()) == ([1, 3], [1.0, 0.0])


@pytest.mark.parametrize("parquet", [False, True])
def test_tables(tmp_path, parquet):
    """Columns may have other names; labels join them in a table as well."""
    loaded, plan = configured(tmp_path, TABLE)
    data, labels = tmp_path / "train.csv", tmp_path / "labels.csv"
    data.write_text("id,age,proba,outcome\n7,1,0.75,0\n8,2,1.0,1\n9,3,,1\n")
    labels.write_text("id,label\n9,0\n8,0\n")
    if parquet:
        import pyarrow.csv
        import pyarrow.parquet

        for path in (data, labels):
            pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), path.with_suffix(".parquet"))
        data, labels = data.with_suffix(".parquet"), labels.with_suffix(".parquet")
    pieces = reference_pieces(loaded, plan, str(data))
    (found,) = labelled(plan, pieces, None, None, progress)
    expected = [[1, 0.75, 0], [1, 1.0, 1], [np.nan, np.nan, 1]]
    assert np.array_equal(found.values, expected, equal_nan=True)
    joined = Labels(plan, label_pieces(loaded, plan, str(labels)), progress)
    (found,) = labelled(plan, pieces, joined, None, progress)
    assert np.array_equal(found.values, [[1, 1.0, 0], [np.nan, np.nan, 0]], equal_nan=True)


def test_no_label_at_all(tmp_path):
    """Then nothing comes."""
    loaded, plan = configured(tmp_path)
    data = write(tmp_path / "train.jsonl", record(0, prediction="yes"))
    assert list(labelled(plan, reference_pieces(loaded, plan, data), None, None, progress)) == []
