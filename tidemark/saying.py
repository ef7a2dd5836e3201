"""When a message to the job is said."""

from __future__ import annotations

from config.durations import time_ms
from config.load import Configuration
from schemas.errors import UsageError


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
    try:
        return time_ms(at)
    except ValueError as error:
        message = f"--at: {error}"
        raise UsageError(message) from error
