"""Tables of rows: a column for each feature and field, by the names under which files have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from config.plan import ModelPlan
from jobs.training.rows import MARK, Row, as_read, fields_beside
from operators.reading.plain_times import NO_TIME

OWN = ("id", "timestamp", "version", "prediction", "confidence", "label")  # columns that are no features
ORIGIN = "origin"  # a column of data that are mixed: whether a row is of the request or of the reference
TIME = pa.timestamp("ms", tz="UTC")


def columns_of(plan: ModelPlan, *, mixed: bool) -> dict[str, tuple[str, pa.DataType]]:
    """Columns of a dataset: what each has of a row, and its type. A feature may be called as one of ours is."""
    number = plan.prediction is not None and plan.prediction.task == "regression"
    told = pa.float64() if number else pa.string()
    kinds = {"numeric": pa.float64(), "boolean": pa.bool_(), "embedding": pa.list_(pa.float32())}
    schema: dict[str, tuple[str, pa.DataType]] = {"id": ("", pa.string()), "timestamp": ("", TIME)}
    schema["version"] = ("", pa.string())
    own = (*OWN, ORIGIN) if mixed else OWN
    if mixed:
        schema[ORIGIN] = ("", pa.string())
    for name in fields_beside(plan):
        schema[name if name not in own else f"field.{name}"] = (name, pa.string())
    for feature in map(as_read, plan.features):
        schema[feature.name if feature.name not in own else f"feature.{feature.name}"] = (
            feature.name,
            kinds.get(feature.type, pa.string()),
        )
    schema["prediction"], schema["confidence"] = (f"{MARK}prediction", told), (f"{MARK}confidence", pa.float64())
    schema["label"] = ("", told)
    return schema


def table(rows: Sequence[Row], schema: dict[str, tuple[str, pa.DataType]]) -> pa.Table:
    """Rows with the columns of `columns_of`."""
    own: dict[str, Callable[[Row], Any]] = {
        "id": lambda row: row.id,
        "timestamp": lambda row: None if row.time_ms == NO_TIME else row.time_ms,
        "version": lambda row: row.version,
        ORIGIN: lambda row: "reference" if row.of_reference else "request",
        "label": lambda row: row.label,
    }
    return pa.table(
        {
            column: pa.array([row.values[name] if name else own[column](row) for row in rows], kind)
            for column, (name, kind) in schema.items()
        }
    )
