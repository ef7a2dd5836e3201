"""Labels: the true outcomes of a model's predictions."""

from __future__ import annotations

from typing import Annotated, Literal

from config.scalars import Duration, DurationOrZero, OneOf, String, Within
from config.section import Section, written


class Labels(Section):
    """The true outcomes: how long to wait for one, and what its absence means."""

    within: Duration = written("14 days")
    mature: DurationOrZero | None = None
    absent: String | None = None
    sample: Annotated[float, Within(above=0, high=1)] = 1.0
    by: tuple[String, ...] = ()
    keep: Annotated[Literal["first", "last"], OneOf("a rule")] = "first"
