"""The wire for other programs: JSON Schemas of all messages, and an AsyncAPI document of the topics."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from schemas.control import ControlEvent
from schemas.dead_letters import DeadLetterEvent
from schemas.events import DriftEvent, ProfileEvent, RefusedEvent, RetrainEvent, StreamEvent
from schemas.labels import Label
from schemas.records import Record
from schemas.summaries import SummaryEvent

Document = dict[str, Any]

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "3.0.0"
WIRE_VERSION = "1"  # the number in the `dataschema` of the events; raised together with it

# Topic, messages on it, what it is for; names are those that `tidemark init` and `tidemark demo` use.
TOPICS: tuple[tuple[str, tuple[type, ...], str, str], ...] = (
    ("predictions", (Record,), "receive", "Predictions and feature vectors of the models that are watched."),
    ("labels", (Label,), "receive", "True outcomes, whenever they are known."),
    (
        "drift-events",
        (DriftEvent, StreamEvent, ProfileEvent, RetrainEvent, RefusedEvent),
        "send",
        "Drifts and retrain requests, keyed by model: those of a model are in order.",
    ),
    ("drift-summaries", (SummaryEvent,), "send", "One message per evaluated window."),
    ("drift-control", (ControlEvent,), "receive", "What people and pipelines tell the job, keyed by model."),
    ("drift-dead-letters", (DeadLetterEvent,), "send", "Records that could not be used, with their place and error."),
)


def records() -> Document:
    """Schema of a record in the default shape."""
    return _schema("Record", (Record,))


def labels() -> Document:
    """Schema of a label in the default shape."""
    return _schema("Label", (Label,))


def events() -> Document:
    """Schema of the events topic."""
    return _schema("Event", (DriftEvent, StreamEvent, ProfileEvent, RetrainEvent, RefusedEvent))


def summaries() -> Document:
    """Schema of the summaries topic."""
    return _schema("Summary", (SummaryEvent,))


def dead_letters() -> Document:
    """Schema of the dead-letter topic."""
    return _schema("Dead letter", (DeadLetterEvent,))


def control() -> Document:
    """Schema of the control topic."""
    return _schema("Control", (ControlEvent,))


def asyncapi() -> Document:
    """AsyncAPI document of all topics, as Tidemark sees them: it receives records and sends events."""
    structs = tuple(struct for _, messages, _, _ in TOPICS for struct in messages)
    _, schemas = _components(structs, "#/components/schemas/{name}")
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Tidemark",
            "version": WIRE_VERSION,
            "description": "Topics of a Tidemark job. Their names are set in the configuration; these are usual ones.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            topic: {
                "address": topic,
                "description": purpose,
                "messages": {_name(struct): {"$ref": f"#/components/messages/{_name(struct)}"} for struct in messages},
            }
            for topic, messages, _, purpose in TOPICS
        },
        "operations": {
            f"{action}-{topic}": {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
            for topic, _, action, _ in TOPICS
        },
        "components": {
            "messages": {
                _name(struct): {
                    "name": _name(struct),
                    "summary": _purpose(struct),
                    "contentType": "application/json",
                    "payload": {"$ref": f"#/components/schemas/{_name(struct)}"},
                }
                for struct in structs
            },
            "schemas": schemas,
        },
    }


# What `tidemark schema` prints, and the files in docs/schemas.
DOCUMENTS: dict[str, Callable[[], Document]] = {
    "records": records,
    "labels": labels,
    "events": events,
    "summaries": summaries,
    "dead-letters": dead_letters,
    "control": control,
    "asyncapi": asyncapi,
}


def text(document: Document) -> str:
    """The document as a file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _schema(title: str, structs: tuple[type, ...]) -> Document:
    references, components = _components(structs, "#/$defs/{name}")
    body = references[0] if len(references) == 1 else {"oneOf": references}
    return {"$schema": JSON_SCHEMA, "title": title, **body, "$defs": components}


def _components(structs: tuple[type, ...], template: str) -> tuple[list[Document], dict[str, Document]]:
    references, components = msgspec.json.schema_components(structs, ref_template=template)
    for component in components.values():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
        properties = component.get("properties", {})
        # A field with one possible value, such as `specversion`, is always written: its default serves who builds it.
        constant = {
            name for name, field in properties.items() if len(field.get("enum", ())) == 1 and "default" in field
        }
        for name in constant:
            del properties[name]["default"]
        component["required"] = [name for name in properties if name in constant or name in component["required"]]
    return list(references), components


def _name(struct: type) -> str:
    return struct.__name__


def _purpose(struct: type) -> str:
    return (inspect.getdoc(struct) or "").split("\n")[0]
