"""Reading a topic that others may write to as well: what is not an event, or not one we know, is counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from schemas.events import Event, EventError, UnknownEventError, decode


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent of a type or schema version that this release does not know, as it was."""

    specversion: str
    type: str
    source: str = ""
    id: str
    time: str | None = None
    subject: str | None = None
    dataschema: str | None = None
    data: Any = None


class Reader:
    """Decodes events one by one.

    Attributes
    ----------
    unknown : Counter of str
        How many events of each type this release does not know.
    malformed : int
        How many messages were no events.
    last_malformed : str
        Place and error of the newest of those.
    """

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self.malformed = 0
        self.last_malformed = ""

    def read(self, data: bytes | None, place: str) -> Event | None:
        """The event, or None if it was counted instead; `place` is where the message stands."""
        event = self._read(data, place)
        if isinstance(event, UnknownEventError):
            self.unknown[event.type] += 1
            return None
        return event

    def read_any(self, data: bytes | None, place: str) -> Event | UnknownEvent | None:
        """The event, of a type that this release knows or not, or None if it was counted as none."""
        event = self._read(data, place)
        if not isinstance(event, UnknownEventError):
            return event
        try:
            return msgspec.json.decode(data or b"", type=UnknownEvent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._skip(place, EventError(f"event: {error}"))
            return None

    def _read(self, data: bytes | None, place: str) -> Event | UnknownEventError | None:
        try:
            return decode(data or b"")
        except UnknownEventError as error:
            return error
        except EventError as error:
            self._skip(place, error)
            return None

    def _skip(self, place: str, error: EventError) -> None:
        self.malformed += 1
        self.last_malformed = f"{place}: {error}"

    @property
    def skipped(self) -> str:
        """What was skipped, for people; empty if nothing was."""
        parts = []
        if self.unknown:
            types = ", ".join(f"{type} {count}" for type, count in sorted(self.unknown.items()))
            parts.append(f"events of types that this release does not know ({types})")
        if self.malformed:
            parts.append(f"messages that are no events ({self.malformed}; the last at {self.last_malformed})")
        return f"skipped {' and '.join(parts)}" if parts else ""
