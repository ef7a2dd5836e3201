"""Writing to the store: each message once, however often it comes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from schemas import segments
from schemas.cloudevents import milliseconds
from schemas.events import DriftEvent, Event, RetrainEvent
from schemas.summaries import Summary, SummaryEvent
from store import tables
from store.database import Database

LEVEL = 6  # of zlib: a summary of 20 signals becomes a seventh of its bytes


@dataclass(frozen=True)
class Message:
    """A message of the job, as it came and as it was read."""

    body: bytes
    read: Event | SummaryEvent


@dataclass(frozen=True)
class Written:
    """What a batch came to."""

    new: int
    repeated: int  # were there before


class Writer:
    """Writes to a database; several may write to one at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    def write(self, messages: Iterable[Message]) -> Written:
        """Write messages, all of them or none; those that are there already change nothing.

        Messages of one episode, request or key are in their order, as a topic keeps them.

        Raises
        ------
        StoreDown, StoreError
            The database does not take them.
        """
        events = {each.read.id: each for each in messages if not isinstance(each.read, SummaryEvent)}
        windows = {each.read.id: each for each in messages if isinstance(each.read, SummaryEvent)}
        with self._database.begin() as connection:
            new = self._once(connection, tables.events, [_event(each) for each in events.values()])
            new += self._once(connection, tables.summaries, [_summary(each) for each in windows.values()])
            drifts = [each.read for each in events.values() if isinstance(each.read, DriftEvent)]
            self._newest(connection, tables.episodes, map(_episode, drifts), "updated_ms")
            asked = [each.read for each in events.values() if isinstance(each.read, RetrainEvent)]
            self._newest(connection, tables.requests, map(_request, asked), "updated_ms", first=("time_ms",))
            keys = [each.read for each in windows.values() if isinstance(each.read, SummaryEvent)]
            self._newest(connection, tables.keys, map(_key, keys), "end_ms")
        return Written(new, len(events) + len(windows) - new)

    def _once(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        if not rows:
            return 0
        statement = self._insert(table).on_conflict_do_nothing(index_elements=["id"]).returning(table.c.id)
        return len(connection.execute(statement, list(rows)).all())

    def _newest(
        self,
        connection: Connection,
        table: Table,
        rows: Iterable[Mapping[str, Any]],
        time: str,
        first: tuple[str, ...] = (),
    ) -> None:
        """Put in the rows, or in place of older ones; what is `first` stays as it was first."""
        ids = [column.name for column in table.primary_key]
        last: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        for row in rows:
            key = tuple(row[name] for name in ids)
            last[key] = {**row, **{name: last[key][name] for name in first if key in last}}
        if not last:
            return
        statement = self._insert(table)
        new = statement.excluded
        values = {column.name: new[column.name] for column in table.c if column.name not in (*ids, *first)}
        # Sorted: two writers that take locks in one order never wait for each other.
        connection.execute(
            statement.on_conflict_do_update(index_elements=ids, set_=values, where=new[time] >= table.c[time]),
            [last[key] for key in sorted(last)],
        )

    def prune(self, *, events_before_ms: int, summaries_before_ms: int) -> int:
        """Delete what is older, but nothing of an episode that goes on; return how many messages that were.

        Raises
        ------
        StoreDown, StoreError
            The database does not take it.
        """
        events, episodes, requests, windows = tables.events, tables.episodes, tables.requests, tables.summaries
        open_ones = select(episodes.c.episode).where(episodes.c.ended_ms.is_(None))
        with self._database.begin() as connection:
            gone = connection.execute(
                delete(events).where(
                    events.c.time_ms < events_before_ms, or_(events.c.story.is_(None), events.c.story.not_in(open_ones))
                )
            ).rowcount
            connection.execute(delete(episodes).where(episodes.c.ended_ms < events_before_ms))
            connection.execute(delete(requests).where(requests.c.updated_ms < events_before_ms))
            gone += connection.execute(delete(windows).where(windows.c.end_ms < summaries_before_ms)).rowcount
            connection.execute(delete(tables.keys).where(tables.keys.c.end_ms < summaries_before_ms))
        return int(gone)


def _event(message: Message) -> dict[str, Any]:
    event = message.read
    assert not isinstance(event, SummaryEvent)
    story = event.data.episode if isinstance(event, DriftEvent) else None
    if isinstance(event, RetrainEvent):
        story = event.data.request
    return {
        "id": event.id,
        "time_ms": milliseconds(event.time),
        "type": event.type,
        "source": event.source,
        "model": event.data.model,
        "subject": event.subject,
        "story": story,
        "body": zlib.compress(message.body, LEVEL),
    }


def _episode(event: DriftEvent) -> dict[str, Any]:
    data, time_ms = event.data, milliseconds(event.time)
    return {
        "episode": data.episode,
        "incident": data.incident,
        "source": event.source,
        "model": data.model,
        "version": data.version,
        "segment": segments.text(data.segment),
        "kind": data.kind,
        "severity": data.severity,
        "role": data.role,
        "onset_ms": milliseconds(data.onset),
        "detected_ms": milliseconds(data.detected),
        "updated_ms": time_ms,
        "ended_ms": time_ms if data.why is not None else None,
        "why": data.why,
        "judgement": data.acknowledged.as_ if data.acknowledged else None,
        "muted": data.muted,
        "message": data.message,
    }


def _request(event: RetrainEvent) -> dict[str, Any]:
    data, time_ms = event.data, milliseconds(event.time)
    return {
        "request": data.request,
        "source": event.source,
        "model": data.model,
        "version": data.version,
        "state": event.type.rpartition(".")[2],
        "time_ms": time_ms,
        "updated_ms": time_ms,
        "message": data.message,
    }


def _key(event: SummaryEvent) -> dict[str, Any]:
    summary = event.data
    end_ms = milliseconds(summary.window.end)
    return {
        **_of(event.source, summary),
        "end_ms": end_ms,
        "count": summary.window.count,
        "size_ms": end_ms - milliseconds(summary.window.start),
        "status": summary.status,
    }


def _summary(message: Message) -> dict[str, Any]:
    assert isinstance(message.read, SummaryEvent)
    summary = message.read.data
    return {
        "id": message.read.id,
        **_of(message.read.source, summary),
        "start_ms": milliseconds(summary.window.start),
        "end_ms": milliseconds(summary.window.end),
        "count": summary.window.count,
        "status": summary.status,
        "exceeded": summary.exceeded,
        "expected": summary.expected,
        "body": zlib.compress(message.body, LEVEL),
    }


def _of(source: str, summary: Summary) -> dict[str, str]:
    return {
        "source": source,
        "model": summary.model,
        "version": summary.version,
        "segment": summary.segment,
        "about": summary.about,
    }
