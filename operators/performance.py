"""Performance: what turned out, by the labels that came, for one (model, version, segment).

Labels are folded into slides as they come, and the measures of the window of the last slides are computed when the
newest of them is complete. By arrival a slide has the labels that came in it, and is complete at its end. By cohorts,
where `mature` is given, it has the predictions that were made in it with the labels that came so long after them at
most, and is complete when so much time has passed: labels that come soon are not like those that come late, so only
slides of predictions that have waited equally long can be compared. They are told when the next label comes, never
by the end of bounded input, when the last predictions have not waited. A window of many slides, with those that are
not complete, is cut into SLIDES of them at most.

State bytes: `_State`, see state_format.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from config.plan import ALL, LabelsPlan, MetricPlan, ModelPlan, WindowPlan
from operators.decisions.outputs import Measures, SignalChange, SliceAlarms
from operators.estimation.promises import Kept
from operators.labels.join_rows import Labelled
from operators.metrics.lists import sums_of
from operators.metrics.measure_verdicts import Against
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.performance_windows import PerformanceWindow, evaluated
from operators.monitoring.slice_alarms import slice_alarms
from operators.monitoring.state import Key
from operators.monitoring.watched import Watched, ended
from operators.sketches.sketch import taken
from operators.state_format import StateFormat
from schemas.cloudevents import timestamp
from schemas.events import Span, Window
from schemas.summaries import Summary

SLIDES = 64  # of a window: each is up to 30 KB of state, and with fewer windows would move in jumps
UNKNOWN = Against()


class _Slide(msgspec.Struct, array_like=True):
    end_ms: int
    sums: OutcomeSums
    first_ms: int  # times of the predictions
    last_ms: int


class _State(msgspec.Struct, array_like=True):
    made_for: bytes  # what is predicted, windows, and `mature`
    pane_ms: int  # end of the newest pane that was folded
    slides: list[_Slide] = []  # oldest first
    evaluated_ms: int = 0  # end of the newest that was evaluated
    watches: dict[str, Watched] = {}  # by name of the measure
    kept: dict[str, Kept] = {}  # likewise: how far estimates were off
    against: bytes = b""  # `Against.id` of what is open; b"": it goes by the profile, as in older releases


_format = StateFormat(b"TL", 2, _State)


@dataclass
class Measured:
    """What a step comes to."""

    state: bytes
    summaries: list[Summary] = field(default_factory=list)
    changes: list[SignalChange] = field(default_factory=list)
    beside: list[Measures | SliceAlarms] = field(default_factory=list)
    next_ms: int | None = None  # when the key wants to be woken, if nothing comes before


def slide_ms(window: WindowPlan, mature_ms: int = 0) -> int:
    """How often performance is computed.

    >>> slide_ms(WindowPlan(size_ms=86_400_000, slide_ms=300_000, min_count=1, grow_to_ms=0)) // 60_000
    25
    """
    return window.slide_ms * -(-(window.size_ms + mature_ms) // (window.slide_ms * SLIDES))


def mature_ms(plan: ModelPlan) -> int:
    """How long after predictions their performance is told; 0: when their labels come."""
    return plan.labels.mature_ms if isinstance(plan.labels, LabelsPlan) else 0


def step(
    plan: ModelPlan,
    metrics: Sequence[MetricPlan],
    key: Key,
    state: bytes,
    pane_ms: int | None,
    labelled: Labelled | None,
    until_ms: int,
    against: Against = UNKNOWN,
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
    labelled
        Of the pane; None where there is none.
    until_ms
        Slides that end by then are complete.
    against
        What they are compared with.
    """
    known = _read(key, state, plan, metrics)
    result = Measured(state)
    others = not known.against or known.against != against.id
    told = others and any(
        watch.told is not None and watch.told.profile_id != against.profile_id for watch in known.watches.values()
    )
    known.against = against.id
    if told or not known.slides or not known.watches.keys() <= {metric.title for metric in metrics}:
        result.changes += ended(known.watches, until_ms, "configuration")
    about = plan, metrics, key, known
    mature = mature_ms(plan)
    long_ms = slide_ms(plan.window, mature)
    if pane_ms is not None and labelled is not None and pane_ms > known.pane_ms:
        if not mature:
            _evaluate(*about, against, pane_ms - 1, pane_ms, result)
        _fold(plan, metrics, known, labelled, pane_ms, against)
        known.pane_ms = pane_ms
        if mature:
            # What is settled comes with the next pane of each part of the join: of few records some take longer.
            more_ms = long_ms if isinstance(plan.labels, LabelsPlan) and plan.labels.settles else 0
            _evaluate(*about, against, pane_ms - mature - more_ms, pane_ms, result)
    if not mature:
        _evaluate(*about, against, until_ms, until_ms, result)
    reach_ms = max(plan.window.size_ms, plan.window.grow_to_ms, long_ms) + mature
    if known.slides and until_ms >= _forgotten_ms(known, reach_ms):
        known.slides = []
        result.changes += ended(known.watches, until_ms, "recovered", empty=True)
    result.changes = _net(result.changes)
    if not known.slides:
        result.state = b""
        return result
    newest_ms = known.slides[-1].end_ms
    due = not mature and newest_ms > known.evaluated_ms
    result.next_ms = newest_ms if due else _forgotten_ms(known, reach_ms)
    result.state = _format.pack(known)
    return result


def retire(key: Key, state: bytes, until_ms: int) -> list[SignalChange]:
    """What there is to say of a key whose performance is not computed any more: what was open is over."""
    return ended(_format.unpack(state, f"performance of {key}").watches, until_ms, "configuration") if state else []


def _fold(
    plan: ModelPlan, metrics: Sequence[MetricPlan], known: _State, labelled: Labelled, pane_ms: int, against: Against
) -> None:
    """Add labels to their slides."""
    assert plan.prediction is not None, "performance is of a task"
    mature = mature_ms(plan)
    long_ms = slide_ms(plan.window, mature)
    times_ms, values, places = labelled.times_ms, labelled.values, labelled.places
    if mature:
        in_time = labelled.labels_ms - times_ms <= mature
        times_ms, values = times_ms[in_time], values[in_time]
        places = None if places is None else places[in_time]
        ends = times_ms - times_ms % long_ms + long_ms
    else:
        ends = np.full(len(times_ms), -(-pane_ms // long_ms) * long_ms)
    slides = {slide.end_ms: slide for slide in known.slides}
    for end_ms in np.unique(ends).tolist():
        rows = ends == end_ms
        if plan.is_ranking:
            sums = OutcomeSums.of_lists(sums_of(values[rows], metrics))
        else:
            sums = OutcomeSums.of(plan.prediction, values[rows], against.edges)
        if against.promise is not None:
            sums.promised = against.promise.kept(values[rows])
        if against.cells is not None and places is not None:
            sums.sliced = against.cells.sums(plan.prediction, values[rows], places[rows])
        slide = _Slide(end_ms, sums, int(times_ms[rows].min()), int(times_ms[rows].max()))
        before = slides.get(end_ms)
        if before is not None:
            slide.sums = before.sums + sums
            slide.first_ms, slide.last_ms = min(before.first_ms, slide.first_ms), max(before.last_ms, slide.last_ms)
        slides[end_ms] = slide
    known.slides = [slides[end_ms] for end_ms in sorted(slides)]


def _evaluate(
    plan: ModelPlan,
    metrics: Sequence[MetricPlan],
    key: Key,
    known: _State,
    against: Against,
    until_ms: int,
    now_ms: int,
    result: Measured,
) -> None:
    """Compute the measures of the windows that end by then with a slide that has labels."""
    long_ms = slide_ms(plan.window, mature_ms(plan))
    for end_ms in [slide.end_ms for slide in known.slides if known.evaluated_ms < slide.end_ms <= until_ms]:
        known.evaluated_ms = end_ms
        there = [slide for slide in known.slides if slide.end_ms <= end_ms]
        newest_first = ((slide.end_ms, slide.sums.labels) for slide in reversed(there))
        sizes = plan.window
        many = taken(newest_first, end_ms, sizes.size_ms, sizes.grow_to_ms, sizes.min_count)
        known.slides = known.slides[len(there) - many :]  # older ones are of no use later
        slides = known.slides[:many]
        window = Window(
            start=timestamp(min(end_ms - sizes.size_ms, slides[0].end_ms - long_ms)),
            end=timestamp(end_ms),
            count=sum(slide.sums.labels for slide in slides),
            share=1.0 if key.segment == ALL else None,
        )
        first_ms, last_ms = min(slide.first_ms for slide in slides), max(slide.last_ms for slide in slides)
        at = PerformanceWindow(
            window=window,
            predicted=Span(start=timestamp(first_ms), end=timestamp(last_ms + 1)),
            # By arrival at its end, whenever it is looked at; of cohorts when the label comes that makes it complete.
            told_ms=now_ms if mature_ms(plan) else end_ms,
            starts_ms=[slide.end_ms - long_ms for slide in slides],
            ends_ms=[slide.end_ms for slide in slides],
            slides=[slide.sums for slide in slides],
        )
        summary, changes, found = evaluated(plan, metrics, key, against, known.watches, known.kept, at)
        # Of cohorts each segment is evaluated when a label of its own comes, so two slides on at the latest.
        until_ms = at.told_ms + long_ms * (2 if mature_ms(plan) else 1)
        result.beside = [one for one in result.beside if one.time_ms != at.told_ms]  # of windows at once the newest
        result.beside += slice_alarms(key, at.told_ms, until_ms, found)
        result.summaries.append(summary)
        result.changes += changes


def _net(changes: Sequence[SignalChange]) -> list[SignalChange]:
    """What several windows that are told at the same time come to: one change at most of each signal."""
    found: dict[tuple[int, str], SignalChange] = {}
    for change in changes:
        about = change.time_ms, change.evidence.signal
        before = found.pop(about, None)
        if before is None:
            found[about] = change
        elif change.state == "recovered":
            if before.state != "opened":
                found[about] = change
        else:
            state = "opened" if before.state == "opened" else "changed"
            found[about] = msgspec.structs.replace(change, state=state)
    return list(found.values())


def _forgotten_ms(known: _State, reach_ms: int) -> int:
    """When no later window can reach its labels, to a multiple of how far they reach, so that a key has few timers."""
    return -(-(known.slides[-1].end_ms + reach_ms) // reach_ms) * reach_ms


def _read(key: Key, data: bytes, plan: ModelPlan, metrics: Sequence[MetricPlan]) -> _State:
    """The state; a new one where there is none, or what is predicted, the windows or `mature` have changed."""
    titles = [metric.title for metric in metrics] if plan.is_ranking else []  # lists are not kept for other measures
    about = msgspec.json.encode([plan.prediction, plan.window, mature_ms(plan), *titles])
    made_for = hashlib.blake2b(about, digest_size=8).digest()
    if not data:
        return _State(made_for, 0)
    known = _format.unpack(data, f"performance of {key}")
    return known if known.made_for == made_for else _State(made_for, known.pane_ms, watches=known.watches)
