"""The data that a retrain request names: records with their labels, without what is not to be learned from.

The same request gives the same rows while the sources keep them: spans are by when records were predicted, labels
count that came before the request was made, and the order is by time, then content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from config.load import Configuration
from config.plan import FeaturePlan, LabelsPlan, ModelPlan, RulePlan, SourcePlan
from jobs.pieces import Piece, Pieces, label_pieces, reference_pieces
from jobs.reference import model_plan
from operators.profiles.profiling import confidences
from operators.quality.rules import rules_of
from operators.reading.columns import Column, extract, listed, names, numbers
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap, event_time
from schemas.cloudevents import milliseconds
from schemas.errors import DataError
from schemas.retraining import RetrainEvent, TrainOn

OWN = ("id", "timestamp", "version", "prediction", "confidence", "label")  # columns that are no features
MARK = "\0"  # begins what is no feature among the values of a row: a feature may be called "prediction"
TIME = pa.timestamp("ms", tz="UTC")


@dataclass
class Row:
    """A record in the span."""

    time_ms: int
    tie: bytes  # orders records of one time
    id: str | None
    version: str | None
    values: dict[str, Any]  # by feature and field of segments; prediction and confidence with a MARK
    label: Any = None


@dataclass
class TrainingData:
    """What a request comes to.

    Attributes
    ----------
    train, test : pa.Table
        By time; the test's rows are later than all of the other's.
    aside : pa.Table
        Rows that do not keep to what is expected of them: id, timestamp and reason.
    counts : Counter of str
        ``read``, and what became of these: ``dead`` (no records), ``other`` (models), ``outside`` (the span),
        ``spoiled`` (in an interval that the request leaves out), ``erased`` (by id), ``duplicates``, ``aside``,
        ``unlabelled``, ``train``, ``test``. They add up.
    places : list of dict
        Where the records came from: topics with partitions and offsets, or files.
    """

    train: pa.Table
    test: pa.Table
    aside: pa.Table
    counts: Counter[str]
    places: list[dict[str, Any]]


def training_data(
    loaded: Configuration,
    event: RetrainEvent,
    *,
    data: str | None = None,
    labels: str | None = None,
    erased: Collection[str] = (),
    test_share: float = 0.2,
    progress: Callable[[int], None] = lambda _: None,
) -> TrainingData:
    """Gather it.

    Parameters
    ----------
    loaded : Configuration
        Says where records and labels are.
    event : RetrainEvent
        The request.
    data, labels : str, optional
        Where they are instead: files, or ``topic:NAME``.
    erased : collection of str
        Ids of records that are not to be used any more.
    test_share : float
        Of the rows, by time the last.
    progress : callable
        Is told of records that were read.

    Raises
    ------
    DataError
        There is nothing in the span, or nothing with a label.
    """
    plan = model_plan(loaded, event.data.model)
    if not plan.features:
        message = f"models.{plan.name}.features: are taken from the profile; name them to have them in a dataset"
        raise DataError(message)
    gathering = _Gathering(plan, event.data.train_on, frozenset(erased))
    for pieces, place in _sources(loaded, plan, event.data.train_on, data):
        gathering.places.append(place)
        for piece in pieces.read():
            gathering.add(piece, pieces.source)
            progress(len(piece.records))
    rows = _once(gathering.rows, event.data.version, gathering.counts)
    if _has_labels(loaded, plan) or labels is not None:
        known = _labels(plan, _label_pieces(loaded, plan, labels), milliseconds(event.time))
        for row in rows:
            row.label = _label(plan, row, known, milliseconds(event.time))
    return _split(plan, rows, gathering, test_share, event)


def _has_labels(loaded: Configuration, plan: ModelPlan) -> bool:
    return any(source.kind == "labels" and source.model in (None, plan.name) for source in loaded.plan.sources)


def _sources(
    loaded: Configuration, plan: ModelPlan, span: TrainOn, data: str | None
) -> Iterator[tuple[Pieces, dict[str, Any]]]:
    """The sources of the model's predictions, each with what is said of it."""
    given = [source for source in loaded.plan.sources if source.kind == "predictions"]
    wanted = [source for source in given if source.model in (None, plan.name)]
    for where in [data] if data is not None else [f"topic:{s.topic}" if s.topic else str(s.path) for s in wanted]:
        assert where is not None
        if not where.startswith("topic:"):
            yield reference_pieces(loaded, plan, where), {"path": where}
            continue
        topic = where.removeprefix("topic:")
        offsets = {place.partition: (place.start, place.end) for place in span.offsets if place.topic == topic}
        pieces = reference_pieces(loaded, plan, where, offsets=offsets or None)
        partitions = [
            {"partition": number, "from": start, "to": end, "gone": pieces.gone.get(number, 0)}
            for number, (start, end) in sorted(pieces.offsets.items())
        ]
        yield pieces, {"topic": topic, "partitions": partitions}


def _label_pieces(loaded: Configuration, plan: ModelPlan, labels: str | None) -> Pieces:
    if labels is not None:
        return label_pieces(loaded, plan, labels)
    source = next(s for s in loaded.plan.sources if s.kind == "labels" and s.model in (None, plan.name))
    return label_pieces(loaded, plan, f"topic:{source.topic}" if source.topic else str(source.path))


@dataclass
class _Gathering:
    """Picks the rows of a request out of pieces of data and keeps account of the rest."""

    plan: ModelPlan
    span: TrainOn
    erased: frozenset[str]
    rows: list[Row] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    places: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        segments = dict.fromkeys(name for segment in self.plan.segments for name in segment.fields)
        named = {feature.field for feature in self.plan.features}
        self.others = [name for name in segments if name not in named]
        self._start_ms, self._end_ms = milliseconds(self.span.start), milliseconds(self.span.end)
        self._spoiled = [(milliseconds(each.start), milliseconds(each.end)) for each in self.span.exclude]

    def add(self, piece: Piece, source: SourcePlan) -> None:
        """Take a piece."""
        features = {feature.field: feature for feature in map(_as_read, self.plan.features)}
        columns = extract(piece.records, source, list(features), self.others)
        broken = {row for row, _, _ in piece.malformed}
        count, texts = len(columns.rows), source.format == "csv"
        nothing: Column = [None] * count
        self.counts["read"] += len(piece.records)
        self.counts["dead"] += len(columns.errors) + len(broken)
        times = _times(piece, columns.rows, columns.fields.get("timestamp", nothing), source)
        models = names(columns.fields.get("model", nothing))
        ids, versions = _texts(columns.fields.get("id", nothing)), _texts(columns.fields.get("version", nothing))
        number = self.plan.prediction is not None and self.plan.prediction.task == "regression"
        values: dict[str, list[Any]] = {
            name: _values(columns.features.get(name, nothing), feature, texts) for name, feature in features.items()
        }
        values |= {name: _texts(columns.others.get(name, nothing)) for name in self.others}
        for name in ("prediction", "label"):
            column = columns.fields.get(name, nothing)
            values[MARK + name] = _numbers(column, texts) if number else _texts(column)
        values[MARK + "confidence"] = _floats(confidences(columns, count, texts))
        for at, place in enumerate(columns.rows.tolist()):
            if place in broken:
                continue
            if source.model is None and models[at] not in (self.plan.name, Gap.MISSING):
                self.counts["other"] += 1
                continue
            time_ms = times[at]
            if time_ms == NO_TIME or not self._start_ms <= time_ms < self._end_ms:
                self.counts["outside"] += 1
                continue
            id = ids[at]
            if any(start <= time_ms < end for start, end in self._spoiled):
                self.counts["spoiled"] += 1
            elif id in self.erased:
                self.counts["erased"] += 1
            else:
                version = source.version or versions[at]
                row = {name: column[at] for name, column in values.items()}
                label = row.pop(MARK + "label")
                self.rows.append(Row(time_ms, _tie(id, row), id, version, row, label))


def _as_read(feature: FeaturePlan) -> FeaturePlan:
    """The field that a feature is measured of, once: texts and vectors are what a model learns from."""
    if feature.of is None:
        return feature
    kind = "text" if feature.measure in ("length", "coverage") else "embedding"
    return msgspec.structs.replace(feature, name=feature.of, of=None, type=kind)


def _times(piece: Piece, rows: np.ndarray[Any, Any], column: Column, source: SourcePlan) -> list[int]:
    if source.topic is not None and source.time.kind == "kafka" and piece.times_ms is not None:
        return [piece.times_ms[row] for row in rows.tolist()]
    read = [event_time(value, texts=source.format == "csv") for value in listed(column)]
    return [NO_TIME if isinstance(time, Gap) else time for time in read]


def _values(column: Column, feature: FeaturePlan, texts: bool) -> list[Any]:
    if feature.type == "numeric":
        return _numbers(column, texts)
    if feature.type == "boolean":
        return [name == "true" if isinstance(name, str) else None for name in names(column, booleans=True)]
    if feature.type == "embedding":
        return listed(column)
    return _texts(column)


def _numbers(column: Column, texts: bool) -> list[float | None]:
    return _floats(numbers(column, texts=texts))


def _floats(found: np.ndarray[Any, Any]) -> list[float | None]:
    """Numbers, None where they are missing or no numbers."""
    return [value if good else None for value, good in zip(found.tolist(), np.isfinite(found).tolist(), strict=True)]


def _texts(column: Column) -> list[str | None]:
    return [name if isinstance(name, str) else None for name in names(column)]


def _tie(id: str | None, row: dict[str, Any]) -> bytes:
    return blake2b(msgspec.json.encode([id, row]), digest_size=16).digest()


def _once(rows: list[Row], champion: str, counts: Counter[str]) -> list[Row]:
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


Known = dict[str, list[tuple[int, Any]]]  # of each id when its labels came, and what they are


def _labels(plan: ModelPlan, pieces: Pieces, until_ms: int) -> Known:
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
        labels: Sequence[Any] = _numbers(column, texts) if number else _texts(column)
        if piece.times_ms is not None:
            times = [piece.times_ms[row] for row in columns.rows.tolist()]
        else:
            times = _times(piece, columns.rows, columns.fields.get("timestamp", nothing), source)
        for model, id, label, time_ms in zip(models, ids, labels, times, strict=True):
            if model in (plan.name, Gap.MISSING) and isinstance(id, str) and label is not None and time_ms < until_ms:
                known.setdefault(id, []).append((time_ms, label))
    for found in known.values():
        found.sort(key=lambda one: (one[0], str(one[1])))
    return known


def _label(plan: ModelPlan, row: Row, known: Known, now_ms: int) -> Any:
    if row.label is not None:
        return row.label
    waits = plan.labels if isinstance(plan.labels, LabelsPlan) else None
    found = known.get(row.id or "", [])
    in_time = [label for time_ms, label in found if waits is None or time_ms <= row.time_ms + waits.within_ms]
    if in_time:
        return in_time[-1 if waits is not None and waits.keep == "last" else 0]
    if waits is not None and waits.absent is not None and row.time_ms + waits.mature_ms <= now_ms:
        return waits.absent
    return None


def _split(
    plan: ModelPlan, rows: list[Row], gathering: _Gathering, test_share: float, event: RetrainEvent
) -> TrainingData:
    counts = gathering.counts
    rules = rules_of(plan)
    good, aside = [], []
    for row in rows:
        why = _broken(row, rules)
        if why is not None:
            aside.append((row.id, row.time_ms, why))
        elif row.label is None:
            counts["unlabelled"] += 1
        else:
            good.append(row)
    counts["aside"] = len(aside)
    if not good:
        span = event.data.train_on
        message = (
            f"dataset: nothing to train {plan.name} on from {span.start} to {span.end} "
            f"({', '.join(f'{name} {count}' for name, count in counts.items() if count)}); "
            "do the sources still have the records, and their labels?"
        )
        raise DataError(message)
    cut = int(len(good) * (1 - test_share))
    since_ms = good[cut].time_ms if cut < len(good) else good[-1].time_ms + 1
    train = [row for row in good if row.time_ms < since_ms]  # rows of one time are on one side
    test = good[len(train) :]
    counts["train"], counts["test"] = len(train), len(test)
    schema = _schema(plan, gathering.others)
    return TrainingData(
        _table(train, schema),
        _table(test, schema),
        pa.table(
            {
                "id": pa.array([id for id, _, _ in aside], pa.string()),
                "timestamp": pa.array([time_ms for _, time_ms, _ in aside], TIME),
                "reason": pa.array([why for _, _, why in aside], pa.string()),
            }
        ),
        counts,
        gathering.places,
    )


def _broken(row: Row, rules: Sequence[RulePlan]) -> str | None:
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


def _schema(plan: ModelPlan, others: Sequence[str]) -> dict[str, tuple[str, pa.DataType]]:
    """Columns of a dataset: what each has of a row, and its type. A feature may be called as one of ours is."""
    number = plan.prediction is not None and plan.prediction.task == "regression"
    told = pa.float64() if number else pa.string()
    kinds = {"numeric": pa.float64(), "boolean": pa.bool_(), "embedding": pa.list_(pa.float32())}
    schema: dict[str, tuple[str, pa.DataType]] = {"id": ("", pa.string()), "timestamp": ("", TIME)}
    schema["version"] = ("", pa.string())
    for name in others:
        schema[name if name not in OWN else f"field.{name}"] = (name, pa.string())
    for feature in map(_as_read, plan.features):
        schema[feature.name if feature.name not in OWN else f"feature.{feature.name}"] = (
            feature.name,
            kinds.get(feature.type, pa.string()),
        )
    schema["prediction"], schema["confidence"] = (f"{MARK}prediction", told), (f"{MARK}confidence", pa.float64())
    schema["label"] = ("", told)
    return schema


def _table(rows: Sequence[Row], schema: dict[str, tuple[str, pa.DataType]]) -> pa.Table:
    own: dict[str, Callable[[Row], Any]] = {
        "id": lambda row: row.id,
        "timestamp": lambda row: row.time_ms,
        "version": lambda row: row.version,
        "label": lambda row: row.label,
    }
    return pa.table(
        {
            column: pa.array([row.values[name] if name else own[column](row) for row in rows], kind)
            for column, (name, kind) in schema.items()
        }
    )
