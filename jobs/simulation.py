"""A stream of predictions with drifts at known places: the same records for the same specification, always."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from jobs.datasets import FEATURE, Columns, Dataset, dataset
from jobs.drifts import Changes, Drift
from schemas.cloudevents import timestamp
from schemas.errors import UsageError

JANUARY_2026_MS = 1_767_225_600_000


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream is to be."""

    dataset: str = "churn"
    records: int = 100_000
    drifts: tuple[Drift, ...] = ()
    seed: int = 1
    model: str = "churn"
    version: str = "1"
    start_ms: int = JANUARY_2026_MS  # event time of record 0
    rate: float = 100.0  # records a second of event time

    def time_ms(self, record: int) -> int:
        """Give the event time of a record."""
        return self.start_ms + int(record * 1000 / self.rate)


def records(simulation: Simulation) -> Iterator[tuple[int, bytes]]:
    """Make the stream, fewer records only where river's ends before.

    What the model says is computed before the features drift: a drift shows in its own signal alone, as one does that
    happens on the way to the topic.

    Returns
    -------
    iterator
        Event time in milliseconds, and the record as JSON.

    Raises
    ------
    UsageError
        There is no such dataset, or a drift does not fit it or begins after its end.

    Examples
    --------
    >>> [line] = [line for _, line in records(Simulation(dataset="river:SEA", records=1, model="sea"))]
    >>> line[:88].decode()
    '{"id":"1-0","timestamp":"2026-01-01T00:00:00.000Z","model":"sea","version":"1","features'
    """
    source = dataset(simulation.dataset)
    for change in simulation.drifts:
        if change.start >= simulation.records:
            message = f"--drift: '{change}': begins after the last of {simulation.records} records"
            raise UsageError(message)
    return _records(simulation, source, Changes(source, simulation.drifts))


def truth(simulation: Simulation) -> list[dict[str, Any]]:
    """List the drifts, by when they begin."""
    found = []
    for change in sorted(simulation.drifts, key=lambda change: change.start):
        known: dict[str, Any] = {"time": timestamp(simulation.time_ms(change.start)), "record": change.start}
        known |= {"signal": change.signal, "kind": change.kind, "size": change.size}
        if change.end is not None:
            known |= {"until": timestamp(simulation.time_ms(change.end)), "until_record": change.end}
        if change.where is not None:
            known["segment"] = dict([change.where])
        found.append(known)
    return found


def features(name: str) -> list[str]:
    """Name the features of a dataset."""
    columns = next(dataset(name).blocks(0))
    return [signal.removeprefix(FEATURE) for signal in columns if signal.startswith(FEATURE)]


def _records(simulation: Simulation, source: Dataset, changes: Changes) -> Iterator[tuple[int, bytes]]:
    encode = msgspec.json.Encoder().encode
    make: Callable[..., Any] | None = None
    start = 0
    for block in source.blocks(simulation.seed):
        count = min(simulation.records - start, len(block["prediction"]))
        rows = np.arange(start, start + len(block["prediction"]))
        columns = changes.apply(block, rows, np.random.default_rng([simulation.seed, start, 1]))
        if make is None:
            make = _maker(list(columns), simulation)
        times = simulation.start_ms + (rows * 1000 / simulation.rate).astype(np.int64)
        texts = np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms").tolist()
        values = [_values(columns, signal, source.decimals.get(signal)) for signal in columns]
        made = map(make, rows[:count].tolist(), texts, *values)
        yield from zip(times.tolist(), map(encode, made), strict=False)
        start += count
        if start == simulation.records:
            return


def _maker(signals: list[str], simulation: Simulation) -> Callable[..., Any]:
    """Make the function that builds a record from its number, the text of its time and the value of each signal.

    It fills structs of msgspec: building and encoding one takes 2 microseconds, dictionaries twice that.
    """
    names = [signal.removeprefix(FEATURE) for signal in signals]
    split = sum(signal.startswith(FEATURE) for signal in signals)  # features come first
    inner = _struct("Features", names[:split])
    outer = _struct("Record", ["id", "timestamp", "model", "version", "features", *names[split:]])
    model, version, seed = simulation.model, simulation.version, simulation.seed

    def make(row: int, time: str, *values: Any) -> Any:
        return outer(f"{seed}-{row}", f"{time}Z", model, version, inner(*values[:split]), *values[split:])

    return make


def _struct(name: str, keys: list[str]) -> Callable[..., Any]:
    fields = [f"f{i}" for i in range(len(keys))]
    return msgspec.defstruct(name, [(f, Any) for f in fields], rename=dict(zip(fields, keys, strict=True)), gc=False)


def _values(columns: Columns, signal: str, decimals: int | None) -> list[Any]:
    """Give what is recorded: rounded numbers, for scores classes and probabilities, null for what is missing."""
    column = columns[signal]
    if column.dtype == object:
        return column.tolist()  # type: ignore[no-any-return]
    gaps = np.flatnonzero(np.isnan(column))
    if signal == "confidence":
        column, decimals = 1 / (1 + np.exp(-np.abs(column))), 4
    elif signal == "prediction" and "confidence" in columns:  # then both are scores
        column = np.where(column > 0, "yes", "no")
    if decimals == 0:
        column = np.nan_to_num(np.round(column)).astype(np.int64)
    elif decimals is not None:
        column = np.round(column, decimals)
    values = column.tolist()
    for row in gaps.tolist():
        values[row] = None
    return values  # type: ignore[no-any-return]
