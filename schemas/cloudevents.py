"""What all messages going out have in common: CloudEvents 1.0 in structured JSON, and equal bytes for equal content.

Keys stand in the order of the struct's fields, numbers have at most 9 significant digits (the digits on which
different processors agree), times are RFC 3339 texts in UTC with milliseconds.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec

Time = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        description="RFC 3339 text in UTC with milliseconds",
        extra_json_schema={"format": "date-time"},
    ),
]

MEDIA_TYPE: Final = "application/json"  # of the data
DIGITS = 9  # significant digits of statistics: sums in another order differ in the last 2 or 3 of a float's 16

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def timestamp(time_ms: int) -> str:
    """Milliseconds since 1970 UTC as text.

    >>> timestamp(1767607500000)
    '2026-01-05T10:05:00.000Z'
    """
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(time: str) -> int:
    """Milliseconds since 1970 UTC of a text as `timestamp` writes it.

    >>> milliseconds('2026-01-05T10:05:00.000Z')
    1767607500000
    """
    return (datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%f%z") - _EPOCH) // timedelta(milliseconds=1)


def significant(value: float) -> float:
    """The number rounded to 9 significant digits; never -0.0.

    >>> significant(0.1 + 0.2), significant(-1e-40), significant(123456789123.0)
    (0.3, -1e-40, 123456789000.0)
    """
    return float(f"{value:.{DIGITS}g}") + 0.0


def identity(*parts: str | int) -> str:
    """Id of what the parts say: equal parts, equal id, on any machine and in any run.

    >>> identity("churn", "3", 1767607500000)
    '7473aa24b9f1ed5be42fc360a55b3391'
    """
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def source(environment: str, job: str) -> str:
    """The `source` of every message of a job.

    >>> source("prod", "churn-monitor")
    'tidemark/prod/churn-monitor'
    """
    return f"tidemark/{quote(environment, safe='')}/{quote(job, safe='')}"


def subject(model: str, version: str, segment: str) -> str:
    """What a message is about; `segment` is the canonical text.

    >>> subject("churn", "3", "country=DE")
    'churn/3/country=DE'
    """
    return f"{quote(model, safe='')}/{quote(version, safe='')}/{segment}"


def encode(message: msgspec.Struct) -> bytes:
    """The message as JSON: equal content gives equal bytes."""
    return msgspec.json.encode(_rounded(msgspec.to_builtins(message)))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
