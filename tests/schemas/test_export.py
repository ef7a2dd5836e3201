"""Schemas for other programs: current, valid, and true of what is really written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas import export

ROOT = Path(__file__).parents[2]
SCHEMAS = {name: make() for name, make in export.DOCUMENTS.items() if name != "asyncapi"}
SCHEMA_OF = {"record": "dead-letters", "window": "summaries", "control": "control"}  # the others are events
MESSAGES = sorted((ROOT / "tests/data/messages").glob("*/*.json"))


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolved(document, reference):
    place = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


@pytest.mark.parametrize("name", export.DOCUMENTS)
def test_the_checked_in_copy_is_current(name):
    """Run `tidemark schema -o docs/schemas` after a change of the wire."""
    assert (ROOT / f"docs/schemas/{name}.json").read_text() == export.text(export.DOCUMENTS[name]())


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid(name):
    """By the metaschema of the dialect that it names."""
    assert SCHEMAS[name]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", export.DOCUMENTS)
def test_every_reference_leads_somewhere(name):
    """Each document stands by itself."""
    document = export.DOCUMENTS[name]()
    found = list(references(document))
    assert found
    assert all(resolved(document, reference) for reference in found)


@pytest.mark.parametrize("file", MESSAGES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_message_ever_released_keeps_to_its_schema(file):
    """And to no other."""
    message = msgspec.json.decode(file.read_bytes())
    fits = [
        name
        for name in ("events", "dead-letters", "summaries", "control")
        if Draft202012Validator(SCHEMAS[name]).is_valid(message)
    ]
    family = file.stem.partition(".")[0]
    assert fits == ["events" if file.stem == "control.refused" else SCHEMA_OF.get(family, "events")]


@pytest.mark.parametrize(
    ("name", "message", "place"),
    [
        ("records", {"id": "a1", "timestamp": "2026-01-01T00:00:00Z", "model": "churn", "version": "3",
                     "features": {"age": 41, "plan": "gold", "vip": True, "income": None},
                     "prediction": "yes", "probabilities": {"yes": 0.83, "no": 0.17}, "country": "DE"}, None),
        ("records", {}, None),
        ("records", {"features": {"age": {}, "v": [1]}}, "features/age"),
        ("records", {"timestamp": {}}, "timestamp"),
        ("labels", {"id": "a1", "timestamp": 1767225600, "model": "churn", "label": "no"}, None),
        ("labels", {"id": "a1"}, ""),
    ],
)  # fmt: skip
def test_records_and_labels_in_the_default_shape(name, message, place):
    """The examples of the documentation are valid; what is wrong is found at its place."""
    places = ["/".join(map(str, error.path)) for error in Draft202012Validator(SCHEMAS[name]).iter_errors(message)]
    assert places == ([] if place is None else [place])


def test_constants_of_the_envelope_are_required():
    """Consumers may rely on `specversion` and `dataschema`: they are always written."""
    required = SCHEMAS["events"]["$defs"]["DriftEvent"]["required"]
    assert required == list(SCHEMAS["events"]["$defs"]["DriftEvent"]["properties"])


def test_asyncapi_names_every_topic_with_its_messages():
    """What goes in is received, what comes out is sent."""
    document = export.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert {
        name: (
            document["operations"][name]["action"],
            list(resolved(document, operation["channel"]["$ref"])["messages"]),
        )
        for name, operation in document["operations"].items()
    } == {
        "receive-predictions": ("receive", ["Record"]),
        "receive-labels": ("receive", ["Label"]),
        "send-drift-events": ("send", ["DriftEvent", "StreamEvent", "ProfileEvent", "RetrainEvent", "RefusedEvent"]),
        "send-drift-summaries": ("send", ["SummaryEvent"]),
        "receive-drift-control": ("receive", ["ControlEvent"]),
        "send-drift-dead-letters": ("send", ["DeadLetterEvent"]),
    }
