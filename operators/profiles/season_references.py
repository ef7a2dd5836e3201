"""References by season: what the reference looks like at the times that a window covers.

Each part of the season has a slice of the reference, taken together with some of the whole (shrinkage.py). A window is
compared with the mixture of the slices at its times, weighted by its records: with the weight w of a slice known as
from m + k values each, it is known as from 1 / sum(w^2 / (m + k)), and never more than the reference has.

A segment's slices would be too thin. It is taken to have the season of the whole: its own shares are multiplied by
what the whole's are at these times over what they are at all times, and both errors add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from operators.profiles.references import ModelSignals
from operators.profiles.season import Calendar
from operators.profiles.shrinkage import precisions
from operators.profiles.slices import SliceReader
from operators.statistics.ranks import reference_counts, value_codes

KEPT = 32  # slices as counts, the ones used last; the others are as small as in the file

Floats = npt.NDArray[np.float64]


class SeasonReferences:
    """What the reference has of each part of the season.

    Parameters
    ----------
    signals
        Of the whole traffic; their profile has the season of their model.
    groups : int64, shape (signals, 256)
        On which slices are compared with the whole, see `window_tests.ReferenceTables`.

    Attributes
    ----------
    calendar : Calendar
    values : float64, shape (parts, signals)
        Of the reference in each part.
    precision : float64, shape (signals,)
        How many values of the whole are taken together with each slice.
    """

    def __init__(self, signals: ModelSignals, groups: npt.NDArray[np.int64]) -> None:
        plan, season = signals.model.season, signals.profile.season
        assert plan is not None, "asked for"
        assert not isinstance(season, msgspec.UnsetType), "profile_files refuses it"
        self.calendar = Calendar(plan)
        self._slices = season.slices
        self._reader = SliceReader(signals.profile.signals, dict(zip(signals.names, signals.signals, strict=True)))
        self._is_value = np.array([value_codes(signal) for signal in signals.signals])
        self._whole = np.array([reference_counts(signal) for signal in signals.signals])
        self._totals = self._whole.sum(axis=1)
        self._records = [0 if part is None else part.records for part in self._slices]
        self._counts = lru_cache(KEPT)(self._read)
        self.values = np.zeros((len(self._slices), len(self._whole)))
        self.precision = precisions(map(self._noted, range(len(self._slices))), self._whole, groups)

    def shares(self, start_ms: int, end_ms: int) -> dict[int, float]:
        """Shares of a span's records in the parts of the season, if they come as those of the reference."""
        found = dict(self.calendar.shares(start_ms, end_ms))
        if len(found) == 1:
            return found
        expected = {part: time * (self._records[part] + 1) for part, time in found.items()}
        total = sum(expected.values())
        return {part: records / total for part, records in expected.items()}

    def counts(self, weights: Mapping[int, float], reference: Floats) -> Floats:
        """Counts by code of what a reference is at some times, as many as it is known from.

        Parameters
        ----------
        weights
            Of parts of the season; they add up to 1.
        reference : float64, shape (signals, 256)
            Counts of the whole reference, or of a segment.
        """
        factors, known = self._factors(weights)
        expected = reference * factors
        sums, values = expected.sum(axis=1), reference.sum(axis=1)
        error = 1 / np.maximum(values, 1) + np.maximum(known - 1 / np.maximum(self._totals, 1), 0)
        size = np.where(values > 0, 1 / error, 0.0)
        return np.ascontiguousarray(expected * (size / np.where(sums > 0, sums, 1.0))[:, None])

    def without(self, weights: Mapping[int, float], counts: Floats) -> Floats:
        """Counts by code of what is as `counts` at some times, as many as these, at all times."""
        factors, _ = self._factors(weights)
        found = counts / np.where(factors > 0, factors, 1.0)
        sums = found.sum(axis=1)
        return np.asarray(found * (counts.sum(axis=1) / np.where(sums > 0, sums, 1.0))[:, None], np.float64)

    def _factors(self, weights: Mapping[int, float]) -> tuple[Floats, Floats]:
        """What shares by code are at some times over what they are at all times, and how well that is known."""
        known = np.zeros_like(self._totals)
        slices, shared = np.zeros_like(self._whole), np.zeros_like(self._totals)
        for number, weight in weights.items():
            values = np.maximum(self.values[number] + self.precision, 1)
            known += weight**2 / values
            slices += (weight / values)[:, None] * self._counts(number)
            shared += weight / values * self.precision
        shares = self._whole / np.maximum(self._totals, 1)[:, None]
        at_times = slices + shared[:, None] * shares
        return np.where(shares > 0, at_times / np.where(shares > 0, shares, 1.0), 0.0), known

    def _noted(self, number: int) -> npt.NDArray[np.int64]:
        counts = self._read(number)
        self.values[number] = counts.sum(axis=1)
        return counts

    def _read(self, number: int) -> npt.NDArray[np.int64]:
        part = self._slices[number]
        return (
            np.zeros(self._whole.shape, np.int64) if part is None else self._reader.read(part).counts * self._is_value
        )
