"""Tidemark: streaming drift detection. What is imported from here needs no Flink and is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from consumers.delivery import Outcome as Outcome
    from consumers.reading import UnknownEvent as UnknownEvent
    from consumers.retries import GiveUp as GiveUp
    from consumers.retries import Retries as Retries
    from consumers.retries import RetryLater as RetryLater
    from consumers.subscriber import Counts as Counts
    from consumers.subscriber import Subscriber as Subscriber
    from schemas.errors import TidemarkError as TidemarkError
    from schemas.events import DriftEvent as DriftEvent
    from schemas.events import Event as Event
    from schemas.events import ProfileEvent as ProfileEvent
    from schemas.events import RefusedEvent as RefusedEvent
    from schemas.events import RetrainEvent as RetrainEvent
    from schemas.events import StreamEvent as StreamEvent

_HOMES = {
    "Counts": "consumers.subscriber",
    "DriftEvent": "schemas.events",
    "Event": "schemas.events",
    "GiveUp": "consumers.retries",
    "Outcome": "consumers.delivery",
    "ProfileEvent": "schemas.events",
    "RefusedEvent": "schemas.events",
    "RetrainEvent": "schemas.events",
    "Retries": "consumers.retries",
    "RetryLater": "consumers.retries",
    "StreamEvent": "schemas.events",
    "Subscriber": "consumers.subscriber",
    "TidemarkError": "schemas.errors",
    "UnknownEvent": "consumers.reading",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'tidemark' has no attribute '{name}'"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
