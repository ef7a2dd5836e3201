"""What a report is made of: the stories of episodes, retrain requests and streams, and evaluations over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from schemas import events as drift_events
from schemas.cloudevents import milliseconds
from schemas.errors import DataError
from schemas.evaluations import COLUMNS
from schemas.events import (
    DriftEvent,
    Event,
    EventError,
    ProfileEvent,
    RefusedEvent,
    RetrainEvent,
    StreamEvent,
    UnknownEventError,
)
from schemas.summaries import Summary

NEEDED = ("time", "model", "version", "segment", "signal", "detector", "statistic", "threshold", "alarm")


@dataclass
class Series:
    """What one detector said of one signal of a segment, in the order of time; times as RFC 3339 texts."""

    model: str
    version: str
    segment: str  # canonical text
    signal: str
    detector: str
    times: list[str] = field(default_factory=list)
    statistics: list[float | None] = field(default_factory=list)
    thresholds: list[float | None] = field(default_factory=list)
    alarms: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What was found between two times; as a page by `dashboard.report.page.html`.

    Attributes
    ----------
    title : str
        The job's name.
    models : tuple of str
        Of which there is anything, in order.
    start, end : str or None
        Of what there is, RFC 3339 texts; None where there is nothing.
    episodes : tuple of tuple of DriftEvent
        The events of each episode in their order; the earliest onset first.
    requests : tuple of tuple of RetrainEvent
        Those of each retrain request.
    others : tuple of StreamEvent, ProfileEvent or RefusedEvent
        Streams that fell silent or went on, references that were learned.
    series : tuple of Series
        Evaluations, if they were given.
    skipped : tuple of str
        What could not be used, one line each.
    """

    title: str
    models: tuple[str, ...]
    start: str | None
    end: str | None
    episodes: tuple[tuple[DriftEvent, ...], ...]
    requests: tuple[tuple[RetrainEvent, ...], ...]
    others: tuple[StreamEvent | ProfileEvent | RefusedEvent, ...]
    series: tuple[Series, ...] = ()
    skipped: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """As notebooks show it."""
        from dashboard.report.page import html

        return html(self, whole=False)


def gather(
    title: str,
    events: Iterable[Event],
    series: Iterable[Series] = (),
    *,
    model: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    skipped: Iterable[str] = (),
) -> Report:
    """Make a report.

    Parameters
    ----------
    title : str
        The job's name.
    events, series
        What there is, in any order; the same event twice counts once.
    model : str, optional
        Only this one.
    start_ms, end_ms : int, optional
        Only episodes and requests that went on between these, milliseconds since 1970 UTC; evaluations of windows
        that end in it.
    skipped
        What could not be used, lines for people.
    """
    drifts: dict[str, list[DriftEvent]] = {}
    asked: dict[str, list[RetrainEvent]] = {}
    others: list[StreamEvent | ProfileEvent | RefusedEvent] = []
    known: set[str] = set()
    for event in sorted(events, key=lambda event: event.time):
        if event.id in known or model not in (None, event.data.model):
            continue
        known.add(event.id)
        if isinstance(event, DriftEvent):
            drifts.setdefault(event.data.episode, []).append(event)
        elif isinstance(event, RetrainEvent):
            asked.setdefault(event.data.request, []).append(event)
        elif _within(event.time, event.time, start_ms, end_ms):
            others.append(event)
    episodes = [story for story in drifts.values() if _within(*_span(story), start_ms, end_ms)]
    requests = [story for story in asked.values() if _within(story[0].time, story[-1].time, start_ms, end_ms)]
    shown = [_cut(each, start_ms, end_ms) for each in series if model in (None, each.model)]
    kept = [each for each in shown if each.times]
    times = [time for story in episodes for time in (story[0].data.onset, story[-1].time)]
    times += [event.time for story in requests for event in story] + [event.time for event in others]
    times += [time for each in kept for time in (each.times[0], each.times[-1])]
    names = {story[0].data.model for story in episodes} | {story[0].data.model for story in requests}
    names |= {event.data.model for event in others} | {each.model for each in kept}
    return Report(
        title=title,
        models=tuple(sorted(names)),
        start=min(times, default=None),
        end=max(times, default=None),
        episodes=tuple(
            tuple(story) for story in sorted(episodes, key=lambda story: (story[0].data.onset, story[0].id))
        ),
        requests=tuple(tuple(story) for story in requests),
        others=tuple(others),
        series=tuple(kept),
        skipped=tuple(skipped),
    )


def _span(story: list[DriftEvent]) -> tuple[str, str | None]:
    last = story[-1]
    return story[0].data.onset, last.time if last.data.why is not None else None


def _within(start: str, end: str | None, start_ms: int | None, end_ms: int | None) -> bool:
    """Whether something that went on from `start` to `end` (None: it goes on) did so in the span."""
    if end_ms is not None and milliseconds(start) >= end_ms:
        return False
    return start_ms is None or end is None or milliseconds(end) >= start_ms


def _cut(series: Series, start_ms: int | None, end_ms: int | None) -> Series:
    rows = zip(series.times, series.statistics, series.thresholds, series.alarms, strict=True)
    kept = sorted(row for row in rows if _ends_in(milliseconds(row[0]), start_ms, end_ms))
    columns: tuple[list[Any], ...] = tuple(map(list, zip(*kept, strict=True))) if kept else ([], [], [], [])
    return Series(series.model, series.version, series.segment, series.signal, series.detector, *columns)


def _ends_in(time_ms: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or time_ms > start_ms) and (end_ms is None or time_ms <= end_ms)


def read_events(path: Path) -> tuple[list[Event], list[str]]:
    """Events of a file, one a line, and what was no event there, as lines for people.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    found: list[Event] = []
    wrong: list[str] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        found.append(drift_events.decode(line))
                    except (EventError, UnknownEventError) as error:
                        wrong.append(f"{path}:{number}: {error}")
    except OSError as error:
        message = f"{path}: {error.strerror}; 'tidemark backtest --events {path}' writes events"
        raise DataError(message) from error
    return found, wrong


def series_of(summaries: Iterable[Summary]) -> list[Series]:
    """Evaluations of windows, by signal and detector."""
    found: dict[tuple[str, ...], Series] = {}
    for summary in summaries:
        for each in summary.evaluations:
            _add(found, (each.model, each.version, each.segment, each.signal, each.detector),
                 (each.time, each.statistic, each.threshold, each.alarm))  # fmt: skip
    return list(found.values())


def _add(found: dict[tuple[str, ...], Series], key: tuple[str, ...], row: tuple[Any, ...]) -> None:
    model, version, segment, signal, detector = key
    series = found.setdefault(key, Series(model, version, segment, signal, detector))
    time, statistic, threshold, alarm = row
    series.times.append(time)
    series.statistics.append(statistic)
    series.thresholds.append(threshold)
    series.alarms.append(bool(alarm))


def read_scores(path: Path) -> list[Series]:
    """Evaluations as ``tidemark backtest --scores`` writes them, CSV or Parquet by suffix.

    Raises
    ------
    DataError
        The file cannot be read, or holds something else.
    """
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except (OSError, pa.ArrowException) as error:
        message = f"{path}: {error}; 'tidemark backtest --scores {path}' writes evaluations"
        raise DataError(message) from error
    if missing := [name for name in NEEDED if name not in table.column_names]:
        message = (
            f"{path}: has no column {', '.join(missing)}; 'tidemark backtest --scores' writes {', '.join(COLUMNS)}"
        )
        raise DataError(message)
    found: dict[tuple[str, ...], Series] = {}
    for time, *key, statistic, threshold, alarm in _rows(table):
        _add(found, tuple(key), (time, statistic, threshold, alarm))
    return list(found.values())


def _parquet(path: Path) -> pa.Table:
    return pyarrow.parquet.read_table(path)


def _csv(path: Path) -> pa.Table:
    texts = dict.fromkeys(("time", "model", "version", "segment", "signal", "detector"), pa.string())
    numbers = dict.fromkeys(("statistic", "threshold"), pa.float64())
    options = pyarrow.csv.ConvertOptions(column_types={**texts, **numbers, "alarm": pa.bool_()})
    return pyarrow.csv.read_csv(path, convert_options=options)


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.select(list(NEEDED)).to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
