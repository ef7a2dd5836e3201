"""Rows of the store, and what they hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from schemas import events, summaries
from schemas.events import Event
from schemas.summaries import Summary
from store.found import Held

Rows = Callable[[Any], list[Any]]  # of a statement


def held_of(row: Sequence[Any]) -> Held:
    """Sums, which are null where there is nothing to add up."""
    windows, records, exceeded, expected = row
    return Held(int(windows or 0), int(records or 0), int(exceeded or 0), float(expected or 0.0))


def event_of(body: bytes) -> Event:
    """The event that is kept so."""
    return events.decode(zlib.decompress(body))


def summary_of(body: bytes) -> Summary:
    """The summary that is kept so."""
    return summaries.decode(zlib.decompress(body)).data
