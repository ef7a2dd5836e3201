"""Reading from the store: what the dashboard and reports show."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from schemas import events, summaries
from schemas.events import Event
from schemas.summaries import Summary
from store.database import Database
from store.tables import episodes as EPISODES
from store.tables import events as EVENTS
from store.tables import keys as KEYS
from store.tables import requests as REQUESTS
from store.tables import summaries as SUMMARIES


@dataclass(frozen=True)
class Episode:
    """An episode as its newest event tells it; times are milliseconds since 1970 UTC."""

    episode: str
    incident: str
    source: str
    model: str
    version: str
    segment: str  # canonical text
    kind: str
    severity: str
    role: str
    onset_ms: int
    detected_ms: int
    updated_ms: int
    ended_ms: int | None  # None: it goes on
    why: str | None  # it has ended
    judgement: str | None
    muted: bool
    message: str


@dataclass(frozen=True)
class Request:
    """A retrain request as its newest event tells it."""

    request: str
    source: str
    model: str
    version: str
    state: str  # requested, waiting, blocked, withdrawn, overdue, completed
    time_ms: int
    updated_ms: int
    message: str


@dataclass(frozen=True)
class Key:
    """A segment of a model version, and its newest window."""

    source: str
    model: str
    version: str
    segment: str
    about: str  # records, performance, errors, labels
    end_ms: int
    count: int
    size_ms: int
    status: str


@dataclass(frozen=True)
class Held:
    """Whether thresholds hold: evaluations over them, and how many there would be if nothing had changed."""

    windows: int
    records: int  # of windows, which may overlap
    exceeded: int
    expected: float


class Reader:
    """Reads a database; every method raises StoreDown or StoreError where that fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def models(self) -> list[str]:
        """Names of all models of which there is anything, in order."""
        names = select(KEYS.c.model).union(select(EVENTS.c.model).where(EVENTS.c.model.is_not(None)))
        return sorted(row.model for row in self._rows(names))

    def keys(self, model: str | None = None, *, segment: str | None = None) -> list[Key]:
        """Segments of versions, those with the newest windows first."""
        found = select(KEYS).order_by(KEYS.c.end_ms.desc(), KEYS.c.model, KEYS.c.version, KEYS.c.segment)
        if model is not None:
            found = found.where(KEYS.c.model == model)
        if segment is not None:
            found = found.where(KEYS.c.segment == segment)
        return [Key(**row._mapping) for row in self._rows(found)]

    def episodes(
        self,
        model: str | None = None,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        going_on: bool = False,
        most: int | None = None,
    ) -> list[Episode]:
        """Episodes that went on at any time between `from_ms` and `to_ms`, the newest first."""
        found = select(EPISODES).order_by(EPISODES.c.onset_ms.desc(), EPISODES.c.episode).limit(most)
        if model is not None:
            found = found.where(EPISODES.c.model == model)
        if going_on:
            found = found.where(EPISODES.c.ended_ms.is_(None))
        if from_ms is not None:
            found = found.where(or_(EPISODES.c.ended_ms.is_(None), EPISODES.c.ended_ms >= from_ms))
        if to_ms is not None:
            found = found.where(EPISODES.c.onset_ms < to_ms)
        return [Episode(**row._mapping) for row in self._rows(found)]

    def requests(
        self, model: str | None = None, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> list[Request]:
        """Retrain requests, the newest first."""
        found = select(REQUESTS).order_by(REQUESTS.c.time_ms.desc(), REQUESTS.c.request)
        if model is not None:
            found = found.where(REQUESTS.c.model == model)
        if from_ms is not None:
            found = found.where(REQUESTS.c.updated_ms >= from_ms)
        if to_ms is not None:
            found = found.where(REQUESTS.c.time_ms < to_ms)
        return [Request(**row._mapping) for row in self._rows(found)]

    def story(self, about: str) -> list[Event]:
        """All events of an episode or a retrain request, in the order of their times."""
        found = select(EVENTS.c.body).where(EVENTS.c.story == about).order_by(EVENTS.c.time_ms, EVENTS.c.id)
        return [events.decode(zlib.decompress(row.body)) for row in self._rows(found)]

    def events(self, model: str | None = None, *, from_ms: int | None = None, to_ms: int | None = None) -> list[Event]:
        """All events of a span, and those before it of episodes that went on in it, in the order of their times."""
        found = select(EVENTS.c.body).order_by(EVENTS.c.time_ms, EVENTS.c.id)
        if model is not None:
            found = found.where(EVENTS.c.model == model)
        if from_ms is not None:
            stories = select(EPISODES.c.episode).where(
                or_(EPISODES.c.ended_ms.is_(None), EPISODES.c.ended_ms >= from_ms)
            )
            found = found.where(or_(EVENTS.c.time_ms >= from_ms, EVENTS.c.story.in_(stories)))
        if to_ms is not None:
            found = found.where(EVENTS.c.time_ms < to_ms)
        return [events.decode(zlib.decompress(row.body)) for row in self._rows(found)]

    def summaries(
        self,
        key: Key,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        most: int | None = None,
    ) -> list[Summary]:
        """Windows of a key that end between `from_ms` and `to_ms`, in the order of time; of too many the newest."""
        found = (
            select(SUMMARIES.c.body)
            .where(
                SUMMARIES.c.model == key.model,
                SUMMARIES.c.version == key.version,
                SUMMARIES.c.segment == key.segment,
                SUMMARIES.c.about == key.about,
                SUMMARIES.c.source == key.source,
            )
            .order_by(SUMMARIES.c.end_ms.desc())
            .limit(most)
        )
        rows = self._rows(_within(found, from_ms, to_ms))
        return [summaries.decode(zlib.decompress(row.body)).data for row in reversed(rows)]

    def held(self, model: str | None = None, *, from_ms: int | None = None, to_ms: int | None = None) -> Held:
        """Unconfirmed alarms of windows, against how many the budget expects of them."""
        found = select(
            func.count(), func.sum(SUMMARIES.c.count), func.sum(SUMMARIES.c.exceeded), func.sum(SUMMARIES.c.expected)
        ).where(SUMMARIES.c.about == "records")
        if model is not None:
            found = found.where(SUMMARIES.c.model == model)
        windows, records, exceeded, expected = self._rows(_within(found, from_ms, to_ms))[0]
        return Held(windows, int(records or 0), int(exceeded or 0), float(expected or 0.0))

    def span(self, model: str | None = None) -> tuple[int, int] | None:
        """Times of the first and last of what there is, None where there is nothing."""
        windows = select(func.min(SUMMARIES.c.start_ms), func.max(SUMMARIES.c.end_ms))
        drifts = select(func.min(EPISODES.c.onset_ms), func.max(EPISODES.c.updated_ms))
        if model is not None:
            windows, drifts = windows.where(SUMMARIES.c.model == model), drifts.where(EPISODES.c.model == model)
        found = [*self._rows(windows), *self._rows(drifts)]
        starts, ends = ([row[place] for row in found if row[place] is not None] for place in (0, 1))
        return (min(starts), max(ends)) if starts else None

    def _rows(self, found: Any) -> list[Any]:
        with self._database.begin() as connection:
            return list(connection.execute(found).all())


def _within(found: Any, from_ms: int | None, to_ms: int | None) -> Any:
    if from_ms is not None:
        found = found.where(SUMMARIES.c.end_ms > from_ms)
    if to_ms is not None:
        found = found.where(SUMMARIES.c.end_ms <= to_ms)
    return found
