"""Ranks: where a code stands in the reference, as the mid-distribution function (mass below + half its own).

Under no change the ranks of a signal have the mean 1/2 whatever the feature's scale or tails, and those of a
continuous one are uniform on [0, 1]. Spread ranks |2u - 1| are near 0 in the middle of the reference and near 1
at both ends: their mean moves when the spread does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.codes import CODES, OTHER, UNSEEN
from schemas.profile import NumericSignal, Signal


def reference_counts(signal: Signal) -> NDArray[np.float64]:
    """How many values of the reference have each code; zero for UNSEEN, INVALID and MISSING.

    Returns
    -------
    float64, shape (256,)
    """
    counts = np.zeros(CODES)
    if isinstance(signal, NumericSignal):
        counts[: len(signal.counts)] = signal.counts
    else:
        counts[: len(signal.categories)] = [count for _, count in signal.categories]
        counts[OTHER] = signal.rest
    return counts


def value_codes(signal: Signal) -> NDArray[np.bool_]:
    """Which codes are values of the signal: its bins, or its categories with OTHER and UNSEEN.

    Returns
    -------
    bool, shape (256,)
    """
    codes = np.zeros(CODES, dtype=np.bool_)
    if isinstance(signal, NumericSignal):
        codes[: len(signal.counts)] = True
    else:
        codes[: len(signal.categories)] = True
        codes[[OTHER, UNSEEN]] = True
    return codes


def rank_table(signal: Signal) -> NDArray[np.float64]:
    """Rank of each code; NaN for codes that are no values of the signal.

    Categories stand in the profile's order, most frequent first, then OTHER; UNSEEN has the rank 1. A code that
    the reference never had stands where it would: at the mass below it. Without any reference value all ranks
    are 1/2.

    Returns
    -------
    float64, shape (256,)

    Examples
    --------
    >>> from schemas.profile import CategoricalSignal
    >>> plan = CategoricalSignal(
    ...     count=10, missing=0, invalid=0, categories=(("basic", 6), ("gold", 3)), rest=1, distinct=3)
    >>> ranks = rank_table(plan)
    >>> ranks[[0, 1, OTHER, UNSEEN]].tolist()
    [0.3, 0.75, 0.95, 1.0]
    """
    counts = reference_counts(signal)
    total = counts.sum()
    if total > 0:
        below = np.concatenate(([0.0], np.cumsum(counts)[:-1]))
        ranks = np.asarray((below + counts / 2) / total, dtype=np.float64)
    else:
        ranks = np.full(CODES, 0.5)
    ranks[~value_codes(signal)] = np.nan
    return ranks


def spread_ranks(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the middle of the reference, |2u - 1|, of any shape; NaN stays NaN."""
    return np.asarray(np.abs(2 * ranks - 1), dtype=np.float64)


def probabilities(signal: Signal) -> NDArray[np.float64]:
    """Share of the reference's values by code; all zero for a reference without values.

    Returns
    -------
    float64, shape (256,)
    """
    counts = reference_counts(signal)
    return np.asarray(counts / max(counts.sum(), 1.0), dtype=np.float64)


def mean_and_sd(shares: NDArray[np.float64], ranks: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of ranks under the reference; (1/2, 0) for one without values.

    Parameters
    ----------
    shares : float64, shape (256,)
        From `probabilities`.
    ranks : float64, shape (256,)
        From `rank_table`, or their `spread_ranks`.
    """
    there = shares > 0
    if not there.any():
        return 0.5, 0.0
    if np.count_nonzero(there) == 1:
        return float(ranks[there][0]), 0.0  # exactly: sums of shares would leave a rounding error as deviation
    mean = float(np.dot(shares[there], ranks[there]))
    return mean, float(np.sqrt(np.dot(shares[there], (ranks[there] - mean) ** 2)))


def standardised(ranks: NDArray[np.float64], mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks in standard deviations from the reference's mean, what Page-Hinkley adds up; 0 for a constant reference.

    Parameters
    ----------
    ranks : float64, shape (signals, 256)
        Ranks or spread ranks; NaN stays NaN.
    mean, sd : float64, shape (signals,)
        Of each row under the reference.
    """
    scale = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1.0), 0.0)
    return np.ascontiguousarray((ranks - mean[:, None]) * scale[:, None], dtype=np.float64)
