"""Saying something to the job: who says it, and when."""

from __future__ import annotations

import msgspec

from config.durations import option, time_ms
from config.load import Configuration
from consumers import telling
from operators.decisions.messages import listed
from schemas.control import Command
from schemas.errors import UsageError
from schemas.events import DriftData


def say(loaded: Configuration, command: Command, by: str | None, said_ms: int | None) -> None:
    """Send a command in somebody's name: `by`, or whoever is logged in; `said_ms` is from `at_ms`."""
    who = telling.myself() if by is None else by
    telling.tell(loaded, msgspec.structs.replace(command, by=who), said_ms)


def at_ms(loaded: Configuration, at: str | None) -> int | None:
    """The event time of a line of a control file, if it is given.

    Raises
    ------
    UsageError
        It is no time, or control is a topic, whose brokers give the time.
    """
    if at is None:
        return None
    if loaded.plan.control is not None and loaded.plan.control.topic is not None:
        message = "--at: is for control files; on a topic the brokers give the time"
        raise UsageError(message)
    return option("--at", time_ms, at)


def named(found: DriftData) -> str:
    """An episode, as it is told to whoever has said something of it."""
    where = ", ".join(f"{name}={value}" for name, value in found.segment.items())
    place = f" in {where}" if where else ""
    since = found.onset[:16].replace("T", " ")
    signals = listed([one.signal for one in found.signals])
    return f"episode {found.episode} of {found.model} {found.version} ({signals}{place}, since {since})"
