"""Reading from the store: what the dashboard and reports show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from schemas.events import DriftData, DriftEvent, Event, ProfileEvent, RefusedEvent, RetrainEvent
from schemas.summaries import Summary
from store.database import Database
from store.fleet import DAY_SUMS, fleet
from store.found import Day, Episode, Evaluated, Fleet, Held, Key, Letters, Request
from store.rows import event_of, held_of, summary_of
from store.stories import episodes_like, requests_because_of, said_of, similar, told
from store.tables import changes as CHANGES
from store.tables import day_ms
from store.tables import days as DAYS
from store.tables import episodes as EPISODES
from store.tables import events as EVENTS
from store.tables import keys as KEYS
from store.tables import letters as LETTERS
from store.tables import requests as REQUESTS
from store.tables import summaries as SUMMARIES

_SUMS = tuple(func.sum(SUMMARIES.c[name]) for name in ("count", "exceeded", "expected"))


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
        return [event_of(row.body) for row in self._rows(found)]

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
        return [event_of(row.body) for row in self._rows(found)]

    def summaries(
        self,
        key: Key,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        most: int | None = None,
    ) -> list[Summary]:
        """Windows of a key that end between `from_ms` and `to_ms`, in the order of time; of too many the newest."""
        found = select(SUMMARIES.c.body).where(*_of(key)).order_by(SUMMARIES.c.end_ms.desc()).limit(most)
        rows = self._rows(_within(found, from_ms, to_ms))
        return [summary_of(row.body) for row in reversed(rows)]

    def windows(self, key: Key, *, from_ms: int | None = None, to_ms: int | None = None) -> list[Evaluated]:
        """As `summaries`, without what was found in them, which is most of it."""
        columns = (SUMMARIES.c[name] for name in ("start_ms", "end_ms", "count", "status", "exceeded", "expected"))
        found = select(*columns).where(*_of(key)).order_by(SUMMARIES.c.end_ms)
        return [Evaluated(*row) for row in self._rows(_within(found, from_ms, to_ms))]

    def summaries_at(self, key: Key, ends_ms: Sequence[int]) -> list[Summary]:
        """Windows of a key that end at these times, in the order of time."""
        found = select(SUMMARIES.c.body).where(*_of(key), SUMMARIES.c.end_ms.in_(ends_ms)).order_by(SUMMARIES.c.end_ms)
        return [summary_of(row.body) for row in self._rows(found)]

    def fleet(self, since_ms: int) -> list[Fleet]:
        """All models, in the order of their names.

        Parameters
        ----------
        since_ms : int
            Alarms are added up from the day of this time on.
        """
        return fleet(self._rows, self.models(), since_ms)

    def held_by_day(self, model: str | None = None, *, from_ms: int | None = None) -> list[Day]:
        """Days in their order, from that of `from_ms` on, of one model or of all."""
        found = select(DAYS.c.day_ms, *DAY_SUMS).group_by(DAYS.c.day_ms).order_by(DAYS.c.day_ms)
        if model is not None:
            found = found.where(DAYS.c.model == model)
        if from_ms is not None:
            found = found.where(DAYS.c.day_ms >= day_ms(from_ms))
        return [Day(row[0], held_of(row[1:])) for row in self._rows(found)]

    def held_by_window(self, model: str, *, from_ms: int | None = None, to_ms: int | None = None) -> list[Day]:
        """As `held_by_day`, by the ends of windows."""
        found = (
            select(SUMMARIES.c.end_ms, func.count(), *_SUMS)
            .where(SUMMARIES.c.model == model, SUMMARIES.c.about == "records")
            .group_by(SUMMARIES.c.end_ms)
            .order_by(SUMMARIES.c.end_ms)
        )
        return [Day(row[0], held_of(row[1:])) for row in self._rows(_within(found, from_ms, to_ms))]

    def episode(self, episode: str) -> Episode | None:
        """The episode with this id."""
        rows = self._rows(select(EPISODES).where(EPISODES.c.episode == episode))
        return Episode(**rows[0]._mapping) if rows else None

    def incident(self, incident: str) -> list[Episode]:
        """Episodes that began together, the earliest first."""
        found = (
            select(EPISODES).where(EPISODES.c.incident == incident).order_by(EPISODES.c.onset_ms, EPISODES.c.episode)
        )
        return [Episode(**row._mapping) for row in self._rows(found)]

    def similar(self, event: DriftEvent, most: int = 5) -> list[tuple[Episode, float]]:
        """Earlier episodes of other incidents, of the model and kind, those first that are most like that of the event.

        Returns
        -------
        list of tuple
            Each with the share of its signals and the event's that changed in both, in one direction, in (0, 1].
        """
        return similar(self._rows, event, most)

    def episodes_like(
        self,
        *,
        search: str = "",
        state: str = "",
        severity: str = "",
        kind: str = "",
        skip: int = 0,
        most: int = 50,
    ) -> tuple[int, list[Episode]]:
        """How many episodes there are, and some of them, the newest first; what is empty does not restrict them.

        Parameters
        ----------
        search : str
            A part of the model, segment, message or id, in any case.
        state : "open", "over" or ""
        severity, kind : str
        skip, most : int
            Leave out so many, then give so many.
        """
        return episodes_like(self._rows, search=search, state=state, severity=severity, kind=kind, skip=skip, most=most)

    def told(self, episodes: Sequence[str]) -> dict[str, DriftData]:
        """By episode, what its newest event says but for the one that it is over: that tells what it was."""
        return told(self._rows, episodes)

    def said_of(self, episode: Episode) -> list[ProfileEvent | RefusedEvent]:
        """What the job made of what people told it of an episode, in the order of time; see `story` for judgements."""
        return said_of(self._rows, episode)

    def requests_because_of(self, episode: Episode) -> list[RetrainEvent]:
        """Newest events of the retrain requests that an episode is a reason of, or is in the way of; oldest first."""
        return requests_because_of(self._rows, episode)

    def letters(self, *, from_ms: int | None = None) -> list[Letters]:
        """Dead letters since the day of `from_ms`, those of which there are most first."""
        found = select(LETTERS).order_by(LETTERS.c.day_ms)
        if from_ms is not None:
            found = found.where(LETTERS.c.day_ms >= day_ms(from_ms))
        added: dict[tuple[str, ...], Letters] = {}
        for row in self._rows(found):
            kind = (row.job, row.source, row.reason, row.error)
            number = row.number + (added[kind].number if kind in added else 0)
            added[kind] = Letters(*kind, number, row.last_ms, tuple(row.places.split("\n")))
        return sorted(added.values(), key=lambda each: (-each.number, each.source, each.reason, each.error))

    def letters_by_day(self, *, from_ms: int, source: str = "") -> list[tuple[int, str, int]]:
        """Day, reason and number of dead letters, in the order of days; of one source, or of all."""
        found = (
            select(LETTERS.c.day_ms, LETTERS.c.reason, func.sum(LETTERS.c.number))
            .where(LETTERS.c.day_ms >= day_ms(from_ms))
            .group_by(LETTERS.c.day_ms, LETTERS.c.reason)
            .order_by(LETTERS.c.day_ms, LETTERS.c.reason)
        )
        if source:
            found = found.where(LETTERS.c.source == source)
        return [(row[0], row[1], int(row[2])) for row in self._rows(found)]

    def mark(self) -> int:
        """A number that is another one as soon as anything was written."""
        rows = self._rows(select(CHANGES.c.number))
        return int(rows[0].number) if rows else 0

    def held(self, model: str | None = None, *, from_ms: int | None = None, to_ms: int | None = None) -> Held:
        """Unconfirmed alarms of windows, against how many the budget expects of them."""
        found = select(func.count(), *_SUMS).where(SUMMARIES.c.about == "records")
        if model is not None:
            found = found.where(SUMMARIES.c.model == model)
        return held_of(self._rows(_within(found, from_ms, to_ms))[0])

    def span(self, model: str | None = None) -> tuple[int, int] | None:
        """When the window that ended first began, or an episode before it; and the last of what there is.

        None where there is nothing.
        """
        first, last = select(func.min(SUMMARIES.c.end_ms)), select(func.max(KEYS.c.end_ms))
        drifts = select(func.min(EPISODES.c.onset_ms), func.max(EPISODES.c.updated_ms))
        began = select(func.min(SUMMARIES.c.start_ms))
        if model is not None:
            first, began = first.where(SUMMARIES.c.model == model), began.where(SUMMARIES.c.model == model)
            last, drifts = last.where(KEYS.c.model == model), drifts.where(EPISODES.c.model == model)
        earliest, latest = self._rows(drifts)[0]
        starts, ends = [earliest], [latest, self._rows(last)[0][0]]
        if (first_ms := self._rows(first)[0][0]) is not None:
            starts.append(self._rows(began.where(SUMMARIES.c.end_ms == first_ms))[0][0])
        times = [min((each for each in starts if each is not None), default=None)]
        times.append(max((each for each in ends if each is not None), default=None))
        return (times[0], times[1]) if times[0] is not None and times[1] is not None else None

    def _rows(self, found: Any) -> list[Any]:
        with self._database.begin() as connection:
            return list(connection.execute(found).all())


def _of(key: Key) -> list[ColumnElement[bool]]:
    return [SUMMARIES.c[name] == getattr(key, name) for name in ("model", "version", "segment", "about", "source")]


def _within(found: Any, from_ms: int | None, to_ms: int | None) -> Any:
    if from_ms is not None:
        found = found.where(SUMMARIES.c.end_ms > from_ms)
    if to_ms is not None:
        found = found.where(SUMMARIES.c.end_ms <= to_ms)
    return found
