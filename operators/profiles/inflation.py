"""Inflation: how much more a window's means and shares vary than those of independent values, from the profile.

The estimates are taken as much larger as their error says, because thresholds are far out in the tail: a variance
that is ten percent too small costs four times the false alarms at 1e-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.profile import Signal

DIRECTIONS = 10  # columns of shares: nine directions, and one for all others

Floats = NDArray[np.float64]


class Inflated(NamedTuple):
    """Variances over those of independent values, at least 1, by signal."""

    location: Floats  # (S,) of the mean rank
    spread: Floats  # (S,) of the mean spread rank
    shares: Floats  # (S, 10) of the shares of groups, largest first, the last for all further directions
    gap: Floats  # (S,) of the gap between distribution functions

    @property
    def rough(self) -> Floats:
        """Mean variance of the shares over that of the gap, at most 1."""
        return np.asarray(np.minimum(self.shares[:, :-1].mean(axis=1) / self.gap, 1.0), np.float64)


class Inflation(NamedTuple):
    """Of the signals of a model version, by length of the window; row s for signal s."""

    dependent: NDArray[np.bool_]  # (S,)
    lengths: NDArray[np.int64]  # (S,) how many are known, the last for all longer windows
    location: Floats  # (S, lengths): windows of 2, 4, 8, ... values
    spread: Floats
    shares: Floats  # (S, lengths, 10)
    gap: Floats

    def at(self, values: Floats) -> Inflated:
        """Of windows with so many values of each signal."""
        number = np.log2(np.maximum(values, 2.0)).astype(np.int64)
        return self._of(np.minimum(number, self.lengths) - 1)

    @property
    def long(self) -> Inflated:
        """Of windows as long as may be."""
        return self._of(self.lengths - 1)

    def _of(self, number: NDArray[np.int64]) -> Inflated:
        row = np.arange(len(number))
        return Inflated(
            self.location[row, number], self.spread[row, number], self.shares[row, number], self.gap[row, number]
        )


def of_difference(one: Inflated, values: Floats, other: Inflated, others: Floats) -> Inflated:
    """Of the differences between means of so many values and means of so many others, at least one each."""
    part = (1 / values) / (1 / values + 1 / others)
    location, spread, gap = (
        part * a + (1 - part) * b
        for a, b in ((one.location, other.location), (one.spread, other.spread), (one.gap, other.gap))
    )
    return Inflated(location, spread, part[:, None] * one.shares + (1 - part[:, None]) * other.shares, gap)


def inflation(signals: Sequence[Signal]) -> Inflation:
    """Of signals as their profile found it: none where it found none, or did not look.

    Examples
    --------
    >>> from schemas.profile import Calibration, CategoricalSignal
    >>> slow = Calibration(values=900, error=0.1, tau=(2.0, 3.0), spread_tau=(1.0, 1.0), shares=((2.0, 1.0),) * 2)
    >>> plan = CategoricalSignal(
    ...     count=900, missing=0, invalid=0, categories=(("gold", 900),), rest=0, distinct=1, calibration=slow)
    >>> inflation([plan]).at(np.array([1_000.0])).location.round(2)
    array([3.3])
    """
    found = [signal.calibration for signal in signals]
    lengths = np.array([max(1, len(one.tau)) if one is not None else 1 for one in found], np.int64)
    most = int(lengths.max(initial=1))
    location, spread, gap = np.ones((3, len(found), most))
    shares = np.ones((len(found), most, DIRECTIONS))
    for row, one in enumerate(found):
        if one is None or not one.tau:
            continue
        grown = 1 + one.error
        location[row, : len(one.tau)] = np.maximum(grown * np.array(one.tau), 1.0)
        spread[row, : len(one.tau)] = np.maximum(grown * np.array(one.spread_tau), 1.0)
        gap[row] = np.maximum(location[row], spread[row])
        gap[row, : len(one.gap_tau)] = np.maximum(grown * np.array(one.gap_tau), 1.0)
        for number, variances in enumerate(one.shares):
            shares[row, number, : len(variances) - 1] = variances[:-1]
            shares[row, number, len(variances) - 1 :] = variances[-1]
        shares[row, : len(one.shares)] *= grown
    dependent = np.array([one is not None and bool(one.tau) for one in found], np.bool_)
    return Inflation(dependent, lengths, location, spread, shares, gap)
