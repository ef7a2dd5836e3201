"""`tidemark answer`: say what a pipeline makes of a retrain request."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from config import load
from consumers import telling
from schemas.control import Reply
from tidemark.options import At, By, ConfigOption, Why
from tidemark.saying import at_ms, say


class Said(str, Enum):
    """What it makes of it."""

    accepted = "accepted"
    rejected = "rejected"
    failed = "failed"


def answer(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, or the beginning of it.")],
    said: Annotated[Said, typer.Argument(metavar="ANSWER", help="accepted, rejected or failed.")],
    why: Why = "",
    by: By = None,
    config: ConfigOption = Path("monitors.yaml"),
    at: At = None,
) -> None:
    """Answer a retrain request: one that is accepted is not overdue, one that is rejected is closed.

    One that has failed is closed as well; if its reasons last, it is made again after the cooldown.

    Example: tidemark answer 5b1f0f6a accepted --why 'pipeline run 77'
    """
    loaded = load(config)
    found = telling.request(loaded, request).data
    reply = Reply(model=found.model, request=found.request, answer=said.value, why=why)
    say(loaded, reply, by, at_ms(loaded, at))
    print(f"request {found.request} of {found.model} {found.version} is {said.value}")
