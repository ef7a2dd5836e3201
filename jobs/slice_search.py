"""Searching slices: the records of a backtest beside those of a reference, coded by the profile, with their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import msgspec
import numpy as np
import numpy.typing as npt

from config import Configuration
from config.plan import ALL, ModelPlan, SourcePlan
from jobs.labelled import Labels
from jobs.pieces import Pieces, label_pieces, reference_pieces
from operators.encoding.measures import Measures, yardsticks_of
from operators.metrics.baseline import ERROR, can_be_measured, errors_of
from operators.metrics.outcomes import label_outcomes, predicted_outcomes
from operators.monitoring.slice_search import Found, Rows, search
from operators.profiles.reference_data import ReferenceData
from operators.profiles.references import UNVERSIONED, JobReferences, ModelSignals, References, natural
from operators.profiles.signal_values import confidences, read_values, watched
from operators.profiles.slicing import row_codes
from operators.reading.columns import Column, Columns, names
from operators.reading.values import Gap
from schemas.cloudevents import milliseconds, timestamp
from schemas.errors import DataError, UsageError
from schemas.events import DriftEvent, Event

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BOTH = 500  # records before and after a change, at least
ROWS = 1_000_000  # of each side: of more, every second, fourth, ... record is taken


class Sliced(msgspec.Struct, frozen=True):
    """What was found for a model version, and what with."""

    model: str
    version: str
    reference: str | None = None  # what the records were compared with
    found: Found | None = None  # None: no episode says since when to look, and no reference was given
    alone: bool = True  # the data have records of this version only


class _Read(msgspec.Struct, frozen=True):
    """Records of a model, of whatever versions."""

    rows: Rows
    times_ms: Ints | None
    versions: npt.NDArray[np.str_]

    def of(self, version: str) -> _Read:
        """Those of a version."""
        mine = self.versions == version
        return _Read(self.rows.take(mine), None if self.times_ms is None else self.times_ms[mine], self.versions[mine])


def search_slices(
    loaded: Configuration,
    job: JobReferences,
    events: list[Event],
    data: str,
    labels: str | None,
    reference: str | None,
) -> Iterator[Sliced]:
    """Search the slices of each model.

    Parameters
    ----------
    loaded
        The configuration.
    job
        The plan that was run, with its profiles.
    events
        What came of it.
    data, labels
        Files of the records that were run, and of their labels.
    reference
        Data to compare with; None: the records before the first episode.

    Raises
    ------
    UsageError
        A model has no profile to code records by.
    DataError
        The data cannot be read.
    """
    references = References(job)
    for model in job.plan.models:
        if not job.profiles[model.name]:
            message = f"--slices: {model.name} learns its reference from the stream; make a profile of it"
            raise UsageError(message)
        signals = _signals(model, references)
        current = _read(loaded, signals, reference_pieces(loaded, model, data), labels)
        known = None
        if reference is not None:
            known = _read(loaded, signals, reference_pieces(loaded, model, reference), labels)
        versions = sorted(set(current.versions.tolist()), key=natural)
        for version in versions:
            found = _searched(signals, version, current.of(version), known, reference, events)
            yield msgspec.structs.replace(found, alone=len(versions) == 1)


def _searched(
    signals: ModelSignals, version: str, current: _Read, known: _Read | None, reference: str | None, events: list[Event]
) -> Sliced:
    """Search the records of a version."""
    model, rows, times_ms = signals.model.name, current.rows, current.times_ms
    if known is not None:
        # Its own records where there are any: another version's errors are not what it is to be held against.
        own = known.of(version) if version in known.versions else known
        return Sliced(model, version, reference, search(signals, own.rows, rows))
    since_ms = None if times_ms is None else _since(events, model, version, times_ms)
    if times_ms is None or since_ms is None:
        return Sliced(model, version)
    later = times_ms >= since_ms
    before = f"the records before {timestamp(since_ms)}"
    return Sliced(model, version, before, search(signals, rows.take(~later), rows.take(later)))


def _since(events: list[Event], model: str, version: str, times_ms: Ints) -> int | None:
    """The first onset, else the first time at which an episode was found, that has enough records on both sides."""
    all_told = [event.data for event in events if isinstance(event, DriftEvent)]
    told = [data for data in all_told if data.model == model and data.version in (version, ALL)]
    onsets = sorted({milliseconds(data.onset) for data in told})
    for time_ms in [*onsets, *sorted({milliseconds(data.detected) for data in told})]:
        before = int((times_ms < time_ms).sum())
        if min(before, len(times_ms) - before) >= BOTH:
            return time_ms
    return None


def _signals(model: ModelPlan, references: References) -> ModelSignals:
    """Those of the newest profile that follow from a record alone."""
    plan = msgspec.structs.replace(model, features=tuple(watched(model)), estimated=msgspec.UNSET)
    return ModelSignals(plan, references.any(model.name).profile)


def _read(loaded: Configuration, signals: ModelSignals, pieces: Pieces, labels: str | None) -> _Read:
    """Records of a model."""
    model = signals.model
    told = None
    measured = can_be_measured(model.prediction)
    if measured and labels is not None:
        told = Labels(model, label_pieces(loaded, model, labels), lambda total: nullcontext(lambda more: None))
    selected, measures = (
        ReferenceData(model, pieces.source, several=True),
        Measures(model, yardsticks_of(signals.profile)),
    )
    every = 1 if pieces.total is None else -(-pieces.total // ROWS)
    codes, errors, times, versions = [], [], [], []
    for piece in pieces.read():
        columns = selected.select(piece.records, piece.malformed, piece.times_ms)
        times_ms = selected.times_ms
        if every > 1:
            kept = np.arange(len(columns.rows)) % every == 0
            columns, times_ms = columns.take(kept), None if times_ms is None else times_ms[kept]
        read = read_values(model, columns, pieces.source, measures, times_ms)
        codes.append(row_codes(signals, read, len(columns.rows))[1])
        errors.append(_errors(model, columns, pieces.source, told) if measured else np.full(len(columns.rows), np.nan))
        times.append(times_ms)
        versions.append(_versions(columns, pieces.source))
    if not codes or not sum(map(len, codes)):
        message = f"{pieces.source.path}: has no records of {model.name}"
        raise DataError(message)
    rows = Rows(np.ascontiguousarray(np.concatenate(codes)), np.concatenate(errors))
    known = [one for one in times if one is not None]
    times_ms = np.concatenate(known) if len(known) == len(times) else None
    return _Read(rows, times_ms, np.concatenate(versions))


def _versions(columns: Columns, source: SourcePlan) -> npt.NDArray[np.str_]:
    """Version of each record."""
    named = columns.fields.get("version")
    if source.version is not None or named is None:
        return np.full(len(columns.rows), source.version or UNVERSIONED)
    return np.array([UNVERSIONED if isinstance(one, Gap) else one for one in names(named)], np.str_)


def _errors(model: ModelPlan, columns: Columns, source: SourcePlan, labels: Labels | None) -> Floats:
    """Error of each record's prediction; NaN without a label."""
    assert model.prediction is not None, "asked for where it is"
    records, texts = len(columns.rows), source.format == "csv"
    nothing: Column = [None] * records
    outcomes = label_outcomes(columns.fields.get("label", nothing), model.prediction, texts=texts)
    if labels is not None:
        joined = labels.of(columns)
        outcomes = np.where(np.isnan(joined), outcomes, joined)
    predictions = columns.fields.get("prediction", nothing)
    predicted = predicted_outcomes(predictions, confidences(columns, records, texts), model.prediction, texts=texts)
    return np.asarray(errors_of(model.prediction, np.column_stack([predicted, outcomes]))[ERROR], np.float64)
