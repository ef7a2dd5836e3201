"""Labelled share and delay of labels: whether predictions get their labels as they used to, version by version.

Cohorts of predictions that are mature are compared with those before them, of the same version: `labels.share` is the
share of predictions that got a label, `labels.delay` how many of the labels took longer than half of them did before.
What the reference had does not count: how training data were labelled says nothing of how the stream is.

A slide has the predictions made in it, and is complete when the slowest of their labels that counts could have come.
Slides that windows have left are the past, unless something was going on then. How much shares of slides differ by
themselves, more than those of independent predictions would, is measured in the past and divides the evidence.

State bytes: `_State`, see state_format.py.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import LabelsPlan, ModelPlan
from operators.decisions.outputs import SignalChange
from operators.labels.facts import BINS, EDGES, PREDICTIONS
from operators.labels.join_chunks import Ints
from operators.monitoring.evaluation import STILL
from operators.monitoring.evidence import alarm_evidence
from operators.monitoring.onsets import Onset
from operators.monitoring.scores import Alarm
from operators.monitoring.state import Key
from operators.monitoring.watched import Watched, ended
from operators.performance import Measured, slide_ms
from operators.sketches.sketch import taken
from operators.state_format import StateFormat
from operators.statistics import effects
from operators.statistics.shares import bounds, tails
from schemas.cloudevents import significant, timestamp
from schemas.evaluations import Evaluation
from schemas.events import Effect, Moments, Severity, Span, Window
from schemas.summaries import Summary

SHARE, DELAY = "labels.share", "labels.delay"
SIGNALS = (SHARE, DELAY)
DETECTOR = "past"
LEAST = 24  # slides of the past before the first window that is judged; with fewer how they differ is not known
FEWEST = 50  # predictions, or labels, of a window, or `min_count`

Counts = npt.NDArray[np.int64]


class _Slide(msgspec.Struct, array_like=True):
    end_ms: int
    predictions: int = 0
    delays: bytes = b"\0" * 8 * BINS  # i64 labels by bin

    @property
    def labels(self) -> Counts:
        return np.frombuffer(self.delays, "<i8")


class _Spread(msgspec.Struct, array_like=True):
    """How much a share differs from slide to slide: sums over slides of k, n and k k / n."""

    slides: int = 0
    found: int = 0
    records: int = 0
    squares: float = 0.0

    def add(self, found: int, records: int) -> None:
        if records:
            self.slides, self.found, self.records = self.slides + 1, self.found + found, self.records + records
            self.squares += found * found / records

    @property
    def tau(self) -> float:
        """Variance of shares of slides over that of independent records, and by how much it may be more."""
        share = self.found / max(self.records, 1)
        if self.slides < 2 or not 0 < share < 1:
            return 1.0
        squares = (self.squares - share * self.found) / (share * (1 - share))
        return max(1.0, squares / (self.slides - 1)) * (1 + 2 / math.sqrt(self.slides))


class _State(msgspec.Struct, array_like=True):
    made_for: bytes  # windows and `mature`
    pane_ms: int  # end of the newest pane that was folded
    slides: list[_Slide] = []  # oldest first
    evaluated_ms: int = 0  # end of the newest that was evaluated
    delays: bytes = b"\0" * 8 * BINS  # of the past
    past_ms: tuple[int, int] = (0, 0)  # from the begin of its first slide to the end of its last
    spreads: dict[str, _Spread] = {}  # by signal, of the past
    watches: dict[str, Watched] = {}  # by signal


_format = StateFormat(b"TS", 1, _State)


@dataclass(frozen=True)
class _Judged:
    found: int
    records: int
    then: float  # share
    p_value: float
    threshold: float  # change of the share above which there is an alarm
    effect: Effect

    @property
    def share(self) -> float:
        return self.found / self.records


def waits_ms(plan: ModelPlan) -> int:
    """How long after predictions it is told which of them have labels."""
    assert isinstance(plan.labels, LabelsPlan), "it has labels"
    return plan.labels.mature_ms or plan.labels.within_ms


def step(
    plan: ModelPlan, key: Key, state: bytes, pane_ms: int | None, rows: Ints | None, until_ms: int, level: float
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
    """
    known = _read(key, state, plan)
    result = Measured(state)
    long_ms = slide_ms(plan.window, waits_ms(plan))
    if pane_ms is not None and rows is not None and pane_ms > known.pane_ms:
        known.pane_ms = pane_ms
        _fold(known, rows, long_ms, waits_ms(plan))
        # A slide more: a label may come when its pane ends, and find its prediction a pane later.
        complete_ms = pane_ms - waits_ms(plan) - long_ms
        for end_ms in [one.end_ms for one in known.slides if known.evaluated_ms < one.end_ms <= complete_ms]:
            _evaluate(plan, key, known, end_ms, level, result)
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


def _fold(known: _State, rows: Ints, long_ms: int, waits: int) -> None:
    ends = -(-rows[:, 0] // long_ms) * long_ms
    slides = {slide.end_ms: slide for slide in known.slides}
    for end_ms in np.unique(ends).tolist():
        if end_ms <= known.evaluated_ms:
            continue  # told already; a prediction that came so late is not expected to change much
        slide = slides.setdefault(end_ms, _Slide(end_ms))
        _, which, counts = rows[ends == end_ms].T
        slide.predictions += int(counts[which == PREDICTIONS].sum())
        labels = which != PREDICTIONS
        more = np.bincount(which[labels], counts[labels], minlength=BINS).astype(np.int64)
        more[int(np.searchsorted(EDGES, waits)) + 1 :] = 0  # after they were to be told
        slide.delays = (slide.labels + more).astype("<i8").tobytes()
    known.slides = [slides[end_ms] for end_ms in sorted(slides)]


def _evaluate(plan: ModelPlan, key: Key, known: _State, end_ms: int, level: float, result: Measured) -> None:
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
    slides = known.slides[:many]
    predictions, labels = sum(slide.predictions for slide in slides), np.sum([slide.labels for slide in slides], axis=0)
    starts_ms = min(end_ms - sizes.size_ms, slides[0].end_ms - long_ms)
    window = Window(start=timestamp(starts_ms), end=timestamp(end_ms), count=predictions, share=1.0)
    span = Span(start=timestamp(slides[0].end_ms - long_ms), end=timestamp(end_ms))
    evaluations: list[Evaluation] = []
    for signal, found, records in ((SHARE, int(labels.sum()), predictions), (DELAY, 0, int(labels.sum()))):
        if signal == DELAY:
            found = int(labels[_half(known) + 1 :].sum())
        judged = None
        if records >= min(FEWEST, sizes.min_count):
            judged = _judged(known.spreads.get(signal, _Spread()), found, records, level)
        alarm = judged is not None and judged.p_value < level
        alarm = alarm and effects.reaches(judged.effect.level, plan.alarms.min_effect)  # type: ignore[union-attr]
        evaluations.append(_evaluation(key, window.end, signal, found, records, judged, alarm=alarm))
        if judged is not None:
            about = _About(plan, key, signal, window, span, end_ms - long_ms, labels, known)
            result.changes += about.follow(judged, alarm=alarm)
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
    half = _half(known)
    known.past_ms = (known.past_ms[0] or start_ms, slide.end_ms)
    known.delays = (np.frombuffer(known.delays, "<i8") + labels).astype("<i8").tobytes()
    known.spreads.setdefault(SHARE, _Spread()).add(int(labels.sum()), slide.predictions)
    known.spreads.setdefault(DELAY, _Spread()).add(int(labels[half + 1 :].sum()), int(labels.sum()))


def _half(known: _State) -> int:
    return _half_of(np.frombuffer(known.delays, "<i8"))


def _half_of(labels: Counts) -> int:
    """The bin within which half of some labels came."""
    counts = np.cumsum(labels)
    return int(np.searchsorted(counts, counts[-1] / 2))


def _judged(past: _Spread, found: int, records: int, level: float) -> _Judged | None:
    """A share against that of the past; None where too little is known."""
    if past.slides < LEAST:
        return None
    tau = past.tau
    one = tuple(np.array([float(value)]) for value in (found, records, past.found, past.records, tau))
    rise, fall = (float(tail[0]) for tail in tails(*one))  # type: ignore[arg-type]
    most, least = (int(bound[0]) for bound in bounds(one[1], one[2], one[3], one[4], np.array([level / 2])))
    then, now = past.found / past.records, found / records
    h = 2 * (math.asin(math.sqrt(now)) - math.asin(math.sqrt(then)))
    size = math.sqrt(max(0.0, h * h - tau * (1 / records + 1 / past.records)))
    return _Judged(
        found,
        records,
        then,
        min(1.0, 2 * min(rise, fall)),
        max(most / records - then if now >= then else then - least / records, 0.0),
        Effect(size=significant(size), level=effects.level_of(size), direction="up" if now >= then else "down"),
    )


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

    def follow(self, judged: _Judged, *, alarm: bool) -> list[SignalChange]:
        """What there is to tell after one more window."""
        alarms, watch = self.plan.alarms, self.known.watches.setdefault(self.signal, Watched())
        critical = alarm and self._severity(judged) == "critical"
        still = judged.p_value < STILL and effects.reaches(judged.effect.level, alarms.min_effect)
        state = watch.follow(alarms, alarm, critical, still, self.since_ms)
        if state is None:
            return []
        if state == "recovered":
            return [watch.recovered(self.known.pane_ms, self.window, self.span)]
        watch.told = self._change(judged, watch, state)
        return [watch.told]

    def _severity(self, judged: _Judged) -> Severity:
        return "critical" if effects.reaches(judged.effect.level, self.plan.alarms.critical) else "warning"

    def _change(self, judged: _Judged, watch: Watched, state: Literal["opened", "changed"]) -> SignalChange:
        past = np.frombuffer(self.known.delays, "<i8")
        then, now = judged.then, judged.share
        if self.signal == DELAY:
            then, now = (float(EDGES[min(_half_of(counts), BINS - 2)]) / 1000 for counts in (past, self.labels))
        alarm = Alarm(
            detector=DETECTOR,
            statistic=abs(judged.share - judged.then),
            threshold=judged.threshold,
            p_value=judged.p_value,
            effect=judged.effect,
            streak=watch.streak,
        )
        began = Onset(watch.since_ms, None, self.known.evaluated_ms)
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
            of=len(SIGNALS),
            profile_id="",
            profile_kind="previous",
            previous=Span(start=timestamp(self.known.past_ms[0]), end=timestamp(self.known.past_ms[1])),
            evidence=alarm_evidence(self.signal, alarm, began, *moments),
        )


def _evaluation(
    key: Key, time: str, signal: str, found: int, records: int, judged: _Judged | None, *, alarm: bool
) -> Evaluation:
    return Evaluation(
        time=time,
        model=key.model,
        version=key.version,
        segment=key.segment,
        signal=signal,
        detector=DETECTOR,
        count=records,
        statistic=significant(found / records) if records else None,
        threshold=None if judged is None else significant(judged.threshold),
        p_value=None if judged is None else significant(judged.p_value),
        effect=None if judged is None else judged.effect.size,
        alarm=alarm,
    )


def _read(key: Key, data: bytes, plan: ModelPlan) -> _State:
    """The state; a new one where there is none, or windows or `mature` have changed."""
    about = msgspec.json.encode([plan.window, waits_ms(plan)])
    made_for = hashlib.blake2b(about, digest_size=8).digest()
    if not data:
        return _State(made_for, 0)
    known = _format.unpack(data, f"labels of {key}")
    return known if known.made_for == made_for else _State(made_for, known.pane_ms)
