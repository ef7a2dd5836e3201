"""Telling: what the policy takes becomes the model's story, and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from config.plan import ALL, JobPlan, ModelPlan, RetrainPlan
from operators.decisions import announcements, control, episodes, messages, requests, retraining, slices, volumes
from operators.decisions.asking import Retraining, Said
from operators.decisions.causes import context
from operators.decisions.episodes import Episode, Story, Turn
from operators.decisions.outputs import (
    LabelsCame,
    Learned,
    Measures,
    Output,
    Places,
    Progress,
    Rebased,
    Refused,
    SignalChange,
    SliceAlarms,
    Told,
)
from operators.decisions.recurrence import Past, recurring, remembered
from operators.decisions.returns import returning
from schemas import segments
from schemas.cloudevents import identity, source, subject, timestamp
from schemas.control import PROFILED, Accept, Acknowledge, Mute, Reply
from schemas.events import (
    Acknowledged,
    Affected,
    DriftData,
    DriftEvent,
    ProfileEvent,
    Reference,
    RefusedEvent,
    RetrainEvent,
    Returned,
    Severity,
    SignalEvidence,
    SliceEvidence,
    Span,
)
from schemas.retraining import Answered

CHAMPIONS = 100  # versions that are remembered; one that comes back after so many others is taken for a new one

_LEVELS = ("negligible", "small", "medium", "large")
AnyEvent = DriftEvent | ProfileEvent | RetrainEvent | RefusedEvent


class Known(Story, kw_only=True):
    """The story, with what else is known of a model."""

    champions: list[str] = msgspec.field(default_factory=list)  # that were seen, the newest last
    retraining: Retraining | None = None
    muted_ms: int = 0  # until then nothing is delivered
    told_ms: int = 0  # newest time that was told about
    asked: list[Told] = msgspec.field(default_factory=list)  # of monitors, that have not answered yet
    past: list[Past] = msgspec.field(default_factory=list)  # episodes that are over, the newest last
    slices: dict[str, slices.Slice] = msgspec.field(default_factory=dict)  # what segments say of signals now


class Teller:
    """Turns what is taken, step by step, into the story and events."""

    def __init__(self, plan: ModelPlan, job: JobPlan, configuration_id: str, story: Known) -> None:
        self._plan, self._job, self._configuration_id, self._story = plan, job, configuration_id, story
        self._scope, self._whose = (job.environment, job.name), (plan, job, configuration_id)
        self._wanted = plan.retrain if isinstance(plan.retrain, RetrainPlan) else None
        if self._wanted is None:
            story.retraining = None
        elif story.retraining is None:
            story.retraining = Retraining()
        self._looks = False  # the model's champions had records in a slide that ends now
        self.events: list[AnyEvent] = []

    def take(self, step: Sequence[Output]) -> None:
        """Take all outputs of one (time, version, segment, kind)."""
        changes = []
        for output in step:
            if isinstance(output, Learned):
                muted = self._is_muted(output.time_ms)
                self.events.append(announcements.learned(*self._whose, output, muted=muted))
            elif isinstance(output, Rebased):
                self._story.asked = [one for one in self._story.asked if one.id != output.id]
                muted = self._is_muted(output.time_ms)
                self.events.append(announcements.rebased(*self._whose, output, muted=muted))
            elif isinstance(output, Refused):
                self._refuse(output)
            elif isinstance(output, SliceAlarms):
                slices.heard(self._story.slices, output)
            elif isinstance(output, SignalChange):
                changes.append(output)
            elif isinstance(output, Told):
                self._hear(output)
            else:
                self._note(output)
        if changes:
            turns = episodes.step(
                self._story,
                changes,
                scope=self._scope,
                window_ms=self._plan.window.size_ms,
                memory_ms=episodes.memory_ms(self._plan),
            )
            for turn in turns:
                self._tell(turn, changes[0])

    def end(self, time_ms: int) -> None:
        """Decide about retraining, after all that happened at a time."""
        state = self._story.retraining
        for turn in episodes.lasting(self._story, time_ms, self._plan.window.size_ms) if self._looks else ():
            change = msgspec.structs.replace(next(reversed(turn.episode.members.values())), time_ms=time_ms)
            self.events.append(self._event(turn, change))
        if self._looks and self._wanted is not None and state is not None:
            muted = self._is_muted(time_ms)
            said = retraining.looked(state, self._plan, self._wanted, self._scope, time_ms, muted=muted)
            self._ask(said, time_ms)
        self._looks = False
        for told in list(self._story.asked):
            if control.pane_end(told.time_ms, self._job.pane_ms) <= time_ms:
                why = "the stream had passed its time when it came; say it again"
                self._refuse(_refused(told, why, time_ms))
        self._story.slices = slices.remembered(self._story.slices, time_ms)
        self._story.told_ms = max(self._story.told_ms, time_ms)

    def _is_muted(self, time_ms: int) -> bool:
        return time_ms < self._story.muted_ms

    def _note(self, output: Progress | Places | LabelsCame | Measures) -> None:
        if isinstance(output, Progress):
            volumes.counted(self._story, output, max(self._plan.window.size_ms, self._plan.window.grow_to_ms))
            if output.role != "champion":
                return
            self._looks = True
            self._came(output)
        if self._story.retraining is not None:
            retraining.noted(self._story.retraining, self._plan, output)

    def _hear(self, told: Told) -> None:
        """Take what somebody says. What comes too late for its time takes effect now."""
        command, time_ms = told.command, max(told.time_ms, self._story.told_ms)
        if isinstance(command, Mute):
            self._story.muted_ms = time_ms + command.for_ms
        elif isinstance(command, Accept) and command.kind in PROFILED:
            self._story.asked.append(told)
        elif isinstance(command, Accept):
            why = f"{command.kind.replace('_', ' ')} is not compared with a profile"
            self._refuse(_refused(told, why, time_ms))
        elif isinstance(command, Acknowledge):
            episode = next((one for one in self._story.episodes if one.id == command.episode), None)
            if episode is None:
                self._refuse(_refused(told, "there is no such episode that is open", time_ms))
            else:
                self._acknowledge(episode, command, told.id, time_ms)
        else:
            state = self._story.retraining
            if state is None or state.request is None or state.request.id != command.request:
                self._refuse(_refused(told, "there is no such request that is open", time_ms))
            else:
                self._answer(state, command, time_ms)

    def _refuse(self, refused: Refused) -> None:
        """Tell that nothing follows from a message."""
        self._story.asked = [one for one in self._story.asked if one.id != refused.id]
        muted = self._is_muted(refused.time_ms)
        self.events.append(announcements.refused(*self._whose, refused, muted=muted))

    def _acknowledge(self, episode: Episode, command: Acknowledge, id: str, time_ms: int) -> None:
        """Note it with the episode."""
        episode.acknowledged = Acknowledged(as_=command.as_, time=timestamp(time_ms), by=command.by, why=command.why)
        if self._story.retraining is not None:
            retraining.judged(self._story.retraining, episode.id, command.as_)
        change = msgspec.structs.replace(next(reversed(episode.members.values())), time_ms=time_ms)
        self.events.append(self._event(Turn("updated", episode), change, said=id))

    def _answer(self, state: Retraining, command: Reply, time_ms: int) -> None:
        """Note it with the request."""
        answer = Answered(answer=command.answer, time=timestamp(time_ms), by=command.by, why=command.why)
        self._ask(retraining.answered(state, command.request, answer), time_ms)

    def _came(self, output: Progress) -> None:
        """A version that was no champion before takes the place of the others."""
        known = self._story.champions
        if output.version in known:
            return
        for episode in list(self._story.episodes) if known else []:
            last = next(reversed(episode.members.values()))
            if last.role == "champion" and episode.version not in (output.version, ALL):
                self._story.episodes.remove(episode)
                change = msgspec.structs.replace(last, time_ms=output.time_ms, why="new_version")
                self._tell(Turn("resolved", episode), change, output.version)
        self._story.champions = [*known[1 - CHAMPIONS :], output.version]
        if self._story.retraining is not None:
            said = retraining.came(self._story.retraining, output.version, output.time_ms)
            self._ask(said, output.time_ms)

    def _tell(self, turn: Turn, change: SignalChange, new_version: str = "") -> None:
        episode, like = turn.episode, None
        strongest = [one.signal for one in _ranked(episode, turn)]
        if turn.type == "opened" and (like := recurring(self._story.past, episode, strongest)) is not None:
            episode.recurs = like.episode
        back = returning(self._story.past, episode, strongest) if turn.type != "resolved" else None
        first = back if episode.returns is None else None
        episode.returns = episode.returns or back
        event = self._event(turn, change, new_version=new_version, like=like, back=first)
        self.events.append(event)
        if event.data.why is not None:
            known = self._story.past, episode, change.time_ms, event.data.why
            self._story.past = remembered(*known, strongest)
        state = self._story.retraining
        if state is None or self._wanted is None:
            return
        if change.role == "champion" and turn.episode.version == state.champion:
            retraining.heard(state, self._wanted, turn, change.time_ms, event.data.why)

    def _ask(self, said: Iterable[Said], time_ms: int) -> None:
        muted = self._is_muted(time_ms)
        self.events += [
            requests.event(
                self._plan, self._job, self._configuration_id, one, self._story.episodes, time_ms, muted=muted
            )
            for one in said
        ]

    def _event(
        self,
        turn: Turn,
        change: SignalChange,
        new_version: str = "",
        said: str = "",
        like: Past | None = None,
        back: Returned | None = None,
    ) -> DriftEvent:
        """The event of a turn; `change` is any change of the step: what is taken from it is the same in all."""
        plan, job, story, episode = self._plan, self._job, self._story, turn.episode
        time = timestamp(change.time_ms)
        window = volumes.shared(change.window, episode.version, story, change.unfinished)
        signals = _ranked(episode, turn)
        severity = episode.peak if turn.type == "resolved" else _severity(episode)
        job_source = source(job.environment, job.name)
        lasted_ms = change.time_ms - episode.detected_ms
        told = said or ("duration" if turn.escalated == "duration" else "")  # beside what else is told at that time
        of_slices: tuple[SliceEvidence, ...] = ()
        if episode.segment == ALL and turn.type != "resolved":
            of_slices = slices.of_signals(story.slices, episode.version, signals, change.time_ms)
        most = slices.standing_out(of_slices, signals)
        data = DriftData(
            episode=episode.id,
            incident=episode.incident,
            model=plan.name,
            version=episode.version,
            role=change.role,
            segment=segments.parse(episode.segment),
            kind=episode.kind,
            severity=severity,
            onset=timestamp(episode.first_ms),
            detected=timestamp(episode.detected_ms),
            window=window,
            predicted=change.predicted or Span(start=window.start, end=window.end),
            affected=Affected(signals=len(episode.open), of=change.of),
            signals=signals,
            reference=Reference(id=change.profile_id, kind=change.profile_kind, span=change.previous),
            configuration=self._configuration_id,
            info=plan.info,
            muted=self._is_muted(change.time_ms),
            message="; ".join(
                [
                    _message(turn, signals, change, new_version, judged=bool(said)),
                    *([messages.recurs(like.episode, like.ended_ms, like.why)] if like is not None else []),
                    *([messages.returned(back, episode.version)] if back is not None else []),
                    *([messages.escalated(turn.escalated, lasted_ms)] if turn.escalated is not None else []),
                    *([] if turn.type == "resolved" else filter(None, [context(plan, story.episodes, episode)])),
                    *([] if most is None else [messages.most(most)]),
                ]
            ),
            why=(change.why or "recovered") if turn.type == "resolved" else None,
            acknowledged=episode.acknowledged,
            recurs=episode.recurs,
            returns=episode.returns,
            escalated=turn.escalated,
            slices=of_slices or None,
        )
        return DriftEvent(
            type=f"io.tidemark.drift.{turn.type}",  # type: ignore[arg-type]  # mypy does not join literals
            source=job_source,
            id=identity(job_source, episode.id, turn.type, change.time_ms, *filter(None, [told])),
            time=time,
            subject=subject(plan.name, episode.version, episode.segment),
            data=data,
        )


def _refused(told: Told, why: str, time_ms: int) -> Refused:
    command = told.command
    assert not isinstance(command, Mute), "nothing can be wrong with it"
    what = str(command.__struct_config__.tag)
    about = command.request if isinstance(command, Reply) else command.episode
    return Refused(time_ms=time_ms, id=told.id, model=command.model, what=what, about=about, why=why, by=command.by)


def _ranked(episode: Episode, turn: Turn) -> tuple[SignalEvidence, ...]:
    """The evidence on the open signals, strongest first; of all signals when the episode is over."""
    changes = list(episode.members.values()) if turn.type == "resolved" else episode.open

    def strength(change: SignalChange) -> tuple[int, float, str]:
        effect = change.evidence.effect
        return -_LEVELS.index(effect.level), -effect.size, change.evidence.signal

    return tuple(change.evidence for change in sorted(changes, key=strength))


def _severity(episode: Episode) -> Severity:
    return "critical" if any(change.severity == "critical" for change in episode.open) else "warning"


def _message(
    turn: Turn, signals: Sequence[SignalEvidence], change: SignalChange, new_version: str, *, judged: bool
) -> str:
    episode, why, lasted_ms = turn.episode, change.why, change.time_ms - turn.episode.first_ms
    if judged and episode.acknowledged is not None:
        return messages.acknowledged(signals, episode.segment, episode.acknowledged)
    if turn.type == "opened":
        return messages.opened(signals, episode.segment)
    if turn.type == "updated":
        return messages.updated(signals, episode.segment)
    if new_version:
        return messages.replaced(signals, episode.segment, new_version, lasted_ms)
    if why == "accepted":
        return messages.accepted(signals, episode.segment, lasted_ms)
    if why == "configuration":
        return messages.dropped(signals, episode.segment, lasted_ms)
    return messages.resolved(signals, episode.segment, lasted_ms, moving=change.profile_kind == "previous")
