"""Dead letters: where a record stood and what is wrong with it; of its content nothing, unless that is asked for."""

from __future__ import annotations

from config.plan import Plan, SourcePlan
from operators.encoding.entries import Entry, Place
from operators.encoding.keys import LETTER, source_key
from schemas import cloudevents, dead_letters
from schemas.dead_letters import DeadLetter

PAYLOAD_LIMIT = 64 << 10  # bytes of a record kept, so that the letter fits a message of 1 MB
LATE = "its pane was already closed when it came"


class UnusableError(Exception):
    """A record that cannot be used; the text says types and places, never values."""


class Letters:
    """Makes the letters of one source.

    Attributes
    ----------
    keeps : bool
        Whether letters carry the records themselves.
    """

    def __init__(self, plan: Plan, source: SourcePlan) -> None:
        self.keeps = plan.dead_letters is not None and plan.dead_letters.payload == "full"
        self._job = cloudevents.source(plan.job.environment, plan.job.name)
        self._name = source.name
        self._key = source_key(LETTER, source.name)

    def dead(self, row: int, error: str, time_ms: int | None, place: Place, payload: bytes | None) -> Entry:
        """The letter of a record that cannot be used."""
        return self._entry(row, "dead", error, time_ms, place, payload)

    def late(self, row: int, time_ms: int, place: Place, payload: bytes | None) -> Entry:
        """The letter of a record that came after its pane was closed."""
        return self._entry(row, "late", LATE, time_ms, place, payload)

    def _entry(
        self, row: int, reason: str, error: str, time_ms: int | None, place: Place, payload: bytes | None
    ) -> Entry:
        kept = payload if self.keeps else None
        letter = DeadLetter(
            source=self._name,
            reason="late" if reason == "late" else "dead",
            error=error,
            event_time=None if time_ms is None else cloudevents.timestamp(time_ms),
            payload=None if kept is None else kept[:PAYLOAD_LIMIT],
            truncated=kept is not None and len(kept) > PAYLOAD_LIMIT,
            **place.of(row),
        )
        return Entry(row, self._key, dead_letters.encode(self._job, letter))
