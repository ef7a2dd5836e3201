"""Accepting: what an episode found becomes what its signals are compared with, because somebody has said so.

The message comes to the key with the chunks of the pane in which it was sent, so it has its place in event time like
any record. At the end of that pane the key's records since the onset take the place of the profile, for the signals of
the episode alone: their counts by code, on the bins of the profile, as those of a segment do. Both sample sizes enter
every test, so a window is an honest reference as long as it is not much smaller than the windows after it.

State, kept beside that of the monitor: `Acceptances`, see state_format.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from operators.decisions.outputs import Rebased, Refused, SignalChange, Told
from operators.monitoring.carrying import Carrying
from operators.monitoring.detectable import UNSOUND
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key, KeyState
from operators.monitoring.window_tests import recounted
from operators.relations.correlations import unpack as unpack_relations
from operators.relations.references import CORRELATION
from operators.sketches import sketch
from operators.sketches.sketch import Ring, Slide
from operators.sketches.stream_references import stream_reference
from operators.state_format import StateFormat
from operators.statistics.wasserstein import bin_places
from schemas.cloudevents import milliseconds, timestamp
from schemas.control import Accept

MOST = 64  # references of keys ready for use, for each model version; others are made anew from the key's state


OVER = "none of its signals is open (any more)"


class Acceptance(msgspec.Struct, array_like=True):
    """Signals that are compared with a window that was accepted."""

    episode: str
    signals: list[str]
    slide: Slide  # the window's records, together


class Acceptances(msgspec.Struct, array_like=True):
    """All that was accepted of a key; no signal is in two of them."""

    meaning: int  # of the codes that were counted
    those: list[Acceptance] = []


_format = StateFormat(b"TA", 1, Acceptances)


def unpack(key: Key, data: bytes) -> Acceptances:
    """The state of a key; StateVersionError where this release does not read it."""
    return _format.unpack(data, f"what was accepted of {key}")


def compared(detection: Detection, key: Key, id: bytes, read: Callable[[], bytes]) -> Detection:
    """The detectors of a key against what was accepted of it, where something was."""
    if not id:
        return detection
    found = detection.accepted.get(id)
    if found is None:
        found = detection.accepted[id] = _against(detection, unpack(key, read()).those, f"{key} {id.hex()}")
        if len(detection.accepted) > MOST:
            detection.accepted.popitem(last=False)
    return found


def is_kept(detection: Detection, key: Key, data: bytes) -> bool:
    """Whether what was accepted still means something: the codes that were counted mean what they did."""
    return unpack(key, data).meaning == detection.signals.meaning


def id_of(data: bytes) -> bytes:
    """What stands for what was accepted in the state of a monitor; none: nothing was."""
    return hashlib.blake2b(data, digest_size=8).digest() if data else b""


def carried(detection: Detection, key: Key, data: bytes, carrying: Carrying) -> bytes:
    """What was accepted of signals that are unchanged under another configuration."""
    known, there = unpack(key, data), carrying.kept(detection.parts.named)
    if detection.relations is not None:
        pairs = range(len(detection.relations.columns.pairs))
        there |= {detection.relations.name(pair) for pair in pairs if carrying.keeps_pair(pair)}
    for one in known.those:
        one.signals = [name for name in one.signals if name in there]
        one.slide = carrying.slide(one.slide)
    return _packed(Acceptances(detection.signals.meaning, known.those))


def heard(
    detection: Detection, key: Key, state: KeyState, ring: Ring, told: Told, before: bytes, end_ms: int
) -> tuple[list[Rebased | Refused | SignalChange], bytes]:
    """Take a message at the end of its pane.

    Parameters
    ----------
    detection
        Of the key, against its own reference.
    state
        Changed in place.
    ring
        Its slides with records, of the one that is not over the part that has passed.
    told
        With the command.
    before
        What was accepted so far.
    end_ms
        Of the pane.

    Returns
    -------
    outputs
        What there is to say: that it is done, and what is over because of it; or why not.
    bytes
        What is accepted now.
    """
    command = told.command
    assert isinstance(command, Accept), "nothing else is sent to monitors"
    known = unpack(key, before) if before else Acceptances(detection.signals.meaning)
    found = _undone(known, command) if command.undo else _accepted(detection, state, ring, command)
    if isinstance(found, str):
        return [refused(told, found, end_ms)], before
    names = set(found.signals)
    for one in known.those:
        one.signals = [name for name in one.signals if name not in names]
    known.those += [] if command.undo else [found]
    data = _packed(known)
    state.accepted = id_of(data)
    now = compared(detection, key, state.accepted, lambda: data)
    slide = found.slide
    said: list[Rebased | Refused | SignalChange] = [
        Rebased(
            time_ms=end_ms,
            id=told.id,
            model=key.model,
            version=key.version,
            role=key.role,
            segment=key.segment,
            episode=command.episode,
            signals=sorted(names),
            undone=command.undo,
            profile_id=now.signals.profile_id,
            records=slide.records,
            start=timestamp(slide.start_ms(detection.signals.model.window.slide_ms)),
            end=timestamp(slide.end_ms),
            by=command.by,
            why=command.why,
        )
    ]
    return said + _begun_anew(now, key, state, names, end_ms, undone=command.undo), data


def _packed(known: Acceptances) -> bytes:
    those = [one for one in known.those if one.signals]
    return _format.pack(Acceptances(known.meaning, those)) if those else b""


def refused(told: Told, why: str, time_ms: int) -> Refused:
    """That nothing follows from a message, and why."""
    command = told.command
    assert isinstance(command, Accept), "nothing else is sent to monitors"
    about = {"what": "accept", "about": command.episode, "by": command.by}
    return Refused(time_ms=time_ms, id=told.id, model=command.model, why=why, **about)


def _undone(known: Acceptances, command: Accept) -> Acceptance | str:
    found = next((one for one in known.those if one.episode == command.episode), None)
    return found or "nothing is compared with its window (any more)"


def _accepted(detection: Detection, state: KeyState, ring: Ring, command: Accept) -> Acceptance | str:
    """The records since the onset, or why they cannot be a reference."""
    window, seen_ms = detection.signals.model.window, milliseconds(command.seen)
    told = {
        watch.told.evidence.signal: watch.told
        for watch in state.watches.values()
        if watch.told is not None and watch.opened_ms <= seen_ms and watch.told.kind == command.kind
    }
    wanted = [told[name] for name in command.signals if name in told]
    if not wanted:
        return OVER
    if window.previous_ms:
        return "windows are compared with the time before them, and it becomes normal by itself"
    fit, unfit = _fit(detection, [change.evidence.signal for change in wanted])
    if not fit:
        return f"{', '.join(unfit)}: not compared with a profile that could be rebased"
    since_ms = max(change.onset_ms for change in wanted)
    slides = [slide for slide in ring.slides if slide.start_ms(window.slide_ms) >= since_ms]
    records = sum(slide.records for slide in slides)
    newest = ring.window(slides[-1].end_ms, window.size_ms, window.grow_to_ms, window.min_count) if slides else []
    least = max(window.min_count, -(-sum(slide.records for slide in newest) // int(UNSOUND)))
    if records < least or not records:
        since = timestamp(since_ms)[:16].replace("T", " ")
        return f"slides since {since} have only {records:,} records (at least {least:,}); say it again later"
    whole = sketch.together(slides, window.slide_ms, len(detection.signals.names))
    few = _few(detection, whole, fit)
    if few:
        return f"{', '.join(few)}: too few values since the onset for a reference; say it again later"
    return Acceptance(command.episode, fit, whole)


def _fit(detection: Detection, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Signals whose reference is counts of records, and others."""
    quality = [] if detection.quality is None else [one.name for one in detection.quality.signals]
    if detection.season is not None:
        quality = []  # the share of one window says little of other times
    fit = [n for n in names if n in detection.signals.names or n in quality or n.startswith(CORRELATION)]
    return fit, [name for name in names if name not in fit]


def _few(detection: Detection, slide: Slide, names: Collection[str]) -> list[str]:
    """Those that too few records have a value of."""
    counts = sketch.count([slide], len(detection.signals.names)) * detection.tables.is_value
    values = dict(zip(detection.signals.names, counts.sum(axis=1).tolist(), strict=True))
    return [name for name in names if name in values and values[name] < detection.least]


def _begun_anew(
    detection: Detection, key: Key, state: KeyState, names: Collection[str], end_ms: int, *, undone: bool
) -> list[SignalChange]:
    """What was open of signals is over, and their sequential detectors start again."""
    said: list[SignalChange] = []
    for position, watch in sorted(state.watches.items()):
        told = watch.told
        if told is None or told.evidence.signal not in names:
            continue
        why = "configuration" if undone else "accepted"
        said.append(msgspec.structs.replace(told, time_ms=end_ms, state="recovered", why=why, empty=False))
        del state.watches[position]
    positions = [position for position, name in enumerate(detection.signals.names) if name in names]
    for position in positions:
        state.watches.pop(position, None)  # alarms against the old reference that were not confirmed yet
    tracks = detection.tracks
    followed = tracks.unpack(state.tracks, str(key))
    tracks.start_anew(followed, positions, str(key))
    state.tracks = tracks.pack(followed)
    return said


def _against(detection: Detection, those: Sequence[Acceptance], name: str) -> Detection:
    """The detectors against a reference that is in part what was accepted."""
    signals, tables = detection.signals, detection.tables
    counts, unseen, places = tables.counts.copy(), tables.unseen.copy(), tables.places.copy()
    told, moving = list(signals.signals), np.zeros(len(signals.names), np.bool_)
    quality, relations = detection.quality, detection.relations
    for one in those:
        slides = [one.slide]
        counted, found = stream_reference(detection, slides)
        values = counted.astype(np.float64)
        if detection.season is not None:
            values = detection.season.without(detection.shares(slides), values)
        rows = [position for position, signal in enumerate(signals.names) if signal in one.signals]
        for row in rows:
            told[row], counts[row], moving[row] = found[row], values[row], True
            unseen[row] &= values[row] == 0
            if "wasserstein" in detection.windowed:
                places[row] = bin_places(found[row])
        if quality is not None:
            own = quality.of_span(sketch.count(slides, len(told)), np.array(sketch.outside(slides), np.int64))
            here = np.array([signal.name in one.signals for signal in quality.signals], np.bool_)
            quality = replace(
                quality, known=np.where(here, own.known, quality.known), of=np.where(here, own.of, quality.of)
            )
        if relations is not None and any(signal.startswith(CORRELATION) for signal in one.signals):
            relations = relations.of_span(unpack_relations(one.slide.relations))
    seen = replace(recounted(tables, counts), unseen=unseen, places=places, moving=moving)
    compared = signals.compared_with(tuple(told))
    about = [signals.profile_id.encode(), *(msgspec.msgpack.encode(one) for one in those)]
    compared.profile_id = "sha256:" + hashlib.sha256(b"\0".join(about)).hexdigest()
    compared.kind = "accepted"
    made = detection.against(compared, seen, name)
    made.quality, made.relations = quality, relations
    return made
