"""Slice alarms: which signals alarm in the window of a segment, as evidence of where the whole traffic has changed.

What alarms is over the threshold that follows from the segment's share of the budget, so it is large enough to be
relied on; of a segment in which nothing alarms nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.plan import ALL
from operators.decisions.outputs import SignalChange, SliceAlarms
from operators.monitoring.detection import Detection
from operators.monitoring.scores import Alarm, strength
from operators.monitoring.slice_drifts import SEARCHED
from operators.monitoring.state import Key
from operators.sketches import drawn
from operators.sketches.sketch import Slide
from operators.statistics.effects import LEVELS
from schemas import segments
from schemas.cloudevents import significant
from schemas.events import Moments, SliceEvidence, Window

# Signals of a segment that are told, the strongest. With fewer, what changes in the whole traffic may be missed where
# much changes in a segment; with more, a thousand segments that all change weigh 150 KB a signal in the policy's input.
TOLD = 20


def alarmed(
    detection: Detection, key: Key, slide: Slide, window: Window, alarms: Mapping[int, Sequence[Alarm]]
) -> list[SliceAlarms]:
    """What a segment's evaluation says of the signals that codes tell, if anything, and if it is one.

    Parameters
    ----------
    slide
        The newest of the window.
    alarms
        By position of the signal.
    """
    if key.segment == ALL or not slide.records:
        return []
    names, of = detection.signals.names, segments.parse(key.segment)
    found = [(names[at], min(some, key=strength)) for at, some in alarms.items() if some and at < len(names)]
    told = sorted(found, key=lambda one: (strength(one[1]), one[0]))[:TOLD]
    until_ms = slide.end_ms + detection.signals.model.window.slide_ms
    return slice_alarms(key, slide.end_ms, until_ms, [slice_evidence(of, window, name, alarm) for name, alarm in told])


def opened(key: Key, changes: Sequence[SignalChange], slide_ms: int) -> list[SliceAlarms]:
    """What sequential detectors have found in a segment within a slide, until the slide is evaluated."""
    if key.segment == ALL or not changes:
        return []
    time_ms, of = changes[0].time_ms, segments.parse(key.segment)
    found = [
        SliceEvidence(
            segment=of,
            count=change.window.count,
            signal=change.evidence.signal,
            detector=change.evidence.detector,
            statistic=change.evidence.statistic,
            threshold=change.evidence.threshold,
            effect=change.evidence.effect,
        )
        for change in changes
    ]
    return slice_alarms(key, time_ms, -(-time_ms // slide_ms) * slide_ms, found)


def searched(
    detection: Detection, key: Key, slides: Sequence[Slide], newest: Slide, changes: Sequence[SignalChange]
) -> list[SliceAlarms]:
    """In which slices signals that a key's window says have changed did so most, since they did; until the next one.

    Parameters
    ----------
    slides
        The window, the newest one or a part of it included.
    """
    drifts, names = detection.drifts, detection.signals.names
    told = [change for change in changes if change.state != "recovered" and change.evidence.signal in names]
    if drifts is None or not told:
        return []
    told.sort(key=lambda change: (-LEVELS.index(change.level), -change.evidence.effect.size, change.evidence.signal))
    found: list[SliceEvidence] = []
    for change in told[:SEARCHED]:
        since = [slide for slide in slides if slide.end_ms > change.onset_ms] or list(slides[-1:])
        rows = drawn.rows([slide.drawn for slide in since], len(names))
        records = sum(slide.records for slide in since)
        position = names.index(change.evidence.signal)
        found += drifts.found(detection.tables, position, rows, records, min(len(told), SEARCHED))
    slide_ms = detection.signals.model.window.slide_ms
    until_ms = (newest.end_ms // slide_ms + 1) * slide_ms
    return slice_alarms(key, newest.end_ms, until_ms, found)


def slice_evidence(
    of: dict[str, str],
    window: Window,
    signal: str,
    alarm: Alarm,
    reference: Moments | None = None,
    current: Moments | None = None,
) -> SliceEvidence:
    """What an alarm says of a segment."""
    return SliceEvidence(
        segment=of,
        count=window.count,
        signal=signal,
        detector=alarm.detector,
        statistic=significant(alarm.statistic),
        threshold=significant(alarm.threshold),
        effect=alarm.effect,
        reference=reference,
        current=current,
    )


def slice_alarms(key: Key, time_ms: int, until_ms: int, found: list[SliceEvidence]) -> list[SliceAlarms]:
    """The output, where there is something to tell."""
    if not found:
        return []
    model, version, segment = key.model, key.version, key.segment
    return [SliceAlarms(time_ms=time_ms, until_ms=until_ms, model=model, version=version, segment=segment, found=found)]
