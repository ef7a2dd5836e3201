"""The two-sample Kolmogorov-Smirnov test on the finest bins: the largest gap of the distribution functions.

p = 2 exp(-2 l^2), l = (sqrt(e) + 0.12 + 0.11 / sqrt(e)) D, e = n m / (n + m).
Stephens (1970), JRSS B 32, doi:10.1111/j.2517-6161.1970.tb00821.x. On bins it never promises too little: the gap
is looked at between bins only. On discrete data it is nearly blind; the G test is for that.

Where values follow each other, the gap varies tau times as much in the place where it varies most, and neighbouring
places vary together: single shares vary less than tau times as much. High crossings are as many as the part of the
variance that is rough (Piterbarg 1996, Asymptotic Methods in the Theory of Gaussian Processes, D.3), and p is that
part of the above; but not below P(|Z| > 2 l), that of the one place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from operators.jit import kernel


class KsTest(NamedTuple):
    """Per signal; statistic 0 and p-value 1 where either sample is empty."""

    statistic: NDArray[np.float64]  # D, in [0, 1]
    p_value: NDArray[np.float64]


def ks(
    current: NDArray[np.float64], reference: NDArray[np.float64], tau: ArrayLike = 1.0, rough: ArrayLike = 1.0
) -> KsTest:
    """Compare counts by code, in the order of the codes.

    Parameters
    ----------
    current, reference : float64, shape (signals, codes), C-contiguous
    tau : float64, shape (signals,), optional
        Variance of the gap over that of independent values: so many values say as much as one.
    rough : float64, shape (signals,), optional
        Variance of single shares, likewise, over that of the gap: in (0, 1].

    Examples
    --------
    >>> test = ks(np.array([[10.0, 20.0, 70.0]]), np.array([[400.0, 300.0, 300.0]]))
    >>> test.statistic.round(3).tolist(), f"{test.p_value[0]:.1g}"
    ([0.4], '2e-13')
    """
    gap = np.empty(len(current))
    _largest_gap(current, reference, gap)
    inverse = 1 / np.maximum(current.sum(axis=1), 1) + 1 / np.maximum(reference.sum(axis=1), 1)
    stretched = _stretch(tau * inverse) * gap
    tail = np.maximum(2 * np.asarray(rough) * np.exp(-2 * stretched**2), 2 * ndtr(-2 * stretched))
    return KsTest(gap, np.minimum(1.0, tail))


def ks_threshold(alpha: ArrayLike, inverse: ArrayLike, rough: ArrayLike = 1.0) -> NDArray[np.float64]:
    """D above which the p-value is below alpha; above 1 where so few values can never tell.

    Parameters
    ----------
    alpha : float64
        In (0, 1).
    inverse : float64
        1/n + 1/m, times tau.
    rough : float64
        As for `ks`.
    """
    anywhere = np.sqrt(np.maximum(np.log(2 * np.asarray(rough) / np.asarray(alpha)), 0.0) / 2)
    there = -ndtri(np.asarray(alpha) / 2) / 2
    return np.asarray(np.maximum(anywhere, there) / _stretch(inverse), dtype=np.float64)


def _stretch(inverse: ArrayLike) -> NDArray[np.float64]:
    """What D is multiplied by before Kolmogorov's limit is taken."""
    root = 1 / np.sqrt(inverse)
    return np.asarray(root + 0.12 + 0.11 / root, dtype=np.float64)


@kernel
def _largest_gap(current: NDArray[np.float64], reference: NDArray[np.float64], gap: NDArray[np.float64]) -> None:
    for s in range(current.shape[0]):
        n = 0.0
        m = 0.0
        for code in range(current.shape[1]):
            n += current[s, code]
            m += reference[s, code]
        gap[s] = 0.0
        if n <= 0.0 or m <= 0.0:
            continue
        below = 0.0  # counts up to the code, so that the gap is exact until the division
        below_reference = 0.0
        for code in range(current.shape[1]):
            below += current[s, code]
            below_reference += reference[s, code]
            gap[s] = max(gap[s], abs(below / n - below_reference / m))
