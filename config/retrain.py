"""What the configuration says about asking for a new version."""

from __future__ import annotations

from typing import Annotated

from config.scalars import Duration, Within
from config.section import Section, written
from config.terms import EpisodeKind, Severity


class Retrain(Section):
    """When to ask for a new version."""

    when: tuple[EpisodeKind, ...] = ("performance", "estimated_performance")
    severity: Severity = "critical"
    blocked_by: tuple[EpisodeKind, ...] = ("quality",)
    min_samples: Annotated[int, Within(1)] = 10_000
    max_wait: Duration = written("7 days")
    cooldown: Duration = written("1 day")
    every: Duration | None = None
    expires: Duration = written("1 day")
    cost: Annotated[float, Within(above=0)] | None = None
    value_per_correct: Annotated[float, Within(above=0)] = 1.0
