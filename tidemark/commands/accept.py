"""`tidemark accept`: say that what an episode found is the new normal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from consumers import telling
from schemas.accepting import acceptance, problem
from schemas.cloudevents import timestamp
from schemas.errors import UsageError
from schemas.events import DriftData
from tidemark.options import At, By, ConfigOption, EpisodeOrIncident
from tidemark.saying import at_ms, named, say


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
    problems = [problem(event.data, undo) for event in events]
    if all(problems):
        message = "\n".join(_said(event.data, wrong) for event, wrong in zip(events, problems, strict=True))
        raise UsageError(message)
    what = "compared with the profile again" if undo else "the new normal"
    for event, wrong in zip(events, problems, strict=True):
        found = event.data
        if wrong is None:
            say(loaded, acceptance(event, why, undo=undo), by, said_ms)
            print(f"{named(found)} is to be {what}")
        else:
            print(_said(found, wrong))
    print("'tidemark watch' shows what the job makes of it: rebased, restored or refused")


def _said(found: DriftData, wrong: str | None) -> str:
    return f"episode {found.episode} {wrong}"
