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
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from config.plan import JobPlan, ModelPlan
from operators.decisions import outputs
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
from operators.decisions.telling import AnyEvent, Known, Teller
from operators.quality import volume
from schemas.errors import StateVersionError

FORMAT = 1  # raised when an older release could misread the bytes
MIN, MAX = -(2**63), 2**63 - 1
ASIDE = (Places, LabelsCame, Measures, Told, Refused)
_MAGIC = b"TP"
_HEAD = struct.Struct(">2sHqqqI")
_LENGTH = struct.Struct(">I")
_Order = tuple[int, str, str, str, str]


def add(state: bytes, new: Iterable[Output]) -> bytes:
    """State with the outputs buffered; to be called before the watermark passes their times. No state is ``b""``."""
    progress_ms, full_ms, empty_ms, length = _head(state)
    # What was there is copied once, unread: a burst of changes makes it large.
    appended: list[bytes | memoryview] = [memoryview(state)[_HEAD.size :]]
    for output in new:
        if isinstance(output, SignalChange) and output.empty:
            empty_ms = min(empty_ms, output.time_ms)
        else:
            # None of these says that the slide is over.
            if not isinstance(output, (*ASIDE, Rebased, SliceAlarms)) and not _of_labels(output):
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
) -> tuple[bytes, list[AnyEvent]]:
    """Take what the watermark has passed, in (time, version, segment, kind, signal) order.

    What was found in a slide without records is taken only if the model had records in that slide or later: the end
    of a stream resolves nothing.

    Returns
    -------
    state : bytes
        Without what was taken.
    events : list of DriftEvent, ProfileEvent, RetrainEvent and RefusedEvent
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
    teller = Teller(plan, job, configuration_id, story)
    taken.sort(key=lambda item: item[:2])
    for moment_ms, moment in groupby(taken, key=lambda item: item[0][0]):
        for _, step in groupby(moment, key=lambda item: item[0][:4]):
            teller.take([output for _, _, output in step])
        teller.end(moment_ms)
    told = msgspec.msgpack.encode(story)
    return add(_HEAD.pack(_MAGIC, FORMAT, progress_ms, MAX, MAX, len(told)) + told, left), teller.events


def _order(output: Output) -> _Order:
    if isinstance(output, ASIDE):
        return output.time_ms, "", "", "", ""
    if isinstance(output, (Progress, SliceAlarms)):
        return output.time_ms, output.version, "", "", ""  # before the changes of its time, which tell of them
    if isinstance(output, (Learned, Rebased)):
        return output.time_ms, output.version, output.segment, "", ""
    return output.time_ms, output.version, output.segment, output.kind, output.evidence.signal


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


def _story(body: memoryview, length: int) -> Known:
    return msgspec.msgpack.decode(body[:length], type=Known) if length else Known()


def _frames(buffered: memoryview) -> Iterator[bytes]:
    position = 0
    while position < len(buffered):
        (length,) = _LENGTH.unpack_from(buffered, position)
        position += _LENGTH.size
        yield bytes(buffered[position : position + length])
        position += length
