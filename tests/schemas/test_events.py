"""Drift events: decoding what comes from a topic, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from schemas import control, dead_letters, events, summaries
from schemas.events import DriftEvent, EventError, StreamEvent, UnknownEventError

MESSAGES = Path(__file__).parents[1] / "data" / "messages"
RELEASED = sorted(MESSAGES.glob("*/*.json"))
OPENED = (MESSAGES / "v1" / "drift.opened.json").read_bytes().rstrip()


def message(**more):
    return msgspec.json.encode({**msgspec.json.decode(OPENED), **more})


WRITTEN = (*get_args(events.Event), control.ControlEvent, summaries.SummaryEvent, dead_letters.DeadLetterEvent)


def decoded(file):
    """The message, by its own decoder; the file is called after its type, and what it is an example of."""
    family, what, *_ = file.stem.split(".")
    others = {"record": dead_letters.decode, "window": summaries.decode, "control": control.decode}
    decode = events.decode if what == "refused" else others.get(family, events.decode)
    return decode(file.read_bytes().rstrip()), f"io.tidemark.{family}.{what}"


def structs(type, found):
    """All structs that a type is made of."""
    for part in (type, *get_args(type)):
        if isinstance(part, msgspec.StructMeta) and part not in found:
            found.add(part)
            for field in msgspec.structs.fields(part):
                structs(field.type, found)
        elif part is not type:
            structs(part, found)
    return found


def told(value, raw, found):
    """Which fields of which structs a message has."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            if field.encode_name in raw:
                found.add((type(value), field.name))
                told(getattr(value, field.name), raw[field.encode_name], found)
    elif isinstance(value, dict):
        for name in value:
            told(value[name], raw[name], found)
    elif isinstance(value, tuple):
        for one, of in zip(value, raw, strict=True):
            told(one, of, found)


def test_every_type_and_field_has_a_sample():
    """What later releases must read. A field that you have added wants a new file in tests/data/messages."""
    types, found = set(), set()
    for file in RELEASED:
        types.add(decoded(file)[1])
        told(decoded(file)[0], msgspec.json.decode(file.read_bytes()), found)
    wanted = {field.type for struct in WRITTEN for field in msgspec.structs.fields(struct) if field.name == "type"}
    assert types == {name for type in wanted for name in get_args(type)}
    fields = {(one, name) for struct in WRITTEN for one in structs(struct, set()) for name in one.__struct_fields__}
    assert fields - found == set()


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_message_ever_released_is_read_and_written_as_it_was(file):
    """Readers of this release understand all older writers, and lose nothing."""
    message, type = decoded(file)
    assert message.type == type
    assert events.encode(message) == file.read_bytes().rstrip()


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
