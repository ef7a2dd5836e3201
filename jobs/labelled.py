"""Labelled reference data: records of a model with what was predicted of them and what came true.

A label stands in the record itself, or in data of their own, where the record's id finds it: the first one of an id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SourcePlan
from jobs.pieces import Pieces
from operators.hashing import hash64
from operators.joins import absent_outcome
from operators.labels.groups import group_hashes, group_numbers, item_hashes
from operators.labels.reference_delays import LabelDelaysBuilder
from operators.metrics.outcomes import label_outcomes, predicted_outcomes
from operators.profiles.reference_data import ReferenceData
from operators.profiles.signal_values import confidences
from operators.reading.columns import Column, Columns, extract, listed, names
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap, event_time

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]


class Labelled(msgspec.Struct, frozen=True):
    """Some records that have a label."""

    columns: Columns
    source: SourcePlan  # how they were read
    times_ms: Ints | None  # event times, `plain_times.NO_TIME` where one has none; None where they come in order
    values: Floats  # (records, 3): predicted, probability, outcome, see outcomes.py; NaN where there is none


class Labels:
    """Labels of data of their own, by hashes of ids."""

    def __init__(self, plan: ModelPlan, pieces: Pieces, progress: Progress) -> None:
        assert plan.prediction is not None, "labels are of what is predicted"
        self._ranked = plan.is_ranking
        hashes, outcomes, times = [np.empty(0, np.uint64)], [np.empty(0)], [np.empty(0, np.int64)]
        before = 0
        with progress(pieces.total) as advance:
            for piece in pieces.read():
                columns = extract(piece.records, pieces.source, ())
                columns = _of_model(columns, plan.name, pieces.source)
                found, there = _ids(columns, ranked=self._ranked)
                times.append(_times(columns, pieces.source, piece.times_ms, before)[there])
                before += len(piece.records)
                label = columns.fields.get("label", [None] * len(columns.rows))
                hashes.append(found)
                outcomes.append(label_outcomes(label, plan.prediction, texts=pieces.source.format == "csv")[there])
                advance(len(piece.records))
        self._hashes, first = np.unique(np.concatenate(hashes), return_index=True)
        self._outcomes, self._times_ms = np.concatenate(outcomes)[first], np.concatenate(times)[first]
        self.came = LabelDelaysBuilder()

    def of(self, columns: Columns, times_ms: Ints | None = None) -> Floats:
        """Outcome of each record; NaN where it has none. With times of the records, how long labels took is noted."""
        found, labels_ms = np.full(len(columns.rows), np.nan), np.full(len(columns.rows), NO_TIME)
        hashes, there = _ids(columns, ranked=self._ranked)
        if len(self._hashes):
            places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
            same = self._hashes[places] == hashes
            found[there[same]] = self._outcomes[places[same]]
            labels_ms[there[same]] = self._times_ms[places[same]]
        if times_ms is not None:
            self.came.add(times_ms, labels_ms)
        return found


def labelled(
    plan: ModelPlan,
    pieces: Pieces,
    labels: Labels | None,
    version: str | None,
    progress: Progress,
    *,
    unlabelled: bool = False,
) -> Iterator[Labelled]:
    """Records of the model's version that have a label that can be used, in the pieces in which they come.

    Parameters
    ----------
    plan
        The model, with its features.
    pieces
        Of `pieces.reference_pieces`.
    labels
        By the records' ids; None: they are in the records.
    unlabelled
        Give those without one as well.
    """
    assert plan.prediction is not None, "labels are of what is predicted"
    reference, texts = ReferenceData(plan, pieces.source, version), pieces.source.format == "csv"
    with progress(pieces.total) as advance:
        for piece in pieces.read():
            columns = reference.select(piece.records, piece.malformed, piece.times_ms)
            times_ms = reference.times_ms
            nothing: Column = [None] * len(columns.rows)
            if labels is None:
                outcomes = label_outcomes(columns.fields.get("label", nothing), plan.prediction, texts=texts)
            else:
                outcomes = labels.of(columns, times_ms)
            there = ~np.isnan(outcomes) | unlabelled
            if plan.is_ranking:  # whole lists, also items without a label
                groups, there = group_hashes(columns.fields.get("group", nothing))
                absent = absent_outcome(plan)
                outcomes = np.where(np.isnan(outcomes), np.nan if absent is None else absent, outcomes)
            if there.any():
                columns = columns.take(there)
                predicted = predicted_outcomes(
                    columns.fields.get("prediction", [None] * len(columns.rows)),
                    confidences(columns, len(columns.rows), texts),
                    plan.prediction,
                    texts=texts,
                )
                if plan.is_ranking:
                    predicted[:, 1] = group_numbers(groups[there])
                values = np.column_stack([predicted, outcomes[there]])
                yield Labelled(columns, pieces.source, None if times_ms is None else times_ms[there], values)
            advance(len(piece.records))


def _of_model(columns: Columns, model: str, source: SourcePlan) -> Columns:
    named = columns.fields.get("model")
    if source.model is not None or named is None:
        return columns
    return columns.take(np.array([name == model or name is Gap.MISSING for name in names(named)], np.bool_))


def _times(columns: Columns, source: SourcePlan, times_ms: Sequence[int] | None, before: int) -> Ints:
    """When labels came; NO_TIME where that is not known."""
    if source.time.kind == "every":
        times: Ints = source.time.from_ms + (before + columns.rows) * source.time.every_us // 1_000
        return times
    if times_ms is not None:
        return np.array(times_ms, np.int64)[columns.rows]
    texts = source.format == "csv"
    said = [event_time(value, texts=texts) for value in listed(columns.fields.get("timestamp", []))]
    read = [NO_TIME if isinstance(time, Gap) else time for time in said]
    return np.array(read or [NO_TIME] * len(columns.rows), np.int64)


def _ids(columns: Columns, *, ranked: bool) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Hashes of ids, of rankings within their groups, and which records have one."""
    nothing: Column = [None] * len(columns.rows)
    ids = names(columns.fields.get("id", nothing))
    there = np.array([row for row, id in enumerate(ids) if isinstance(id, str)], np.int64)
    hashes = hash64([str(ids[row]).encode("utf-8", "surrogatepass") for row in there.tolist()])
    if not ranked:
        return hashes, there
    groups, grouped = group_hashes(columns.fields.get("group", nothing))
    return item_hashes(groups[there], hashes)[grouped[there]], there[grouped[there]]
