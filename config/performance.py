"""What is said of performance: which measures, of what, and between which values they are fine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from config.detector import Detector
from config.scalars import OneOf, Strings, Within
from config.section import Also, Section

MetricName = Annotated[
    Literal[
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "mcc",
        "kappa",
        "roc_auc",
        "average_precision",
        "precision_at_k",
        "log_loss",
        "brier",
        "calibration_error",
        "mae",
        "mse",
        "rmse",
        "mape",
        "bias",
        "r2",
        "ndcg",
        "mrr",
        "map",
        "hit_rate",
        "value",
        "errors",
        "concept",
    ],
    OneOf("a metric"),
]


class Measured(Section):
    """Between which values a metric is fine, and what it is of."""

    min: Annotated[float, Within()] | None = None
    """Below it there is an alarm, outside the budget."""
    max: Annotated[float, Within()] | None = None
    """Above it there is an alarm, outside the budget."""
    average: Annotated[Literal["macro", "weighted"], OneOf("an average")] | None = None
    """How classes are averaged; without a word each counts the same."""
    classes: Strings | None = None
    """Each of these classes by itself."""
    k: Annotated[int, Within(1)] | None = None
    """Of the first k."""
    detectors: tuple[Detector, ...] | None = None
    """Of `errors`: what follows them; without a word `adwin` and `page_hinkley`."""


def _one_name(value: Any) -> Any:
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict) and len(value) != 1:
        msg = f"has {len(value)} names; give one metric an item, as in '- roc_auc: {{min: 0.75}}'"
        raise ValueError(msg)
    return value


Metric = Annotated[dict[MetricName, Measured], BeforeValidator(_one_name), Also({"type": "string"})]


class Worth(Section):
    """What a right or wrong prediction is worth."""

    tp: Annotated[float, Within()] = 0.0
    """A true positive."""
    fp: Annotated[float, Within()] = 0.0
    """A false positive."""
    tn: Annotated[float, Within()] = 0.0
    """A true negative."""
    fn: Annotated[float, Within()] = 0.0
    """A false negative."""
