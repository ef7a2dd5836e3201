"""Expectations: what the values of a field have to be like, whatever the reference says."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.durations import share
from config.scalars import Flag, Strings, Within, text
from config.section import Section
from config.texts import quote

LIMIT = re.compile(r"<\s*(\S.*)")


def _limit(value: Any) -> float:
    match = LIMIT.fullmatch(text(value))
    try:
        return share(match[1] if match else str(value))
    except ValueError:
        msg = f"{quote(value)} is not a limit (as in '< 1%')"
        raise ValueError(msg) from None


Limit = Annotated[float, BeforeValidator(_limit), WithJsonSchema({"type": ["string", "number"]})]


class Expectation(Section):
    """What a field is expected to hold."""

    min: Annotated[float, Within()] | None = None
    """No number below it."""
    max: Annotated[float, Within()] | None = None
    """No number above it."""
    in_: Strings | None = Field(None, alias="in")
    """No other value than these."""
    values: Strings | None = None
    """The same as `in`."""
    missing: Limit | None = None
    """The share of missing values is below it."""
    invalid: Limit | None = None
    """The share of values of another type is below it."""
    unseen: Limit | None = None
    """The share of values that the reference does not have is below it."""
    unique: Flag = False
    """No value twice within a window."""

    @property
    def listed(self) -> tuple[str, ...] | None:
        """The values that there may be, under either name."""
        return self.in_ or self.values
