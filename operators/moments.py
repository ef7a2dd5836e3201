"""Sums of values that do not depend on the order or the grouping of their addition.

A value is taken as a whole number of units, a unit being a power of two near the reference's standard
deviation / 65,536; whole numbers add up exactly. Values beyond 32,768 standard deviations count as that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.codes import INVALID
from operators.jit import kernel
from schemas.profile import NumericSignal

FIELDS = 4  # a signal's row: sum of units, sum of squares of coarse units, bits of min, bits of max
LIMIT = 2.0**31  # units; 2^31 values of it still fit a sum of 63 bits
COARSE = 2.0**-11  # a square's unit is 2^11 units wide: 2^22 squares of 2^40 fit 63 bits

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
        codes : uint8, same shape; values coded as missing or invalid are left out
        ends : int64, shape (groups,)
            The group g is the records from ``ends[g - 1]`` to ``ends[g]``.

        Returns
        -------
        int64, shape (groups, signals, FIELDS)
        """
        sums = np.zeros((len(ends), values.shape[1], FIELDS), np.int64)
        _sum(values, codes, ends, self.centers, self.units, sums, sums.view(np.float64))
        return sums

    def mean(self, sums: Ints, counts: Ints) -> Floats:
        """Mean per signal; NaN where there is no value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.centers + sums[:, 0] * self.units / counts

    def sd(self, sums: Ints, counts: Ints) -> Floats:
        """Standard deviation per signal; NaN where there is no value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            square = sums[:, 1] * (self.units / COARSE) ** 2 / counts
            return np.sqrt(np.maximum(square - (sums[:, 0] * self.units / counts) ** 2, 0.0))


def add(into: Ints, sums: Ints) -> None:
    """Add sums of other records to ``into``, both of shape (signals, FIELDS)."""
    low, high = into.view(np.float64), sums.view(np.float64)
    minimum, maximum = np.minimum(low[:, 2], high[:, 2]), np.maximum(low[:, 3], high[:, 3])
    into += sums
    low[:, 2], low[:, 3] = minimum, maximum


def empty(signals: int) -> Ints:
    """Sums of no records."""
    sums = np.zeros((signals, FIELDS), np.int64)
    sums.view(np.float64)[:, 2] = np.inf
    sums.view(np.float64)[:, 3] = -np.inf
    return sums


@kernel
def _sum(values, codes, ends, centers, units, sums, extremes):  # type: ignore[no-untyped-def]
    start = 0
    for g in range(ends.shape[0]):
        for s in range(values.shape[1]):
            total = np.int64(0)
            squares = np.int64(0)
            low, high = np.inf, -np.inf
            for i in range(start, ends[g]):
                if codes[i, s] < INVALID:
                    x = values[i, s]
                    low = min(low, x)
                    high = max(high, x)
                    unit = min(max(np.rint((x - centers[s]) / units[s]), -LIMIT), LIMIT)
                    total += np.int64(unit)
                    coarse = np.int64(np.rint(unit * COARSE))
                    squares += coarse * coarse
            sums[g, s, 0] = total
            sums[g, s, 1] = squares
            extremes[g, s, 2] = low
            extremes[g, s, 3] = high
        start = ends[g]
