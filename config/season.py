"""What the configuration says about a pattern that comes back: which times are alike, and which are no part of it."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.scalars import Duration, String, Time, Within, text
from config.section import Section, written
from config.texts import quote


def _timezone(value: Any) -> str:
    try:
        ZoneInfo(text(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"{quote(value)} is not a time zone (as in 'Europe/Berlin')"
        raise ValueError(msg) from None
    return str(value)


class Ignored(Section):
    """A span of time that is no part of any season."""

    from_: Time = Field(alias="from")
    """Its beginning."""
    to: Time
    """Its end."""
    why: String | None = None
    """For people."""


class Season(Section):
    """A pattern that comes back, so that a Monday is compared with Mondays."""

    period: Duration = written("7 days")
    """What comes back; counted from a Monday, 00:00."""
    bins: Annotated[int, Within(2, 10_080)] = 168
    """Equal parts of it."""
    timezone: Annotated[str, BeforeValidator(_timezone), WithJsonSchema({"type": "string"})] = "UTC"
    """Whose clocks count."""
    ignore: tuple[Ignored, ...] = ()
    """Spans of time that are compared with nothing."""
