"""Accepting what an episode found as the new normal: what the message says, and when nothing could follow from it."""

from __future__ import annotations

from schemas.control import PROFILED, Accept
from schemas.events import DriftData, DriftEvent


def problem(found: DriftData, undo: bool) -> str | None:
    """Why nothing could follow from accepting the episode, or from taking that back; None if something can."""
    if found.kind not in PROFILED:
        return f"is about {found.kind.replace('_', ' ')}, which is not compared with a profile: it cannot be accepted"
    if undo:  # of one that is not over yet the job may not have heard
        return None if found.why in (None, "accepted") else f"was not accepted ({found.why}): there is nothing to undo"
    if found.why is None:
        return None
    return f"is over already ({found.why}): there is nothing to accept"


def acceptance(event: DriftEvent, why: str, *, undo: bool = False) -> Accept:
    """The message that accepts the episode as an event tells it, or takes that back."""
    found = event.data
    return Accept(
        model=found.model,
        version=found.version,
        role=found.role,
        segment=found.segment,
        kind=found.kind,
        episode=found.episode,
        signals=tuple(one.signal for one in found.signals),
        seen=event.time,
        undo=undo,
        why=why,
    )
