"""What a template sees of an event: every field that the event's type has, also those that this one leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.events import Event


def scope(event: Event) -> dict[str, Any]:
    """The names of a template: ``event``, with null for what it leaves out, and ``payload``, as it is on the topic.

    So a field that no event of its type has is an error, and one that only this event has not is none.
    """
    return {"event": _fields(event), "payload": msgspec.to_builtins(event)}


def _fields(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {field.encode_name: _fields(getattr(value, field.name)) for field in msgspec.structs.fields(type(value))}
    if isinstance(value, Mapping):
        return {name: _fields(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fields(item) for item in value]
    return value
