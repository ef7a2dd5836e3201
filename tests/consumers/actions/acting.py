"""An action as a configuration has it, with events given to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.load import Configuration, load
from consumers.action import PEOPLE, Performer
from consumers.retries import Retries
from consumers.subscriber import Counts, Subscriber
from tidemark.testing import FakeTopic

ENVIRONMENT = {"TOKEN": "t0psecret", "USER": "me", "EMPTY": ""}
TYPES = (
    "io.tidemark.drift.opened, io.tidemark.drift.updated, io.tidemark.drift.resolved, io.tidemark.retrain.requested, "
    "io.tidemark.stream.silent, io.tidemark.profile.learned, io.tidemark.profile.rebased, "
    "io.tidemark.control.refused"
)


def loaded(folder: Path, *actions: str, environment: dict[str, str] | None = None) -> Configuration:
    """Load a configuration with these lines as actions."""
    lines = "\n".join(f"  - {action}" for action in actions)
    (folder / "c.yaml").write_text(
        "kafka: {bootstrap: 'localhost:9092'}\nsources: {predictions: {topic: p}}\n"
        "sinks: {events: {topic: drift-events}}\n"
        "models: {churn: {features: {age: numeric}, info: {runbook: 'https://r'}}, fraud: {features: {age: numeric}}}\n"
        f"actions:\n{lines}\n"
    )
    return load(folder / "c.yaml", {**ENVIRONMENT, **(environment or {})})


def performer(folder: Path, action: str, **environment: str) -> Performer:
    """The one action, for all types of events."""
    configuration = loaded(folder, f"{{on: [{TYPES}], {action}}}", environment=environment)
    return Performer(configuration.actions[0], folder)


def act(folder: Path, action: str, *events: Any, within_s: float = 100, **environment: str) -> tuple[Counts, FakeTopic]:
    """Give events to an action by a subscriber, as `tidemark listen` does."""
    acting = performer(folder, action, **environment)
    subscriber = Subscriber("", "drift-events", "test", retries=Retries(within_s=within_s), timeout_s=60)
    subscriber.on(name="action", per_incident=acting.action.kind in PEOPLE)(acting)
    topic = FakeTopic(*events)
    return topic.run(subscriber), topic
