"""Sections that this release does not act on yet, or not on all of: labels, retraining and the like.

`config.availability` says so for each that a file uses.
"""

from __future__ import annotations

from typing import Annotated, Literal

from config.scalars import Duration, OneOf, String, Within
from config.section import Section, written
from schemas import terms

Severity = Annotated[terms.Severity, OneOf("a severity")]
EpisodeKind = Annotated[terms.Kind, OneOf("a kind of episode")]
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
