"""What an episode has to do with: earlier ones like it, and retrain requests."""

from __future__ import annotations

from sqlalchemy import select

from schemas.cloudevents import milliseconds
from schemas.events import DriftEvent, Event, RetrainEvent
from store.found import Episode
from store.rows import Rows, event_of
from store.tables import episodes as EPISODES
from store.tables import events as EVENTS
from store.tables import requests as REQUESTS

ALIKE = 200  # newest earlier episodes of the kind, among which similar ones are looked for: some 20 ms


def similar(rows: Rows, event: DriftEvent, most: int) -> list[tuple[Episode, float]]:
    """Earlier episodes of the model and kind, those first that are most like that of the event."""
    data = event.data
    earlier = (
        select(EPISODES)
        .where(
            EPISODES.c.model == data.model,
            EPISODES.c.kind == data.kind,
            EPISODES.c.onset_ms < milliseconds(data.onset),
        )
        .order_by(EPISODES.c.onset_ms.desc(), EPISODES.c.episode)
        .limit(ALIKE)
    )
    found = {row.episode: Episode(**row._mapping) for row in rows(earlier)}
    ours, ranked = _moves(event), []
    for story, its_event in _newest(rows, EVENTS.c.story.in_(found)).items():
        its = _moves(its_event)
        if ours & its:
            ranked.append((found[story], len(ours & its) / len(ours | its)))
    return sorted(ranked, key=lambda pair: (-pair[1], -pair[0].onset_ms, pair[0].episode))[:most]


def requests_because_of(rows: Rows, episode: Episode) -> list[RetrainEvent]:
    """Newest events of the retrain requests that an episode is a reason of, or stands in the way of; oldest first."""
    asked = select(REQUESTS.c.request).where(
        REQUESTS.c.model == episode.model, REQUESTS.c.updated_ms >= episode.detected_ms
    )
    found = []
    for event in _newest(rows, EVENTS.c.story.in_(asked)).values():
        assert isinstance(event, RetrainEvent)
        because = (*event.data.reasons, *(event.data.blocked_by or ()))
        if any(reason.episode == episode.episode for reason in because):
            found.append(event)
    return found


def _newest(rows: Rows, which: object) -> dict[str, Event]:
    """The newest event of each of these stories."""
    bodies = select(EVENTS.c.story, EVENTS.c.body).where(which).order_by(EVENTS.c.time_ms, EVENTS.c.id)  # type: ignore[arg-type]
    return {story: event_of(body) for story, body in {row.story: row.body for row in rows(bodies)}.items()}


def _moves(event: Event) -> set[tuple[str, str]]:
    """Signals of an episode, and where they went."""
    assert isinstance(event, DriftEvent)
    return {(each.signal, each.effect.direction) for each in event.data.signals}
