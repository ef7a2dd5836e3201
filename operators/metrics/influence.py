"""Influence: how far each record moves a measure, of which its variance and the skewness of its noise follow.

A measure is taken for a mean over records (the delta method): f(counts) moves by its gradient, which comes to nothing
over all records, as no measure depends on their number alone. What is known to be given is given: an area under the
curve does not depend on how many positives there are, so its noise is that of positives and of negatives, each by
their number (DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44, doi:10.2307/2531595).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from operators.metrics.errors import ErrorSums
from operators.metrics.scores import BINS, EPSILON, TENTHS, WIDEST

ROUNDING = 1e-10  # of moments of lists
TINY = 1e-300  # an error is not divided by nothing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Influence:
    """Of the records of one sample, or of several taken together; arrays by stratum, or by cell.

    A measure of a sample is, near the one of all, all's + the sum over strata of the mean influence of the sample's
    records in it.
    """

    variance: Floats  # (strata,) of a record's influence
    third: Floats  # (strata,) third moment of it
    strata: Ints  # (cells,) of each cell; empty: there is one stratum, and no cells
    plain: Floats  # (cells,) influence on the measure of all records, where the number in a stratum is not given
    whole: float = 0.0  # variance of that

    def noise(self, records: Floats) -> tuple[float, float]:
        """Second and third cumulant of the measure of a sample with so many records in each stratum."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float((self.variance / records).sum()), float((self.third / records**2).sum())

    @property
    def spread(self) -> float:
        """Variance of a record's influence on the measure of all records."""
        return float(self.variance[0]) if not len(self.plain) else self.whole

    def records(self, counts: Floats) -> Floats:
        """How many records of a sample are in each stratum, from its counts by cell."""
        return np.asarray(np.bincount(self.strata, counts.reshape(-1), minlength=len(self.variance)), np.float64)


def of_cells(counts: Floats, gradient: Floats, strata: Ints | None = None) -> Influence:
    """Influence from a measure's gradient by the counts of cells.

    Parameters
    ----------
    counts, gradient : float64, any shape
    strata : int64, the same shape
        Which cells have a number of records that is given; None: none.

    Examples
    --------
    Accuracy of 80 right records of 100 is 0.8, and 0.2 x 0.8 / 100 the variance of it:

    >>> found = of_cells(np.array([80.0, 20.0]), np.array([0.2, -0.8]) / 100)
    >>> round(found.noise(np.array([100.0]))[0], 6)
    0.0016
    """
    c, g = counts.reshape(-1), gradient.reshape(-1)
    of = np.zeros(len(c), np.int64) if strata is None else strata.reshape(-1)
    many = np.bincount(of, c)
    there = np.maximum(many, 1.0)
    moved = many[of] * g
    moved = moved - (np.bincount(of, c * moved) / there)[of]
    total = max(float(c.sum()), 1.0)
    plain = total * g
    plain = plain - float((c * plain).sum()) / total
    return Influence(
        np.bincount(of, c * moved**2) / there,
        np.bincount(of, c * moved**3) / there,
        of,
        plain,
        float((c * plain**2).sum()) / total,
    )


def class_influence(name: str, counts: Floats, *, weighted: bool = False) -> Influence:
    """Of a measure of classes, which are means over the classes for which they are defined.

    Parameters
    ----------
    name
        Of `config.metrics.CLASSES`.
    counts : float64, shape (classes, classes)
        By true and by predicted class.
    weighted
        By how often each class is true.
    """
    if weighted:
        return _weighted_influence(name, counts)
    total, right = float(counts.sum()), np.diag(counts)
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    by_right, by_true, by_predicted, by_total = (np.zeros(len(counts)) for _ in range(4))
    strata = None
    there = (true + predicted) > 0
    if name == "accuracy":
        by_right[:] = 1 / total
        by_total[:] = -float(right.sum()) / total**2
    elif name in ("recall", "balanced_accuracy"):
        by_right, by_true = _of_ratio(right, true)
        strata = np.repeat(np.arange(len(counts)), len(counts))
    elif name == "precision":
        by_right, by_predicted = _of_ratio(right, predicted)
        strata = np.tile(np.arange(len(counts)), len(counts))
    elif name == "f1":
        by_right, both = _of_ratio(2 * right, true + predicted)
        by_right, by_true, by_predicted = 2 * by_right, both, both
    elif name == "specificity":
        defined = there & (total - true > 0)
        many, others = max(int(defined.sum()), 1), np.where(defined, total - true, 1.0)
        share = (others - predicted + right) / others
        by_right = np.where(defined, 1 / others, 0.0) / many
        by_predicted = -by_right
        by_true = np.where(defined, (share - 1) / others, 0.0) / many
        by_total[:] = -float(by_true.sum())
    elif name == "mcc":
        a, b = total**2 - float((true**2).sum()), total**2 - float((predicted**2).sum())
        root = math.sqrt(a * b) or 1.0
        covariance = float(right.sum()) * total - float((true * predicted).sum())
        value = covariance / root
        by_right[:] = total / root
        by_total[:] = float(right.sum()) / root - value * total * (1 / (a or 1.0) + 1 / (b or 1.0))
        by_true = -predicted / root + value * true / (a or 1.0)
        by_predicted = -true / root + value * predicted / (b or 1.0)
    else:
        assert name == "kappa", name
        chance = float((true * predicted).sum())
        beyond = (total**2 - chance) or 1.0
        value = (float(right.sum()) * total - chance) / beyond
        by_right[:] = total / beyond
        by_total[:] = (float(right.sum()) - 2 * value * total) / beyond
        by_true, by_predicted = (value - 1) * predicted / beyond, (value - 1) * true / beyond
    gradient = np.diag(by_right) + by_true[:, None] + by_predicted[None] + by_total[:1]
    return of_cells(counts, gradient, strata)


def _weighted_influence(name: str, counts: Floats) -> Influence:
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    others = float(counts.sum()) - true
    above, below = {
        "recall": (right, true),
        "precision": (right, predicted),
        "f1": (2 * right, true + predicted),
        "specificity": (others - predicted + right, others),
    }[name]
    defined = (below > 0) & (true > 0)
    safe, whole = np.where(defined, below, 1.0), float(true[defined].sum()) or 1.0
    each = np.where(defined, above / safe, 0.0)
    value = float((true * each)[defined].sum()) / whole
    part = np.where(defined, true / whole / safe, 0.0)  # of a class in the mean, over what is below in its measure
    by_true = np.where(defined, (each - value) / whole, 0.0)
    nothing = np.zeros(len(counts))
    if name == "specificity":
        # What is below grows with every record but those of the class, and what is above with those not said to be it.
        moved = part * (1 - each)
        by_right, by_predicted, by_total = part, -part, float(moved.sum())
        by_true = by_true - moved
    else:
        by_right = part * (2.0 if name == "f1" else 1.0)
        by_predicted = nothing if name == "recall" else -part * each
        by_true = by_true if name == "precision" else by_true - part * each
        by_total = 0.0
    return of_cells(counts, np.diag(by_right) + by_true[:, None] + by_predicted[None] + by_total)


def _of_ratio(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Gradient of the mean of ratios, by what is above and below, over those that are defined."""
    defined = below > 0
    many, safe = max(int(defined.sum()), 1), np.where(defined, below, 1.0)
    return np.where(defined, 1 / safe, 0.0) / many, np.where(defined, -above / safe**2, 0.0) / many


def score_values() -> Floats:
    """A probability of each bin of `scores.bins`.

    >>> score_values()[[0, 1024, 2047]].round(3).tolist()
    [0.0, 0.502, 1.0]
    """
    inner = (np.arange(BINS - 2) + 0.5) * 2 / (BINS - 2) - 1
    return np.concatenate([[0.0], expit(inner * WIDEST), [1.0]])


def score_tenths() -> Ints:
    """Which of the bins of the calibration error each bin of `scores.bins` is in."""
    return np.minimum((score_values() * TENTHS).astype(np.int64), TENTHS - 1)


def losses(name: str) -> Floats:
    """Log loss or Brier loss of a record by class and bin, shape (2, BINS)."""
    p = score_values()
    if name == "brier":
        return np.stack([p**2, (1 - p) ** 2])
    sure = np.clip(np.stack([1 - p, p]), EPSILON, 1 - EPSILON)
    return np.asarray(-np.log(sure), np.float64)


def score_influence(name: str, counts: Floats) -> Influence:
    """Of a measure of probabilities other than the calibration error.

    Parameters
    ----------
    name
        Of `config.metrics.SCORES`.
    counts : float64, shape (2, BINS)
        Of negatives and of positives.
    """
    negatives, positives = counts
    n, p = max(float(negatives.sum()), 1.0), max(float(positives.sum()), 1.0)
    if name == "roc_auc":
        below = np.cumsum(negatives) - negatives / 2
        above = p - np.cumsum(positives) + positives / 2
        area = float((positives * below).sum()) / (n * p)
        gradient = np.stack([above / (n * p) - area / n, below / (n * p) - area / p])
        return of_cells(counts, gradient, np.repeat([[0], [1]], BINS, axis=1))
    if name == "average_precision":
        t, f = np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
        both = np.maximum(t + f, 1.0)
        value = float((positives * t / both).sum()) / p
        by_positive = (t / both + np.cumsum(positives * f / both**2)) / p - value / p
        by_negative = -np.cumsum(positives * t / both**2) / p
        return of_cells(counts, np.stack([by_negative, by_positive]))
    of = losses(name)
    total = n + p if negatives.any() and positives.any() else float(counts.sum()) or 1.0
    return of_cells(counts, (of - float((counts * of).sum()) / total) / total)


def error_influence(name: str, sums: ErrorSums) -> Influence | None:
    """Of a measure of predicted numbers; None where sums of an older release do not tell."""
    if sums.powers is None or not sums.count:
        return None
    count = sums.count
    cubes, signed, fourths, sixths, share_squares, share_cubes, _, fourth, _, both = sums.powers
    mse = sums.squares / count
    if name == "mae":
        moments = (sums.sizes / count, mse, cubes / count)
    elif name == "bias":
        moments = (sums.errors / count, mse, signed / count)
    elif name == "mape":
        moments = (sums.shares / count, share_squares / count, share_cubes / count)
    else:
        moments = (mse, fourths / count, sixths / count)
    # Products, as powers of what is too large raise.
    mean, second, raw = moments
    variance, third = max(second - mean * mean, 0.0), raw - 3 * mean * second + 2 * mean * mean * mean
    if name == "rmse":
        scale = 2 * math.sqrt(mse) or 1.0
        variance, third = variance / scale / scale, third / scale / scale / scale
    elif name == "r2":
        spread = sums.spread / count
        if spread <= 0:
            return None
        ratio = mse / spread
        variance = second / spread / spread - (2 * both / spread - ratio * fourth / spread) / count * ratio / spread
        variance, third = max(variance, 0.0), -third / spread / spread / spread
    nothing = np.empty(0)
    return Influence(np.array([variance]), np.array([third]), nothing.astype(np.int64), nothing)


def list_influence(count: int, total: float, squares: float, cubes: float) -> Influence | None:
    """Of the mean of a measure of lists, from sums over them; None without any."""
    if not count:
        return None
    mean, second, raw = total / count, squares / count, cubes / count
    # What is kept is exact to 1e-11; what is smaller than some of these is rounding.
    variance = second - mean * mean if second - mean * mean > ROUNDING else 0.0
    third = raw - 3 * mean * second + 2 * mean * mean * mean if variance else 0.0
    nothing = np.empty(0)
    return Influence(np.array([variance]), np.array([third]), nothing.astype(np.int64), nothing)


def error_series(name: str, predicted: Floats, true: Floats) -> Floats:
    """How far each record moves a measure of predicted numbers, but for a factor and what it is on average."""
    error: Floats = predicted - true
    error = error / max(float(np.abs(error).max(initial=0.0)), TINY)  # squares stay within floats
    if name == "mae":
        return np.asarray(np.abs(error))
    if name == "bias":
        return error
    if name == "mape":
        return np.asarray(np.abs(error[true != 0] / true[true != 0]))
    found = error**2
    if name == "r2":
        spread = float(true.var()) if len(true) else 0.0
        found = found.mean() * (true - true.mean()) ** 2 / spread - found if spread > 0 else np.empty(0)
    return np.asarray(found, np.float64)


def error_total(name: str, whole: ErrorSums, part: ErrorSums) -> float:
    """Sum of the influences of some of the records on a measure of all of them."""
    count, mse = whole.count, whole.squares / whole.count
    if name == "mae":
        return part.sizes - part.count * whole.sizes / count
    if name == "bias":
        return part.errors - part.count * whole.errors / count
    if name == "mape":
        return part.shares - part.count * whole.shares / count
    if name == "r2":
        spread = whole.spread / count
        around = part.spread + part.count * (part.mean - whole.mean) ** 2
        return mse * around / spread**2 - part.squares / spread
    moved = part.squares - part.count * mse
    return moved / (2 * math.sqrt(mse)) if name == "rmse" and mse else moved
