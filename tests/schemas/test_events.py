"""Drift events: decoding what comes from a topic, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from schemas import control, dead_letters, events, summaries
from schemas.events import DriftEvent, EventError, StreamEvent, UnknownEventError

MESSAGES = Path(__file__).parents[1] / "data" / "messages"
RELEASED = sorted(MESSAGES.glob("*/*.json"))
OPENED = (MESSAGES / "v1" / "drift.opened.json").read_bytes().rstrip()


def message(**more):
    return msgspec.json.encode({**msgspec.json.decode(OPENED), **more})


def test_messages_of_every_release_are_there():
    """The next test has something to read."""
    assert [file.stem for file in RELEASED if file.parent.name == "v1"] == [
        "control.acknowledge",
        "control.answer",
        "control.mute",
        "drift.opened",
        "drift.resolved",
        "drift.updated",
        "record.dead",
        "record.late",
        "retrain.blocked",
        "retrain.completed",
        "retrain.overdue",
        "retrain.requested",
        "retrain.waiting",
        "retrain.withdrawn",
        "stream.resumed",
        "stream.silent",
        "window.evaluated",
    ]


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_message_ever_released_is_read_and_written_as_it_was(file):
    """Readers of this release understand all older writers, and lose nothing."""
    data = file.read_bytes().rstrip()
    family = file.stem.partition(".")[0]
    others = {"record": dead_letters.decode, "window": summaries.decode, "control": control.decode}
    decode = others.get(family, events.decode)
    decoded = decode(data)
    assert decoded.type == f"io.tidemark.{file.stem}"
    assert events.encode(decoded) == data


def test_each_type_has_its_struct():
    """A program can match on the struct."""
    assert type(events.decode(OPENED)) is DriftEvent
    assert type(events.decode((MESSAGES / "v1" / "stream.silent.json").read_bytes())) is StreamEvent


def test_fields_of_a_later_release_are_ignored():
    """Fields are only ever added, anywhere."""
    later = msgspec.json.decode(OPENED)
    later["traceparent"] = "00-1"
    later["data"]["cause"] = {"feature": "age"}
    later["data"]["window"]["timezone"] = "UTC"
    assert events.decode(msgspec.json.encode(later)) == events.decode(OPENED)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            message(type="io.tidemark.forecast.made", dataschema="urn:tidemark:forecast:1"),
            "event: type 'io.tidemark.forecast.made' with schema 'urn:tidemark:forecast:1' is not known to this "
            "release; skip it",
        ),
        (
            message(dataschema="urn:tidemark:drift:2"),
            "event: type 'io.tidemark.drift.opened' with schema 'urn:tidemark:drift:2' is not known to this "
            "release; skip it",
        ),
        (
            message(type="io.tidemark.drift.closed"),
            "event: type 'io.tidemark.drift.closed' with schema 'urn:tidemark:drift:1' is not known to this "
            "release; skip it",
        ),
        (
            b'{"specversion":"1.0","type":"com.example.order","id":"1"}',
            "event: type 'com.example.order' with schema 'None' is not known to this release; skip it",
        ),
    ],
)
def test_unknown_types_and_schemas_are_told_apart_from_garbage(data, text):
    """They may be skipped: the topic may carry other CloudEvents, and those of later releases."""
    with pytest.raises(UnknownEventError) as raised:
        events.decode(data)
    assert str(raised.value) == text
    assert raised.value.type == msgspec.json.decode(data)["type"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "event: Input data was truncated"),
        (b"[]", "event: Expected `object`, got `array`"),
        (b"{}", "event: Object missing required field `specversion`"),
        (OPENED[:-1], "event: Input data was truncated"),
        (b"[" * 100_000, "event: Expected `object`, got `array`"),
        (b'{"a":' + b"[" * 100_000, "event: nested too deeply"),
        (message(specversion="2.0"), "event: Invalid enum value '2.0' - at `$.specversion`"),
        (message(id=7), "event: Expected `str`, got `int` - at `$.id`"),
        (message(time=7), "event: Expected `str`, got `int` - at `$.time`"),
        (message(data={}), "event: Object missing required field `episode` - at `$.data`"),
        (OPENED.replace(b"growth", b"gr\xffwth"), "event: text that is not UTF-8"),
    ],
    ids=range(11),
)
def test_what_is_no_event_is_refused_with_the_place(data, text):
    """Any bytes at all raise an EventError, nothing else."""
    with pytest.raises(EventError) as raised:
        events.decode(data)
    assert str(raised.value) == text


def test_the_key_is_the_model():
    """Events of a model are in order on the topic."""
    assert events.key(events.decode(OPENED)) == b"churn"
