"""Promises: what performance had been estimated to be, of the records whose labels have come, beside what it is.

The same records are estimated again by their scores, which wait for labels with the predictions: of two classes their
probabilities, which are counted for the measures anyway; of more classes and of numbers scores by bin of the profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.coding import NumericCoder
from operators.estimation.estimates import Estimator
from operators.metrics.influence import score_values
from operators.metrics.outcome_sums import OutcomeSums, promised, promised_counts
from schemas.cloudevents import significant
from schemas.profile import Estimation
from schemas.summaries import Estimated

SURE = 1.959964  # standard errors to either side: 19 times in 20
RISING = ("mae", "mse", "rmse")  # which are no shares

Floats = npt.NDArray[np.float64]


class Kept(msgspec.Struct, array_like=True):
    """How far estimates of a measure were off, over all windows of a key that had labels."""

    windows: int = 0
    off: float = 0.0  # sum of differences without sign
    told: int = 0  # windows of which the estimate had an interval
    held: int = 0  # those of them in which labels said what lies in it

    @property
    def error(self) -> float:
        """On average."""
        return significant(self.off / self.windows)

    @property
    def share_held(self) -> float:
        """Of windows in which the interval held."""
        return significant(self.held / self.told)


class Promise:
    """Estimates the measures of labelled records.

    Parameters
    ----------
    estimation
        Of the profile.
    task
        Of the model: binary, multiclass or regression.
    measures
        That are estimated.
    """

    def __init__(self, estimation: Estimation, task: str, measures: Sequence[str]) -> None:
        self._estimator, self._measures = Estimator(estimation, task), measures
        self._coder = NumericCoder([estimation.score])
        self._edges = msgspec.json.encode(estimation.score.edges)
        # Labelled probabilities are counted in finer bins, of which each has a middle.
        self._codes = self._coded(score_values()) if task == "binary" else None

    def _coded(self, scores: Floats) -> npt.NDArray[np.uint8]:
        return self._coder.codes(np.ascontiguousarray(scores[:, None])).ravel()

    def kept(self, values: Floats) -> bytes:
        """What sums of labels keep of the scores of their records.

        Parameters
        ----------
        values : float64, shape (labels, 3)
            Predicted, score and outcome; NaN where there is none.
        """
        if self._codes is not None:
            return b""
        codes = self._coded(values[~np.isnan(values).any(axis=1), 1])
        counts = np.bincount(codes[codes < self._estimator.bins], minlength=self._estimator.bins)
        return promised(self._edges, counts.astype(np.int64))

    def _counts(self, sums: OutcomeSums) -> Floats | None:
        """Records by bin of their score; None where nothing is known of any."""
        if self._codes is None:
            found = promised_counts(self._edges, sums.promised, self._estimator.bins)
            return None if found is None or not found.any() else found.astype(np.float64)
        scores = sums.scores()
        if scores is None:
            return None
        counts = np.zeros(self._estimator.bins)
        np.add.at(counts, self._codes, scores.counts.sum(axis=0))
        return counts

    def of(self, sums: OutcomeSums, values: Mapping[str, float]) -> dict[str, Estimated]:
        """Of measures that are computed of labels, too, what the scores of the same records tell."""
        counts = self._counts(sums)
        if counts is None:
            return {}
        reference = self._estimator.reference
        found = {}
        for name in self._measures:
            if name in values:
                one = self._estimator.estimate(name, counts)
                low, high = (one.value + way * SURE * one.error for way in (-1, 1))
                found[name] = Estimated(
                    value=_written(one.value),
                    low=_written(max(low, 0.0)),
                    high=_written(high if name in RISING else min(high, 1.0)),
                    baseline=_written(self._estimator.estimate(name, reference).value),
                )
        return found


def keep(kept: dict[str, Kept], estimated: Mapping[str, Estimated], values: Mapping[str, float]) -> None:
    """Take in how far the estimates of a window are from what its labels say."""
    for name, one in estimated.items():
        if one.value is not None and math.isfinite(values[name]):
            so_far = kept.setdefault(name, Kept())
            so_far.windows += 1
            so_far.off += abs(values[name] - one.value)
            if one.low is not None and one.high is not None:
                so_far.told += 1
                so_far.held += one.low <= values[name] <= one.high


def _written(value: float) -> float | None:
    return significant(value) if math.isfinite(value) else None
