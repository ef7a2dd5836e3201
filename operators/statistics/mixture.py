"""Weighted sums of squares of independent normal values: their tail, and the point above which it is alpha.

This is what G comes to where directions vary more than they would for independent values. The tail is a saddlepoint
approximation, with r* = w + ln(v / w) / w: Kuonen (1999), Biometrika 86, doi:10.1093/biomet/86.4.929;
Barndorff-Nielsen (1986), Biometrika 73, doi:10.1093/biomet/73.2.307. It is on the safe
side: of equal weights 1.00 to 1.11 times the exact tail from 0.3 down to 1e-9, the more the fewer they are.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from operators.jit import kernel

TINY = 1e-12  # of weights of at least 1, all sums are above: but for one in a million of a single square
NEAR_MEAN = 1e-3  # in standard deviations or so: r* is 0 / 0 at the mean, and taken from its series there
ROUNDS = 200  # of bisection, at most: a float has no more bits

Floats = NDArray[np.float64]


def tails(weights: Floats, squares: NDArray[np.int64], x: Floats) -> Floats:
    """Probability, row by row, that sum w Z^2 is above x.

    Parameters
    ----------
    weights : float64, shape (rows, columns), C-contiguous
        At least 1; the last counts for all further squares.
    squares : int64, shape (rows,)
        How many there are; 1 for fewer.
    x : float64, shape (rows,)

    Examples
    --------
    >>> f"{tails(np.array([[10.0, 1.0]]), np.array([3]), np.array([110.0]))[0]:.2g}"
    '0.0011'
    """
    found = np.empty(len(x))
    _tails(weights, squares, x, found)
    return found


@lru_cache(maxsize=16_384)
def critical(weights: tuple[float, ...], squares: int, alpha: float) -> float:
    """The x with that tail; remembered, as it is wanted again at each evaluation.

    Examples
    --------
    >>> round(critical((1.0, 1.0), 3, 1e-3), 1)
    16.3
    """
    return float(_critical(np.array(weights), squares, alpha))


@kernel
def _tails(weights: Floats, squares: NDArray[np.int64], x: Floats, found: Floats) -> None:
    for row in range(len(x)):
        found[row] = _tail(weights[row], squares[row], x[row])


@kernel
def _tail(weights: Floats, squares: int, x: float) -> float:
    if x <= TINY:
        return 1.0
    # z solves sum w / (1 - 2 z w) = x: growing in z, from 0 at -inf to inf at 1 / (2 max w).
    squares = max(squares, 1)
    known = min(squares, len(weights))
    last = squares - known + 1.0  # how often the last known weight counts
    largest = weights[:known].max()
    high = 0.5 / largest
    low = high - 0.5 * squares / x - 0.5 / largest  # there all terms together are at most x
    high = high - 0.5 / x  # there the largest term alone is x
    if high < low:
        high = low
    z = 0.0 if low < 0.0 < high else 0.5 * (low + high)
    for _ in range(ROUNDS):
        first, second = 0.0, 0.0
        for i in range(known):
            times = last if i == known - 1 else 1.0
            share = weights[i] / (1.0 - 2.0 * z * weights[i])
            first += times * share
            second += times * 2.0 * share * share
        if first > x:
            high = z
        else:
            low = z
        step = (x - first) / second
        nearer = z + step
        if not low < nearer < high:
            nearer = 0.5 * (low + high)
        if abs(nearer - z) <= 1e-15 * abs(z) or abs(first - x) <= 1e-14 * x:
            break
        z = nearer
    cumulant, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(known):
        times = last if i == known - 1 else 1.0
        left = 1.0 - 2.0 * z * weights[i]
        share = weights[i] / left
        cumulant -= times * 0.5 * math.log(left)
        second += times * 2.0 * share * share
        third += times * 8.0 * share**3
        fourth += times * 48.0 * share**4
    excess = max(0.0, 2.0 * (z * x - cumulant))
    w = math.copysign(math.sqrt(excess), z)
    if abs(w) < NEAR_MEAN:
        skewness, kurtosis = third / second**1.5, fourth / second**2
        root = w + skewness / 6.0 + w * (skewness**2 / 18.0 - kurtosis / 24.0)
    else:
        root = w + math.log(z * math.sqrt(second) / w) / w
    return float(0.5 * math.erfc(root / math.sqrt(2.0)))


@kernel
def _critical(weights: Floats, squares: int, alpha: float) -> float:
    low, high = 0.0, max(squares, 1) * weights.max()
    while _tail(weights, squares, high) > alpha:
        low, high = high, 2.0 * high
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _tail(weights, squares, middle) > alpha:
            low = middle
        else:
            high = middle
    return float(high)
