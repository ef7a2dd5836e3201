"""Reading a topic that others may write to as well: what is not an event, or not one we know, is counted."""

from __future__ import annotations

from collections import Counter

from schemas.events import Event, EventError, UnknownEventError, decode


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
        try:
            return decode(data or b"")
        except UnknownEventError as error:
            self.unknown[error.type] += 1
        except EventError as error:
            self.malformed += 1
            self.last_malformed = f"{place}: {error}"
        return None

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
