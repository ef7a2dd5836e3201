"""Writing to the store: each message once, however often it comes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from schemas import segments
from schemas.cloudevents import milliseconds
from schemas.events import DriftEvent, Event, RetrainEvent
from schemas.summaries import Summary, SummaryEvent
from store import letters, tables
from store.database import Database
from store.letters import Letter

_ADDED = ("windows", "records", "exceeded", "expected")  # of a day
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

    def write(self, messages: Sequence[Message]) -> Written:
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
            new_events = self._once(connection, tables.events, [_event(each) for each in events.values()])
            rows = {id: _summary(each) for id, each in windows.items()}
            new_windows = self._once(connection, tables.summaries, list(rows.values()))
            new = len(new_events) + len(new_windows)
            self._add_up(connection, [rows[id] for id in new_windows])
            drifts = [each.read for each in events.values() if isinstance(each.read, DriftEvent)]
            self._newest(connection, tables.episodes, map(_episode, drifts), "updated_ms")
            asked = [each.read for each in events.values() if isinstance(each.read, RetrainEvent)]
            self._newest(connection, tables.requests, map(_request, asked), "updated_ms", first=("time_ms",))
            keys = [each.read for each in windows.values() if isinstance(each.read, SummaryEvent)]
            self._newest(connection, tables.keys, map(_key, keys), "end_ms")
            if new:
                _changed(connection)
        return Written(new, len(events) + len(windows) - new)

    def count(self, found: Sequence[Letter]) -> int:
        """Count dead letters, all of them or none, each once: those before the place up to which they are counted are.

        Returns
        -------
        int
            How many were not counted before.

        Raises
        ------
        StoreDown, StoreError
            The database does not take them.
        """
        with self._database.begin() as connection:
            if new := letters.count(connection, self._insert, found):
                _changed(connection)
        return new

    def _once(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Put in the rows whose ids are not there, and give these ids."""
        if not rows:
            return []
        statement = self._insert(table).on_conflict_do_nothing(index_elements=["id"]).returning(table.c.id)
        return list(connection.execute(statement, list(rows)).scalars())

    def _add_up(self, connection: Connection, windows: Iterable[Mapping[str, Any]]) -> None:
        """Add new windows of records to the sums of their days."""
        sums: dict[tuple[str, str, int], tuple[int, int, int, float]] = {}
        for row in windows:
            if row["about"] == "records":
                day = row["source"], row["model"], tables.day_ms(row["end_ms"])
                number, records, exceeded, expected = sums.get(day, (0, 0, 0, 0.0))
                sums[day] = (
                    number + 1, records + row["count"], exceeded + row["exceeded"], expected + row["expected"]
                )  # fmt: skip
        if not sums:
            return
        table = tables.days
        statement = self._insert(table)
        values = {name: table.c[name] + statement.excluded[name] for name in _ADDED}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source", "model", "day_ms"], set_=values),
            [
                {"source": day[0], "model": day[1], "day_ms": day[2], **dict(zip(_ADDED, sums[day], strict=True))}
                for day in sorted(sums)
            ],
        )

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

        Windows and dead letters go by whole days.

        Raises
        ------
        StoreDown, StoreError
            The database does not take it.
        """
        events, episodes, requests, windows = tables.events, tables.episodes, tables.requests, tables.summaries
        day_ms = tables.day_ms(summaries_before_ms)
        open_ones = select(episodes.c.episode).where(episodes.c.ended_ms.is_(None))
        with self._database.begin() as connection:
            gone = connection.execute(
                delete(events).where(
                    events.c.time_ms < events_before_ms, or_(events.c.story.is_(None), events.c.story.not_in(open_ones))
                )
            ).rowcount
            connection.execute(delete(episodes).where(episodes.c.ended_ms < events_before_ms))
            connection.execute(delete(requests).where(requests.c.updated_ms < events_before_ms))
            gone += connection.execute(delete(windows).where(windows.c.end_ms < day_ms)).rowcount
            connection.execute(delete(tables.keys).where(tables.keys.c.end_ms < day_ms))
            connection.execute(delete(tables.days).where(tables.days.c.day_ms < day_ms))
            connection.execute(delete(tables.letters).where(tables.letters.c.day_ms < day_ms))
            if gone:
                _changed(connection)
        return int(gone)


def _changed(connection: Connection) -> None:
    """Count that something was written; last in a transaction, since others wait for the row."""
    table = tables.changes
    if not connection.execute(update(table).values(number=table.c.number + 1)).rowcount:
        connection.execute(insert(table).values(one=1, number=1))


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
