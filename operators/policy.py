"""Policy: a model's outputs, held until the watermark has passed them, told as drift events in a fixed order.

State bytes, numbers big-endian::

    2s  magic "TP"
    H   format
    q   newest time of a slide in which the model had records; MIN: none yet
    q   earliest buffered output of a slide with records; MAX: none
    q   earliest buffered change of a slide without records; MAX: none
    I   length of the story
    ..  story (msgpack)
    ..  buffered outputs, each: I length, msgpack

So that to add an output is to append, and the next time is known without reading anything.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from config.plan import ALL, JobPlan, ModelPlan, RetrainPlan
from operators import announcements, episodes, messages, outputs, requests, retraining, volume
from operators.causes import context
from operators.episodes import Episode, Story, Turn
from operators.outputs import LabelsCame, Learned, Output, Places, Progress, SignalChange
from operators.retraining import Retraining, Said
from schemas import segments
from schemas.cloudevents import identity, milliseconds, source, subject, timestamp
from schemas.errors import StateVersionError
from schemas.events import (
    Affected,
    DriftData,
    DriftEvent,
    ProfileEvent,
    Reference,
    RetrainEvent,
    Severity,
    SignalEvidence,
    Span,
    Window,
)

FORMAT = 1  # raised when an older release could misread the bytes
MIN, MAX = -(2**63), 2**63 - 1
# Slides of which the model version's records are remembered: windows that have grown over more take the older ones as
# equally busy. With fewer, shares of rare segments are rough; with more, state grows by 12 bytes each.
VOLUMES = 1_000
CHAMPIONS = 100  # versions that are remembered; one that comes back after so many others is taken for a new one

_MAGIC = b"TP"
_HEAD = struct.Struct(">2sHqqqI")
_LENGTH = struct.Struct(">I")
_Order = tuple[int, str, str, str, str]
_LEVELS = ("negligible", "small", "medium", "large")
_Event = DriftEvent | ProfileEvent | RetrainEvent


class _Known(Story, kw_only=True):
    """The story, with what else is known of a model."""

    champions: list[str] = msgspec.field(default_factory=list)  # that were seen, the newest last
    retraining: Retraining | None = None


def add(state: bytes, new: Iterable[Output]) -> bytes:
    """State with the outputs buffered; to be called before the watermark passes their times. No state is ``b""``."""
    progress_ms, full_ms, empty_ms, length = _head(state)
    # What was there is copied once, unread: a burst of changes makes it large.
    appended: list[bytes | memoryview] = [memoryview(state)[_HEAD.size :]]
    for output in new:
        if isinstance(output, SignalChange) and output.empty:
            empty_ms = min(empty_ms, output.time_ms)
        else:
            if not isinstance(output, (Places, LabelsCame)) and not _of_labels(output):
                progress_ms = max(progress_ms, output.time_ms)
            full_ms = min(full_ms, output.time_ms)
        data = outputs.encode(output)
        appended += (_LENGTH.pack(len(data)), data)
    return b"".join([_HEAD.pack(_MAGIC, FORMAT, progress_ms, full_ms, empty_ms, length), *appended])


def _of_labels(output: Output) -> bool:
    """Whether labels tell it: they come when there are no records any more, too."""
    return isinstance(output, SignalChange) and output.kind == "performance"


def next_time(state: bytes) -> int | None:
    """The earliest time, in ms, whose outputs can be taken once the watermark has passed it; None: nothing to wait for.

    It may lie behind the watermark: what was found in a slide without records waits until the model has records again.
    """
    progress_ms, full_ms, empty_ms, _ = _head(state)
    time_ms = min(full_ms, empty_ms if empty_ms <= progress_ms else MAX)
    return None if time_ms == MAX else time_ms


def open_episodes(state: bytes) -> int:
    """How many episodes of the model are open."""
    return len(_story(memoryview(state)[_HEAD.size :], _head(state)[3]).episodes)


def advance(
    plan: ModelPlan, job: JobPlan, configuration_id: str, state: bytes, watermark_ms: int
) -> tuple[bytes, list[_Event]]:
    """Take what the watermark has passed, in (time, version, segment, kind, signal) order.

    What was found in a slide without records is taken only if the model had records in that slide or later: the end
    of a stream resolves nothing.

    Returns
    -------
    state : bytes
        Without what was taken.
    events : list of DriftEvent, ProfileEvent and RetrainEvent
        The same in whatever order outputs were added and however often `advance` is called.
    """
    time_ms = next_time(state)
    if time_ms is None or time_ms > watermark_ms:
        return state, []
    progress_ms, _, _, length = _head(state)
    body = memoryview(state)[_HEAD.size :]
    story = _story(body, length)
    taken: list[tuple[_Order, bytes, Output]] = []
    left: list[Output] = []
    for data in _frames(body[length:]):
        output = outputs.decode(data)
        waits = isinstance(output, SignalChange) and output.empty and output.time_ms > progress_ms
        if output.time_ms > watermark_ms or waits:
            left.append(output)
        else:
            taken.append((_order(output), data, output))
    progress = [output for _, _, output in taken if isinstance(output, Progress)]
    story.traffic, news = volume.step(story.traffic, plan, progress)
    taken += [(_order(change), outputs.encode(change), change) for change in news]
    teller = _Teller(plan, job, configuration_id, story)
    taken.sort(key=lambda item: item[:2])
    for moment_ms, moment in groupby(taken, key=lambda item: item[0][0]):
        for _, step in groupby(moment, key=lambda item: item[0][:4]):
            teller.take([output for _, _, output in step])
        teller.end(moment_ms)
    told = msgspec.msgpack.encode(story)
    return add(_HEAD.pack(_MAGIC, FORMAT, progress_ms, MAX, MAX, len(told)) + told, left), teller.events


class _Teller:
    """Turns what is taken, step by step, into the story and events."""

    def __init__(self, plan: ModelPlan, job: JobPlan, configuration_id: str, story: _Known) -> None:
        self._plan, self._job, self._configuration_id, self._story = plan, job, configuration_id, story
        self._scope = (job.environment, job.name)
        self._wanted = plan.retrain if isinstance(plan.retrain, RetrainPlan) else None
        if self._wanted is None:
            story.retraining = None
        elif story.retraining is None:
            story.retraining = Retraining()
        self._looks = False  # the model's champions had records in a slide that ends now
        self.events: list[_Event] = []

    def take(self, step: Sequence[Output]) -> None:
        """Take all outputs of one (time, version, segment, kind)."""
        changes = []
        for output in step:
            if isinstance(output, Learned):
                self.events.append(announcements.learned(self._plan, self._job, output))
            elif isinstance(output, SignalChange):
                changes.append(output)
            else:
                self._note(output)
        if changes:
            sizes = self._plan.window
            turns = episodes.step(
                self._story,
                changes,
                scope=self._scope,
                window_ms=sizes.size_ms,
                memory_ms=sizes.size_ms + sizes.grow_to_ms,
            )
            for turn in turns:
                self._tell(turn, changes[0])

    def end(self, time_ms: int) -> None:
        """Decide about retraining, after all that happened at a time."""
        if self._looks and self._wanted is not None and self._story.retraining is not None:
            self._ask(
                retraining.looked(self._story.retraining, self._plan, self._wanted, self._scope, time_ms), time_ms
            )
        self._looks = False

    def _note(self, output: Progress | Places | LabelsCame) -> None:
        if isinstance(output, Progress):
            _count(self._story, output, max(self._plan.window.size_ms, self._plan.window.grow_to_ms))
            if output.role != "champion":
                return
            self._looks = True
            self._came(output)
        if self._story.retraining is not None:
            retraining.noted(self._story.retraining, self._plan, output)

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
        event = _event(self._plan, self._job, self._configuration_id, turn, change, self._story, new_version)
        self.events.append(event)
        state = self._story.retraining
        if state is None or self._wanted is None:
            return
        if change.role == "champion" and turn.episode.version == state.champion:
            retraining.heard(state, self._wanted, turn, change.time_ms, event.data.why)

    def _ask(self, said: Iterable[Said], time_ms: int) -> None:
        self.events += [requests.event(self._plan, self._job, self._configuration_id, one, time_ms) for one in said]


def _order(output: Output) -> _Order:
    if isinstance(output, (Places, LabelsCame)):
        return output.time_ms, "", "", "", ""
    if isinstance(output, Progress):
        return output.time_ms, output.version, "", "", ""  # before the changes of its time: their share rests on it
    if isinstance(output, Learned):
        return output.time_ms, output.version, output.segment, "", ""
    return output.time_ms, output.version, output.segment, output.kind, output.evidence.signal


def _count(story: Story, progress: Progress, reach_ms: int) -> None:
    """Count the records of a slide, and forget slides and versions that no window reaches any more."""
    since_ms = progress.time_ms - reach_ms
    known = {version: slides for version, slides in story.volumes.items() if slides[-1][0] > since_ms}
    slides = [*known.get(progress.version, []), (progress.time_ms, progress.records)]
    story.volumes = known | {progress.version: slides[-VOLUMES:]}


def _shared(window: Window, version: str, story: Story, unfinished: int) -> Window:
    """The window with its share of the version's records in slides that are over; 1 where nothing is known of them."""
    start_ms, end_ms = milliseconds(window.start), milliseconds(window.end)
    slides = [slide for slide in story.volumes.get(version, []) if start_ms < slide[0] <= end_ms]
    whole = float(sum(records for _, records in slides))
    if len(slides) == VOLUMES:
        whole *= max(1.0, (end_ms - start_ms) / max(end_ms - slides[0][0], 1))
    return msgspec.structs.replace(window, share=min(1.0, (window.count - unfinished) / whole) if whole else 1.0)


def _event(
    plan: ModelPlan,
    job: JobPlan,
    configuration_id: str,
    turn: Turn,
    change: SignalChange,
    story: Story,
    new_version: str,
) -> DriftEvent:
    """The event of a turn; `change` is any change of the step: what is taken from it is the same in all."""
    episode = turn.episode
    time = timestamp(change.time_ms)
    window = _shared(change.window, episode.version, story, change.unfinished)
    signals = _ranked(episode, turn)
    severity = episode.peak if turn.type == "resolved" else _severity(episode)
    job_source = source(job.environment, job.name)
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
        configuration=configuration_id,
        info=plan.info,
        muted=False,
        message=_with(_message(turn, signals, change, new_version), turn, plan, story),
        why=(change.why or "recovered") if turn.type == "resolved" else None,
    )
    return DriftEvent(
        type=f"io.tidemark.drift.{turn.type}",  # type: ignore[arg-type]  # mypy does not join literals
        source=job_source,
        id=identity(job_source, episode.id, turn.type, change.time_ms),
        time=time,
        subject=subject(plan.name, episode.version, episode.segment),
        data=data,
    )


def _ranked(episode: Episode, turn: Turn) -> tuple[SignalEvidence, ...]:
    """The evidence on the open signals, strongest first; of all signals when the episode is over."""
    changes = list(episode.members.values()) if turn.type == "resolved" else episode.open

    def strength(change: SignalChange) -> tuple[int, float, str]:
        effect = change.evidence.effect
        return -_LEVELS.index(effect.level), -effect.size, change.evidence.signal

    return tuple(change.evidence for change in sorted(changes, key=strength))


def _severity(episode: Episode) -> Severity:
    return "critical" if any(change.severity == "critical" for change in episode.open) else "warning"


def _with(message: str, turn: Turn, plan: ModelPlan, story: Story) -> str:
    """A message, and what the other episodes of the model say of the cause."""
    said = "" if turn.type == "resolved" else context(plan, story.episodes, turn.episode)
    return f"{message}; {said}" if said else message


def _message(turn: Turn, signals: Sequence[SignalEvidence], change: SignalChange, new_version: str) -> str:
    episode, why, lasted_ms = turn.episode, change.why, change.time_ms - turn.episode.first_ms
    if turn.type == "opened":
        return messages.opened(signals, episode.segment)
    if turn.type == "updated":
        return messages.updated(signals, episode.segment)
    if new_version:
        return messages.replaced(signals, episode.segment, new_version, lasted_ms)
    if why == "configuration":
        return messages.dropped(signals, episode.segment, lasted_ms)
    return messages.resolved(signals, episode.segment, lasted_ms, moving=change.profile_kind == "previous")


def _head(state: bytes) -> tuple[int, int, int, int]:
    """Newest progress, earliest change with and without records, length of the story."""
    if not state:
        return MIN, MAX, MAX, 0
    if state[:2] != _MAGIC:
        message = f"state of the policy: begins with {state[:2]!r} (must be {_MAGIC!r}); restore another savepoint"
        raise StateVersionError(message)
    version = int.from_bytes(state[2:4], "big")
    if version != FORMAT:
        message = (
            f"state of the policy: format {version} is not one that this release reads ({FORMAT}); "
            "upgrade tidemark or restore an older savepoint"
        )
        raise StateVersionError(message)
    _, _, progress_ms, full_ms, empty_ms, length = _HEAD.unpack_from(state)
    return progress_ms, full_ms, empty_ms, length


def _story(body: memoryview, length: int) -> _Known:
    return msgspec.msgpack.decode(body[:length], type=_Known) if length else _Known()


def _frames(buffered: memoryview) -> Iterator[bytes]:
    position = 0
    while position < len(buffered):
        (length,) = _LENGTH.unpack_from(buffered, position)
        position += _LENGTH.size
        yield bytes(buffered[position : position + length])
        position += length
