"""Sums of values that do not depend on the order or the grouping of their addition.

A value is taken as a whole number of units from the reference's mean, a unit being a power of two near the
reference's standard deviation / 65,536; whole numbers add up exactly. Values beyond 2,048 standard deviations or
more count as that: the least that `LIMIT` units can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import ABSENT
from operators.jit import kernel
from schemas.profile import NumericSignal

FIELDS = 5  # of a signal's row of sums, see `Moments.sums`
LIMIT = 2.0**28  # units; 2^35 values of it, two days of 200,000 a second, fit a sum of 63 bits
TOTAL, HIGH, LOW, LEAST, LARGEST = range(FIELDS)
MOST = np.finfo(np.float64).max
HALF = 28  # bits: a square of up to 56 bits is summed as two numbers, which then fit 63 bits as well
MASK = (1 << HALF) - 1

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Moments:
    """Sums, means and deviations of number-valued signals.

    Parameters
    ----------
    signals : sequence of NumericSignal
        In the order of the columns of values.

    Examples
    --------
    >>> from schemas.profile import NumericSignal
    >>> age = NumericSignal(count=4, missing=0, invalid=0, mean=40.0, sd=8.0, min=0.0, max=90.0, discrete=False,
    ...                     edges=(40.0,), counts=(2, 2), means=(30.0, 50.0))
    >>> moments = Moments([age])
    >>> values = np.array([[40.0], [50.0], [float("nan")]])
    >>> sums = moments.sums(values, np.array([[1], [1], [255]], np.uint8), np.array([3]))
    >>> moments.mean(sums[0], np.array([2]))
    array([45.])
    """

    def __init__(self, signals: Sequence[NumericSignal]) -> None:
        self.centers = np.array([s.mean for s in signals], np.float64).reshape(-1)
        spreads = np.array([s.sd or abs(s.mean) or 1.0 for s in signals], np.float64).reshape(-1)
        self.units = np.exp2(np.clip(np.floor(np.log2(spreads)) - 16, -1000, 1000))

    def sums(self, values: Floats, codes: npt.NDArray[np.uint8], ends: Ints) -> Ints:
        """Sums of each group of records.

        Parameters
        ----------
        values : float64, shape (records, signals), C-contiguous
        codes : uint8, same shape; values that are missing, invalid or absent are left out
        ends : int64, shape (groups,)
            The group g is the records from ``ends[g - 1]`` to ``ends[g]``.

        Returns
        -------
        int64, shape (groups, signals, FIELDS)
            Sum of units, sums of the upper and the lower half of their squares, bits of the least and of the
            largest value.
        """
        sums = np.zeros((len(ends), values.shape[1], FIELDS), np.int64)
        _sum(values, codes, ends, self.centers, self.units, sums, sums.view(np.float64))
        return sums

    def mean(self, sums: Ints, counts: Ints) -> Floats:
        """Mean per signal; NaN where there is no value."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            means: Floats = self.centers + sums[:, 0] / counts * self.units
        return np.clip(means, -MOST, MOST)

    def sd(self, sums: Ints, counts: Ints) -> Floats:
        """Standard deviation per signal; NaN where there is no value."""
        deviations = [
            math.sqrt(_variance(total, (high << HALF) + low, count)) if count else math.nan
            for (total, high, low, _, _), count in zip(sums.tolist(), counts.tolist(), strict=True)
        ]
        with np.errstate(over="ignore"):
            found: Floats = np.array(deviations, np.float64) * self.units
        return np.minimum(found, MOST)


def _variance(total: int, squares: int, count: int) -> float:
    """In whole numbers, as the difference of two large ones may be small."""
    return max(count * squares - total * total, 0) / (count * count)


def add(into: Ints, sums: Ints) -> None:
    """Add sums of other records to ``into``, both of shape (signals, FIELDS)."""
    low, high = into.view(np.float64), sums.view(np.float64)
    least, largest = np.minimum(low[:, LEAST], high[:, LEAST]), np.maximum(low[:, LARGEST], high[:, LARGEST])
    into += sums
    low[:, LEAST], low[:, LARGEST] = least, largest


def added(parts: Ints) -> Ints:
    """Sums of all records of some parts, at least one: shape (parts, signals, FIELDS) to (signals, FIELDS)."""
    total: Ints = parts.sum(axis=0)
    floats, extremes = parts.view(np.float64), total.view(np.float64)
    extremes[:, LEAST] = floats[:, :, LEAST].min(axis=0)
    extremes[:, LARGEST] = floats[:, :, LARGEST].max(axis=0)
    return total


def empty(signals: int) -> Ints:
    """Sums of no records."""
    sums = np.zeros((signals, FIELDS), np.int64)
    sums.view(np.float64)[:, LEAST] = np.inf
    sums.view(np.float64)[:, LARGEST] = -np.inf
    return sums


@kernel
def _sum(values, codes, ends, centers, units, sums, extremes):  # type: ignore[no-untyped-def]
    start = 0
    for g in range(ends.shape[0]):
        for s in range(values.shape[1]):
            total, high, low = np.int64(0), np.int64(0), np.int64(0)
            least, largest = np.inf, -np.inf
            for i in range(start, ends[g]):
                if codes[i, s] < ABSENT:
                    x = values[i, s] + 0.0  # -0.0 and 0.0 are one value: which came first must not show
                    least = min(least, x)
                    largest = max(largest, x)
                    unit = np.int64(min(max(np.rint((x - centers[s]) / units[s]), -LIMIT), LIMIT))
                    total += unit
                    high += (unit * unit) >> HALF
                    low += (unit * unit) & MASK
            sums[g, s, TOTAL] = total
            sums[g, s, HIGH] = high
            sums[g, s, LOW] = low
            extremes[g, s, LEAST] = least
            extremes[g, s, LARGEST] = largest
        start = ends[g]
