"""A measure of performance: its value, its interval, and how each record moves it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from config.metrics import MORE_IS_WORSE, SCORES
from config.plan import PredictionPlan
from operators.metrics import confusion_metrics, error_metrics, score_metrics
from operators.metrics.influence import (
    Influence,
    class_influence,
    error_influence,
    error_total,
    of_cells,
    score_influence,
    score_tenths,
    score_values,
)
from operators.metrics.scores import TENTHS
from operators.outcome_sums import OutcomeSums
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
    name
        As the configuration calls it.
    plan
        What is predicted.
    """

    def __init__(self, name: str, plan: PredictionPlan) -> None:
        self.name, self.plan = name, plan
        self.more_is_worse = name in MORE_IS_WORSE
        self.two_sided = name == "bias"

    def value(self, sums: OutcomeSums) -> tuple[float, float, int]:
        """Value, how far it may be from that of the scores themselves, and records that it is of."""
        if sums.errors is not None:
            return error_metrics(sums.numbers())[self.name], 0.0, sums.errors[0]
        if self.name in SCORES:
            scores = sums.scores()
            if scores is None:
                return math.nan, 0.0, 0
            return (*score_metrics(scores)[self.name], int(scores.counts.sum()))
        cells = sums.cells()
        value = confusion_metrics(cells, 1 if self.plan.task == "binary" else None)[self.name]
        return value, 0.0, int(cells.sum())

    def share(self, sums: OutcomeSums) -> tuple[float, float] | None:
        """Records that were wrong, of those that the measure is a share of; None where it is none."""
        if sums.errors is not None or self.name in SCORES:
            return None
        cells = sums.cells().astype(np.float64)
        if self.name == "accuracy":
            return float(cells.sum() - np.trace(cells)), float(cells.sum())
        if self.plan.task != "binary":
            return None
        (right_no, false_yes), (false_no, right_yes) = cells.tolist()
        wrong = {"precision": false_yes, "recall": false_no, "specificity": false_yes, "f1": false_no + false_yes}
        if self.name not in wrong:
            return None
        right = right_no if self.name == "specificity" else right_yes
        return wrong[self.name], wrong[self.name] + right

    def of_share(self, wrong: float) -> float:
        """Value of the measure where such a share was wrong."""
        return 2 * (1 - wrong) / (2 - wrong) if self.name == "f1" else 1 - wrong

    def influence(self, sums: OutcomeSums) -> Influence | None:
        """Of the records of the sums; None where that is not known."""
        if sums.errors is not None:
            return error_influence(self.name, sums.numbers())
        if self.name in SCORES:
            scores = sums.scores()
            if scores is None:
                return None
            counts = scores.counts.astype(np.float64)
            if self.name == "calibration_error":
                return of_cells(counts, _calibration_gradient(counts))
            return score_influence(self.name, counts)
        return self._class_influence(sums.cells().astype(np.float64))

    def _class_influence(self, cells: Floats) -> Influence:
        if self.plan.task != "binary" or self.name in ("accuracy", "balanced_accuracy", "mcc", "kappa"):
            return class_influence(self.name, cells)
        wrong = {"precision": [(0, 1)], "recall": [(1, 0)], "specificity": [(0, 1)], "f1": [(0, 1), (1, 0)]}[self.name]
        right = (0, 0) if self.name == "specificity" else (1, 1)
        below = sum(cells[place] for place in [*wrong, right])
        share = sum(cells[place] for place in wrong) / max(below, 1.0)
        gradient = np.zeros((2, 2))
        slope = 2 / (2 - share) ** 2 if self.name == "f1" else 1.0
        for place in wrong:
            gradient[place] = -slope * (1 - share) / max(below, 1.0)
        gradient[right] = slope * share / max(below, 1.0)
        return of_cells(cells, gradient)

    def records(self, sums: OutcomeSums, influence: Influence) -> Floats:
        """Records of the sums in each stratum of an influence."""
        if sums.errors is not None:
            return np.array([float(sums.errors[0])])
        return influence.records(self._counts(sums))

    def total(self, whole: OutcomeSums, influence: Influence, part: OutcomeSums) -> tuple[float, float]:
        """How many records some of the records are, and the sum of their influences on the measure of all."""
        if whole.errors is not None and part.errors is not None:
            return float(part.errors[0]), error_total(self.name, whole.numbers(), part.numbers())
        counts = self._counts(part).reshape(-1)
        return float(counts.sum()), float((counts * influence.plain).sum())

    def _counts(self, sums: OutcomeSums) -> Floats:
        if self.name not in SCORES:
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
        if self.name in ("roc_auc", "average_precision", "balanced_accuracy") and 0 < value < 1:
            spread = SURE * error / (value * (1 - value))
            odds = math.log(value / (1 - value))
            return 1 / (1 + math.exp(spread - odds)), 1 / (1 + math.exp(-spread - odds))
        low, high = value - SURE * error, value + SURE * error
        return (low if self.name in ("bias", "mcc", "kappa", "r2") else max(low, 0.0)), high

    def error(self, sums: OutcomeSums, calibration: Calibration | None) -> float | None:
        """Standard error of its value."""
        influence = self.influence(sums)
        if influence is None:
            return None
        records = self.records(sums, influence)
        variance = influence.noise(np.where(influence.variance > 0, records, 1.0))[0]
        found = math.sqrt(max(variance * mean_tau(calibration, float(records.sum())), 0.0))
        return found if math.isfinite(found) else None


def wilson(share: float, records: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of so many independent records (1927, doi:10.2307/2276774).

    >>> [round(end, 3) for end in wilson(0.0, 100)]
    [0.0, 0.037]
    """
    square = SURE**2
    middle = (share + square / (2 * records)) / (1 + square / records)
    half = SURE / (1 + square / records) * math.sqrt(share * (1 - share) / records + square / (4 * records**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _calibration_gradient(counts: Floats) -> Floats:
    """Of the calibration error by counts, near where no gap is 0."""
    p, tenth, total = score_values(), score_tenths(), max(float(counts.sum()), 1.0)
    gaps = np.bincount(tenth, counts[1] - counts.sum(axis=0) * p, minlength=TENTHS)
    sign = np.sign(gaps)[tenth]
    value = float(np.abs(gaps).sum()) / total
    return np.asarray(np.stack([-sign * p, sign * (1 - p)]) / total - value / total, np.float64)
