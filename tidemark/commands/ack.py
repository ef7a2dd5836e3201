"""`tidemark ack`: say what an episode is."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from config import load
from consumers import telling
from schemas.control import Acknowledge
from tidemark.options import At, By, ConfigOption, EpisodeOrIncident, Why
from tidemark.saying import at_ms, named, say


class Judgement(str, Enum):
    """What it is."""

    real = "real"
    harmless = "harmless"
    false = "false"


def ack(
    episode: EpisodeOrIncident,
    judgement: Annotated[
        Judgement, typer.Option("--as", help="What it is: harmless and false ones are no reason to retrain.")
    ] = Judgement.real,
    why: Why = "",
    by: By = None,
    config: ConfigOption = Path("monitors.yaml"),
    at: At = None,
) -> None:
    """Acknowledge an episode: everybody sees that somebody has looked at it, and what was found.

    It is told in an `updated` event, and in all later ones of the episode. `tidemark watch` shows the ids of episodes.
    Of an incident all episodes are acknowledged that are not over.

    Example: tidemark ack d8a4a00a --as harmless --why 'price campaign'
    """
    loaded = load(config)
    those = [event.data for event in telling.episodes(loaded, episode)]
    for found in [one for one in those if one.why is None] or those:
        said = Acknowledge(model=found.model, episode=found.episode, as_=judgement.value, why=why)
        say(loaded, said, by, at_ms(loaded, at))
        print(f"{named(found)} is {judgement.value}")
        if found.why is not None:
            print(f"it is over already ({found.why}): nothing follows from it")
