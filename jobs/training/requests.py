"""Retrain requests as `tidemark dataset` is given them: an event in a file, or the id of one among the events."""

from __future__ import annotations

import sys
from pathlib import Path

from config.load import Configuration
from jobs.topic_data import TopicData
from schemas import events
from schemas.errors import DataError, UsageError
from schemas.events import EventError, UnknownEventError
from schemas.retraining import RetrainEvent


def find_request(loaded: Configuration, request: str) -> RetrainEvent:
    """Find the request.

    Parameters
    ----------
    loaded : Configuration
        Says where events are, and which models there are.
    request : str
        A file with the event as JSON, ``-`` for standard input, or the id of the event or of its request; of a
        request the newest event.

    Raises
    ------
    UsageError
        There is no such file and no such request.
    DataError
        What is in the file is no event about a retrain request.
    """
    if request == "-" or Path(request).is_file():
        data = sys.stdin.buffer.read() if request == "-" else Path(request).read_bytes()
        try:
            event = events.decode(data)
        except (EventError, UnknownEventError) as error:
            message = f"{request}: {error}"
            raise DataError(message) from error
        if not isinstance(event, RetrainEvent):
            message = f"{request}: is an event of type '{event.type}', not about a retrain request"
            raise DataError(message)
        return event
    found = [event for event in _requests(loaded) if request in (event.id, event.data.request)]
    if not found:
        sink = loaded.plan.events
        where = f"topic '{sink.topic}'" if sink.topic else str(sink.path)
        message = f"REQUEST: '{request}' is neither a file nor the id of a retrain request in {where}"
        raise UsageError(message)
    return max(found, key=lambda event: event.time)


def _requests(loaded: Configuration) -> list[RetrainEvent]:
    sink = loaded.plan.events
    if sink.topic is not None and loaded.kafka is not None:
        pieces = TopicData(loaded.kafka.client_settings(), sink.topic).pieces()
        lines = [line for piece, _ in pieces for line in piece]
    elif sink.path is not None and Path(sink.path).is_file():
        lines = Path(sink.path).read_bytes().splitlines()
    else:
        lines = []
    found = []
    for line in lines:
        try:
            event = events.decode(line)
        except (EventError, UnknownEventError):
            continue  # of another kind, or of others who write to the topic
        if isinstance(event, RetrainEvent):
            found.append(event)
    return found
