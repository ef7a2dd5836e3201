"""Rows to train on: the records of a model in a span of time, each id once, without what is not to be learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np

from config.plan import FeaturePlan, ModelPlan, RulePlan, SourcePlan
from jobs.pieces import Piece
from operators.profiles.signal_values import confidences
from operators.reading.columns import Column, extract, listed, names, numbers
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap, event_time
from schemas.cloudevents import milliseconds
from schemas.retraining import TrainOn

MARK = "\0"  # begins what is no feature among the values of a row: a feature may be called "prediction"


@dataclass
class Row:
    """A record of the model."""

    time_ms: int
    tie: bytes  # orders records of one time
    id: str | None
    version: str | None
    values: dict[str, Any]  # by feature and field of segments; prediction and confidence with a MARK
    label: Any = None
    of_reference: bool = False


@dataclass
class Gathering:
    """Picks the rows of a span out of pieces of data and keeps account of the rest."""

    plan: ModelPlan
    start_ms: int
    end_ms: int
    erased: frozenset[str]
    spoiled: Sequence[tuple[int, int]] = ()  # spans whose records are unfit
    rows: list[Row] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._others = fields_beside(self.plan)

    @classmethod
    def of(cls, plan: ModelPlan, span: TrainOn, erased: frozenset[str]) -> Gathering:
        """Of the span of a request."""
        spoiled = [(milliseconds(each.start), milliseconds(each.end)) for each in span.exclude]
        return cls(plan, milliseconds(span.start), milliseconds(span.end), erased, spoiled)

    def add(self, piece: Piece, source: SourcePlan) -> None:
        """Take a piece."""
        features = {feature.field: feature for feature in map(as_read, self.plan.features)}
        columns = extract(piece.records, source, list(features), self._others)
        broken = {row for row, _, _ in piece.malformed}
        count, texts = len(columns.rows), source.format == "csv"
        nothing: Column = [None] * count
        self.counts["read"] += len(piece.records)
        self.counts["dead"] += len(columns.errors) + len(broken)
        times = times_of(piece, columns.rows, columns.fields.get("timestamp", nothing), source)
        models = names(columns.fields.get("model", nothing))
        ids, versions = as_texts(columns.fields.get("id", nothing)), as_texts(columns.fields.get("version", nothing))
        number = self.plan.prediction is not None and self.plan.prediction.task == "regression"
        values: dict[str, list[Any]] = {
            name: _values(columns.features.get(name, nothing), feature, texts) for name, feature in features.items()
        }
        values |= {name: as_texts(columns.others.get(name, nothing)) for name in self._others}
        for name in ("prediction", "label"):
            column = columns.fields.get(name, nothing)
            values[MARK + name] = as_numbers(column, texts) if number else as_texts(column)
        values[MARK + "confidence"] = _floats(confidences(columns, count, texts))
        for at, place in enumerate(columns.rows.tolist()):
            if place in broken:
                continue
            if source.model is None and models[at] not in (self.plan.name, Gap.MISSING):
                self.counts["other"] += 1
                continue
            time_ms = times[at]
            if not self.start_ms <= time_ms < self.end_ms:  # NO_TIME is before all times
                self.counts["outside"] += 1
                continue
            id = ids[at]
            if any(start <= time_ms < end for start, end in self.spoiled):
                self.counts["spoiled"] += 1
            elif id in self.erased:
                self.counts["erased"] += 1
            else:
                version = source.version or versions[at]
                row = {name: column[at] for name, column in values.items()}
                label = row.pop(MARK + "label")
                self.rows.append(Row(time_ms, _tie(id, row), id, version, row, label))


def fields_beside(plan: ModelPlan) -> list[str]:
    """Fields of segments that are no features."""
    segments = dict.fromkeys(name for segment in plan.segments for name in segment.fields)
    named = {feature.field for feature in plan.features}
    return [name for name in segments if name not in named]


def as_read(feature: FeaturePlan) -> FeaturePlan:
    """The field that a feature is measured of, once: texts and vectors are what a model learns from."""
    if feature.of is None:
        return feature
    kind = "text" if feature.measure in ("length", "coverage") else "embedding"
    return msgspec.structs.replace(feature, name=feature.of, of=None, type=kind)


def times_of(piece: Piece, rows: np.ndarray[Any, Any], column: Column, source: SourcePlan) -> list[int]:
    """Event times of records; NO_TIME where one says none."""
    if source.time.kind == "every":
        times: list[int] = (source.time.from_ms + (piece.first_row + rows) * source.time.every_us // 1_000).tolist()
        return times
    if source.topic is not None and source.time.kind == "kafka" and piece.times_ms is not None:
        return [piece.times_ms[row] for row in rows.tolist()]
    read = [event_time(value, texts=source.format == "csv") for value in listed(column)]
    return [NO_TIME if isinstance(time, Gap) else time for time in read]


def _values(column: Column, feature: FeaturePlan, texts: bool) -> list[Any]:
    if feature.type == "numeric":
        return as_numbers(column, texts)
    if feature.type == "boolean":
        return [name == "true" if isinstance(name, str) else None for name in names(column, booleans=True)]
    if feature.type == "embedding":
        return listed(column)
    return as_texts(column)


def as_numbers(column: Column, texts: bool) -> list[float | None]:
    """Values as numbers, None where there is none."""
    return _floats(numbers(column, texts=texts))


def _floats(found: np.ndarray[Any, Any]) -> list[float | None]:
    """Numbers, None where they are missing or no numbers."""
    return [value if good else None for value, good in zip(found.tolist(), np.isfinite(found).tolist(), strict=True)]


def as_texts(column: Column) -> list[str | None]:
    """Values as texts, None where there is none."""
    return [name if isinstance(name, str) else None for name in names(column)]


def _tie(id: str | None, row: dict[str, Any]) -> bytes:
    return blake2b(msgspec.json.encode([id, row]), digest_size=16).digest()


def once(rows: list[Row], champion: str, counts: Counter[str]) -> list[Row]:
    """The rows in order, each id once: as the version that is to be replaced saw it, else the first."""
    rows.sort(key=lambda row: (row.time_ms, row.tie))
    best: dict[str, Row] = {}
    for row in rows:
        if row.id is not None:
            known = best.setdefault(row.id, row)
            if known.version != champion and row.version == champion:
                best[row.id] = row
    kept = [row for row in rows if row.id is None or best[row.id] is row]
    counts["duplicates"] = len(rows) - len(kept)
    return kept


def broken_rule(row: Row, rules: Sequence[RulePlan]) -> str | None:
    """Which rule a row does not keep to."""
    for rule in rules:
        value = row.values.get(rule.field, row.values.get(MARK + rule.field))
        if not rule.each or value is None:
            continue
        if rule.what == "values":
            shown = str(value).lower() if isinstance(value, bool) else value
            kept = (float(shown) in map(float, rule.values)) if rule.number else shown in rule.values
        else:
            kept = value >= rule.limit if rule.what == "min" else value <= rule.limit
        if not kept:
            return f"{rule.name} ({value})"
    return None
