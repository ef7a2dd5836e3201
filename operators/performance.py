"""Performance: what turned out, by the labels that came, for one (model, version, segment).

Labels are folded into slides as they come, by their own times, and at the end of each slide that has any the measures
of the window of the last slides are computed. A window of many slides is cut into SLIDES of them at most.

State bytes: `_State`, see state_format.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ALL, MetricPlan, ModelPlan, WindowPlan
from operators.outcome_sums import OutcomeSums, measured
from operators.sketch import taken
from operators.state import Key
from operators.state_format import StateFormat
from schemas.cloudevents import significant, timestamp
from schemas.evaluations import Evaluation
from schemas.events import Window
from schemas.summaries import Summary

SLIDES = 64  # of a window: each is up to 30 KB of state, and with fewer windows would move in jumps
MEASURE = "measure"  # in the place of a detector: it is no test


class _Slide(msgspec.Struct, array_like=True):
    end_ms: int
    sums: OutcomeSums


class _State(msgspec.Struct, array_like=True):
    made_for: bytes  # what is predicted, and windows
    pane_ms: int  # end of the newest pane that was folded
    slides: list[_Slide] = []  # oldest first
    evaluated: bool = True  # whether the newest has ended


_format = StateFormat(b"TL", 1, _State)


@dataclass
class Measured:
    """What a step comes to."""

    state: bytes
    summaries: list[Summary] = field(default_factory=list)
    next_ms: int | None = None  # when the key wants to be woken, if nothing comes before


def slide_ms(window: WindowPlan) -> int:
    """How often performance is computed.

    >>> slide_ms(WindowPlan(size_ms=86_400_000, slide_ms=300_000, min_count=1, grow_to_ms=0)) // 60_000
    25
    """
    return window.slide_ms * -(-window.size_ms // (window.slide_ms * SLIDES))


def step(
    plan: ModelPlan,
    metrics: Sequence[MetricPlan],
    key: Key,
    state: bytes,
    pane_ms: int | None,
    values: npt.NDArray[np.float64],
    until_ms: int,
) -> Measured:
    """Fold the labels of a pane, or let time pass.

    Parameters
    ----------
    plan, metrics
        Of the key's model.
    state : bytes
        From the last step; ``b""`` before the first.
    pane_ms
        End of the pane; None where only time has passed.
    values : float64, shape (labels, 3)
        Predicted, probability and outcome of each, in their order.
    until_ms
        Slides that end by then are complete.
    """
    known = _read(key, state, plan)
    result = Measured(state)
    long_ms = slide_ms(plan.window)
    if pane_ms is not None and pane_ms > known.pane_ms:
        end_ms = -(-pane_ms // long_ms) * long_ms
        _evaluate(plan, metrics, key, known, end_ms - long_ms, result)
        assert plan.prediction is not None, "performance is of a task"
        sums = OutcomeSums.of(plan.prediction, values)
        if known.slides and known.slides[-1].end_ms == end_ms:
            known.slides[-1].sums = known.slides[-1].sums + sums
        else:
            known.slides.append(_Slide(end_ms, sums))
        known.evaluated, known.pane_ms = False, pane_ms
    _evaluate(plan, metrics, key, known, until_ms, result)
    reach_ms = max(plan.window.size_ms, plan.window.grow_to_ms, long_ms)
    if known.slides and until_ms >= _forgotten_ms(known, reach_ms):
        known.slides = []
    if not known.slides:
        return Measured(b"", result.summaries)
    result.next_ms = _forgotten_ms(known, reach_ms) if known.evaluated else known.slides[-1].end_ms
    result.state = _format.pack(known)
    return result


def _evaluate(
    plan: ModelPlan, metrics: Sequence[MetricPlan], key: Key, known: _State, until_ms: int, result: Measured
) -> None:
    """Compute the measures of the window that ends with the newest slide, if it has ended."""
    if known.evaluated or known.slides[-1].end_ms > until_ms:
        return
    known.evaluated = True
    end_ms = known.slides[-1].end_ms
    sizes = plan.window
    newest_first = ((slide.end_ms, slide.sums.labels) for slide in reversed(known.slides))
    many = taken(newest_first, end_ms, sizes.size_ms, sizes.grow_to_ms, sizes.min_count)
    known.slides = known.slides[-many:]  # older ones are of no use later
    sums = known.slides[0].sums
    for slide in known.slides[1:]:
        sums = sums + slide.sums
    start_ms = min(end_ms - plan.window.size_ms, known.slides[0].end_ms - slide_ms(plan.window))
    whole = key.segment == ALL
    window = Window(start=timestamp(start_ms), end=timestamp(end_ms), count=sums.labels, share=1.0 if whole else None)
    evaluations: list[Evaluation] = []
    errors: dict[str, float] = {}
    if sums.labels >= plan.window.min_count:
        assert plan.prediction is not None, "performance is of a task"
        found = measured(plan.prediction, sums)
        for metric in metrics:
            value, error, count = found[metric.name]
            evaluations.append(_evaluation(key, window.end, metric, value, count))
            if error > 0:
                errors[metric.name] = significant(error)
    alarm = any(one.alarm for one in evaluations)
    result.summaries.append(
        Summary(
            model=key.model,
            version=key.version,
            segment=key.segment,
            window=window,
            status="insufficient" if not evaluations else "alarm" if alarm else "ok",
            counts={},
            evaluations=tuple(evaluations),
            about="performance",
            errors=errors,
        )
    )


def _evaluation(key: Key, time: str, metric: MetricPlan, value: float, count: int) -> Evaluation:
    """A measure against what it has to be at least and at most."""
    low = metric.min is not None and value < metric.min
    high = metric.max is not None and value > metric.max
    threshold = metric.max if high or metric.min is None else metric.min
    return Evaluation(
        time=time,
        model=key.model,
        version=key.version,
        segment=key.segment,
        signal=f"performance.{metric.name}",
        detector=MEASURE,
        count=count,
        statistic=None if np.isnan(value) else significant(value),
        threshold=threshold,
        p_value=None,
        effect=None,
        alarm=low or high,
    )


def _forgotten_ms(known: _State, reach_ms: int) -> int:
    """When no later window can reach its labels, to a multiple of how far they reach, so that a key has few timers."""
    return -(-(known.slides[-1].end_ms + reach_ms) // reach_ms) * reach_ms


def _read(key: Key, data: bytes, plan: ModelPlan) -> _State:
    """The state; a new one where there is none, or what is predicted or the windows have changed."""
    about = msgspec.json.encode([plan.prediction, plan.window])
    made_for = hashlib.blake2b(about, digest_size=8).digest()
    if not data:
        return _State(made_for, 0)
    known = _format.unpack(data, f"performance of {key}")
    return known if known.made_for == made_for else _State(made_for, known.pane_ms)
