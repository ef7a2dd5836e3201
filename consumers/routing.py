"""Which events a handler is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, get_args

import msgspec

from consumers.reading import UnknownEvent
from schemas.errors import UsageError
from schemas.events import DriftEvent, Event

STRUCTS: tuple[type, ...] = get_args(Event)
LEVELS = {"warning": 0, "critical": 1}

Handler = Callable[[Any], Awaitable[None] | None]


@dataclass(frozen=True)
class Route:
    """A handler and the events that it is for.

    Parameters
    ----------
    name : str
        By what the memory knows it: another name is another handler, which has handled nothing yet.
    handler : callable
        Gets one event; may be asynchronous. It has handled the event when it returns.
    types : tuple of str or type
        Types as events name them, patterns of them (``io.tidemark.retrain.*``), or the classes of events
        (`DriftEvent`); of events that this release does not know only those for which `UnknownEvent` is among them.
        Empty: all that this release knows.
    models : tuple of str, optional
        Names or patterns of models.
    kinds : tuple of str, optional
        Kinds of episodes. Events that have no kind are not held back.
    severity : str, optional
        ``critical``: no warnings. Events that have no severity are not held back.
    per_incident : bool
        Of the episodes of an incident only the first to come is given, and the last to be resolved.
    """

    name: str
    handler: Handler
    types: tuple[str | type, ...] = ()
    models: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    severity: str | None = None
    per_incident: bool = False

    def wants(self, event: Event | UnknownEvent) -> bool:
        """Whether the handler is for this event."""
        if isinstance(event, UnknownEvent):
            return UnknownEvent in self.types
        if self.types and not any(
            fnmatchcase(event.type, wanted) if isinstance(wanted, str) else isinstance(event, wanted)
            for wanted in self.types
        ):
            return False
        if self.models is not None and not any(fnmatchcase(event.data.model, name) for name in self.models):
            return False
        if self.kinds is not None and isinstance(event, DriftEvent) and event.data.kind not in self.kinds:
            return False
        severity = getattr(event.data, "severity", None)
        return self.severity is None or severity is None or LEVELS[severity] >= LEVELS[self.severity]


def checked_types(types: Iterable[str | type]) -> tuple[str | type, ...]:
    """The types of a route.

    Raises
    ------
    UsageError
        One is no text and no class of events, or a text that no type of this release matches.
    """
    known = [name for struct in STRUCTS for name in _types(struct)]
    for wanted in types:
        if isinstance(wanted, str):
            if not any(fnmatchcase(name, wanted) for name in known):
                message = f"subscriber: '{wanted}' is not a type of event ({', '.join(known)})"
                raise UsageError(message)
        elif wanted not in (*STRUCTS, UnknownEvent):
            names = ", ".join(struct.__name__ for struct in (*STRUCTS, UnknownEvent))
            message = f"subscriber: {wanted!r} is not a class of events ({names})"
            raise UsageError(message)
    return tuple(types)


def _types(struct: type) -> tuple[str, ...]:
    """The types that events of a struct have."""
    [field] = [field for field in msgspec.structs.fields(struct) if field.name == "type"]
    return get_args(field.type)
