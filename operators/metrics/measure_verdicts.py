"""What a window says of a measure of performance: by limits of the user's own, or by a test against the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.metrics import CONCEPT
from config.plan import MetricPlan, ModelPlan
from operators.decisions.outputs import ProfileKind
from operators.estimation.concept import relation
from operators.estimation.promises import Promise
from operators.metrics.baseline import stream_calibration
from operators.metrics.measure import Measure
from operators.metrics.measure_tests import Judged, judge
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.slice_cells import SliceCells
from operators.metrics.slice_sums import SliceSums
from operators.monitoring.evaluation import STILL
from operators.statistics import effects
from schemas.cloudevents import significant
from schemas.events import Effect
from schemas.profile import Baseline, Calibration, Signal

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
    id: bytes = b""  # of the baseline, whichever profile has it
    promise: Promise | None = None  # what labelled records had been estimated to be; None: nothing is estimated
    cells: SliceCells | None = None  # slices whose losses are searched; None: none are
    sliced: SliceSums | None = None  # of the baseline


@dataclass(frozen=True)
class Said:
    """What is said of a measure."""

    alarm: bool
    still: bool  # it has not recovered, though it does not alarm
    detector: str
    threshold: float | None
    p_value: float | None = None
    effect: Effect | None = None
    over: bool = False  # the level of the budget, whatever the effect


def compared(
    plan: ModelPlan,
    metric: MetricPlan,
    measure: Measure,
    sums: OutcomeSums,
    against: Against,
    value: float,
    calibration: Calibration | None,
) -> Said:
    """What the window says of a measure, by its limits or against the baseline."""
    if metric.min is not None or metric.max is not None:
        low = metric.min is not None and value < metric.min
        high = metric.max is not None and value > metric.max
        threshold = metric.max if high or metric.min is None else metric.min
        assert threshold is not None, "one of both is given"
        effect = Effect(size=significant(abs(value - threshold)), level="large", direction="down" if low else "up")
        return Said(low or high, False, LIMIT, threshold, effect=effect if low or high else None)
    if against.baseline is None or math.isnan(value) or sums.labels < min(LEAST, plan.window.min_count):
        return Said(False, True, MEASURE, None)
    found = judge(measure, sums, against.baseline, calibration, against.level)
    if found is None:
        return Said(False, True, MEASURE, None)
    effect = _effect(measure, found)
    large = found.worse and effects.reaches(effect.level, plan.alarms.min_effect)
    p_value = significant(found.p_value)
    over = found.worse and p_value < against.level
    return Said(
        over and large,
        found.p_value < STILL and large,
        MEASURE,
        significant(found.threshold) if math.isfinite(found.threshold) else None,
        p_value,
        effect,
        over,
    )


def related(plan: ModelPlan, sums: OutcomeSums, against: Against) -> tuple[Said, float]:
    """Whether labels depend on predictions otherwise than in the baseline, and chi-squared."""
    assert plan.prediction is not None, "performance is of a task"
    found = None
    if against.baseline is not None and sums.labels >= min(LEAST, plan.window.min_count):
        name = "bias" if plan.prediction.task == "regression" else "accuracy"
        calibration = stream_calibration(name, against.streams)
        found = relation(plan.prediction, sums, against.baseline, calibration, against.level)
    if found is None:
        return Said(False, True, CONCEPT, None), math.nan
    large, over = effects.reaches(found.effect.level, plan.alarms.min_effect), found.statistic > found.threshold
    still = found.p_value < STILL and large
    return Said(over and large, still, CONCEPT, found.threshold, found.p_value, found.effect, over), found.statistic


def _effect(measure: Measure, found: Judged) -> Effect:
    cuts = SHIFTS.get(measure.name, effects.SHIFTS)
    level = effects.level_of(found.size, cuts)
    up = found.rises if measure.two_sided else found.worse == measure.more_is_worse
    return Effect(size=significant(found.size), level=level, direction="up" if up else "down")
