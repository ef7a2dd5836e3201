"""`tidemark mute`: stop what a model's events set off, for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import durations, load
from schemas.control import Mute
from schemas.errors import UsageError
from tidemark.options import At, By, ConfigOption, Why
from tidemark.saying import at_ms, say


def mute(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its name.")],
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long, as in '2 h'.", show_default=False)
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
    why: Why = "",
    by: By = None,
    config: ConfigOption = Path("monitors.yaml"),
    at: At = None,
) -> None:
    """Mute a model: its events are delivered to nobody and nothing is retrained; detection goes on.

    Events say `muted: true`; subscribers and actions pass them over. What was requested before is not withdrawn.

    Example: tidemark mute churn --for 2h --why 'load test'
    """
    loaded = load(config)
    loaded.plan.model(model)
    if off == (duration is not None):
        message = "give either --for DURATION or --off"
        raise UsageError(message)
    for_ms = 0 if duration is None else durations.option("--for", durations.milliseconds, duration)
    say(loaded, Mute(model=model, for_ms=for_ms, why=why), by, at_ms(loaded, at))
    print(f"{model} is muted for {durations.duration(for_ms)}" if for_ms else f"{model} is not muted any more")
