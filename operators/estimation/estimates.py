"""Estimates: how good predictions are before their labels come, from how labelled ones of the same score turned out.

Confidence-based performance estimation: each record counts with the chances of its outcomes, by the bin of its score,
and measures are computed of the matrix of confusion that is to be expected. Of errors of numbers their means by bin
take that place. An estimate holds as long as labels depend on scores as they did; where that changes, only labels tell.

How far an estimate may be from what labels would say has two parts: that of the labels, which are a draw from their
chances, and that of the rates, which come from so many labelled records and no more (score_rates.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.estimation.score_rates import jackknife_error
from operators.sketches import leb128
from schemas.profile import Estimation

Floats = npt.NDArray[np.float64]

AREA = "roc_auc"
# Outcomes of two classes: true and false positives, false and true negatives. A measure is what adds up above the line
# and below it.
BINARY: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "precision": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "recall": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "specificity": ((0, 0, 0, 1), (0, 1, 0, 1)),
    "f1": ((2, 0, 0, 0), (2, 1, 1, 0)),
}


class Estimate(NamedTuple):
    """Of one measure in one window; NaN where it is undefined, as precision is where nothing is predicted positive."""

    value: float
    label_error: float  # standard error of what labels will say
    rate_error: float  # standard error of the estimate itself

    @property
    def error(self) -> float:
        """Of both together."""
        return float(np.hypot(self.label_error, self.rate_error))


class Estimator:
    """Estimates measures from counts of records by the bin of their score.

    Parameters
    ----------
    estimation
        Of the profile.
    task
        Of the model: binary, multiclass or regression.
    """

    def __init__(self, estimation: Estimation, task: str) -> None:
        self.task = task
        self.bins = len(estimation.score.counts)
        self.reference = np.array(estimation.score.counts, np.float64)
        self._segments = estimation.segments
        self._rates = _table(estimation.rates, self.bins)
        self._squares = _table(estimation.squares, self.bins)
        self._fourths = _table(estimation.fourths, self.bins)
        predicted = _table(estimation.predicted, self.bins)
        if task == "regression":
            return
        rates = self._rates[:, None]
        right, wrong = predicted * rates, predicted * (1 - rates)
        if task == "binary":
            rest = 1 - predicted
            parts = [right, wrong, rest * rates, rest * (1 - rates)]
        else:
            parts = [right, wrong]
        self._chances = np.moveaxis(np.concatenate(parts, axis=1), 1, 2)  # (1 + groups, bins, outcomes)
        self._measures = _measures(task, len(predicted))

    def segment(self, segment: str) -> Floats | None:
        """Labelled records of a segment by bin; None where there were too few."""
        packed = self._segments.get(segment)
        if packed is None:
            return None
        counts = np.zeros(self.bins, np.int64)
        leb128.unpack(packed, counts)
        return counts.astype(np.float64)

    def estimate(self, name: str, counts: Floats) -> Estimate:
        """Estimate a measure of records.

        Parameters
        ----------
        counts : float64, shape (bins,)
            At least one.
        """
        if self.task == "regression":
            return self._error(name, counts)
        if name == AREA:
            values, change = self._areas(counts)
            rates = self._rates[0]
            variance = float(counts @ (rates * (1 - rates) * change**2))
        else:
            values, moves = self._ratios(name, counts)
            chances = self._chances[0]
            mean = chances @ moves
            variance = float(counts @ (chances @ moves**2 - mean**2))
        rate_error = jackknife_error(values[1:]) if np.isfinite(values).all() else float("nan")
        return Estimate(float(values[0]), float(np.sqrt(max(variance, 0.0))), rate_error)

    def influence(self, name: str, counts: Floats) -> Floats:
        """By how much a record of each bin moves a measure of many, times their number; shape (bins,).

        NaN where the measure is undefined.
        """
        total = float(counts.sum())
        if self.task == "regression":
            means = self._rates[0] if name == "mae" else self._squares[0]
            scale = 2 * np.sqrt(counts @ means / total) if name == "rmse" else 1.0
            return np.asarray((means - counts @ means / total) / scale)
        if name == AREA:
            return total * self._area_influence(counts)
        _, moves = self._ratios(name, counts)
        return np.asarray(total * (self._chances[0] @ moves))

    def spread(self, name: str, counts: Floats) -> float:
        """Standard deviation of single errors, of which an error is the mean; of measures of numbers alone."""
        total = float(counts.sum())
        mean, square = counts @ self._rates[0] / total, counts @ self._squares[0] / total
        if name == "mae":
            return float(np.sqrt(max(square - mean**2, 0.0)))
        fourth = float(np.sqrt(max(counts @ self._fourths[0] / total - square**2, 0.0)))
        return fourth / (2 * float(np.sqrt(square))) if name == "rmse" else fourth

    def _error(self, name: str, counts: Floats) -> Estimate:
        total = float(counts.sum())
        table = self._rates if name == "mae" else self._squares
        values = table @ counts / total
        of_labels = self._squares[0] - table[0] ** 2 if name == "mae" else self._fourths[0] - table[0] ** 2
        label_error = float(np.sqrt(max(counts @ np.maximum(of_labels, 0.0), 0.0))) / total
        if name == "rmse":
            values = np.sqrt(values)
            label_error = label_error / (2 * float(values[0])) if values[0] > 0 else 0.0
        return Estimate(float(values[0]), label_error, jackknife_error(values[1:]))

    def _ratios(self, name: str, counts: Floats) -> tuple[Floats, Floats]:
        """A measure by each table, and by the first how much a record of each outcome moves it."""
        above, below = self._measures[name]  # (ratios, outcomes)
        outcomes = np.einsum("b,tbo->to", counts, self._chances)
        sums, bases = outcomes @ above.T, outcomes @ below.T  # (1 + groups, ratios)
        there = bases > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = np.where(there, sums / bases, 0.0)
            values = ratios.sum(axis=1) / there.sum(axis=1)  # NaN where no ratio is defined
            moves = np.where(there[0], 1 / bases[0], 0.0) @ (above - ratios[0][:, None] * below) / there[0].sum()
        return values, moves

    def _areas(self, counts: Floats) -> tuple[Floats, Floats]:
        """The area by each table, and by the first how much a label that is positive and not negative moves it."""
        positives, negatives = counts * self._rates, counts * (1 - self._rates)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = (positives * below).sum(axis=1) / pairs
            of_positive, of_negative = self._area_moves(positives[0], negatives[0], float(values[0]))
        return values, of_positive - of_negative

    def _area_influence(self, counts: Floats) -> Floats:
        positives, negatives = counts * self._rates[0], counts * (1 - self._rates[0])
        below = np.cumsum(negatives) - negatives / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float((positives * below).sum() / (positives.sum() * negatives.sum()))
            of_positive, of_negative = self._area_moves(positives, negatives, value)
        return np.asarray(self._rates[0] * of_positive + (1 - self._rates[0]) * of_negative)

    @staticmethod
    def _area_moves(positives: Floats, negatives: Floats, value: float) -> tuple[Floats, Floats]:
        below = np.cumsum(negatives) - negatives / 2
        above = positives.sum() - np.cumsum(positives) + positives / 2
        many, others = positives.sum(), negatives.sum()
        return (below / others - value) / many, (above / many - value) / others


def _measures(task: str, classes: int) -> dict[str, tuple[Floats, Floats]]:
    """What adds up above and below the line of each ratio of a measure, by outcome; it is the mean of its ratios."""
    if task == "binary":
        return {name: (np.array([above]), np.array([below])) for name, (above, below) in BINARY.items()}
    one, none = np.eye(classes), np.zeros((classes, classes))
    return {
        "accuracy": (np.repeat([[1.0, 0.0]], classes, axis=1), np.ones((1, 2 * classes))),
        "precision": (np.hstack([one, none]), np.hstack([one, one])),
    }


def _table(data: bytes, bins: int) -> Floats:
    return np.frombuffer(data, "<f4").reshape(-1, bins).astype(np.float64)
