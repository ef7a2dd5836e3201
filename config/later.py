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


class Labels(Section):
    """The true outcomes: how long to wait for one, and what its absence means."""

    within: Duration = written("14 days")
    mature: Duration | None = None
    absent: String | None = None
    sample: Annotated[float, Within(above=0, high=1)] = 1.0
    keep: Annotated[Literal["first", "last"], OneOf("a rule")] = "first"


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
