"""What an episode has to do with: earlier ones like it, and retrain requests."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select

from schemas import segments
from schemas.cloudevents import milliseconds
from schemas.events import DriftData, DriftEvent, Event, ProfileEvent, RefusedEvent, RetrainEvent
from store.found import Episode
from store.rows import Rows, event_of
from store.tables import episodes as EPISODES
from store.tables import events as EVENTS
from store.tables import requests as REQUESTS

ON = ("io.tidemark.drift.opened", "io.tidemark.drift.updated")  # types of events of an episode that goes on
ANSWERS = ("io.tidemark.profile.rebased", "io.tidemark.profile.restored", "io.tidemark.control.refused")
ALIKE = 200  # newest earlier episodes of the kind, among which similar ones are looked for: some 20 ms


def episodes_like(
    rows: Rows, *, search: str, state: str, severity: str, kind: str, skip: int, most: int
) -> tuple[int, list[Episode]]:
    """How many there are, and some of them; what is empty does not restrict them."""
    wanted = []
    if search:
        columns = EPISODES.c.model, EPISODES.c.message, EPISODES.c.segment, EPISODES.c.episode
        wanted.append(or_(*(func.lower(column).contains(search.lower(), autoescape=True) for column in columns)))
    if state:
        wanted.append(EPISODES.c.ended_ms.is_(None) if state == "open" else EPISODES.c.ended_ms.is_not(None))
    wanted += [EPISODES.c[name] == value for name, value in (("severity", severity), ("kind", kind)) if value]
    number = rows(select(func.count()).select_from(EPISODES).where(*wanted))[0][0]
    order = EPISODES.c.onset_ms.desc(), EPISODES.c.episode
    found = rows(select(EPISODES).where(*wanted).order_by(*order).offset(skip).limit(most))
    return int(number), [Episode(**row._mapping) for row in found]


def told(rows: Rows, episodes: Sequence[str]) -> dict[str, DriftData]:
    """By episode, the data of its newest event but for the one that it is over."""
    newest = _newest(rows, EVENTS.c.story.in_(episodes) & EVENTS.c.type.in_(ON))
    return {story: event.data for story, event in newest.items() if isinstance(event, DriftEvent)}


def similar(rows: Rows, event: DriftEvent, most: int) -> list[tuple[Episode, float]]:
    """Earlier episodes of other incidents, of the model and kind, those first that are most like that of the event."""
    data = event.data
    earlier = (
        select(EPISODES)
        .where(
            EPISODES.c.model == data.model,
            EPISODES.c.kind == data.kind,
            EPISODES.c.onset_ms < milliseconds(data.onset),
            EPISODES.c.incident != data.incident,
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
    here = segments.text(data.segment)
    ranked.sort(key=lambda pair: (-pair[1], pair[0].segment != here, -pair[0].onset_ms, pair[0].episode))
    return ranked[:most]


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


def said_of(rows: Rows, episode: Episode) -> list[ProfileEvent | RefusedEvent]:
    """What the job made of what people told it of an episode, but for judgements, which its own events tell."""
    bodies = (
        select(EVENTS.c.body)
        .where(EVENTS.c.model == episode.model, EVENTS.c.time_ms >= episode.detected_ms, EVENTS.c.type.in_(ANSWERS))
        .order_by(EVENTS.c.time_ms, EVENTS.c.id)
    )
    found: list[ProfileEvent | RefusedEvent] = []
    for event in (event_of(row.body) for row in rows(bodies)):
        if isinstance(event, RefusedEvent):
            about = event.data.about
        elif isinstance(event, ProfileEvent) and event.data.accepted is not None:
            about = event.data.accepted.episode
        else:
            continue
        if about == episode.episode:
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
