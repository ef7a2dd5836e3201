"""Distances between the shares of window and reference, on the cells of the G test, which gives their p-value.

With p and q the shares, m their mean: Jensen-Shannon is the root of (KL(p, m) + KL(q, m)) / 2 in bits (Endres &
Schindelin 2003, doi:10.1109/TIT.2003.813506), Hellinger the root of sum (sqrt p - sqrt q)^2 / 2, total variation
sum |p - q| / 2, L-infinity max |p - q|. All lie in [0, 1]. For small changes each is in proportion to the root of G.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.jit import kernel
from operators.statistics.g_test import GTest, g_threshold
from operators.statistics.grouping import Cells, sample_sizes

DISTANCES = ("jensen_shannon", "hellinger", "total_variation", "l_infinity")
FLAT = 1e-6  # a G / q below this is rounding or next to nothing: its ratio to a distance says nothing

# Squares of the distances over sum (p - q)^2 / m for small changes, which is about G (1/n + 1/m); the last in the mean
# over directions of change.
JENSEN_SHANNON = 1 / (8 * math.log(2))
HELLINGER = 1 / 8
TOTAL_VARIATION = 1 / (2 * math.pi)

Floats = NDArray[np.float64]


class Distances(NamedTuple):
    """Per signal; all 0 where fewer than two cells are left."""

    jensen_shannon: Floats
    hellinger: Floats
    total_variation: Floats
    l_infinity: Floats
    gaps: Floats  # sum of the cells' standard errors of p - q, over the root of 1/n + 1/m
    widest: Floats  # the largest of them
    breadth: Floats  # equal cells that would be as even as the reference's: 1 over the sum of squared shares


def distances(cells: Cells) -> Distances:
    """Compare window and reference cell by cell.

    Examples
    --------
    >>> cells = Cells(np.array([[30.0, 70.0]]), np.array([[500.0, 500.0]]), np.array([2]))
    >>> found = distances(cells)
    >>> [float(one[0].round(4)) for one in found[:4]]
    [0.1741, 0.1452, 0.2, 0.2]
    """
    result = np.zeros((7, len(cells.cells)))
    _distances(cells.current, cells.reference, cells.cells, result)
    return Distances(*result)


def debiased(found: Distances, name: str, df: ArrayLike, inverse: ArrayLike) -> Floats:
    """A distance less what chance alone adds to its square on average; at least 0.

    Parameters
    ----------
    found : Distances
    name : str
        One of `DISTANCES`.
    df : int64, shape (signals,)
        Cells less one.
    inverse : float64, shape (signals,)
        1/n + 1/m, times the mean weight of dependent values.
    """
    value: Floats = getattr(found, name)
    df, inverse = np.asarray(df, dtype=np.float64), np.asarray(inverse, dtype=np.float64)
    if name == "jensen_shannon":
        chance = JENSEN_SHANNON * df * inverse
    elif name == "hellinger":
        chance = HELLINGER * df * inverse
    elif name == "total_variation":
        chance = TOTAL_VARIATION * found.gaps**2 * inverse
    else:
        wide = np.maximum(2.0, found.gaps / np.where(found.widest > 0, found.widest, 1.0))  # cells nearly as wide
        chance = _largest_square(wide) * found.widest**2 * inverse
    return np.asarray(np.sqrt(np.maximum(0.0, value**2 - chance)), dtype=np.float64)


def distance_threshold(alpha: float, found: Distances, name: str, test: GTest, inverse: ArrayLike) -> Floats:
    """The distance above which this shape of change has a p-value below alpha.

    G's critical value over G of this window is the square of how much larger the change would have to be. Without
    any change a distance of the same chi-square on equal cells stands in.

    Parameters
    ----------
    alpha : float64
        Level of a single evaluation, in (0, 1).
    found : Distances
    name : str
        One of `DISTANCES`.
    test : GTest
        Of the same cells.
    inverse : float64, shape (signals,)
        1/n + 1/m.
    """
    value: Floats = getattr(found, name)
    flat = (test.statistic < FLAT) | (value <= 0)
    usual = usual_square(name, np.maximum(2.0, found.breadth)) * np.asarray(inverse)
    square = np.where(flat, usual, value**2 / np.where(flat, 1.0, test.statistic))
    return np.asarray(np.sqrt(g_threshold(alpha, test) * square), dtype=np.float64)


def usual_square(name: str, cells: ArrayLike) -> Floats:
    """Square of a distance over G (1/n + 1/m), for small changes in no special direction on so many equal cells."""
    if name == "l_infinity":
        return np.asarray(_largest_square(cells) / np.square(np.asarray(cells)), dtype=np.float64)
    factor = {"jensen_shannon": JENSEN_SHANNON, "hellinger": HELLINGER, "total_variation": TOTAL_VARIATION}[name]
    return np.full(np.shape(cells), factor)


def _largest_square(cells: ArrayLike) -> Floats:
    """Mean of the largest of B squared deviates that add up to 0: 3.6 for 10, 9.3 for 250, right within 8 %."""
    logarithm = np.log(np.asarray(cells, dtype=np.float64))
    return np.asarray(1.5 * logarithm + 0.035 * logarithm**2, dtype=np.float64)


@kernel
def _distances(current: Floats, reference: Floats, cells: NDArray[np.int64], result: Floats) -> None:
    for s in range(len(cells)):
        if cells[s] < 2:
            continue
        n, m = sample_sizes(current, reference, s, cells[s])
        entropy = 0.0
        roots = 0.0
        variation = 0.0
        largest = 0.0
        gaps = 0.0
        widest = 0.0
        squares = 0.0
        for i in range(cells[s]):
            p = current[s, i] / n
            q = reference[s, i] / m
            middle = 0.5 * (p + q)
            if p > 0.0:
                entropy += p * math.log2(p / middle)
            if q > 0.0:
                entropy += q * math.log2(q / middle)
            roots += (math.sqrt(p) - math.sqrt(q)) ** 2
            variation += abs(p - q)
            largest = max(largest, abs(p - q))
            pooled = (current[s, i] + reference[s, i]) / (n + m)
            error = math.sqrt(pooled * (1.0 - pooled))
            gaps += error
            widest = max(widest, error)
            squares += q * q
        result[0, s] = math.sqrt(min(1.0, max(0.0, 0.5 * entropy)))
        result[1, s] = math.sqrt(min(1.0, 0.5 * roots))
        result[2, s] = min(1.0, 0.5 * variation)
        result[3, s] = largest
        result[4, s] = gaps
        result[5, s] = widest
        result[6, s] = 1.0 / squares
