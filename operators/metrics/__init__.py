"""Measures of how good predictions were, each from sums and counts that add up over panes; NaN is `undefined`."""

from operators.metrics.confusion import confusion_metrics, weighted_mean
from operators.metrics.errors import ErrorSums, Powers, error_metrics
from operators.metrics.scores import ScoreCounts, precision_at, score_metrics

__all__ = [
    "ErrorSums",
    "Powers",
    "ScoreCounts",
    "confusion_metrics",
    "error_metrics",
    "precision_at",
    "score_metrics",
    "weighted_mean",
]
