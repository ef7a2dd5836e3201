"""Promises: what performance had been estimated to be, of the records whose labels have come, beside what it is.

The same records are estimated again by their scores: of two classes, whose probabilities wait for labels with the
predictions. Of more classes and of numbers the scores do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from operators.encoding.coding import NumericCoder
from operators.estimation.estimates import Estimator
from operators.metrics.influence import score_values
from operators.metrics.outcome_sums import OutcomeSums
from schemas.cloudevents import significant
from schemas.profile import Estimation
from schemas.summaries import Estimated

SURE = 1.959964  # standard errors to either side: 19 times in 20


class Kept(msgspec.Struct, array_like=True):
    """How far estimates of a measure were off, over all windows of a key that had labels."""

    windows: int = 0
    off: float = 0.0  # sum of differences without sign

    @property
    def error(self) -> float:
        """On average."""
        return significant(self.off / self.windows)


class Promise:
    """Estimates the measures of labelled records.

    Parameters
    ----------
    estimation
        Of the profile, of a model of two classes.
    measures
        That are estimated.
    """

    def __init__(self, estimation: Estimation, measures: Sequence[str]) -> None:
        self._estimator, self._measures = Estimator(estimation, "binary"), measures
        # Labelled scores are counted in finer bins, of which each has a middle.
        self._codes = NumericCoder([estimation.score]).codes(np.ascontiguousarray(score_values()[:, None])).ravel()

    def of(self, sums: OutcomeSums, values: Mapping[str, float]) -> dict[str, Estimated]:
        """Of measures that are computed of labels, too, what the scores of the same records tell."""
        scores = sums.scores()
        if scores is None:
            return {}
        counts = np.zeros(self._estimator.bins)
        np.add.at(counts, self._codes, scores.counts.sum(axis=0))
        reference = self._estimator.reference
        found = {}
        for name in self._measures:
            if name in values:
                one = self._estimator.estimate(name, counts)
                low, high = (one.value + way * SURE * one.error for way in (-1, 1))
                found[name] = Estimated(
                    value=_written(one.value),
                    low=_written(max(low, 0.0)),
                    high=_written(min(high, 1.0)),
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


def _written(value: float) -> float | None:
    return significant(value) if math.isfinite(value) else None
