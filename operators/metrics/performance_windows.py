"""Windows of performance: their measures against the baseline and the user's own limits; which open and which recover.

A measure that has limits is held against these and is outside the budget; any other is tested against the baseline of
its segment, at the level that follows from the budget. Both open after `confirm` windows in a row, and recover after
`recover` of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from config.metrics import CONCEPT
from config.plan import AlarmsPlan, MetricPlan, ModelPlan
from operators.decisions.outputs import ProfileKind, SignalChange
from operators.estimation.concept import relation
from operators.estimation.promises import Kept, Promise, keep
from operators.metrics.baseline import calibration_of, stream_calibration
from operators.metrics.lists import ListSums
from operators.metrics.measure import Measure
from operators.metrics.measure_tests import Judged, judge
from operators.metrics.outcome_sums import OutcomeSums
from operators.monitoring.evaluation import STILL
from operators.monitoring.evidence import alarm_evidence
from operators.monitoring.onsets import Onset, likelihoods_of_sums, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.state import Key
from operators.monitoring.watched import Watched
from operators.statistics import effects
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Effect, Moments, Span, Window
from schemas.profile import Baseline, Calibration, Signal
from schemas.summaries import Estimated, ListCounts, Summary

MEASURE, LIMIT = "measure", "limit"  # in the place of a detector
# Sizes of effects from which they are small, medium, large: those of a shift of a normal value by so many deviations,
# and Cohen's q (1988, 4.2) of correlations.
SHIFTS = {"mcc": (0.1, 0.3, 0.5), "kappa": (0.1, 0.3, 0.5)}
LEAST = 50  # labels of a window, or `min_count`: with fewer no measure is compared


@dataclass(frozen=True)
class Against:
    """What the performance of a key is compared with; without a baseline limits alone alarm."""

    level: float = 0.0  # of one test at one evaluation
    baseline: OutcomeSums | None = None
    streams: Mapping[str, Signal] = field(default_factory=dict)
    measures: Mapping[str, Baseline] = field(default_factory=dict)  # of the baseline of the whole traffic
    profile_id: str = ""
    profile_kind: ProfileKind = "profile"
    edges: tuple[float, ...] = ()  # of the groups of predicted numbers, see concept.py
    promise: Promise | None = None  # what labelled records had been estimated to be; None: nothing is estimated


@dataclass(frozen=True)
class PerformanceWindow:
    """Slides that are evaluated together."""

    window: Window
    predicted: Span  # when their predictions were made
    told_ms: int  # event time at which they are evaluated
    starts_ms: Sequence[int]  # of the slides, and their ends, the newest last
    ends_ms: Sequence[int]
    slides: Sequence[OutcomeSums]


@dataclass(frozen=True)
class _Said:
    """What is said of a measure."""

    alarm: bool
    still: bool  # it has not recovered, though it does not alarm
    detector: str
    threshold: float | None
    p_value: float | None = None
    effect: Effect | None = None
    over: bool = False  # the level of the budget, whatever the effect


def evaluated(
    plan: ModelPlan,
    metrics: Sequence[MetricPlan],
    key: Key,
    against: Against,
    watches: dict[str, Watched],
    kept: dict[str, Kept],
    at: PerformanceWindow,
) -> tuple[Summary, list[SignalChange]]:
    """Evaluate a window; ``watches`` and ``kept`` are brought up to date, by name of the measure."""
    assert plan.prediction is not None, "performance is of a task"
    sums = at.slides[0]
    for slide in at.slides[1:]:
        sums = sums + slide
    rows: list[Evaluation] = []
    errors: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    changes: list[SignalChange] = []
    estimated: dict[str, Estimated] = {}
    exceeded = expected = 0
    if sums.labels >= plan.window.min_count:
        values: dict[str, float] = {}
        for metric in metrics:
            measure = Measure(metric, plan.prediction)
            if metric.name == CONCEPT:
                said, value = _related(plan, sums, against)
                rows.append(_evaluation(key, at.window.end, metric.title, value, sums.labels, said))
                exceeded, expected = exceeded + said.over, expected + (said.p_value is not None)
                watch = watches.setdefault(metric.title, Watched())
                changes += _follow(_Turn(plan, key, against, at, measure, sums, value, None), watch, said)
                continue
            value, error, count = measure.value(sums)
            values[metric.title] = value
            calibration = calibration_of(metric, against.measures, against.streams)
            said = _said(plan, metric, measure, sums, against, value, calibration)
            rows.append(_evaluation(key, at.window.end, metric.title, value, count, said))
            if error > 0:
                errors[metric.title] = significant(error)
            interval = measure.interval(sums, calibration)
            if interval is not None:
                intervals[metric.title] = significant(interval[0]), significant(interval[1])
            exceeded, expected = exceeded + said.over, expected + (said.p_value is not None)
            if not math.isnan(value):
                watch = watches.setdefault(metric.title, Watched())
                changes += _follow(_Turn(plan, key, against, at, measure, sums, value, interval), watch, said)
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
        estimated=estimated,
        estimate_errors={name: kept[name].error for name in estimated if name in kept},
        estimates_held={
            name: kept[name].share_held
            for name in estimated
            if name in kept and kept[name].told
            for name in estimated
            if name in kept and kept[name].told
        },
        exceeded=exceeded,
        expected=significant(expected * against.level),
    )
    return summary, changes


def _list_counts(lists: ListSums) -> ListCounts:
    return ListCounts(measured=lists.measured, incomplete=lists.incomplete, alike=lists.alike, long=lists.long)


def _said(
    plan: ModelPlan,
    metric: MetricPlan,
    measure: Measure,
    sums: OutcomeSums,
    against: Against,
    value: float,
    calibration: Calibration | None,
) -> _Said:
    if metric.min is not None or metric.max is not None:
        low = metric.min is not None and value < metric.min
        high = metric.max is not None and value > metric.max
        threshold = metric.max if high or metric.min is None else metric.min
        assert threshold is not None, "one of both is given"
        effect = Effect(size=significant(abs(value - threshold)), level="large", direction="down" if low else "up")
        return _Said(low or high, False, LIMIT, threshold, effect=effect if low or high else None)
    if against.baseline is None or math.isnan(value) or sums.labels < min(LEAST, plan.window.min_count):
        return _Said(False, True, MEASURE, None)
    found = judge(measure, sums, against.baseline, calibration, against.level)
    if found is None:
        return _Said(False, True, MEASURE, None)
    effect = _effect(measure, found)
    large = found.worse and effects.reaches(effect.level, plan.alarms.min_effect)
    p_value = significant(found.p_value)
    over = found.worse and p_value < against.level
    return _Said(
        over and large,
        found.p_value < STILL and large,
        MEASURE,
        significant(found.threshold) if math.isfinite(found.threshold) else None,
        p_value,
        effect,
        over,
    )


def _related(plan: ModelPlan, sums: OutcomeSums, against: Against) -> tuple[_Said, float]:
    """Whether labels depend on predictions otherwise than in the baseline, and chi-squared."""
    assert plan.prediction is not None, "performance is of a task"
    found = None
    if against.baseline is not None and sums.labels >= min(LEAST, plan.window.min_count):
        name = "bias" if plan.prediction.task == "regression" else "accuracy"
        calibration = stream_calibration(name, against.streams)
        found = relation(plan.prediction, sums, against.baseline, calibration, against.level)
    if found is None:
        return _Said(False, True, CONCEPT, None), math.nan
    large, over = effects.reaches(found.effect.level, plan.alarms.min_effect), found.statistic > found.threshold
    still = found.p_value < STILL and large
    return _Said(over and large, still, CONCEPT, found.threshold, found.p_value, found.effect, over), found.statistic


def _effect(measure: Measure, found: Judged) -> Effect:
    cuts = SHIFTS.get(measure.name, effects.SHIFTS)
    level = effects.level_of(found.size, cuts)
    up = found.rises if measure.two_sided else found.worse == measure.more_is_worse
    return Effect(size=significant(found.size), level=level, direction="up" if up else "down")


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


def _follow(turn: _Turn, watch: Watched, said: _Said) -> list[SignalChange]:
    critical = said.alarm and _severity(turn.plan.alarms, said) == "critical"
    state = watch.follow(turn.plan.alarms, said.alarm, critical, said.still, turn.at.starts_ms[-1])
    if state == "recovered":
        return [watch.recovered(turn.at.told_ms, turn.at.window, turn.at.predicted)]
    return [] if state is None else _tell(turn, watch, said, state)


def _severity(alarms: AlarmsPlan, said: _Said) -> str:
    assert said.effect is not None, "it alarms"
    critical = said.detector == LIMIT or effects.reaches(said.effect.level, alarms.critical)
    return "critical" if critical else "warning"


def _tell(turn: _Turn, watch: Watched, said: _Said, state: str) -> list[SignalChange]:
    assert said.effect is not None, "it alarms"
    assert said.threshold is not None, "at something"
    began = _onset(turn, watch)
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
        streak=watch.streak,
    )
    reference = Moments() if math.isnan(then) else Moments(value=significant(then))
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
        evidence=alarm_evidence(f"performance.{turn.measure.metric.title}", alarm, began, reference, now),
    )
    return [watch.told]


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


def _evaluation(key: Key, time: str, name: str, value: float, count: int, said: _Said) -> Evaluation:
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
