"""ADWIN's borders: where the parts of a window are nearest to a cut, for people to see how near an alarm is."""

from __future__ import annotations

import math

import numpy as np

from operators.detectors.adwin import COUNTS, FIELDS, GRACE, MIN_WINDOW, ROWS, SLOTS, TOTAL, TOTALS, VARIANCE, WIDTH
from operators.detectors.arrays import Floats, argument, updated
from operators.jit import kernel


def closest(state: Floats, delta: Floats) -> tuple[Floats, Floats]:
    """How far the parts of each window are apart, at the border nearest to a cut, and how far they may be.

    Parameters
    ----------
    state : float64, shape (signals, FIELDS)
        From `adwin.start`, `adwin.unpack` or `adwin.adwin`.
    delta : float64, shape (signals,), in [0, 1]

    Returns
    -------
    difference, epsilon : float64, shape (signals,)
        NaN where there is no border: a window of few values, or a delta of 0.

    Examples
    --------
    >>> from operators.detectors.adwin import adwin, start
    >>> state, delta = start(1), np.array([1e-9])
    >>> _ = adwin(np.repeat([[0.0, 1.0]], 100, axis=1)[:, :110], np.array([110]), state, delta, keep=True)
    >>> [each.round(2).tolist() for each in closest(state, delta)]
    [[0.71], [2.35]]
    """
    found = np.full((2, len(state)), np.nan)
    each = (len(state),)
    _closest(updated("state", state, (*each, FIELDS)), argument("delta", delta, np.float64, each), found)
    return found[0], found[1]


@kernel
def _closest(state: Floats, delta: Floats, found: Floats) -> None:
    # The borders and the bound of adwin._cut, which ends at the first that is exceeded.
    for s in range(len(state)):
        row = state[s]
        if row[WIDTH] <= GRACE or delta[s] <= 0.0:
            continue
        prime = math.log(2.0 * math.log(row[WIDTH]) / delta[s])
        spread = row[VARIANCE] / row[WIDTH]
        n0, u0 = 0.0, 0.0
        n1, u1 = float(row[WIDTH]), float(row[TOTAL])
        nearest = -1.0
        rows = int(row[ROWS])
        n = 2.0**rows
        for r in range(rows - 1, -1, -1):
            n *= 0.5
            for j in range(TOTALS + r * SLOTS, TOTALS + r * SLOTS + int(row[COUNTS + r])):
                n0 += n
                n1 -= n
                u0 += row[j]
                u1 -= row[j]
                if n0 < MIN_WINDOW or n1 < MIN_WINDOW:
                    continue
                difference = abs(u0 / n0 - u1 / n1)
                m = 1.0 / (n0 - MIN_WINDOW + 1.0) + 1.0 / (n1 - MIN_WINDOW + 1.0)
                epsilon = math.sqrt(2.0 * m * spread * prime) + 2.0 / 3.0 * prime * m
                if difference > nearest * epsilon:
                    nearest = difference / epsilon
                    found[0, s], found[1, s] = difference, epsilon
