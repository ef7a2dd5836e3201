"""Scores: each detector's say on each signal of a window, and the window's summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import INVALID, MISSING
from operators.monitoring import outputs
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.monitoring.verdicts import Verdict
from operators.sketches import sketch
from operators.sketches.sketch import Slide
from operators.sketches.windows import Slides
from operators.statistics.effects import LEVELS
from schemas import segments
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Effect, Span, Window
from schemas.summaries import SignalCounts, Summary

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A detector that alarms on a signal at an evaluation."""

    detector: str
    statistic: float
    threshold: float
    p_value: float | None = None  # sequential detectors have none
    effect: Effect
    streak: int = 1  # evaluations in a row, this one included
    onset_ms: int | None = None  # as far as the detector knows


def strength(alarm: Alarm) -> tuple[int, float, str]:
    """Sort key: the largest level first, then windowed before sequential and the least p-value, then the name."""
    return -LEVELS.index(alarm.effect.level), 2.0 if alarm.p_value is None else alarm.p_value, alarm.detector


def summary(
    detection: Detection,
    key: Key,
    slides: Slides,
    slide: Slide,
    window: Window,
    verdicts: Sequence[Verdict],
    judged: Bools | None,
    alarms: Mapping[int, Sequence[Alarm]],
    previous: Span | None,
    standing: Mapping[int, tuple[float, float]],
) -> Summary:
    """What a window and its evaluation come to.

    Parameters
    ----------
    slide
        The newest of the window.
    judged
        Signals with enough values; None if the window has too few records to say anything.
    alarms
        By position of the signal.
    previous
        What it was compared with, if not with a profile.
    standing
        Statistic and threshold of sequential detectors, by the number of the track.
    """
    names, whole = detection.signals.names, key.segment == segments.ALL
    counts = {
        name: SignalCounts(missing=int(row[MISSING]), invalid=int(row[INVALID]), unseen=int(row[unseen].sum()))
        for name, row, unseen in zip(names, slides.counts, detection.tables.unseen, strict=True)
    }
    rows: list[Evaluation] = []
    exceeded = evaluated = 0
    if judged is not None:
        for verdict in verdicts:
            counted = verdict.watched & judged & np.isnan(detection.windowed[verdict.detector][1])
            evaluated += int(counted.sum())
            exceeded += int((counted & verdict.over).sum())
        found = {(position, alarm.detector): alarm for position, many in alarms.items() for alarm in many}
        about = (window.end, key.model, key.version, key.segment)
        rows = [*_windowed(detection, about, slides, verdicts, judged, found)]
        rows += _sequential(detection, about, slide, found, detection.given(key.segment), judged, standing)
    return Summary(
        model=key.model,
        version=key.version,
        segment=key.segment,
        window=window,
        status="insufficient" if judged is None else "alarm" if alarms else "ok",
        counts=counts,
        evaluations=tuple(rows),
        exceeded=exceeded,
        expected=significant(evaluated * detection.level(key.segment)),
        previous=previous,
        means=outputs.means(detection, slides) if whole else {},
        predicted=outputs.predicted(detection, slides) if whole else {},
        by_class=detection.by_class.told(slides.by_class) if whole and detection.by_class is not None else {},
    )


def _windowed(
    detection: Detection,
    about: tuple[str, str, str, str],
    slides: Slides,
    verdicts: Sequence[Verdict],
    judged: Bools,
    alarms: Mapping[tuple[int, str], Alarm],
) -> Iterator[Evaluation]:
    """One evaluation of each signal by each windowed detector that looks at it."""
    counts = (slides.counts * detection.tables.is_value).sum(axis=1)
    for verdict in verdicts:
        # Of Python's own numbers: to take each out of an array takes longer than to round it.
        statistic, threshold = verdict.statistic.tolist(), verdict.threshold.tolist()
        p_value, effect = verdict.p_value.tolist(), verdict.effect.tolist()
        for position in np.flatnonzero(verdict.watched).tolist():
            said = judged[position]
            yield _evaluation(
                about,
                detection.signals.names[position],
                verdict.detector,
                count=int(counts[position]),
                statistic=statistic[position] if said else None,
                threshold=threshold[position] if said else None,
                p_value=p_value[position] if said else None,
                effect=effect[position] if said else None,
                alarm=(position, verdict.detector) in alarms,
            )


def _sequential(
    detection: Detection,
    about: tuple[str, str, str, str],
    slide: Slide,
    alarms: Mapping[tuple[int, str], Alarm],
    given: Bools,
    judged: Bools,
    standing: Mapping[int, tuple[float, float]],
) -> Iterator[Evaluation]:
    """One evaluation of each track."""
    counts = (sketch.count([slide], len(detection.signals.names)) * detection.tables.is_value).sum(axis=1)
    for number, track in enumerate(detection.tracks.tracks):
        if given[track.signal]:
            continue
        held = alarms.get((track.signal, track.name))
        statistic, threshold = standing.get(number, (None, None)) if judged[track.signal] else (None, None)
        yield _evaluation(
            about,
            detection.signals.names[track.signal],
            track.name,
            count=int(counts[track.signal]),
            statistic=held.statistic if held else statistic,
            threshold=held.threshold if held else threshold,
            p_value=None,
            effect=held.effect.size if held else None,
            alarm=held is not None,
        )


def _evaluation(
    about: tuple[str, str, str, str],
    signal: str,
    detector: str,
    *,
    count: int,
    statistic: float | None,
    threshold: float | None,
    p_value: float | None,
    effect: float | None,
    alarm: bool,
) -> Evaluation:
    time, model, version, segment = about
    return Evaluation(
        time=time,
        model=model,
        version=version,
        segment=segment,
        signal=signal,
        detector=detector,
        count=count,
        statistic=_written(statistic),
        threshold=_written(threshold),
        p_value=_written(p_value),
        effect=_written(effect),
        alarm=alarm,
    )


def _written(value: float | None) -> float | None:
    return significant(value) if value is not None and isfinite(value) else None
