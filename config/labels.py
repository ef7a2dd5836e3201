"""Labels: the true outcomes of a model's predictions."""

from __future__ import annotations

from typing import Annotated, Literal

from config.scalars import Duration, DurationOrZero, OneOf, String, Within
from config.section import Section, written


class Labels(Section):
    """The true outcomes: how long to wait for one, and what its absence means."""

    within: Duration = written("14 days")
    """How long after its prediction a label may come; until then the prediction is kept."""
    mature: DurationOrZero | None = None
    """How long predictions wait until performance is told; without a word what the profile knows, else by arrival."""
    absent: String | None = None
    """The label of predictions that have none when they are mature."""
    sample: Annotated[float, Within(above=0, high=1)] = 1.0
    """Share of the ids of which predictions are kept."""
    by: tuple[String, ...] = ()
    """Sources of labels of each of which the share of labelled predictions is watched."""
    keep: Annotated[Literal["first", "last"], OneOf("a rule")] = "first"
    """Which label of an id counts."""
