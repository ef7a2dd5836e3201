"""Windows of performance: their measures against the baseline and the user's own limits; which open and which recover.

A measure that has limits is held against these and is outside the budget; any other is tested against the baseline of
its segment, at the level that follows from the budget. Both open after `confirm` windows in a row, and recover after
`recover` of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from config.metrics import CONCEPT
from config.plan import ALL, AlarmsPlan, MetricPlan, ModelPlan, PredictionPlan
from operators.decisions.outputs import SignalChange
from operators.estimation.promises import Kept, keep
from operators.metrics.baseline import calibration_of, stream_calibration
from operators.metrics.lists import ListSums
from operators.metrics.measure import Measure
from operators.metrics.measure_verdicts import LIMIT, Against, Said, compared, related
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.outcomes import classes_of
from operators.metrics.slice_losses import slice_losses
from operators.monitoring.evidence import alarm_evidence
from operators.monitoring.onsets import Onset, likelihoods_of_sums, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.slice_alarms import slice_evidence
from operators.monitoring.state import Key
from operators.monitoring.watched import Watched
from operators.statistics import effects
from schemas import segments
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Moments, SliceEvidence, Span, Window
from schemas.summaries import Confusion, Estimated, ListCounts, Summary

CLASSES = 10  # of a confusion matrix that is told: more can not be read, and they grow by the square


@dataclass(frozen=True)
class PerformanceWindow:
    """Slides that are evaluated together."""

    window: Window
    predicted: Span  # when their predictions were made
    told_ms: int  # event time at which they are evaluated
    starts_ms: Sequence[int]  # of the slides, and their ends, the newest last
    ends_ms: Sequence[int]
    slides: Sequence[OutcomeSums]


def evaluated(
    plan: ModelPlan,
    metrics: Sequence[MetricPlan],
    key: Key,
    against: Against,
    watches: dict[str, Watched],
    kept: dict[str, Kept],
    at: PerformanceWindow,
) -> tuple[Summary, list[SignalChange], list[SliceEvidence]]:
    """Evaluate a window; ``watches`` and ``kept`` are brought up to date, by name of the measure.

    Returns
    -------
    summary : Summary
    changes : list of SignalChange
    alarmed : list of SliceEvidence
        Measures that alarm, where it is a segment's window; slices that lost most, where they are searched.
    """
    assert plan.prediction is not None, "performance is of a task"
    sums = at.slides[0]
    for slide in at.slides[1:]:
        sums = sums + slide
    rows: list[Evaluation] = []
    errors: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    changes: list[SignalChange] = []
    alarmed: list[SliceEvidence] = []
    estimated: dict[str, Estimated] = {}
    exceeded = expected = 0
    if sums.labels >= plan.window.min_count:
        values: dict[str, float] = {}
        for metric in metrics:
            measure, interval = Measure(metric, plan.prediction), None
            if metric.name == CONCEPT:
                said, value = related(plan, sums, against)
                count = sums.labels
            else:
                value, error, count = measure.value(sums)
                values[metric.title] = value
                calibration = calibration_of(metric, against.measures, against.streams)
                said = compared(plan, metric, measure, sums, against, value, calibration)
                if error > 0:
                    errors[metric.title] = significant(error)
                interval = measure.interval(sums, calibration)
                if interval is not None:
                    intervals[metric.title] = significant(interval[0]), significant(interval[1])
            rows.append(_evaluation(key, at.window.end, metric.title, value, count, said))
            exceeded, expected = exceeded + said.over, expected + (said.p_value is not None)
            if not math.isnan(value):
                turn = _Turn(plan, key, against, at, measure, sums, value, interval)
                changes += _follow(turn, watches.setdefault(metric.title, Watched()), said)
                alarmed += _in_slice(turn, said)
        if against.cells is not None and against.sliced is not None and sums.sliced is not None:
            follow = stream_calibration("accuracy", against.streams)
            alarmed += slice_losses(plan, against.cells, sums.sliced, against.sliced, follow)
        if against.promise is not None:
            estimated = against.promise.of(sums, values)
            keep(kept, estimated, values)
        for name in [name for name, watch in watches.items() if watch.told is None and not watch.streak]:
            del watches[name]
    summary = Summary(
        model=key.model,
        version=key.version,
        segment=key.segment,
        window=at.window,
        status="insufficient" if not rows else "alarm" if any(one.alarm for one in rows) else "ok",
        counts={},
        evaluations=tuple(rows),
        about="performance",
        errors=errors,
        intervals=intervals,
        lists=msgspec.UNSET if sums.lists is None else _list_counts(sums.lists),
        confusion=_confusion(plan.prediction, sums) if rows else msgspec.UNSET,
        estimated=estimated,
        estimate_errors={name: kept[name].error for name in estimated if name in kept},
        estimates_held={name: kept[name].share_held for name in estimated if name in kept and kept[name].told},
        exceeded=exceeded,
        expected=significant(expected * against.level),
    )
    return summary, changes, alarmed


def _confusion(plan: PredictionPlan, sums: OutcomeSums) -> Confusion | msgspec.UnsetType:
    names = classes_of(plan) or ((f"not {plan.positive}", plan.positive) if plan.positive is not None else ())
    cells = sums.cells()
    if not len(names) == len(cells) <= CLASSES:
        return msgspec.UNSET
    return Confusion(classes=names, counts=tuple(map(tuple, cells.tolist())))


def _list_counts(lists: ListSums) -> ListCounts:
    return ListCounts(measured=lists.measured, incomplete=lists.incomplete, alike=lists.alike, long=lists.long)


@dataclass(frozen=True)
class _Turn:
    """All that is known when a measure may have changed."""

    plan: ModelPlan
    key: Key
    against: Against
    at: PerformanceWindow
    measure: Measure
    sums: OutcomeSums
    value: float
    interval: tuple[float, float] | None

    @property
    def signal(self) -> str:
        return f"performance.{self.measure.metric.title}"


def _follow(turn: _Turn, watch: Watched, said: Said) -> list[SignalChange]:
    critical = said.alarm and _severity(turn.plan.alarms, said) == "critical"
    state = watch.follow(turn.plan.alarms, said.alarm, critical, said.still, turn.at.starts_ms[-1])
    if state == "recovered":
        return [watch.recovered(turn.at.told_ms, turn.at.window, turn.at.predicted)]
    return [] if state is None else _tell(turn, watch, said, state)


def _severity(alarms: AlarmsPlan, said: Said) -> str:
    assert said.effect is not None, "it alarms"
    critical = said.detector == LIMIT or effects.reaches(said.effect.level, alarms.critical)
    return "critical" if critical else "warning"


def _tell(turn: _Turn, watch: Watched, said: Said, state: str) -> list[SignalChange]:
    assert said.effect is not None, "it alarms"
    assert said.threshold is not None, "at something"
    began = _onset(turn, watch)
    alarm, reference, now = _found(turn, said, watch.streak)
    metrics = turn.plan.performance
    watch.told = SignalChange(
        time_ms=turn.at.told_ms,
        model=turn.key.model,
        version=turn.key.version,
        role=turn.key.role,
        segment=turn.key.segment,
        kind="performance",
        state=state,  # type: ignore[arg-type]  # one of its literals
        level=said.effect.level,
        severity=_severity(turn.plan.alarms, said),  # type: ignore[arg-type]  # likewise
        onset_ms=began.at_ms,
        empty=False,
        window=turn.at.window,
        predicted=turn.at.predicted,
        of=len(metrics) if isinstance(metrics, tuple) else 1,
        profile_id=turn.against.profile_id,
        profile_kind=turn.against.profile_kind,
        evidence=alarm_evidence(turn.signal, alarm, began, reference, now),
    )
    return [watch.told]


def _found(turn: _Turn, said: Said, streak: int = 1) -> tuple[Alarm, Moments, Moments]:
    """The alarm, and what is measured in the baseline and now."""
    assert said.effect is not None, "it alarms"
    assert said.threshold is not None, "at something"
    then = math.nan
    if turn.against.baseline is not None and turn.measure.name != CONCEPT:
        then = turn.measure.value(turn.against.baseline)[0]
    low, high = turn.interval or (None, None)
    now = Moments(
        value=None if turn.measure.name == CONCEPT else significant(turn.value),
        low=None if low is None else significant(low),
        high=None if high is None else significant(high),
    )
    alarm = Alarm(
        detector=said.detector,
        statistic=turn.value,
        threshold=said.threshold,
        p_value=said.p_value,
        effect=said.effect,
        streak=streak,
    )
    return alarm, Moments() if math.isnan(then) else Moments(value=significant(then)), now


def _in_slice(turn: _Turn, said: Said) -> list[SliceEvidence]:
    """What an alarm of a segment says of it, for the episode of the whole traffic."""
    if not said.alarm or turn.key.segment == ALL:
        return []
    alarm, reference, now = _found(turn, said)
    return [slice_evidence(segments.parse(turn.key.segment), turn.at.window, turn.signal, alarm, reference, now)]


def _onset(turn: _Turn, watch: Watched) -> Onset:
    """Where in the window the measure began to differ from the baseline; without one, in the newest slide."""
    at, measure, baseline = turn.at, turn.measure, turn.against.baseline
    since = Onset(watch.since_ms, None, at.ends_ms[-1])
    if baseline is None or measure.name == CONCEPT:
        return since
    both = turn.sums + baseline
    influence = measure.influence(both)
    if influence is None:
        return since
    counts, totals = np.array([measure.total(both, influence, slide) for slide in at.slides]).T
    known, total = measure.total(both, influence, baseline)
    variance = influence.spread
    if not np.isfinite(totals).all() or not math.isfinite(variance):
        return since
    found = likelihoods_of_sums(counts, totals - counts * (total / max(known, 1.0)), variance, known)
    return onset(found, np.array(at.starts_ms), np.array(at.ends_ms))


def _evaluation(key: Key, time: str, name: str, value: float, count: int, said: Said) -> Evaluation:
    return Evaluation(
        time=time,
        model=key.model,
        version=key.version,
        segment=key.segment,
        signal=f"performance.{name}",
        detector=said.detector,
        count=count,
        statistic=None if math.isnan(value) else significant(value),
        threshold=said.threshold,
        p_value=said.p_value,
        effect=None if said.effect is None or said.detector == LIMIT else said.effect.size,
        alarm=said.alarm,
    )
