"""What a value of a record means: a number, a category, a time, or the reason why it is none of them.

In JSON and Parquet values come with types, and a text is never a number; cells of a CSV are all texts, and
`texts=True` reads numbers out of them. An empty cell has become None before it comes here.
"""

from __future__ import annotations

import enum
import hashlib
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from operators.encoding import codes

_WHOLE = 2.0**53  # whole floats below it have exact integer texts
_MILLISECONDS = 10**11  # numbers from here on are no longer seconds (year 5138) but milliseconds (1973),
_MICROSECONDS = 10**14  # then microseconds,
_NANOSECONDS = 10**17  # then nanoseconds,
_TOO_LARGE = 10**19  # then no times
_MICRO = Decimal("0.000001")
_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})\d+")  # msgspec would round them
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999: what RFC 3339 can write
_TRUE, _FALSE = "true", "false"
DISGUISED = re.compile("#[0-9a-f]{16}")  # what `disguised` makes
_BOOLEANS = {"true": _TRUE, "false": _FALSE, "1": _TRUE, "0": _FALSE}


class Gap(enum.IntEnum):
    """Why there is no value, as its code. Ask with isinstance: as an integer, MISSING equals the number 255."""

    MISSING = codes.MISSING
    INVALID = codes.INVALID

    @property
    def code(self) -> int:
        """255 or 254."""
        return int(self)


def numeric(value: object, *, texts: bool = False) -> float | Gap:
    """Read a finite number; booleans, texts, lists, objects, NaN and infinities are invalid.

    >>> numeric(41), numeric("41"), numeric(" 4.1e1 ", texts=True), numeric(None), numeric(True)
    (41.0, <Gap.INVALID: 254>, 41.0, <Gap.MISSING: 255>, <Gap.INVALID: 254>)
    """
    if value is None:
        return Gap.MISSING
    kind = type(value)
    if kind is float or kind is int or kind is Decimal:
        try:
            number = float(value)  # type: ignore[arg-type]
        except OverflowError:
            return Gap.INVALID
        return number if math.isfinite(number) else Gap.INVALID
    if kind is str and texts:
        return _read_number(value)  # type: ignore[arg-type]
    return Gap.INVALID


def _read_number(text: str) -> float | Gap:
    if "_" in text or not text.isascii():  # float() takes 1_000 and digits of other scripts
        return Gap.INVALID
    try:
        number = float(text)
    except ValueError:
        return Gap.INVALID
    return number if math.isfinite(number) else Gap.INVALID


def category(value: object) -> str | Gap:
    """Read a name: a text is itself, a number its text, whole ones without ``.0``; lists and objects are invalid.

    >>> category("gold"), category(3), category(3.0), category(2.5), category(False), category([])
    ('gold', '3', '3', '2.5', 'false', <Gap.INVALID: 254>)
    """
    if value is None:
        return Gap.MISSING
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is int:
        return _integer_text(value)  # type: ignore[arg-type]
    if kind is float or kind is Decimal:
        return _number_text(float(value))  # type: ignore[arg-type]
    return Gap.INVALID


def _integer_text(value: int) -> str | Gap:
    try:
        return str(value)
    except ValueError:  # Python writes at most 4,300 digits
        return Gap.INVALID


def _number_text(value: float) -> str | Gap:
    if not math.isfinite(value):
        return Gap.INVALID
    if value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    return repr(value)


def boolean(value: object) -> str | Gap:
    """Read ``true`` or ``false``, also written as 1 and 0 or as a text in any case; all else is invalid.

    >>> boolean(True), boolean(0), boolean("TRUE"), boolean("yes"), boolean(None)
    ('true', 'false', 'true', <Gap.INVALID: 254>, <Gap.MISSING: 255>)
    """
    name = category(value)
    return name if isinstance(name, Gap) else _BOOLEANS.get(name.lower(), Gap.INVALID)


def confidence(value: object, probabilities: object, *, texts: bool = False) -> float | Gap:
    """Read the model's confidence: the record's own, else the largest of its probabilities.

    >>> confidence(0.9, None), confidence(None, {"yes": 0.83, "no": 0.17}), confidence(None, None)
    (0.9, 0.83, <Gap.MISSING: 255>)
    """
    if value is not None or probabilities is None:
        return numeric(value, texts=texts)
    if isinstance(probabilities, Mapping):
        probabilities = list(probabilities.values())
    if not isinstance(probabilities, (list, tuple)):
        return Gap.INVALID
    largest: float | Gap = Gap.MISSING
    for each in probabilities:
        number = numeric(each)
        if isinstance(number, Gap):
            return Gap.INVALID
        if isinstance(largest, Gap) or number > largest:
            largest = number
    return largest


def event_time(value: object, *, texts: bool = False) -> int | Gap:
    """Read a time as milliseconds since 1970 UTC, cut off, not rounded.

    Takes RFC 3339 text (UTC where it names no zone), or a number in seconds, milliseconds, microseconds or
    nanoseconds by its magnitude. The job reads times from topics in SQL as well: jobs/payload_time.py agrees.

    >>> event_time("2026-01-01T00:00:00.25Z"), event_time(1767225600), event_time(1767225600250123456)
    (1767225600250, 1767225600000, 1767225600250)
    """
    if value is None:
        return Gap.MISSING
    if isinstance(value, datetime):
        return _milliseconds(value)
    if type(value) is str:
        number: float | int | Gap = _read_number(value) if texts else Gap.INVALID
        if texts and value.isascii() and value.isdigit() and len(value) < 20:
            number = int(value)  # nanoseconds have more digits than a float
        if isinstance(number, Gap):
            try:
                return _milliseconds(msgspec.convert(_BEYOND_MICROSECONDS.sub(r"\1", value), datetime))
            except (msgspec.ValidationError, UnicodeEncodeError):
                return Gap.INVALID
    elif type(value) is int or type(value) is float:
        number = value
    else:
        return Gap.INVALID
    return _scaled_to_milliseconds(number)


def _milliseconds(moment: datetime) -> int | Gap:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return _within((since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000)


def _within(time_ms: int) -> int | Gap:
    return time_ms if _EARLIEST_MS <= time_ms <= _LATEST_MS else Gap.INVALID


def _scaled_to_milliseconds(number: int | float) -> int | Gap:
    # The digits of a float's text count, as in SQL: 1.001 s are 1,001 ms, although the float is less.
    if not abs(number) < _TOO_LARGE:  # also NaN
        return Gap.INVALID
    size = abs(number) if type(number) is int else abs(Decimal(repr(number))).quantize(_MICRO, ROUND_HALF_UP)
    if size < _MILLISECONDS:
        time_ms = int(size * 1_000)
    elif size < _MICROSECONDS:
        time_ms = int(size)
    elif size < _NANOSECONDS:
        time_ms = int(size) // 1_000
    else:
        time_ms = int(size) // 1_000_000
    return _within(time_ms if number >= 0 else -time_ms)


def disguised(name: str) -> str:
    """Replace the name of a sensitive category: the same wherever it occurs, unreadable everywhere.

    >>> disguised("diabetes")
    '#8673df823a2c62c3'
    """
    return "#" + hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
