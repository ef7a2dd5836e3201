"""A measure of performance: its value, its interval, and how each record moves it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from config.metrics import BY_CLASS, HITS, MORE_IS_WORSE, SCORES, TOP, VALUE
from config.plan import MetricPlan, PredictionPlan
from operators.metrics import confusion_metrics, error_metrics, precision_at, score_metrics, weighted_mean
from operators.metrics.influence import (
    Influence,
    class_influence,
    error_influence,
    error_series,
    error_total,
    list_influence,
    of_cells,
    score_influence,
    score_tenths,
    score_values,
)
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.outcomes import classes_of
from operators.metrics.scores import BINS, TENTHS, bins
from schemas.profile import Calibration

SURE = 1.959963984540054  # deviates of a 95 % interval

Floats = npt.NDArray[np.float64]


def mean_tau(calibration: Calibration | None, records: float) -> float:
    """Variance of the mean of so many records over that of independent ones, as far as it may be."""
    if calibration is None or not calibration.tau:
        return 1.0
    length = int(math.log2(max(records, 2.0))) - 1
    return (1 + calibration.error) * calibration.tau[min(max(length, 0), len(calibration.tau) - 1)]


class Measure:
    """One measure of a task.

    Parameters
    ----------
    metric
        Which one, and of what; a name is enough for most.
    plan
        What is predicted.
    """

    def __init__(self, metric: MetricPlan | str, plan: PredictionPlan) -> None:
        self.metric = MetricPlan(name=metric) if isinstance(metric, str) else metric
        self.name, self.plan = self.metric.name, plan
        self.more_is_worse = self.name in MORE_IS_WORSE
        self.two_sided = self.name == "bias"
        self.of_lists = plan.task == "ranking"
        self.of_scores = (self.name in SCORES or self.name == TOP) and not self.of_lists
        self._class: int | None = 1 if plan.task == "binary" else None
        if self.metric.of is not None:
            self._class = (classes_of(plan) or ()).index(self.metric.of)

    def value(self, sums: OutcomeSums) -> tuple[float, float, int]:
        """Value, how far it may be from that of the scores themselves, and records, or lists, that it is of."""
        if self.of_lists:
            lists = sums.rankings()
            return lists.mean(self.metric.title), 0.0, lists.moments_of(self.metric.title)[0]
        if sums.errors is not None:
            return error_metrics(sums.numbers())[self.name], 0.0, sums.errors[0]
        if self.of_scores:
            scores = sums.scores()
            if scores is None:
                return math.nan, 0.0, 0
            if self.metric.k is not None:
                value, error = precision_at(scores.counts, float(self.metric.k))
                return value, error, int(scores.counts.sum())
            return (*score_metrics(scores)[self.name], int(scores.counts.sum()))
        cells = sums.cells()
        return self._of_cells(cells), 0.0, int(cells.sum())

    def _of_cells(self, cells: npt.NDArray[np.int64]) -> float:
        if self.name == VALUE:
            return float((cells * self._worth()).sum() / cells.sum()) if cells.sum() else math.nan
        if self._class is None and self.metric.average == "weighted":
            return weighted_mean(cells, self.name)
        return confusion_metrics(cells, self._class)[self.name]

    def _worth(self) -> Floats:
        """Of a record, by true and by predicted class."""
        tp, fp, tn, fn = self.metric.worth or (0.0, 0.0, 0.0, 0.0)
        return np.array([[tn, fp], [fn, tp]])

    def share(self, sums: OutcomeSums) -> tuple[float, float] | None:
        """Records that were wrong, of those that the measure is a share of; None where it is none."""
        if self.of_lists:
            value, _, many = self.value(sums)
            return (round(many * (1 - value)), many) if self.name == HITS and many else None
        if self.metric.k is not None:
            value, k = self.value(sums)[0], float(self.metric.k)
            return None if math.isnan(value) else (round(k * (1 - value)), k)
        if sums.errors is not None or self.of_scores:
            return None
        cells = sums.cells().astype(np.float64)
        if self.name == "accuracy":
            return float(cells.sum() - np.trace(cells)), float(cells.sum())
        if self.name not in BY_CLASS or self._class is None:
            return None
        is_right, is_wrong = _sides(self.name, len(cells), self._class)
        wrong = float((cells * is_wrong).sum())
        return wrong, wrong + float((cells * is_right).sum())

    def share_like(self, window: OutcomeSums, baseline: OutcomeSums) -> tuple[float, float] | None:
        """That of a baseline: of the first k of a window, as large a part of the baseline."""
        if self.metric.k is None or self.of_lists:
            return self.share(baseline)
        now, then = window.scores(), baseline.scores()
        if now is None or then is None:
            return None
        k = self.metric.k * float(then.counts.sum()) / max(float(now.counts.sum()), 1.0)
        value, _ = precision_at(then.counts, k)
        return None if math.isnan(value) else (k * (1 - value), k)

    def of_share(self, wrong: float) -> float:
        """Value of the measure where such a share was wrong."""
        return 2 * (1 - wrong) / (2 - wrong) if self.name == "f1" else 1 - wrong

    def influence(self, sums: OutcomeSums) -> Influence | None:
        """Of the records of the sums; None where that is not known."""
        if self.of_lists:
            return list_influence(*sums.rankings().moments_of(self.metric.title))
        if sums.errors is not None:
            return error_influence(self.name, sums.numbers())
        if self.name in SCORES:
            scores = sums.scores()
            if scores is None:
                return None
            counts = scores.counts.astype(np.float64)
            if self.metric.k is not None:
                return None  # which records are the first says the window
            if self.name == "calibration_error":
                return of_cells(counts, _calibration_gradient(counts))
            return score_influence(self.name, counts)
        return self._class_influence(sums.cells().astype(np.float64))

    def _class_influence(self, cells: Floats) -> Influence:
        if self.name == VALUE:
            worth, total = self._worth(), max(float(cells.sum()), 1.0)
            return of_cells(cells, (worth - float((cells * worth).sum()) / total) / total)
        if self.name not in BY_CLASS or self._class is None:
            return class_influence(self.name, cells, weighted=self.metric.average == "weighted")
        is_right, is_wrong = _sides(self.name, len(cells), self._class)
        wrong, below = float((cells * is_wrong).sum()), max(float((cells * (is_right | is_wrong)).sum()), 1.0)
        share = wrong / below
        slope = 2 / (2 - share) ** 2 if self.name == "f1" else 1.0
        return of_cells(cells, slope / below * (is_right * share - is_wrong * (1 - share)))

    def series(self, values: Floats) -> Floats:
        """How far each record moves the measure, of those that it is of, in their order; none where that is not known.

        Of shares only the records that they are shares of count: errors of those that are predicted to be positive
        follow each other otherwise than errors of all.

        Parameters
        ----------
        values : float64, shape (records, 3)
            Predicted, probability and outcome; NaN where there is none.
        """
        known = values[~np.isnan(values[:, :3:2]).any(axis=1)]
        if self.plan.task == "regression":
            return error_series(self.name, known[:, 0], known[:, 2])
        if self.name == TOP:
            return np.asarray(known[known[:, 0] == 1, 2])  # how many the first k are of a window is not known
        if self.of_scores:
            known = known[~np.isnan(known[:, 1])]
        sums = OutcomeSums.of(self.plan, known)
        influence = self.influence(sums)
        if influence is None or self.name == "calibration_error":
            return np.empty(0)
        if self.of_scores:
            return np.asarray(influence.plain[bins(known[:, 1]) + BINS * (known[:, 2] == 1)])
        size = len(sums.cells())
        cells = (known[:, 2] * size + known[:, 0]).astype(np.int64)
        if self.name in BY_CLASS and self._class is not None:
            is_right, is_wrong = _sides(self.name, size, self._class)
            cells = cells[(is_right | is_wrong).reshape(-1)[cells]]
        return np.asarray(influence.plain[cells])

    def records(self, sums: OutcomeSums, influence: Influence) -> Floats:
        """Records of the sums in each stratum of an influence."""
        if self.of_lists:
            return np.array([float(sums.rankings().moments_of(self.metric.title)[0])])
        if sums.errors is not None:
            return np.array([float(sums.errors[0])])
        return influence.records(self._counts(sums))

    def total(self, whole: OutcomeSums, influence: Influence, part: OutcomeSums) -> tuple[float, float]:
        """How many records some of the records are, and the sum of their influences on the measure of all."""
        if self.of_lists:
            many, found = part.rankings().moments_of(self.metric.title)[:2]
            return float(many), found - many * whole.rankings().mean(self.metric.title)
        if whole.errors is not None and part.errors is not None:
            return float(part.errors[0]), error_total(self.name, whole.numbers(), part.numbers())
        counts = self._counts(part).reshape(-1)
        return float(counts.sum()), float((counts * influence.plain).sum())

    def _counts(self, sums: OutcomeSums) -> Floats:
        if not self.of_scores:
            return sums.cells().astype(np.float64)
        scores = sums.scores()
        return np.zeros((2, 1)) if scores is None else scores.counts.astype(np.float64)

    def interval(self, sums: OutcomeSums, calibration: Calibration | None) -> tuple[float, float] | None:
        """Between which values it lies, 95 times in 100; None where that cannot be told."""
        value, _, records = self.value(sums)
        if math.isnan(value) or not records:
            return None
        share = self.share(sums)
        if share is not None:
            low, high = wilson(share[0] / share[1], share[1] / mean_tau(calibration, share[1]))
            return self.of_share(high), self.of_share(low)
        error = self.error(sums, calibration)
        if error is None:
            return None
        if self.of_lists and error == 0:
            return wilson(value, records / mean_tau(calibration, records))  # a share varies no less than a mean
        if (self.of_lists or self.name in ("roc_auc", "average_precision", "balanced_accuracy")) and 0 < value < 1:
            spread = SURE * error / (value * (1 - value))
            odds = math.log(value / (1 - value))
            return 1 / (1 + math.exp(spread - odds)), 1 / (1 + math.exp(-spread - odds))
        low, high = value - SURE * error, value + SURE * error
        return (low if self.name in ("bias", "mcc", "kappa", "r2", VALUE) else max(low, 0.0)), high

    def error(self, sums: OutcomeSums, calibration: Calibration | None) -> float | None:
        """Standard error of its value."""
        share = self.share(sums)
        if share is not None and (self.of_lists or self.metric.k is not None):
            wrong = share[0] / share[1]
            return math.sqrt(wrong * (1 - wrong) / share[1] * mean_tau(calibration, share[1]))
        influence = self.influence(sums)
        if influence is None:
            return None
        records = self.records(sums, influence)
        variance = influence.noise(np.where(influence.variance > 0, records, 1.0))[0]
        found = math.sqrt(max(variance * mean_tau(calibration, float(records.sum())), 0.0))
        return found if math.isfinite(found) else None


def _sides(name: str, size: int, of: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cells of the records that are right, and of those that are wrong, that a measure of a class is a share of."""
    is_true, is_predicted = np.arange(size)[:, None] == of, np.arange(size)[None] == of
    if name == "specificity":
        return ~is_true & ~is_predicted, ~is_true & is_predicted
    wrong = {"precision": ~is_true & is_predicted, "recall": is_true & ~is_predicted, "f1": is_true ^ is_predicted}
    return is_true & is_predicted, wrong[name]


def wilson(share: float, records: float, sure: float = SURE) -> tuple[float, float]:
    """Wilson's interval of a share of so many independent records (1927, doi:10.2307/2276774), by default of 95 %.

    >>> [round(end, 3) for end in wilson(0.0, 100)]
    [0.0, 0.037]
    """
    square = sure**2
    middle = (share + square / (2 * records)) / (1 + square / records)
    half = sure / (1 + square / records) * math.sqrt(share * (1 - share) / records + square / (4 * records**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _calibration_gradient(counts: Floats) -> Floats:
    """Of the calibration error by counts, near where no gap is 0."""
    p, tenth, total = score_values(), score_tenths(), max(float(counts.sum()), 1.0)
    gaps = np.bincount(tenth, counts[1] - counts.sum(axis=0) * p, minlength=TENTHS)
    sign = np.sign(gaps)[tenth]
    value = float(np.abs(gaps).sum()) / total
    return np.asarray(np.stack([-sign * p, sign * (1 - p)]) / total - value / total, np.float64)
