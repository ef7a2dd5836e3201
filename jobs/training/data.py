"""The data that a retrain request names: records with their labels, without what is not to be learned from.

The same request gives the same rows while the sources keep them: spans are by when records were predicted, labels
count that came before the request was made, and the order is by time, then content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from config.load import Configuration
from config.plan import ModelPlan
from jobs.pieces import Pieces, label_pieces, reference_pieces
from jobs.reference import model_plan
from jobs.training.labels import Known, label_of, labels_until
from jobs.training.mix import Mix, Mixed, drawn
from jobs.training.rows import Gathering, Row, broken_rule, once
from jobs.training.tables import TIME, columns_of, table
from operators.quality.rules import rules_of
from operators.reading.plain_times import NO_TIME
from schemas.cloudevents import milliseconds
from schemas.errors import DataError
from schemas.retraining import RetrainEvent, TrainOn


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
    mixed : Mixed, optional
        The rows of the reference in ``train``, which ``counts`` has not.
    """

    train: pa.Table
    test: pa.Table
    aside: pa.Table
    counts: Counter[str]
    places: list[dict[str, Any]]
    mixed: Mixed | None = None


def training_data(
    loaded: Configuration,
    event: RetrainEvent,
    *,
    data: str | None = None,
    labels: str | None = None,
    erased: Collection[str] = (),
    test_share: float = 0.2,
    mix: Mix | None = None,
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
    mix : Mix, optional
        Rows of the reference to train on as well.
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
    span, ids = event.data.train_on, frozenset(erased)
    gathering, places = Gathering.of(plan, span, ids), []
    for pieces, place in _sources(loaded, plan, span, data):
        places.append(place)
        _gather(gathering, pieces, progress)
    known = Known()
    if _has_labels(loaded, plan) or labels is not None:
        known = labels_until(plan, _label_pieces(loaded, plan, labels), milliseconds(event.time))
    counts = gathering.counts
    rows = _labelled(gathering, event, known)
    good, aside = _sound(plan, rows, counts)
    if not good:
        message = (
            f"dataset: nothing to train {plan.name} on from {span.start} to {span.end} "
            f"({', '.join(f'{name} {count}' for name, count in counts.items() if count)}); "
            "do the sources still have the records, and their labels?"
        )
        raise DataError(message)
    train, test = _split(good, test_share)
    counts["train"], counts["test"] = len(train), len(test)
    mixed = None
    if mix is not None:
        before = Gathering(plan, NO_TIME, milliseconds(span.start), ids)
        _gather(before, reference_pieces(loaded, plan, mix.data), progress)
        old, _ = _sound(plan, _labelled(before, event, known), before.counts)
        mixed = drawn(mix, old, {row.id for row in rows}, len(train), before.counts)
        train = [*mixed.rows, *train]
    columns = columns_of(plan, mixed=mix is not None)
    return TrainingData(table(train, columns), table(test, columns), _aside(aside), counts, places, mixed)


def _gather(gathering: Gathering, pieces: Pieces, progress: Callable[[int], None]) -> None:
    for piece in pieces.read():
        gathering.add(piece, pieces.source)
        progress(len(piece.records))


def _labelled(gathering: Gathering, event: RetrainEvent, known: Known) -> list[Row]:
    """The rows, each once, with the labels that there were when the request was made."""
    rows = once(gathering.rows, event.data.version, gathering.counts)
    for row in rows:
        row.label = label_of(gathering.plan, row, known, milliseconds(event.time))
    return rows


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


def _sound(plan: ModelPlan, rows: list[Row], counts: Counter[str]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """Rows with a label, and those that break a rule, with which."""
    rules = rules_of(plan)
    broken = [(row, broken_rule(row, rules)) for row in rows]
    aside = [(row, why) for row, why in broken if why is not None]
    good = [row for row, why in broken if why is None and row.label is not None]
    counts["aside"], counts["unlabelled"] = len(aside), len(rows) - len(aside) - len(good)
    return good, aside


def _split(good: list[Row], test_share: float) -> tuple[list[Row], list[Row]]:
    """By time; rows of one time are on one side."""
    cut = int(len(good) * (1 - test_share))
    since_ms = good[cut].time_ms if cut < len(good) else good[-1].time_ms + 1
    train = [row for row in good if row.time_ms < since_ms]
    return train, good[len(train) :]


def _aside(rows: list[tuple[Row, str]]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([row.id for row, _ in rows], pa.string()),
            "timestamp": pa.array([row.time_ms for row, _ in rows], TIME),
            "reason": pa.array([why for _, why in rows], pa.string()),
        }
    )
