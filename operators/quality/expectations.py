"""Expectations: what records have to be like, whatever the reference says; outside the budget, told at once.

At the end of each slide in which a model version had records: one record that does not keep to `min`, `max`, `values`
or `unique` opens the rule's signal, and so does a share of missing, invalid or unseen ones that reaches its limit in
the window, once that has `min_count` records. `recover` slides in a row without it close it.

State of a key: `RuleState`, see state_format.py.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from config.plan import ALL, ModelPlan, RulePlan
from operators.decisions.outputs import Output, SignalChange
from operators.monitor import Step
from operators.monitoring.ending import forgotten_ms
from operators.monitoring.evaluation import over
from operators.monitoring.state import Key
from operators.profiles.season import Calendar
from operators.quality.rules import EXAMPLES, Facts, meaning, rules_of
from operators.quality.unique_values import repeated
from operators.sketches.seen import Seen
from operators.sketches.sketch import Slide
from operators.state_format import StateFormat
from schemas.cloudevents import significant, timestamp
from schemas.events import Effect, Moments, SignalEvidence, Window

DETECTOR = "expectation"
SLIDES = 64  # at most, over which a share is taken: of longer windows the newest


class RuleSlide(msgspec.Struct, array_like=True):
    """What a slide had: records, and of each rule those that carry the field and those that do not keep to it."""

    end_ms: int
    records: int
    carried: list[int]
    broken: list[int]


class RuleState(msgspec.Struct, array_like=True):
    """What is known of the rules of a model version."""

    meaning: int  # `rules.meaning`
    slide_ms: int
    pane_ms: int  # end of the newest pane
    end_ms: int | None  # of the slide that is being filled; None: until the next record
    records: int
    facts: Facts
    past: list[RuleSlide] = []
    told: dict[int, SignalChange] = {}  # by rule: what is open
    calm: dict[int, int] = {}  # slides in a row without it
    seen: dict[int, Seen] = {}  # by rule: values that have to be unique


_format = StateFormat(b"TX", 1, RuleState)


def unpack(key: Key, data: bytes) -> RuleState:
    """The state of a key; StateVersionError where this release does not read it."""
    return _format.unpack(data, f"state of the expectations of {key}")


def retire(key: Key, state: bytes) -> Step:
    """What there is to say of a key that is not watched any more: what was open is over."""
    return Step(b"", b"", _ended(unpack(key, state)) if state else [], learned=b"")


def _ended(old: RuleState) -> list[Output]:
    slide = Slide(old.end_ms or old.pane_ms, records=old.records)
    return [over(change, slide, "configuration") for _, change in sorted(old.told.items())]


class Expectations:
    """The rules of a model version.

    Parameters
    ----------
    model
    profile
        Id and kind of what the version is compared with otherwise, for events.
    of
        Signals of the kind `quality` in all.
    """

    def __init__(self, model: ModelPlan, profile: tuple[str, Literal["profile", "learned"]], of: int) -> None:
        self._model, self._profile, self._of = model, profile, of
        self.rules = rules_of(model)
        self.meaning = meaning(self.rules)
        self._calendar = Calendar(model.season) if model.season else None

    def step(self, key: Key, state: bytes, pane: tuple[int, int, Facts] | None, until_ms: int) -> Step:
        """Take the facts of a pane (its end, its records), or let time pass."""
        result = Step(state)
        known = unpack(key, state) if state else None
        slide_ms = self._model.window.slide_ms
        if known is not None and (known.meaning, known.slide_ms) != (self.meaning, slide_ms):
            result.outputs += _ended(known)
            known = self._fresh(known.pane_ms)
        if pane is not None:
            known = known or self._fresh(pane[0] - 1)
            self._fold(key, known, *pane, result)
        if known is not None:
            self._pass_time(key, known, until_ms, result)
            forget_ms = forgotten_ms(self._model.window, known.pane_ms)
            if known.end_ms is None and until_ms >= forget_ms:
                result.state = b""
            else:
                result.state = _format.pack(known)
                result.next_ms = forget_ms if known.end_ms is None else known.end_ms
        return result

    def _fresh(self, pane_ms: int) -> RuleState:
        none = Facts.none(len(self.rules))
        return RuleState(self.meaning, self._model.window.slide_ms, pane_ms, None, 0, none)

    def _fold(self, key: Key, state: RuleState, end_ms: int, records: int, facts: Facts, result: Step) -> None:
        if end_ms <= state.pane_ms:
            return  # counted before a restart of the sources
        slide_ms = self._model.window.slide_ms
        slide_end_ms = -(-end_ms // slide_ms) * slide_ms
        self._pass_time(key, state, slide_end_ms - slide_ms, result)
        state.pane_ms = end_ms
        if self._calendar is not None and bool(self._calendar.ignored(np.array([end_ms - 1]))[0]):
            return
        state.end_ms = slide_end_ms
        state.records += records
        for number, parts in facts.values.items():
            known = state.seen.get(number, Seen())
            state.seen[number], found = repeated(known, parts, self._model.window.size_ms, EXAMPLES)
            facts.carried[number], facts.broken[number], facts.examples[number] = found
        facts.values = {}
        state.facts.add(facts)

    def _pass_time(self, key: Key, state: RuleState, until_ms: int, result: Step) -> None:
        if state.end_ms is not None and state.end_ms <= until_ms:
            self._end_slide(key, state, result)
        forget_ms = forgotten_ms(self._model.window, state.pane_ms)
        if state.end_ms is None and until_ms >= forget_ms:
            # No record for longer than any window reaches: what is open is over, when the model has records again.
            result.outputs += [over(told, Slide(forget_ms), "recovered") for _, told in sorted(state.told.items())]
            state.past, state.told, state.calm = [], {}, {}

    def _end_slide(self, key: Key, state: RuleState, result: Step) -> None:
        assert state.end_ms is not None, "there is one"
        window = self._model.window
        span_ms = min(window.size_ms, SLIDES * window.slide_ms)
        state.past.append(RuleSlide(state.end_ms, state.records, state.facts.carried, state.facts.broken))
        state.past = [slide for slide in state.past if slide.end_ms > state.end_ms - span_ms]
        span = Window(
            start=timestamp(state.end_ms - span_ms),
            end=timestamp(state.end_ms),
            count=sum(slide.records for slide in state.past),
            share=1.0,
        )
        for number, rule in enumerate(self.rules):
            if state.facts.carried[number]:
                self._judge(key, state, number, rule, span, result)
        state.end_ms, state.records, state.facts = None, 0, Facts.none(len(self.rules))

    def _judge(self, key: Key, state: RuleState, number: int, rule: RulePlan, span: Window, result: Step) -> None:
        assert state.end_ms is not None, "a slide has ended"
        over_all = [(slide.carried[number], slide.broken[number]) for slide in state.past]
        carried, broken = map(sum, zip(*over_all, strict=True))
        if rule.each:
            carried, broken = state.facts.carried[number], state.facts.broken[number]
            statistic, bound, found = float(broken), 0.0, broken > 0
        else:
            statistic, bound = broken / carried, rule.limit
            reached = statistic >= bound if bound else broken > 0
            found = carried >= self._model.window.min_count and reached
        told = state.told.get(number)
        if found:
            state.calm.pop(number, None)
            if told is None:
                about = statistic, bound, broken / carried
                state.told[number] = self._opened(key, state, number, rule, span, about)
                result.outputs.append(state.told[number])
        elif told is not None:
            state.calm[number] = state.calm.get(number, 0) + 1
            if state.calm[number] >= self._model.alarms.recover:
                slide = Slide(state.end_ms, records=state.records)
                result.outputs.append(over(told, slide, "recovered", window=span))
                del state.told[number], state.calm[number]

    def _opened(
        self,
        key: Key,
        state: RuleState,
        number: int,
        rule: RulePlan,
        span: Window,
        about: tuple[float, float, float],
    ) -> SignalChange:
        assert state.end_ms is not None, "a slide has ended"
        statistic, bound, share = about
        examples = state.facts.examples[number]
        onset_ms = examples[0][0] if examples else state.end_ms - self._model.window.slide_ms
        shares = {} if rule.each else {rule.what: significant(share)}
        return SignalChange(
            time_ms=state.end_ms,
            model=key.model,
            version=key.version,
            role=key.role,
            segment=ALL,
            kind="quality",
            state="opened",
            level="large",
            severity="critical",
            onset_ms=onset_ms,
            empty=False,
            window=span,
            of=self._of,
            profile_id=self._profile[0],
            profile_kind=self._profile[1],
            evidence=SignalEvidence(
                signal=rule.name,
                onset=timestamp(onset_ms),
                onset_from=timestamp(onset_ms),
                onset_to=timestamp(onset_ms),
                detector=DETECTOR,
                statistic=significant(statistic),
                threshold=significant(bound),
                p_value=None,
                effect=Effect(size=significant(share), level="large", direction="up"),
                reference=Moments(),
                current=Moments(**shares),
                examples=tuple(example for _, _, example in examples) or None,
            ),
        )
