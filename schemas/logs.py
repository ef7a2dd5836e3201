"""Logs: what the job and `tidemark listen` say of what they do, as text, or as one JSON object a line.

Fields of JSON are named as in the Elastic Common Schema; what is Tidemark's own begins with ``tidemark.``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

import msgspec

from schemas.events import Event


class _Said(Protocol):
    """An event, also of a type that this release does not know."""

    @property
    def id(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def data(self) -> Any: ...


class JsonLines(logging.Formatter):
    """Each record as an object on a line of its own, with `about` of the record, if it has any.

    Examples
    --------
    >>> record = logging.LogRecord("tidemark.listen", logging.WARNING, "", 0, "no answer after %d s", (5,), None)
    >>> record.created, record.about = 0.25, {"tidemark.model": "churn"}
    >>> line = msgspec.json.decode(JsonLines().format(record))
    >>> line["@timestamp"], line["message"], line["tidemark.model"]
    ('1970-01-01T00:00:00.250Z', 'no answer after 5 s', 'churn')
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "@timestamp": at.replace("+00:00", "Z"),
            "log.level": record.levelname,
            "log.logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            line["error.stack_trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def about(event: _Said) -> dict[str, object]:
    """What an event is about: its id and type, the model, and its version, segment and episode where it has them."""
    found: dict[str, object] = {"tidemark.event": event.id, "tidemark.type": event.type}
    for name in ("model", "version", "segment", "kind", "episode"):
        value = event.data.get(name) if isinstance(event.data, Mapping) else getattr(event.data, name, None)
        if isinstance(value, Mapping):
            value = ",".join(f"{field}={one}" for field, one in value.items()) or "all"
        if value is not None:
            found[f"tidemark.{name}"] = value
    return found


def told(event: Event, *, json: bool) -> str:
    """An event as the message of a log whose lines somebody else makes, as Flink of its workers'."""
    if json:
        return msgspec.json.encode({"message": event.data.message, **about(event)}).decode()
    return f"{event.type.removeprefix('io.tidemark.')} {event.subject}: {event.data.message}"
