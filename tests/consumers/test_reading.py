"""Skipping what is not for us, and saying so."""

from __future__ import annotations

import msgspec

from consumers.reading import Reader
from tests.consumers.events import DRIFT, OPENED, UNKNOWN


def test_events_come_typed():
    """Nothing is skipped, so there is nothing to say."""
    reader = Reader()
    assert reader.read(msgspec.json.encode(DRIFT), "t[0]@1") == OPENED
    assert reader.skipped == ""


def test_what_is_skipped_is_counted_and_told():
    """By type, and the newest that was no event with its place."""
    reader = Reader()
    assert [reader.read(data, f"t[0]@{place}") for place, data in enumerate([UNKNOWN, b"{", None, UNKNOWN])] == [
        None
    ] * 4
    assert reader.unknown == {"io.tidemark.forecast.made": 2}
    assert reader.malformed == 2
    assert reader.skipped == (
        "skipped events of types that this release does not know (io.tidemark.forecast.made 2) and "
        "messages that are no events (2; the last at t[0]@2: event: Input data was truncated)"
    )
