"""Ranks: where a code stands in the reference, as the mid-distribution function (mass below + half its own).

Under no change the ranks of a signal have the mean 1/2 whatever the feature's scale or tails, and those of a
continuous one are uniform on [0, 1]. Spread ranks |2u - 1| are near 0 in the middle of the reference and near 1
at both ends: their mean moves when the spread does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from operators.encoding.codes import CODES, OTHER, UNSEEN
from schemas.profile import NumericSignal, Signal

OUTERMOST = 1 / 1024  # rank at which normal scores are cut off, at 3.1: smaller, and one value counts for many


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


def unseen_codes(signal: Signal) -> NDArray[np.bool_]:
    """Which codes are values that the reference never had: UNSEEN, and what lies between those of a discrete signal.

    Beyond the lowest and the highest value of a discrete signal nothing was seen either; a continuous signal has open
    ends, and values between those that were seen are what is expected of it.

    Returns
    -------
    bool, shape (256,)
    """
    codes = np.zeros(CODES, dtype=np.bool_)
    if not isinstance(signal, NumericSignal):
        codes[UNSEEN] = True
    elif signal.discrete:
        edges = np.array(signal.edges)
        own = np.zeros(len(signal.counts), dtype=np.bool_)  # bins of one value, which reach to the next float
        own[1:-1] = edges[1:] == np.nextafter(edges[:-1], np.inf)
        if len(edges) and edges[-1] == np.finfo(np.float64).max:
            own[-1] = True  # there is no float above it
        codes[: len(own)] = ~own & (np.array(signal.counts) == 0)
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
    ranks: NDArray[np.float64] = rank_rows(reference_counts(signal)[None], value_codes(signal)[None])[0]
    return ranks


def rank_rows(counts: NDArray[np.float64], is_value: NDArray[np.generic]) -> NDArray[np.float64]:
    """Ranks of each code, see `rank_table`, of several signals or references.

    Parameters
    ----------
    counts : float64, shape (rows, 256)
        Values of the reference by code.
    is_value : shape (rows, 256)
        Not 0 for codes that are values.
    """
    ends = np.cumsum(counts, axis=1)
    total = ends[:, -1:]
    ranks = np.where(total > 0, (ends - counts / 2) / np.where(total > 0, total, 1.0), 0.5)
    return np.where(is_value, ranks, np.nan)


def spread_ranks(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the middle of the reference, |2u - 1|, of any shape; NaN stays NaN."""
    return np.asarray(np.abs(2 * ranks - 1), dtype=np.float64)


def normal_scores(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a standard normal variable has these ranks, of any shape; NaN stays NaN.

    Cut off where one of 1,024 values lies beyond: the outermost bins of a profile are twice as wide.

    >>> normal_scores(np.array([0.5, 0.975, 1.0])).round(2).tolist()
    [0.0, 1.96, 3.1]
    """
    return np.asarray(ndtri(np.clip(ranks, OUTERMOST, 1 - OUTERMOST)), dtype=np.float64)


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
    mean, sd = moment_rows(shares[None], ranks[None])
    return float(mean[0]), float(sd[0])


def moment_rows(
    weights: NDArray[np.float64], ranks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of ranks, see `mean_and_sd`, of several signals or references.

    Parameters
    ----------
    weights : float64, shape (rows, 256)
        Counts or shares by code.
    ranks : float64, shape (rows, 256)
    """
    there = weights > 0
    codes = there.sum(axis=1)
    total = np.where(codes > 0, weights.sum(axis=1), 1.0)
    values = np.where(there, ranks, 0.0)
    mean = (weights * values).sum(axis=1) / total
    # Of a constant exactly: sums of shares would leave a rounding error as deviation.
    mean = np.where(codes > 1, mean, np.where(codes == 1, values.max(axis=1), 0.5))
    sd = np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1) / total)
    return mean, np.where(codes > 1, sd, 0.0)


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
