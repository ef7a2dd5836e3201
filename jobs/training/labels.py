"""Labels of rows: found by their ids among the labels that came before the request was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config.plan import LabelsPlan, ModelPlan
from jobs.pieces import Pieces
from jobs.training.rows import Row, as_numbers, as_texts, times_of
from operators.reading.columns import Column, extract, names
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap

MAX = 2**63 - 1
Known = dict[str, list[tuple[int, Any]]]  # of each id when its labels came, and what they are


def labels_until(plan: ModelPlan, pieces: Pieces, until_ms: int) -> Known:
    """Labels that came before the request was made, in the order of their times."""
    known: Known = {}
    source = pieces.source
    number = plan.prediction is not None and plan.prediction.task == "regression"
    for piece in pieces.read():
        columns = extract(piece.records, source, ())
        nothing: Column = [None] * len(columns.rows)
        models, ids = names(columns.fields.get("model", nothing)), names(columns.fields.get("id", nothing))
        column = columns.fields.get("label", nothing)
        texts = source.format == "csv"
        labels: Sequence[Any] = as_numbers(column, texts) if number else as_texts(column)
        if piece.times_ms is not None:
            times = [piece.times_ms[row] for row in columns.rows.tolist()]
        else:
            times = times_of(piece, columns.rows, columns.fields.get("timestamp", nothing), source)
        for model, id, label, time_ms in zip(models, ids, labels, times, strict=True):
            if model in (plan.name, Gap.MISSING) and isinstance(id, str) and label is not None and time_ms < until_ms:
                known.setdefault(id, []).append((time_ms, label))
    for found in known.values():
        found.sort(key=lambda one: (one[0], str(one[1])))
    return known


def label_of(plan: ModelPlan, row: Row, known: Known, now_ms: int) -> Any:
    """The label of a row, as the model takes labels; None: it has none yet."""
    if row.label is not None:
        return row.label
    waits = plan.labels if isinstance(plan.labels, LabelsPlan) else None
    found = known.get(row.id or "", [])
    last_ms = MAX if waits is None or row.time_ms == NO_TIME else row.time_ms + waits.within_ms
    in_time = [label for time_ms, label in found if time_ms <= last_ms]
    if in_time:
        return in_time[-1 if waits is not None and waits.keep == "last" else 0]
    if waits is not None and waits.absent is not None and row.time_ms + waits.mature_ms <= now_ms:
        return waits.absent
    return None
