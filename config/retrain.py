"""What the configuration says about asking for a new version."""

from __future__ import annotations

from typing import Annotated

from config.scalars import Duration, Within
from config.section import Section, written
from config.terms import EpisodeKind, Severity


class Retrain(Section):
    """When to ask for a new version."""

    when: tuple[EpisodeKind, ...] = ("performance", "estimated_performance")
    """Kinds of episodes that are a reason."""
    severity: Severity = "critical"
    """From which on they are."""
    blocked_by: tuple[EpisodeKind, ...] = ("quality",)
    """Kinds of episodes that make the data unfit."""
    min_samples: Annotated[int, Within(1)] = 10_000
    """Records since the onset that there have to be; labelled ones, where there are labels."""
    max_wait: Duration = written("7 days")
    """How long they are waited for."""
    cooldown: Duration = written("1 day")
    """How far requests are apart at least."""
    every: Duration | None = None
    """After how long one is made without a reason."""
    expires: Duration = written("1 day")
    """Until when an answer is expected."""
    cost: Annotated[float, Within(above=0)] | None = None
    """What a new version costs; performance is a reason once as much is lost."""
    value_per_correct: Annotated[float, Within(above=0)] = 1.0
    """What a correct prediction is worth, in the unit of `cost`."""
