"""Episodes: signals that changed together, from onset to recovery, and incidents: episodes that began together.

Signals of one (version, segment, kind) whose onsets lie within one window of each other are one episode; episodes of
a model whose onsets lie within one window of each other are one incident. A signal is in one open episode at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from config.plan import LabelsPlan, ModelPlan
from operators.decisions.outputs import SignalChange
from operators.quality.volume import Traffic
from schemas.cloudevents import identity
from schemas.events import Acknowledged, Kind, Returned, Severity
from schemas.terms import Escalation

# Incidents without open episodes that are remembered, per model. With fewer, late episodes of an old incident become
# an incident of their own; with more, state grows by 60 bytes each.
INCIDENTS = 1_000
WIDER = 2  # times as many signals as when people were told last are worth telling again
LASTING = 24  # windows, after which an episode that nobody has acknowledged is worth telling again; of an hour, a day


class Episode(msgspec.Struct, kw_only=True):
    """An open episode. What `members` last said tells which of its signals are still open."""

    id: str
    incident: str
    version: str
    segment: str
    kind: Kind
    first_ms: int  # onsets of the signals when they joined: earliest
    last_ms: int  # and latest
    detected_ms: int
    peak: Severity  # the highest severity so far
    members: dict[str, SignalChange]  # by signal, also those that have recovered
    acknowledged: Acknowledged | None = None
    recurs: str | None = None  # the earlier episode that it is like
    returns: Returned | None = None  # the earlier reference that it leads back to
    widest: int = 0  # signals that were open when people were told last
    lasts: bool = False  # people were told how long it has been open

    @property
    def open(self) -> list[SignalChange]:
        """The last word on each signal that has not recovered."""
        return [change for change in self.members.values() if change.state != "recovered"]


class Incident(msgspec.Struct, kw_only=True):
    """Episodes that began together: the earliest and latest of their onsets."""

    id: str
    first_ms: int
    last_ms: int


class Story(msgspec.Struct, kw_only=True):
    """What is going on in a model: open episodes in the order of their opening, and recent incidents."""

    episodes: list[Episode] = []
    incidents: list[Incident] = []
    volumes: dict[str, list[tuple[int, int]]] = {}  # by version: end and records of the newest slides of its traffic
    traffic: Traffic | None = None  # of all versions together, where it is watched


class Turn(NamedTuple):
    """What a step did to an episode."""

    type: Literal["opened", "updated", "resolved"]
    episode: Episode
    escalated: Escalation | None = None  # `updated` only


def memory_ms(plan: ModelPlan) -> int:
    """How long an incident without open episodes is remembered: labels that are late may tell what belongs to it."""
    wait_ms = plan.labels.within_ms if isinstance(plan.labels, LabelsPlan) else 0
    return plan.window.size_ms + plan.window.grow_to_ms + wait_ms


def step(
    story: Story, changes: Sequence[SignalChange], scope: tuple[str, ...], window_ms: int, memory_ms: int
) -> list[Turn]:
    """Take all changes of one (time, version, segment, kind); at most one turn per episode.

    Parameters
    ----------
    story : Story
        Changed in place.
    changes : sequence of SignalChange
        At least one, in any order.
    scope : tuple of str
        What makes ids of this model differ from others': environment and job.
    window_ms : int
        How far apart onsets of one episode, and of one incident, may be.
    memory_ms : int
        Age of its newest onset at which an incident without open episodes is forgotten.
    """
    first = changes[0]
    about = (first.version, first.segment, first.kind)
    alike = [episode for episode in story.episodes if (episode.version, episode.segment, episode.kind) == about]
    known = len(alike)
    touched: set[str] = set()
    # Changes before recoveries, so that an episode goes on when one signal leaves it as another joins.
    for change in sorted(changes, key=lambda change: (change.state == "recovered", change.onset_ms, _signal(change))):
        episode = _holding(alike, change)
        if episode is None and change.state != "recovered":
            episode = _fitting(alike, change, window_ms)
            if episode is None:
                episode = _opened(story, change, scope, window_ms)
                alike.append(episode)
        if episode is not None:
            episode.members[_signal(change)] = change
            touched.add(episode.id)
    turns = [_turn(episode, position >= known) for position, episode in enumerate(alike) if episode.id in touched]
    over = {turn.episode.id for turn in turns if turn.type == "resolved"}
    opened = [turn.episode for turn in turns if turn.type == "opened"]
    story.episodes = [episode for episode in story.episodes if episode.id not in over] + opened
    _forget(story, before_ms=first.time_ms - memory_ms)
    return turns


def _signal(change: SignalChange) -> str:
    return change.evidence.signal


def _holding(alike: list[Episode], change: SignalChange) -> Episode | None:
    """The open episode in which the signal is open."""
    for episode in alike:
        member = episode.members.get(_signal(change))
        if member is not None and member.state != "recovered":
            return episode
    return None


def _fitting(alike: list[Episode], change: SignalChange, window_ms: int) -> Episode | None:
    """The first open episode that the onset fits in, with its span of onsets widened."""
    return next((episode for episode in alike if _widened(episode, change.onset_ms, window_ms)), None)


def _widened(span: Episode | Incident, onset_ms: int, window_ms: int) -> bool:
    """Whether the onset lies within one window of all others; if so, the span covers it now."""
    first_ms, last_ms = min(span.first_ms, onset_ms), max(span.last_ms, onset_ms)
    if last_ms - first_ms > window_ms:
        return False
    span.first_ms, span.last_ms = first_ms, last_ms
    return True


def _opened(story: Story, change: SignalChange, scope: tuple[str, ...], window_ms: int) -> Episode:
    # The time of detection is part of the id: once an episode is over, another may open with the same onset.
    about = (change.model, change.version, change.segment, change.kind, change.onset_ms, change.time_ms)
    return Episode(
        id=identity(*scope, "episode", *about),
        incident=_incident(story, change, scope, window_ms),
        version=change.version,
        segment=change.segment,
        kind=change.kind,
        first_ms=change.onset_ms,
        last_ms=change.onset_ms,
        detected_ms=change.time_ms,
        peak="warning",
        members={},
    )


def _incident(story: Story, change: SignalChange, scope: tuple[str, ...], window_ms: int) -> str:
    for incident in story.incidents:
        if _widened(incident, change.onset_ms, window_ms):
            return incident.id
    # No other incident of the model can begin with this onset: it would have fitted in.
    id = identity(*scope, "incident", change.model, change.onset_ms)
    story.incidents.append(Incident(id=id, first_ms=change.onset_ms, last_ms=change.onset_ms))
    return id


def _turn(episode: Episode, new: bool) -> Turn:
    many, before = len(episode.open), episode.peak
    if any(change.severity == "critical" for change in episode.open):
        episode.peak = "critical"
    if not many:
        return Turn("resolved", episode)
    if new:
        episode.widest = many
        return Turn("opened", episode)
    wider = 0 < WIDER * episode.widest <= many
    if episode.peak == before and not wider:
        return Turn("updated", episode)
    episode.widest = max(episode.widest, many)
    return Turn("updated", episode, "severity" if episode.peak != before else "signals")


def lasting(story: Story, time_ms: int, window_ms: int) -> list[Turn]:
    """Episodes of champions that have been open for long by now, and that nobody has acknowledged; each once."""
    found = []
    for episode in story.episodes:
        is_long = not episode.lasts and time_ms - episode.detected_ms >= LASTING * window_ms
        if is_long and episode.acknowledged is None and all(one.role == "champion" for one in episode.open):
            episode.lasts = True
            found.append(Turn("updated", episode, "duration"))
    return found


def _forget(story: Story, before_ms: int) -> None:
    going_on = {episode.incident for episode in story.episodes}
    recent = [item for item in story.incidents if item.id in going_on or item.last_ms >= before_ms]
    idle = [item.id for item in recent if item.id not in going_on]
    forgotten = set(idle[: max(0, len(idle) - INCIDENTS)])
    story.incidents = [item for item in recent if item.id not in forgotten]
