"""Telling the job something: messages on its control topic, or lines of its control file."""

from __future__ import annotations

import getpass
import time
import uuid
from pathlib import Path
from typing import Any, TypeVar

from config.load import Configuration
from consumers.connection import ANSWER_WITHIN_S
from consumers.event_files import EventFiles
from consumers.follower import Follower
from schemas import cloudevents, control
from schemas.control import Command
from schemas.errors import BrokerError, UsageError
from schemas.events import DriftEvent, Event, RetrainEvent

Found = TypeVar("Found")

QUIET_S = 3.0  # without a message from the brokers, a topic is read to its end
SHORTEST = 4  # characters of an id; fewer are more likely to be meant for something else


def tell(configuration: Configuration, command: Command, time_ms: int | None = None) -> str:
    """Send a command to the job, and give the id of the message.

    Parameters
    ----------
    time_ms : int, optional
        Event time of a line of a file; now if not given. On a topic it is the brokers' time.

    Raises
    ------
    UsageError
        The configuration says nothing of control.
    BrokerError
        No broker has taken it.
    """
    place, job = configuration.plan.control, configuration.plan.job
    if place is None:
        message = "control: is not configured; give 'control: {topic: drift-control}', and start the job again"
        raise UsageError(message)
    sender = f"{cloudevents.source(job.environment, job.name)}/control"
    when = cloudevents.timestamp(int(time.time() * 1000) if time_ms is None else time_ms)
    event = control.event(command, sender, uuid.uuid4().hex, when)
    if place.path is not None:
        Path(place.path).parent.mkdir(parents=True, exist_ok=True)
        with Path(place.path).open("ab") as file:
            file.write(control.encode(event) + b"\n")
    else:
        assert configuration.kafka is not None, "a topic has brokers: `load` sees to it"
        _send(configuration.kafka.client_settings(), str(place.topic), command.model.encode(), control.encode(event))
    return event.id


def _send(client: dict[str, Any], topic: str, key: bytes, value: bytes) -> None:
    from confluent_kafka import Producer

    failures: list[str] = []
    producer = Producer({**client, "log_level": 0, "acks": "all", "message.timeout.ms": ANSWER_WITHIN_S * 1000})
    producer.produce(topic, value, key, on_delivery=lambda error, _: failures.append(error.str()) if error else None)
    left = producer.flush(ANSWER_WITHIN_S + 1)
    if left or failures:
        why = failures[0] if failures else "no answer"
        message = f"kafka {client['bootstrap.servers']}: the message was not taken ({why}); is the broker running?"
        raise BrokerError(message)


def episodes(configuration: Configuration, prefix: str, until: str | None = None) -> list[DriftEvent]:
    """The newest event of the episode whose id begins so, or of each episode of such an incident.

    Parameters
    ----------
    until : str, optional
        Time of the newest event that is looked at.

    Raises
    ------
    UsageError
        There is none, or there are several.
    """
    found: dict[str, DriftEvent] = {}
    for event in _events(configuration, prefix):
        if isinstance(event, DriftEvent) and event.time <= (until or event.time):
            found[event.data.episode] = event
    those = {id: [event] for id, event in found.items() if id.startswith(prefix)}
    for event in found.values():
        if event.data.incident.startswith(prefix):
            those.setdefault(event.data.incident, []).append(event)
    return _only(those, "episode or incident", prefix)


def request(configuration: Configuration, prefix: str) -> RetrainEvent:
    """The newest event of the retrain request whose id begins so.

    Raises
    ------
    UsageError
        There is none, or there are several.
    """
    found: dict[str, RetrainEvent] = {}
    for event in _events(configuration, prefix):
        if isinstance(event, RetrainEvent) and event.data.request.startswith(prefix):
            found[event.data.request] = event
    return _only(found, "request", prefix)


def myself() -> str:
    """Who is at the keyboard."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return ""


def _events(configuration: Configuration, prefix: str) -> list[Event]:
    if len(prefix) < SHORTEST:
        message = f"'{prefix}' is too short for the beginning of an id (at least {SHORTEST} characters)"
        raise UsageError(message)
    sink = configuration.plan.events
    if sink.path is not None:
        with EventFiles(Path(sink.path)) as files:
            return list(files.events(0.0))
    assert configuration.kafka is not None, "a topic has brokers: `load` sees to it"
    with Follower(configuration.kafka.client_settings(), str(sink.topic)) as follower:
        return list(follower.events(QUIET_S))


def _only(found: dict[str, Found], what: str, prefix: str) -> Found:
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        message = f"there is no {what} '{prefix}' among the events; 'tidemark watch CONFIG' shows their ids"
    else:
        message = f"'{prefix}' is the beginning of {len(found)} ids ({', '.join(sorted(found))}); give more of it"
    raise UsageError(message)
