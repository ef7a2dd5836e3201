"""The G test: do window and reference have the same shares? Two samples, with Williams' correction.

G = 2 sum [c ln(c N / (t n)) + r ln(r N / (t m))], divided by
q = 1 + (N/n + N/m - 1) (sum(N/t) - 1) / (6 N (B - 1)), has a chi-square tail with B - 1 degrees of freedom.
Sokal & Rohlf (1995), Biometry, 3rd ed., section 17.4; Williams (1976), Biometrika 63, doi:10.2307/2335081.
Where values follow each other, the tail is that of a sum of squares with weights, by direction (mixture.py).
Both sample sizes enter: leaving out the reference's costs up to a million times the promised false alarms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri

from operators.jit import kernel
from operators.statistics.grouping import Cells, sample_sizes
from operators.statistics.mixture import critical, tails


class GTest(NamedTuple):
    """Per signal; where fewer than two cells are left, statistic 0, df 0 and p-value 1."""

    statistic: NDArray[np.float64]  # G / q
    df: NDArray[np.int64]
    p_value: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None  # (signals, 10), see `g_test`; None: all values are independent
    dependent: NDArray[np.bool_] | None = None

    @property
    def mean_weight(self) -> NDArray[np.float64]:
        """Mean of the weights of the df largest directions."""
        if self.weights is None or self.dependent is None:
            return np.ones(len(self.df))
        known = np.minimum(np.maximum(self.df, 1), self.weights.shape[1])
        total = np.take_along_axis(np.cumsum(self.weights, axis=1), known[:, None] - 1, axis=1)[:, 0]
        further = np.maximum(self.df - known, 0)
        return np.where(self.dependent, (total + further * self.weights[:, -1]) / (known + further), 1.0)


def g_test(
    cells: Cells, weights: NDArray[np.float64] | None = None, dependent: NDArray[np.bool_] | None = None
) -> GTest:
    """Compare window and reference cell by cell.

    Parameters
    ----------
    cells : Cells
        Counts from `group_counts`.
    weights : float64, shape (signals, 10), optional
        Variances of the shares by direction, largest first, as `inflation.Inflated` has them. Fewer cells than those
        from which they were found vary no more in their largest directions (Cauchy's interlacing).
    dependent : bool, shape (signals,), optional
        Signals whose weights count; without, all values are independent.

    Examples
    --------
    >>> cells = Cells(np.array([[30.0, 70.0]]), np.array([[500.0, 500.0]]), np.array([2]))
    >>> test = g_test(cells)
    >>> test.statistic.round(2).tolist(), test.df.tolist(), f"{test.p_value[0]:.1g}"
    ([14.93], [1], '0.0001')
    """
    statistic = np.empty(len(cells.cells))
    _statistics(cells.current, cells.reference, cells.cells, statistic)
    df = np.maximum(cells.cells - 1, 0)
    p_value = chdtrc(np.maximum(df, 1), statistic)
    if weights is not None and dependent is not None:
        p_value[dependent] = tails(
            np.ascontiguousarray(weights[dependent]), np.ascontiguousarray(df[dependent]), statistic[dependent]
        )
    return GTest(statistic, df, np.where(df > 0, p_value, 1.0), weights, dependent)


def chi_squared_threshold(alpha: ArrayLike, df: ArrayLike) -> NDArray[np.float64]:
    """G / q of independent values above which the p-value is below alpha.

    With df 0, which counts as 1, the statistic is 0 and never gets there.
    """
    return np.asarray(chdtri(np.maximum(df, 1), alpha), dtype=np.float64)


def g_threshold(alpha: float, test: GTest) -> NDArray[np.float64]:
    """G / q above which the p-value of a test is below alpha."""
    threshold = chi_squared_threshold(alpha, test.df)
    if test.weights is not None and test.dependent is not None:
        for row in np.flatnonzero(test.dependent).tolist():
            threshold[row] = critical(tuple(test.weights[row].tolist()), max(int(test.df[row]), 1), alpha)
    return threshold


@kernel
def _statistics(
    current: NDArray[np.float64],
    reference: NDArray[np.float64],
    cells: NDArray[np.int64],
    statistic: NDArray[np.float64],
) -> None:
    for s in range(len(cells)):
        statistic[s] = 0.0
        if cells[s] < 2:
            continue
        n, m = sample_sizes(current, reference, s, cells[s])
        both = n + m
        g = 0.0
        inverse = 0.0
        for i in range(cells[s]):
            total = current[s, i] + reference[s, i]
            inverse += both / total
            if current[s, i] > 0.0:
                g += current[s, i] * math.log(current[s, i] * both / (total * n))
            if reference[s, i] > 0.0:
                g += reference[s, i] * math.log(reference[s, i] * both / (total * m))
        q = 1.0 + (both / n + both / m - 1.0) * (inverse - 1.0) / (6.0 * both * (cells[s] - 1))
        statistic[s] = max(0.0, 2.0 * g / q)
