"""Footprint of labels: how many bytes predictions take that wait for theirs, before any of them is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from config.durations import duration, time_ms
from config.plan import LabelsPlan, ModelPlan
from operators.joins import is_measured
from operators.labels.join_rows import FEWEST, PLACES
from operators.labels.join_state import SPANS
from operators.monitoring.footprint import LIMIT, text
from schemas.errors import UsageError
from schemas.profile import Profile

PREDICTION = 16 + 1 / 8  # bytes: hash of the id, time, and whether it has its label
LABEL = 24  # bytes of a label that waits: hash, time, outcome


@dataclass(frozen=True)
class LabelFootprint:
    """Bytes of each prediction that waits, and how many do at the rate of the reference; None: it has no times."""

    each: float
    open: int | None

    @property
    def total(self) -> int:
        """Bytes of all of them, and of a checkpoint of them."""
        return round(self.each * (self.open or 0))


def label_footprint(model: ModelPlan, profiles: Iterable[Profile]) -> LabelFootprint:
    """State of a model's predictions that wait for labels, at most.

    A block of predictions is dropped when its newest is too old, so others are kept for longer than they must be: by
    the span of a block.
    """
    labels = model.labels
    assert isinstance(labels, LabelsPlan), "it has labels"
    places = PLACES if model.searches_losses else 0
    data = FEWEST + 2 * len(model.segments) + places if is_measured(model) else 0
    each = (PREDICTION + data) * (1 + 1 / SPANS)
    if labels.keep == "last" and data:
        each += LABEL * (1 + 1 / SPANS) * labels.mature_ms / labels.within_ms
    rates = [rate for profile in profiles if (rate := rate_of(profile)) is not None]
    return LabelFootprint(each, round(max(rates) * labels.within_ms * labels.sample) if rates else None)


def rate_of(profile: Profile) -> float | None:
    """Records a millisecond of the reference data, if it has times."""
    place = profile.provenance
    if place.start is None or place.end is None or place.rows < 2:
        return None
    span = time_ms(place.end) - time_ms(place.start)
    return (place.rows - 1) / span if span > 0 else None


def check_labels(model: ModelPlan, found: LabelFootprint) -> None:
    """Refuse what would not fit.

    Raises
    ------
    UsageError
        With what would make it smaller.
    """
    if found.total > LIMIT:
        assert isinstance(model.labels, LabelsPlan), "it has labels"
        message = (
            f"models.{model.name}: predictions that wait for labels need {text(found.total)} of state, "
            f"{found.each:.0f} bytes for each of {found.open}, at the rate of the reference over "
            f"{duration(model.labels.within_ms)} (at most {text(LIMIT)}); make 'labels.within' shorter or "
            "'labels.sample' smaller"
        )
        raise UsageError(message)
