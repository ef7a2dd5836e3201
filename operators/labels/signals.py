"""Labelled share and delay of labels: whether predictions get their labels as they used to, version by version.

Cohorts of predictions that are mature are compared with how labels of the reference came, where the profile knows it,
else with those before them, of the same version: `labels.share` is the share of predictions that got a label,
`labels.delay` how many of the labels took longer than half of them did then. `labels.share.SOURCE` is the share of
predictions that got theirs from a source that `labels.by` names, always compared with the predictions before them.

A slide has the predictions made in it, and is complete when the slowest of their labels that counts could have come.
Slides that windows have left are the past, unless something was going on then. How much shares of slides differ by
themselves, more than those of independent predictions would, is measured in the past and divides the evidence.
Without a profile's delays nothing is judged before there is one.

State bytes: `_State`, see state_format.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import LabelsPlan, ModelPlan
from operators.decisions.outputs import SignalChange
from operators.labels.facts import BINS, EDGES, PREDICTIONS
from operators.labels.join_chunks import Ints
from operators.labels.past import DELAY, SHARE, Judged, Past, Spread, half_of, judged, within_bins
from operators.monitoring.evidence import alarm_evidence
from operators.monitoring.onsets import Onset
from operators.monitoring.scores import Alarm
from operators.monitoring.state import Key
from operators.monitoring.watched import Watched, ended
from operators.performance import Measured, slide_ms
from operators.sketches.sketch import taken
from operators.state_format import StateFormat
from operators.statistics import effects
from schemas.cloudevents import significant, timestamp
from schemas.evaluations import Evaluation
from schemas.events import Moments, Severity, Span, Window
from schemas.summaries import Summary

SIGNALS = (SHARE, DELAY)  # and for each source of `labels.by` one more
FEWEST = 50  # predictions, or labels, of a window, or `min_count`

Counts = npt.NDArray[np.int64]


class _Slide(msgspec.Struct, array_like=True):
    end_ms: int
    predictions: int = 0
    delays: bytes = b"\0" * 8 * BINS  # i64 labels by bin
    by: dict[str, int] = {}  # labels by source, of those that are asked for

    @property
    def labels(self) -> Counts:
        return np.frombuffer(self.delays, "<i8")


class _State(msgspec.Struct, array_like=True):
    made_for: bytes  # windows and `mature`
    pane_ms: int  # end of the newest pane that was folded
    slides: list[_Slide] = []  # oldest first
    evaluated_ms: int = 0  # end of the newest that was evaluated
    delays: bytes = b"\0" * 8 * BINS  # of the past
    past_ms: tuple[int, int] = (0, 0)  # from the begin of its first slide to the end of its last
    spreads: dict[str, Spread] = {}  # by signal, of the past
    watches: dict[str, Watched] = {}  # by signal


_format = StateFormat(b"TS", 1, _State)


def waits_ms(plan: ModelPlan) -> int:
    """How long after predictions it is told which of them have labels."""
    assert isinstance(plan.labels, LabelsPlan), "it has labels"
    return plan.labels.mature_ms or plan.labels.within_ms


def step(
    plan: ModelPlan,
    key: Key,
    state: bytes,
    pane_ms: int | None,
    rows: Ints | None,
    until_ms: int,
    level: float,
    reference: Past | None = None,
) -> Measured:
    """Fold the facts of a pane, or let time pass.

    Parameters
    ----------
    plan
        Of the key's model.
    state : bytes
        From the last step; ``b""`` before the first.
    pane_ms
        End of the pane; None where only time has passed.
    rows
        Of `label_facts.unpack`; None where only time has passed.
    until_ms
        Time has come so far.
    level
        Of one test at one evaluation.
    reference
        How labels of the reference came; None where that is not known.
    """
    known = _read(key, state, plan)
    result = Measured(state)
    profile_id = "" if reference is None else reference.profile_id
    told = ((name, one.told) for name, one in known.watches.items() if one.told is not None)
    if any(one.profile_id != (profile_id if name in SIGNALS else "") for name, one in told):
        result.changes += ended(known.watches, until_ms, "configuration")
    long_ms = slide_ms(plan.window, waits_ms(plan))
    if pane_ms is not None and rows is not None and pane_ms > known.pane_ms:
        known.pane_ms = pane_ms
        _fold(known, rows, long_ms, waits_ms(plan), sources_of(plan))
        # A slide more: a label may come when its pane ends, and find its prediction a pane later.
        complete_ms = pane_ms - waits_ms(plan) - long_ms
        for end_ms in [one.end_ms for one in known.slides if known.evaluated_ms < one.end_ms <= complete_ms]:
            _evaluate(plan, key, known, end_ms, level, reference, result)
    reach_ms = max(plan.window.size_ms, plan.window.grow_to_ms, long_ms) + waits_ms(plan) + long_ms
    newest_ms = known.slides[-1].end_ms if known.slides else 0
    forget_ms = -(-(newest_ms + reach_ms) // reach_ms) * reach_ms
    # What is open stays so until there are predictions again: time alone, and the end of bounded input, heal nothing.
    if until_ms >= forget_ms and not any(one.told is not None for one in known.watches.values()):
        result.state = b""
        return result
    result.next_ms, result.state = forget_ms if until_ms < forget_ms else None, _format.pack(known)
    return result


def retire(key: Key, state: bytes, until_ms: int) -> list[SignalChange]:
    """What there is to say of a key that is not watched any more: what was open is over."""
    return ended(_format.unpack(state, f"labels of {key}").watches, until_ms, "configuration") if state else []


def sources_of(plan: ModelPlan) -> tuple[str, ...]:
    """Sources of labels that are watched for themselves."""
    return plan.labels.by if isinstance(plan.labels, LabelsPlan) else ()


def _fold(known: _State, rows: Ints, long_ms: int, waits: int, sources: Sequence[str]) -> None:
    ends = -(-rows[:, 0] // long_ms) * long_ms
    slides = {slide.end_ms: slide for slide in known.slides}
    for end_ms in np.unique(ends).tolist():
        if end_ms <= known.evaluated_ms:
            continue  # told already; a prediction that came so late is not expected to change much
        slide = slides.setdefault(end_ms, _Slide(end_ms))
        _, which, counts = rows[ends == end_ms].T
        slide.predictions += int(counts[which == PREDICTIONS].sum())
        in_time = (which != PREDICTIONS) & (which % BINS < within_bins(waits))  # before they were to be told
        for number, source in enumerate(sources, 1):
            slide.by[source] = slide.by.get(source, 0) + int(counts[in_time & (which // BINS == number)].sum())
        labels = in_time & (which < BINS)
        more = np.bincount(which[labels], counts[labels], minlength=BINS).astype(np.int64)
        slide.delays = (slide.labels + more).astype("<i8").tobytes()
    known.slides = [slides[end_ms] for end_ms in sorted(slides)]


def _evaluate(
    plan: ModelPlan, key: Key, known: _State, end_ms: int, level: float, reference: Past | None, result: Measured
) -> None:
    """Evaluate the window that ends with a slide, and tell what has changed."""
    known.evaluated_ms = end_ms
    long_ms, sizes = slide_ms(plan.window, waits_ms(plan)), plan.window
    there = [slide for slide in known.slides if slide.end_ms <= end_ms]
    newest_first = ((slide.end_ms, slide.predictions) for slide in reversed(there))
    many = taken(newest_first, end_ms, sizes.size_ms, sizes.grow_to_ms, sizes.min_count)
    if not known.watches:
        for slide in there[: len(there) - many]:
            _remember(known, slide, slide.end_ms - long_ms)
    known.slides = known.slides[len(there) - many :]
    own = Past(np.frombuffer(known.delays, "<i8"), known.spreads, known.past_ms)
    past = reference or own
    slides = known.slides[:many]
    predictions, labels = sum(slide.predictions for slide in slides), np.sum([slide.labels for slide in slides], axis=0)
    starts_ms = min(end_ms - sizes.size_ms, slides[0].end_ms - long_ms)
    window = Window(start=timestamp(starts_ms), end=timestamp(end_ms), count=predictions, share=1.0)
    span = Span(start=timestamp(slides[0].end_ms - long_ms), end=timestamp(end_ms))
    evaluations: list[Evaluation] = []
    shares = [
        (SHARE, int(labels.sum()), predictions, past),
        (DELAY, int(labels[past.half + 1 :].sum()), int(labels.sum()), past),
    ]
    for source in sources_of(plan):
        shares.append((f"{SHARE}.{source}", sum(slide.by.get(source, 0) for slide in slides), predictions, own))
    for signal, found, records, past in shares:
        told = None
        if records >= min(FEWEST, sizes.min_count):
            told = judged(past.spreads.get(signal, Spread()), found, records, level)
        alarm = told is not None and told.p_value < level
        alarm = alarm and effects.reaches(told.effect.level, plan.alarms.min_effect)  # type: ignore[union-attr]
        evaluations.append(_evaluation(key, window.end, signal, found, records, told, past, alarm=alarm))
        if told is not None:
            about = _About(plan, key, signal, window, span, end_ms - long_ms, labels, known, past)
            result.changes += about.follow(told, alarm=alarm)
    known.watches = {name: one for name, one in known.watches.items() if one.streak or one.told is not None}
    result.summaries.append(
        Summary(
            model=key.model,
            version=key.version,
            segment=key.segment,
            window=window,
            status="alarm" if any(one.alarm for one in evaluations) else "ok",
            counts={},
            evaluations=tuple(evaluations),
            about="labels",
        )
    )


def _remember(known: _State, slide: _Slide, start_ms: int) -> None:
    """Make a slide part of the past."""
    labels = slide.labels
    half = half_of(np.frombuffer(known.delays, "<i8"))
    known.past_ms = (known.past_ms[0] or start_ms, slide.end_ms)
    known.delays = (np.frombuffer(known.delays, "<i8") + labels).astype("<i8").tobytes()
    known.spreads.setdefault(SHARE, Spread()).add(int(labels.sum()), slide.predictions)
    known.spreads.setdefault(DELAY, Spread()).add(int(labels[half + 1 :].sum()), int(labels.sum()))
    for source, found in slide.by.items():
        known.spreads.setdefault(f"{SHARE}.{source}", Spread()).add(found, slide.predictions)


@dataclass
class _About:
    """A signal in a window."""

    plan: ModelPlan
    key: Key
    signal: str
    window: Window
    span: Span  # of the predictions
    since_ms: int  # where the newest slide began
    labels: Counts  # of the window, by bin
    known: _State
    past: Past

    def follow(self, judged: Judged, *, alarm: bool) -> list[SignalChange]:
        """What there is to tell after one more window."""
        alarms, watch = self.plan.alarms, self.known.watches.setdefault(self.signal, Watched())
        critical = alarm and self._severity(judged) == "critical"
        still = judged.is_still and effects.reaches(judged.effect.level, alarms.min_effect)
        state = watch.follow(alarms, alarm, critical, still, self.since_ms)
        if state is None:
            return []
        if state == "recovered":
            return [watch.recovered(self.known.pane_ms, self.window, self.span)]
        watch.told = self._change(judged, watch, state)
        return [watch.told]

    def _severity(self, judged: Judged) -> Severity:
        return "critical" if effects.reaches(judged.effect.level, self.plan.alarms.critical) else "warning"

    def _change(self, judged: Judged, watch: Watched, state: Literal["opened", "changed"]) -> SignalChange:
        then, now = judged.then, judged.share
        if self.signal == DELAY:
            both = self.past.delays, self.labels
            then, now = (float(EDGES[min(half_of(counts), BINS - 2)]) / 1000 for counts in both)
        alarm = Alarm(
            detector=_detector(self.past),
            statistic=abs(judged.share - judged.then),
            threshold=judged.threshold,
            p_value=judged.p_value,
            effect=judged.effect,
            streak=watch.streak,
        )
        began = Onset(watch.since_ms, None, self.known.evaluated_ms)
        start_ms, end_ms = self.past.span_ms
        moments = Moments(value=significant(then)), Moments(value=significant(now))
        return SignalChange(
            time_ms=self.known.pane_ms,
            model=self.key.model,
            version=self.key.version,
            role=self.key.role,
            segment=self.key.segment,
            kind="quality",
            state=state,
            level=judged.effect.level,
            severity=self._severity(judged),
            onset_ms=began.at_ms,
            empty=False,
            window=self.window,
            predicted=self.span,
            of=len(SIGNALS) + len(sources_of(self.plan)),
            profile_id=self.past.profile_id,
            profile_kind="profile" if self.past.profile_id else "previous",
            previous=None if self.past.profile_id else Span(start=timestamp(start_ms), end=timestamp(end_ms)),
            evidence=alarm_evidence(self.signal, alarm, began, *moments),
        )


def _detector(past: Past) -> str:
    return "reference" if past.profile_id else "past"


def _evaluation(
    key: Key, time: str, signal: str, found: int, records: int, judged: Judged | None, past: Past, *, alarm: bool
) -> Evaluation:
    return Evaluation(
        time=time,
        model=key.model,
        version=key.version,
        segment=key.segment,
        signal=signal,
        detector=_detector(past),
        count=records,
        statistic=significant(found / records) if records else None,
        threshold=None if judged is None else significant(judged.threshold),
        p_value=None if judged is None else significant(judged.p_value),
        effect=None if judged is None else judged.effect.size,
        alarm=alarm,
    )


def _read(key: Key, data: bytes, plan: ModelPlan) -> _State:
    """The state; a new one where there is none, or windows or `mature` have changed."""
    about = msgspec.json.encode([plan.window, waits_ms(plan), *filter(None, [sources_of(plan)])])
    made_for = hashlib.blake2b(about, digest_size=8).digest()
    if not data:
        return _State(made_for, 0)
    known = _format.unpack(data, f"labels of {key}")
    return known if known.made_for == made_for else _State(made_for, known.pane_ms)
