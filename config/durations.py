"""Durations (``5 min``), budgets (``1 per 30 days``), shares (``1%``) and times: texts that say their unit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timezone
from fractions import Fraction
from typing import TypeVar

from config.texts import quote
from schemas.errors import UsageError

Value = TypeVar("Value")

UNITS_US = {  # microseconds, the finest unit that event times are counted in; the first name of a unit is the one shown
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
NAMES = {
    **{unit: unit for unit in UNITS_US},
    **{"sec": "s", "second": "s", "seconds": "s", "minute": "min", "minutes": "min", "m": "min", "hour": "h"},
    **{"hours": "h", "d": "day", "days": "day", "w": "week", "weeks": "week"},
}
LONGEST_US = 100 * 366 * UNITS_US["day"]  # a century: longer is a slip of the pen, and 2**63 us is never reached
DURATION = re.compile(r"([0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)\s*([a-z]+)")
BUDGET = re.compile(r"(\S+)\s+per\s+(.+)")
SHARE = re.compile(r"([0-9.eE+-]+)\s*(%?)")


def microseconds(text: str) -> int:
    """Read a duration.

    Raises
    ------
    ValueError
        With a message that quotes the text and says what a duration is.

    Examples
    --------
    >>> microseconds("1.5 s"), microseconds("250us")
    (1500000, 250)
    """
    match = DURATION.fullmatch(text.strip())
    unit = NAMES.get(match[2]) if match else None
    if not match or not unit:
        msg = f"{quote(text)} is not a duration (a number and ms, s, min, h, days or weeks, as in '5 min')"
        raise ValueError(msg)
    exact = Fraction(match[1]) * UNITS_US[unit]
    if exact > LONGEST_US:
        msg = f"{quote(text)} is too long (at most 100 years)"
        raise ValueError(msg)
    if exact.denominator != 1:
        msg = f"{quote(text)} is finer than a microsecond"
        raise ValueError(msg)
    return int(exact)


def milliseconds(text: str) -> int:
    """Read a duration of whole milliseconds.

    Examples
    --------
    >>> milliseconds("5 min"), milliseconds("14 days"), milliseconds("0 s")
    (300000, 1209600000, 0)
    """
    value = microseconds(text)
    if value % 1_000:
        msg = f"{quote(text)} is finer than a millisecond"
        raise ValueError(msg)
    return value // 1_000


def duration(ms: int) -> str:
    """Write a duration in the largest unit that gives a whole number; `milliseconds` reads it back.

    Examples
    --------
    >>> duration(300_000), duration(604_800_000), duration(2_592_000_000), duration(90_000)
    ('5 min', '7 days', '30 days', '90 s')
    """
    if ms == 0:
        return "0 s"
    units = [unit for unit in UNITS_US if unit != "week"]  # "7 days" reads better than "1 week"
    unit = [unit for unit in units if ms * 1_000 % UNITS_US[unit] == 0][-1]
    count = ms * 1_000 // UNITS_US[unit]
    return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"


def budget(text: str) -> tuple[float, int]:
    """Read a budget: how many in how many milliseconds.

    Examples
    --------
    >>> budget("1 per 30 days"), budget("0.5 per day")
    ((1.0, 2592000000), (0.5, 86400000))
    """
    match = BUDGET.fullmatch(text.strip())
    try:
        count = float(match[1]) if match else math.nan
        period = milliseconds(match[2] if match[2][0].isdigit() else f"1 {match[2]}") if match else 0
    except ValueError:
        count, period = math.nan, 0
    if not (0 < count < math.inf and period > 0):
        msg = f"{quote(text)} is not a budget (COUNT per DURATION, as in '1 per 30 days')"
        raise ValueError(msg)
    return count, period


def share(text: str) -> float:
    """Read a share of the whole, ``1%`` or ``0.01``.

    Examples
    --------
    >>> share("1%"), share("0.25")
    (0.01, 0.25)
    """
    match = SHARE.fullmatch(text.strip())
    try:
        value = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        msg = f"{quote(text)} is not a share (0 to 1, or 0% to 100%)"
        raise ValueError(msg)
    return value


def time_ms(text: str) -> int:
    """Read an RFC 3339 time, to the millisecond; without an offset it is UTC, a date alone is its midnight.

    Examples
    --------
    >>> time_ms("2026-01-01T00:00:00Z"), time_ms("2026-01-01 01:00+01:00"), time_ms("2026-01-01")
    (1767225600000, 1767225600000, 1767225600000)
    """
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError:
        msg = f"{quote(text)} is not a time (RFC 3339, as in '2026-01-31T12:00:00Z')"
        raise ValueError(msg) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def option(name: str, read: Callable[[str], Value], text: str) -> Value:
    """Read what a command was given by one of the functions above.

    Raises
    ------
    UsageError
        It is none; the message begins with the option.

    Examples
    --------
    >>> option("--within", milliseconds, "2 min")
    120000
    """
    try:
        return read(text)
    except ValueError as error:
        message = f"{name}: {error}"
        raise UsageError(message) from error
