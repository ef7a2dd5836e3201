"""`tidemark accept`: say that what an episode found is the new normal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from consumers import telling
from schemas.cloudevents import timestamp
from schemas.control import PROFILED, Accept
from schemas.errors import UsageError
from schemas.events import DriftData, DriftEvent
from tidemark.options import At, By, ConfigOption, EpisodeOrIncident
from tidemark.saying import at_ms, say


def accept(
    episode: EpisodeOrIncident,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="For the record.", show_default=False)],
    undo: Annotated[bool, typer.Option("--undo", help="Compare with the profile again.")] = False,
    by: By = None,
    config: ConfigOption = Path("monitors.yaml"),
    at: At = None,
) -> None:
    """Accept an episode as the new normal: its signals are compared with the present window from now on.

    The episode is resolved (`accepted`), and the records since its onset take the place of the profile for its signals
    in its segment; `io.tidemark.profile.rebased` tells of which. With too few of them, or if the episode is over, the
    job refuses it (`io.tidemark.control.refused`). What is measured by labels has no profile and cannot be accepted.
    Of an incident all episodes are accepted that can be, and the others are named.

    Example: tidemark accept d8a4a00a --why 'new prices since Monday'
    """
    loaded = load(config)
    said_ms = at_ms(loaded, at)
    events = telling.episodes(loaded, episode, None if said_ms is None else timestamp(said_ms))
    problems = [_problem(event.data, undo) for event in events]
    if all(problems):
        message = "\n".join(_said(event.data, problem) for event, problem in zip(events, problems, strict=True))
        raise UsageError(message)
    what = "not the new normal any more" if undo else "the new normal"
    for event, problem in zip(events, problems, strict=True):
        found = event.data
        if problem is None:
            say(loaded, _command(event, undo, why), by, said_ms)
            print(f"episode {found.episode} of {found.model} {found.version} is {what}: {found.message}")
        else:
            print(_said(found, problem))
    print("'tidemark watch' shows what the job makes of it: rebased, restored or refused")


def _command(event: DriftEvent, undo: bool, why: str) -> Accept:
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


def _said(found: DriftData, problem: str | None) -> str:
    return f"episode {found.episode} {problem}"


def _problem(found: DriftData, undo: bool) -> str | None:
    """Why nothing could follow."""
    if found.kind not in PROFILED:
        return f"is about {found.kind.replace('_', ' ')}, which is not compared with a profile: it cannot be accepted"
    if undo:  # of one that is not over yet the job may not have heard
        return None if found.why in (None, "accepted") else f"was not accepted ({found.why}): there is nothing to undo"
    if found.why is None:
        return None
    return f"is over already ({found.why}): there is nothing to accept"
