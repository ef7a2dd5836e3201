"""Sections that this release does not act on yet, or not on all of: labels, retraining and the like.

`config.availability` says so for each that a file uses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from config.scalars import Duration, OneOf, String, Strings, Within
from config.section import Also, Section, written
from config.texts import native, shape

Severity = Annotated[Literal["warning", "critical"], OneOf("a severity")]
EpisodeKind = Annotated[
    Literal[
        "feature",
        "prediction",
        "target",
        "confidence",
        "performance",
        "estimated_performance",
        "correlation",
        "multivariate",
        "quality",
    ],
    OneOf("a kind of episode"),
]
EventType = Annotated[
    Literal[
        "io.tidemark.drift.opened",
        "io.tidemark.drift.updated",
        "io.tidemark.drift.resolved",
        "io.tidemark.retrain.requested",
        "io.tidemark.retrain.waiting",
        "io.tidemark.retrain.blocked",
        "io.tidemark.retrain.withdrawn",
        "io.tidemark.retrain.overdue",
        "io.tidemark.retrain.completed",
        "io.tidemark.stream.silent",
        "io.tidemark.stream.resumed",
        "io.tidemark.profile.learned",
    ],
    OneOf("a type of event"),
]
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
    ],
    OneOf("a metric"),
]


class Labels(Section):
    """The true outcomes: how long to wait for one, and what its absence means."""

    within: Duration = written("14 days")
    mature: Duration | None = None
    absent: String | None = None
    sample: Annotated[float, Within(above=0, high=1)] = 1.0
    keep: Annotated[Literal["first", "last"], OneOf("a rule")] = "first"


class Limits(Section):
    """Between which values a metric is fine."""

    min: Annotated[float, Within()] | None = None
    max: Annotated[float, Within()] | None = None


def _one_name(value: Any) -> Any:
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict) and len(value) != 1:
        msg = f"has {len(value)} names; give one metric an item, as in '- roc_auc: {{min: 0.75}}'"
        raise ValueError(msg)
    return value


Metric = Annotated[dict[MetricName, Limits], BeforeValidator(_one_name), Also({"type": "string"})]


class ValueOf(Section):
    """What a right or wrong prediction is worth."""

    tp: Annotated[float, Within()] = 0.0
    fp: Annotated[float, Within()] = 0.0
    tn: Annotated[float, Within()] = 0.0
    fn: Annotated[float, Within()] = 0.0


def _list(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        msg = f"is {shape(value)}, not a list"
        raise ValueError(msg)
    return value


Body = Annotated[Any, BeforeValidator(native)]  # an action's own settings; they may hold secrets


class Action(Section):
    """What a subscriber does with an event: one of the actions, and for which events."""

    on: Annotated[tuple[EventType, ...], BeforeValidator(_list), Also({"type": "string"})]
    models: Strings | None = None
    kinds: tuple[EpisodeKind, ...] | None = None
    severity: Severity | None = None
    http: Body = None
    command: Body = None
    github: Body = None
    jenkins: Body = None
    prefect: Body = None
    airflow: Body = None
    kubernetes: Body = None
    slack: Body = None
