"""Location and spread together: the larger of two rank tests, of the mean rank and of the mean spread rank.

Each mean's distance from the reference's, over its deviation, is normal; two sides and two tests make
p = 4 P(Z > max z). The idea is Lepage's (1971), Biometrika 58, doi:10.1093/biomet/58.1.213, who adds the squares of
both; the larger one says which of them it is. Of all windowed tests here it finds the smallest shifts and spreads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from operators.jit import kernel

EVEN = 0.1  # largest share of one code in even ranks: their skewness stays below 0.12, 17 % in the tail at 1e-7


class LepageTest(NamedTuple):
    """Per signal; positive z: values moved up, or apart. z 0 and p-value 1 where either sample is empty."""

    z_location: NDArray[np.float64]
    z_spread: NDArray[np.float64]
    statistic: NDArray[np.float64]  # the larger of their absolute values
    p_value: NDArray[np.float64]
    inverse: NDArray[np.float64]  # 1/n + 1/m, times tau of the larger: its root is the standard error in deviations


class RankMoments(NamedTuple):
    """Mean and standard deviation of one kind of rank under the reference, by signal."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """The square of `sd`."""
        return np.asarray(self.sd**2, dtype=np.float64)


def lepage(
    current: NDArray[np.float64],
    totals: NDArray[np.float64],
    ranks: NDArray[np.float64],
    spreads: NDArray[np.float64],
    location: RankMoments,
    spread: RankMoments,
    even: NDArray[np.bool_],
    tau_location: ArrayLike = 1.0,
    tau_spread: ArrayLike = 1.0,
) -> LepageTest:
    """Compare a window's mean rank and mean spread rank with the reference's.

    The variance is the reference's where its values are spread evenly over the codes. Where one value is frequent
    ranks are skewed, or constant: there the largest of the reference's, the window's and the pooled variance is
    taken. (Exact for one value in a hundred that differs, n = 300, m = 10,000, at 1e-7: the reference's variance
    alone gives 290 times the promised false alarms, this one fewer than promised.)

    Parameters
    ----------
    current : float64, shape (signals, 256), C-contiguous
        Counts by code, zero for codes without a rank.
    totals : float64, shape (signals,)
        Values of the reference.
    ranks, spreads : float64, shape (signals, 256), C-contiguous
        Rank and spread rank by code, NaN for codes without one.
    location, spread : RankMoments
        Of the reference.
    even : bool, shape (signals,)
        From `is_even`.
    tau_location, tau_spread : float64, shape (signals,), optional
        Variance of the mean (spread) rank over that of independent values.
    """
    n = current.sum(axis=1)
    inverse = 1 / np.maximum(n, 1) + 1 / np.maximum(totals, 1)
    of_location, of_spread = tau_location * inverse, tau_spread * inverse
    z_location = _z(current, n, totals, ranks, location, even, of_location)
    z_spread = _z(current, n, totals, spreads, spread, even, of_spread)
    statistic = np.maximum(np.abs(z_location), np.abs(z_spread))
    of_larger = np.where(np.abs(z_location) >= np.abs(z_spread), of_location, of_spread)
    return LepageTest(z_location, z_spread, statistic, np.minimum(1.0, 4 * ndtr(-statistic)), of_larger)


def is_even(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether no code has more than a tenth of the values, by row of counts by code."""
    return np.asarray(counts.max(axis=1) <= EVEN * counts.sum(axis=1), dtype=np.bool_)


def lepage_threshold(alpha: ArrayLike) -> NDArray[np.float64]:
    """The z above which the p-value is below alpha, a level in (0, 1)."""
    return np.asarray(-ndtri(np.asarray(alpha) / 4), dtype=np.float64)


def _z(
    current: NDArray[np.float64],
    n: NDArray[np.float64],
    m: NDArray[np.float64],
    ranks: NDArray[np.float64],
    reference: RankMoments,
    even: NDArray[np.bool_],
    inverse: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Signed distance of the mean rank from the reference's in standard errors."""
    shift = np.empty(len(current))
    own = np.empty(len(current))
    _moments(current, n, ranks, reference.mean, shift, own)
    expected = reference.variance
    pooled = (n * own + m * expected + n * m / np.maximum(n + m, 1) * shift**2) / np.maximum(n + m, 1)
    widest = np.maximum(np.maximum(own, pooled), expected)
    error = np.where(even, expected, widest) * inverse
    judged = (n > 0) & (m > 0) & (error > 0)
    return np.where(judged, shift / np.sqrt(np.where(judged, error, 1.0)), 0.0)


@kernel
def _moments(
    current: NDArray[np.float64],
    n: NDArray[np.float64],
    ranks: NDArray[np.float64],
    center: NDArray[np.float64],
    shift: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> None:
    for s in range(current.shape[0]):
        first = 0.0
        second = 0.0
        for code in range(current.shape[1]):
            if current[s, code] > 0.0:
                distance = ranks[s, code] - center[s]
                first += current[s, code] * distance
                second += current[s, code] * distance * distance
        count = max(n[s], 1.0)
        shift[s] = first / count
        variance[s] = max(0.0, second / count - shift[s] * shift[s])
