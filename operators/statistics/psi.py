"""The population stability index of window and reference: sum (p - q) ln(p / q) over the cells of the G test.

Its p-value is that of the G test: the chi-square approximation of PSI itself is wrong 19-fold at 1e-7. An empty
cell of one sample counts as half a value there. Lewis (1994), An Introduction to Credit Scoring;
Kullback & Leibler (1951), doi:10.1214/aoms/1177729694, equation 2.6 (J).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.jit import kernel
from operators.statistics.g_test import GTest, g_threshold
from operators.statistics.grouping import Cells, sample_sizes

FLAT = 1e-6  # a G / q below this is rounding or next to nothing: its ratio to PSI says nothing


def psi(cells: Cells) -> NDArray[np.float64]:
    """PSI of each signal; 0 where fewer than two cells are left.

    Examples
    --------
    >>> cells = Cells(np.array([[30.0, 70.0]]), np.array([[500.0, 500.0]]), np.array([2]))
    >>> psi(cells).round(4).tolist()
    [0.1695]
    """
    result = np.empty(len(cells.cells))
    _psi(cells.current, cells.reference, cells.cells, result)
    return result


def debiased_psi(value: ArrayLike, df: ArrayLike, inverse: ArrayLike) -> NDArray[np.float64]:
    """PSI less what chance alone adds on average, df (1/n + 1/m) times the mean weight; at least 0.

    Parameters
    ----------
    value : float64
        From `psi`.
    df : int64
        Cells less one.
    inverse : float64
        1/n + 1/m, times the mean weight of dependent values.
    """
    return np.asarray(np.maximum(0.0, np.asarray(value) - np.asarray(df) * np.asarray(inverse)), dtype=np.float64)


def psi_threshold(alpha: float, value: ArrayLike, test: GTest, inverse: ArrayLike) -> NDArray[np.float64]:
    """PSI above which this shape of change has a p-value below alpha.

    The G test's critical value times PSI / (G / q) of this window: PSI is above it exactly when G / q is above
    its own. Without any change there is no such ratio, and PSI's large-sample one, 1/n + 1/m, stands in.

    Parameters
    ----------
    alpha : float64
        Level of a single evaluation, in (0, 1).
    value : float64, shape (signals,)
        From `psi`.
    test : GTest
        Of the same cells.
    inverse : float64, shape (signals,)
        1/n + 1/m.
    """
    flat = test.statistic < FLAT
    ratio = np.where(flat, inverse, np.asarray(value) / np.where(flat, 1.0, test.statistic))
    return np.asarray(g_threshold(alpha, test) * ratio, dtype=np.float64)


@kernel
def _psi(
    current: NDArray[np.float64], reference: NDArray[np.float64], cells: NDArray[np.int64], result: NDArray[np.float64]
) -> None:
    for s in range(len(cells)):
        n, m = sample_sizes(current, reference, s, cells[s])
        total = 0.0
        for i in range(cells[s]):
            p = max(current[s, i], 0.5) / n
            q = max(reference[s, i], 0.5) / m
            total += (p - q) * math.log(p / q)
        result[s] = total if cells[s] > 1 else 0.0
