"""Drifts put into made-up data: of which signal, of which kind, how much, and between which records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from jobs.datasets import FEATURE, SAMPLE, Column, Columns, Dataset
from schemas.errors import UsageError

Kind = Literal["shift", "scale", "mix", "missing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHAPE = "SIGNAL:KIND:SIZE@FROM[-TO][/FIELD=VALUE]"
OUTLIERS = 3.0  # standard deviations above the mean lies what `mix` puts among numbers


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One change, from record `start` until before record `end`.

    `shift` moves numbers by `size` standard deviations, `scale` multiplies their distance from the mean by `size`,
    `mix` replaces a share of `size` by values from elsewhere, `missing` by nothing.
    """

    signal: str  # feature.NAME, a field beside the features, prediction or confidence
    kind: Kind
    size: float
    start: int
    end: int | None = None
    where: tuple[str, str] | None = None  # only in records with this value of this field

    def __str__(self) -> str:
        return f"{self.signal}:{self.kind}:{self.size:g}@{self.start}"


def drift(text: str) -> Drift:
    """Read a drift as it is written on the command line.

    >>> drift("feature.age:shift:1.0@20000-30000/country=DE")
    Drift(signal='feature.age', kind='shift', size=1.0, start=20000, end=30000, where=('country', 'DE'))

    Raises
    ------
    UsageError
        The text is something else.
    """
    number = r"-?\d+(?:\.\d+)?"
    found = re.fullmatch(rf"([^:@]+):(\w+):({number})@(\d+)(?:-(\d+))?(?:/([^=]+)=(.*))?", text)
    if found is None:
        message = f"--drift: '{text}' is not a drift ({SHAPE}, as in feature.age:shift:1.0@20000)"
        raise UsageError(message)
    signal, kind, size, start, end, field, value = found.groups()
    if kind not in KINDS:
        message = f"--drift: '{text}': '{kind}' is not a kind ({', '.join(KINDS)})"
        raise UsageError(message)
    if end is not None and int(end) <= int(start):
        message = f"--drift: '{text}': ends at {end}, which is not after {start}"
        raise UsageError(message)
    where = None if field is None else (field, value)
    return Drift(
        signal=signal, kind=kind, size=float(size), start=int(start), end=int(end) if end else None, where=where
    )


class Changes:
    """Drifts, checked against a dataset and put into its blocks.

    Parameters
    ----------
    source : Dataset
        What they are put into.
    drifts : sequence of Drift
        One after the other, where several are of one signal.

    Raises
    ------
    UsageError
        A drift names a signal or field that is not there, or a kind that the signal cannot have.
    """

    def __init__(self, source: Dataset, drifts: Sequence[Drift]) -> None:
        self._drifts = drifts
        self._moments: dict[str, tuple[float, float]] = {}  # of numeric signals
        self._values: dict[str, Column] = {}  # of the others: a sample, of which any is as likely as another
        if drifts:
            for signal, values in _sample(source).items():
                if values.dtype.kind in "if":
                    self._moments[signal] = float(values.mean()), float(values.std())
                else:
                    self._values[signal] = np.array(sorted(set(values.tolist()), key=str), dtype=object)
            for change in drifts:
                self._check(change)

    def _check(self, change: Drift) -> None:
        known = [*self._moments, *self._values]
        if change.signal not in known:
            message = f"--drift: '{change}': there is no signal '{change.signal}' ({', '.join(known)})"
            raise UsageError(message)
        if change.kind in ("shift", "scale") and change.signal not in self._moments:
            message = f"--drift: '{change}': '{change.signal}' is categorical and knows no {change.kind} (mix, missing)"
            raise UsageError(message)
        if change.kind in ("mix", "missing") and not 0 <= change.size <= 1:
            message = f"--drift: '{change}': {change.size:g} is not a share (0 to 1)"
            raise UsageError(message)
        if change.where is not None and _signal(change.where[0], known) is None:
            fields = ", ".join(signal.removeprefix(FEATURE) for signal in self._values)
            message = f"--drift: '{change}': there is no field '{change.where[0]}' ({fields})"
            raise UsageError(message)

    def apply(self, columns: Columns, rows: npt.NDArray[np.int64], rng: np.random.Generator) -> Columns:
        """Give the columns of a block with its drifts in them; NaN and None are what is missing.

        Parameters
        ----------
        columns : dict
            By signal; the model's as its score (see datasets.py).
        rows : int64
            Number of each row in the stream.
        rng : Generator
            For what is left to chance.
        """
        result = dict(columns)
        for change in self._drifts:
            hit = (rows >= change.start) & (rows < (np.inf if change.end is None else change.end))
            if change.where is not None and hit.any():
                field = columns[_signal(change.where[0], list(columns)) or ""]
                hit &= np.array([str(value) == change.where[1] for value in field.tolist()])
            if not hit.any():
                continue
            before = result[change.signal]
            result[change.signal] = self._changed(change, before, hit, rng)
            if change.signal == "prediction" and "confidence" in result and change.kind != "missing":
                result["confidence"] = np.abs(result["prediction"])
        return result

    def _changed(self, change: Drift, values: Column, hit: Column, rng: np.random.Generator) -> Column:
        if change.kind in ("mix", "missing"):
            hit = hit & (rng.random(len(hit)) < change.size)
        if change.signal not in self._moments:
            names = rng.choice(self._values[change.signal], len(hit))
            return np.where(hit, np.array(None) if change.kind == "missing" else names, values)
        mean, sd = self._moments[change.signal]
        if change.kind == "shift":
            others = values + change.size * sd
        elif change.kind == "scale":
            others = mean + (values - mean) * change.size
        elif change.kind == "mix":
            others = rng.normal(mean + OUTLIERS * sd, sd, len(hit))
        else:
            others = np.full(len(hit), np.nan)
        return np.where(hit, others, values)


def _sample(source: Dataset) -> Columns:
    blocks, size = [], 0
    for columns in source.blocks(0):
        blocks.append(columns)
        size += len(next(iter(columns.values())))
        if size >= SAMPLE:
            break
    return {signal: np.concatenate([columns[signal] for columns in blocks]) for signal in blocks[0]}


def _signal(field: str, known: Sequence[str]) -> str | None:
    return next((signal for signal in (field, FEATURE + field) if signal in known), None)
