"""Score rates: how predictions turned out by bins of their score, made monotone: isotonic calibration on bins.

The rate of a bin is that of the labelled records in it, pooled with its neighbours wherever it would fall as the score
rises (Zadrozny and Elkan 2002, doi:10.1145/775047.775151); a bin without records has what lies between those beside it.
How far off rates may be is told by leaving out one group of records after the other (the delete-a-group jackknife,
Kott 2001, Journal of Official Statistics 17): groups follow each other in time, so that records that are alike because
they came together go together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

GROUPS = 20  # fewer: the error itself is known badly; more: the table grows, and groups are shorter than dependence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def rates(codes: npt.NDArray[np.uint8], outcomes: Floats, middles: Floats, parts: Ints) -> Floats:
    """Rates by bin, by all records and by all but those of each group.

    Parameters
    ----------
    codes : uint8, shape (records,)
        Bins of the scores, in the order of time.
    outcomes : float64, shape (records,)
        1 or 0, or any number whose mean rises with the score.
    middles : float64, shape (bins,)
        A score that stands for each bin, ascending.
    parts : int64, shape (bins,)
        Bins of one part are one scale; what rises in one says nothing of the others.

    Returns
    -------
    float64, shape (1 + GROUPS, bins)

    Examples
    --------
    >>> codes, outcomes = np.repeat(np.arange(3, dtype=np.uint8), 40), np.repeat([0.0, 1.0, 0.5], 40)
    >>> rates(codes, outcomes, np.arange(3.0), np.zeros(3, np.int64))[0].tolist()
    [0.0, 0.75, 0.75]
    """
    bins, records = len(middles), len(codes)
    group = np.arange(records) * GROUPS // max(records, 1)
    cells = group * bins + codes
    counts = np.bincount(cells, minlength=GROUPS * bins).reshape(GROUPS, bins).astype(np.float64)
    sums = np.bincount(cells, outcomes, GROUPS * bins).reshape(GROUPS, bins)
    all_counts, all_sums = counts.sum(axis=0), sums.sum(axis=0)
    rows = [isotonic(all_counts, all_sums, middles, parts)]
    rows += [isotonic(all_counts - counts[g], all_sums - sums[g], middles, parts) for g in range(GROUPS)]
    return np.array(rows)


def isotonic(counts: Floats, sums: Floats, middles: Floats, parts: Ints) -> Floats:
    """Rates by bin of records that have been counted; all arrays have the shape (bins,)."""
    found = np.full(len(counts), float(sums.sum()) / max(float(counts.sum()), 1.0))
    for part in np.unique(parts).tolist():
        known = (parts == part) & (counts > 0)
        if known.any():
            there = np.flatnonzero(known)
            monotone = isotonic_regression(sums[there] / counts[there], weights=counts[there]).x
            found[parts == part] = np.interp(middles[parts == part], middles[there], monotone)
    return found


def jackknife_error(values: Floats) -> float:
    """Standard error of what was computed by all records, from what it is without each group.

    >>> round(jackknife_error(np.array([0.1, 0.3] * 10)), 4)
    0.4359
    """
    return float(np.sqrt((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()))
