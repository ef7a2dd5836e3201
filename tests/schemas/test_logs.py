"""What logs say of an event, as text and as JSON."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest

from consumers.samples import drift_event
from schemas import logs
from schemas.events import Event
from schemas.logs import JsonLines


def test_what_an_event_is_about() -> None:
    """The model, its version, the segment and the episode: what one looks for."""
    event = drift_event()
    event = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, segment={"country": "DE"}))
    found = json.loads(logs.told(event, json=True))
    assert found == {
        "message": event.data.message,
        "tidemark.event": event.id,
        "tidemark.type": "io.tidemark.drift.opened",
        "tidemark.model": "churn",
        "tidemark.version": event.data.version,
        "tidemark.segment": "country=DE",
        "tidemark.kind": event.data.kind,
        "tidemark.episode": event.data.episode,
    }
    assert logs.told(event, json=False) == f"drift.opened {event.subject}: {event.data.message}"


def test_the_whole_traffic_is_named() -> None:
    """An empty segment is the segment `all`."""
    event: Event = drift_event()
    assert logs.about(event)["tidemark.segment"] == "all"


def test_lines_are_objects() -> None:
    """Whatever the message has in it; with the trace of an error."""
    record = logging.LogRecord("tidemark", logging.ERROR, "", 0, 'he said "no"\n%s', ("now",), None)
    assert json.loads(JsonLines().format(record))["message"] == 'he said "no"\nnow'
    with pytest.raises(ValueError, match="bad") as raised:
        raise ValueError("bad")
    record.exc_info = raised.type, raised.value, raised.tb
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError: bad" in json.loads(line)["error.stack_trace"]
