"""Measures of the probabilities of a positive class, from counts of them in bins and from sums.

Bins are equal steps of the log-odds, as scores of rare events crowd at 0 and of sure models at both ends. Scores in
one bin count as equal, so what goes by their order is known up to an error that the counts themselves tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from config.metrics import SCORES

BINS = 2048  # with 256 the error of an area is up to 0.01 where scores lie close, with more the state grows for nothing
WIDEST = 16.0  # log-odds of the outermost bins: one in 10 million
TENTHS = 10  # bins of the calibration error
EPSILON = float(np.finfo(np.float64).eps)  # least probability in the log loss, as in scikit-learn

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScoreCounts:
    """What is kept of scores; the counts of two parts add up to those of both."""

    counts: Ints  # (2, BINS): of negatives and of positives
    tenths: Floats  # (2, TENTHS): positives and sum of scores
    log_loss: float  # sum
    squares: float  # sum of squared differences

    @classmethod
    def of(cls, scores: Floats, positive: npt.NDArray[np.bool_]) -> ScoreCounts:
        """Count scores in [0, 1] of records that are known to be positive or not."""
        counts = np.bincount(bins(scores) + BINS * positive, minlength=2 * BINS).reshape(2, BINS)
        tenth = np.minimum((scores * TENTHS).astype(np.int64), TENTHS - 1)
        sums = [math.fsum(scores[tenth == each].tolist()) for each in range(TENTHS)]
        both = [np.bincount(tenth[positive], minlength=TENTHS), sums]
        sure = np.where(positive, scores, 1 - scores)
        losses = -np.log(np.clip(sure, EPSILON, 1 - EPSILON))
        return cls(
            counts.astype(np.int64),
            np.array(both, np.float64),
            math.fsum(losses.tolist()),
            math.fsum(((1 - sure) ** 2).tolist()),
        )

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        return ScoreCounts(
            self.counts + other.counts,
            self.tenths + other.tenths,
            self.log_loss + other.log_loss,
            self.squares + other.squares,
        )


def bins(scores: Floats) -> Ints:
    """Bin of each score, ascending with it; 0 and 1 have bins of their own.

    >>> bins(np.array([0.0, 1e-9, 0.5, 1.0])).tolist()
    [0, 1, 1024, 2047]
    """
    with np.errstate(divide="ignore"):
        odds = np.log(scores) - np.log1p(-scores)
    inner = np.floor((odds / WIDEST + 1) * (BINS - 2) / 2) + 1
    found = np.clip(inner, 1, BINS - 2)
    return np.where(scores <= 0, 0, np.where(scores >= 1, BINS - 1, found)).astype(np.int64)


def score_metrics(found: ScoreCounts) -> dict[str, tuple[float, float]]:
    """Compute all of SCORES.

    Returns
    -------
    dict
        By name the value and how far it may be from that of the scores themselves; both NaN where it is undefined,
        as an area is without a positive or without a negative.
    """
    negatives, positives = (each.astype(np.float64) for each in found.counts)
    total = float(found.counts.sum())
    undefined = float("nan"), float("nan")
    if not total:
        return dict.fromkeys(SCORES, undefined)
    of_class, sums = found.tenths
    return {
        "roc_auc": _area(negatives, positives) if negatives.any() and positives.any() else undefined,
        "average_precision": _average_precision(negatives, positives) if positives.any() else undefined,
        "log_loss": (found.log_loss / total, 0.0),
        "brier": (found.squares / total, 0.0),
        "calibration_error": (float(np.abs(of_class - sums).sum()) / total, 0.0),
    }


def precision_at(counts: Ints, k: float) -> tuple[float, float]:
    """Share of positives among the k with the highest scores, and how far it may be from that of the scores themselves.

    Of the bin in which the k-th score is, as many are taken for positive as are on average. NaN where there are not k.

    >>> counts = np.zeros((2, BINS), np.int64)
    >>> counts[1, 2000], counts[0, 2000], counts[0, 100] = 6, 2, 12
    >>> precision_at(counts, 8.0), precision_at(counts, 10.0)
    ((0.75, 0.0), (0.6, 0.0))
    """
    positives, both = counts[1, ::-1].astype(np.float64), counts.sum(axis=0)[::-1].astype(np.float64)
    if both.sum() < k or k <= 0:
        return float("nan"), float("nan")
    ends = np.cumsum(both)
    at = int(np.searchsorted(ends, k))
    before, within = float(positives[:at].sum()), float(positives[at])
    room, size = k - float(ends[at] - both[at]), float(both[at])
    found = within * room / size
    error = max(min(within, room) - found, found - max(0.0, room - (size - within)))
    return (before + found) / k, error / k


def _area(negatives: Floats, positives: Floats) -> tuple[float, float]:
    """Share of pairs in which the positive has the higher score; of pairs in one bin half."""
    pairs = float(negatives.sum() * positives.sum())
    below = np.cumsum(negatives) - negatives
    within = float((negatives * positives).sum()) / 2
    return (float((positives * below).sum()) + within) / pairs, within / pairs


def _average_precision(negatives: Floats, positives: Floats) -> tuple[float, float]:
    """Mean over positives of the precision at their scores, from the highest bin down."""
    n, p = negatives[::-1], positives[::-1]
    t, f = np.cumsum(p) - p, np.cumsum(n) - n  # true and false positives above the bin
    there = p > 0
    n, p, t, f = n[there], p[there], t[there], f[there]
    value = p * (t + p) / (t + p + f + n)
    # No positive has a higher precision than if all negatives of its bin came after; the i-th none lower than if they
    # all came before.
    highest = p * (t + p) / (t + p + f)
    lowest = p - (f + n) * (digamma(t + f + n + p + 1) - digamma(t + f + n + 1))
    total = float(p.sum())
    error = max(float((highest - value).sum()), float((value - lowest).sum()))
    return float(value.sum()) / total, max(error, 0.0) / total
