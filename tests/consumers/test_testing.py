"""The testing kit for users' own tests."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas import events
from tidemark import testing

BUILDERS = {
    "drift": testing.drift_event,
    "stream": testing.stream_event,
    "profile": testing.profile_event,
    "retrain": testing.retrain_event,
    "control": testing.refused_event,
}
TYPES = [
    name
    for struct in get_args(events.Event)
    for field in msgspec.structs.fields(struct)
    if field.name == "type"
    for name in get_args(field.type)
]


@pytest.mark.parametrize("type", TYPES)
def test_every_type_of_event_can_be_made(type):
    """And is read back as it is, by the same rules as those from a topic."""
    _, _, family, what = type.split(".")
    make = BUILDERS[family]
    event = make(*([] if family == "control" else [what]), model="m", muted=True)
    assert event.type == type
    assert (event.data.model, event.data.muted) == ("m", True)
    assert events.decode(events.encode(event)) == event


def test_equal_arguments_make_the_same_event():
    """As a job that was restored writes it; what differs has another id."""
    assert testing.drift_event() == testing.drift_event()
    ids = {
        testing.drift_event().id,
        testing.drift_event("resolved").id,
        testing.drift_event(model="fraud").id,
        testing.drift_event(segment={"country": "DE"}).id,
        testing.drift_event(severity="warning").id,
        testing.retrain_event().id,
        testing.retrain_event("waiting").id,
        testing.stream_event().id,
    }
    assert len(ids) == 8


def test_episodes_of_a_model_are_one_incident():
    """Unless the test says otherwise."""
    one, other = testing.drift_event(kind="feature"), testing.drift_event(kind="quality")
    assert one.data.episode != other.data.episode
    assert one.data.incident == other.data.incident
    assert testing.drift_event(incident="x").data.incident == "x"
