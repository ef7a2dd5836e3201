"""Schema changes: fields that records have and the reference's had not, or have no more; `quality.schema`.

At the end of each slide the fields of the few records that were looked at are held against the reference, and so are
those of the window. What is new in nearly all of them, or gone from them, is told at once; a new field of some of them
when `confirm` slides in a row say so. A new field is usual once it has been there for a window, and its end is no news.

State of a key: `_State`, see state_format.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from config.plan import ALL, ModelPlan
from operators.decisions.outputs import Output, SignalChange
from operators.monitor import Step
from operators.monitoring.ending import forgotten_ms
from operators.monitoring.evaluation import over
from operators.monitoring.state import Key
from operators.profiles.season import Calendar
from operators.quality.field_reference import NEW, RARE, USUAL, FieldReference
from operators.quality.field_samples import Sample, both
from operators.sketches.sketch import Slide
from operators.state_format import StateFormat
from operators.statistics import effects
from operators.statistics.shares import tails
from schemas.cloudevents import significant, timestamp
from schemas.events import Effect, FieldChange, Moments, SignalEvidence, Window
from schemas.profile import Level

SIGNAL, DETECTOR = "quality.schema", "fields"
SLIDES = 64  # at most, over which a share is taken: of longer windows the newest
TOLD = 10  # fields that an event names
SETTLED = 1_000  # new fields that have become usual and are remembered


class _Slide(msgspec.Struct, array_like=True):
    """What the records of a slide had that were looked at."""

    end_ms: int
    records: int
    new: dict[str, int]  # names that the reference has not
    lacking: dict[str, int]  # usual names: records without them


class _Open(msgspec.Struct, array_like=True):
    """A field that was told."""

    change: Literal["new", "gone"]
    since_ms: int
    told_ms: int
    share: float  # of records that have it, when it was told
    calm: int = 0  # slides in a row in which all was as before


class _State(msgspec.Struct, array_like=True):
    meaning: int  # `FieldReference.meaning`
    slide_ms: int
    pane_ms: int  # end of the newest pane
    end_ms: int | None = None  # of the slide that is being filled; None: until the next record
    sample: Sample = Sample()
    past: list[_Slide] = []  # that a window reaches
    open: dict[str, _Open] = {}
    streaks: dict[str, int] = {}  # new fields of some records: slides in a row
    settled: list[str] = []
    told: SignalChange | None = None
    seen: list[str] = []  # usual fields that the model does not read, and that some record had


_format = StateFormat(b"TF", 1, _State)


def unpack(key: Key, data: bytes) -> _State:
    """The state of a key; StateVersionError where this release does not read it."""
    return _format.unpack(data, f"state of the fields of {key}")


def retire(key: Key, state: bytes) -> Step:
    """What there is to say of a key that is not watched any more: what was open is over."""
    return Step(b"", b"", _ended(unpack(key, state)) if state else [], learned=b"")


def _ended(old: _State) -> list[Output]:
    slide = Slide(old.end_ms or old.pane_ms, records=1)
    return [] if old.told is None else [over(old.told, slide, "configuration")]


class _Found(NamedTuple):
    """What is otherwise with a field."""

    change: Literal["new", "gone"]
    at_once: bool
    share: float
    p_value: float


class SchemaChanges:
    """The fields of a model version's records.

    Parameters
    ----------
    model
    reference
        What they are compared with.
    level
        Of one test at one evaluation.
    profile
        Its id, for events.
    of
        Signals of the kind `quality` in all.
    """

    def __init__(self, model: ModelPlan, reference: FieldReference, level: float, profile: str, of: int) -> None:
        self._model, self._reference, self._profile, self._of = model, reference, profile, of
        self._level = level / reference.tests
        self.meaning = reference.meaning
        self._calendar = Calendar(model.season) if model.season else None

    def step(self, key: Key, state: bytes, pane: tuple[int, Sample] | None, until_ms: int) -> Step:
        """Take the sample of a pane (its end, its records), or let time pass."""
        result = Step(state)
        known = unpack(key, state) if state else None
        slide_ms = self._model.window.slide_ms
        if known is not None and (known.meaning, known.slide_ms) != (self.meaning, slide_ms):
            result.outputs += _ended(known)
            known = _State(self.meaning, slide_ms, known.pane_ms)
        if pane is not None:
            known = known or _State(self.meaning, slide_ms, pane[0] - 1)
            self._fold(key, known, *pane, result)
        if known is not None:
            self._pass_time(key, known, until_ms, result)
            forget_ms = forgotten_ms(self._model.window, known.pane_ms)
            if known.end_ms is None and until_ms >= forget_ms and known.told is None and not known.settled:
                result.state = b""
            else:
                result.state = _format.pack(known)
                if known.end_ms is not None:
                    result.next_ms = known.end_ms
                elif until_ms < forget_ms:
                    result.next_ms = forget_ms
        return result

    def _fold(self, key: Key, state: _State, end_ms: int, sample: Sample, result: Step) -> None:
        if end_ms <= state.pane_ms:
            return  # looked at before a restart of the sources
        slide_ms = self._model.window.slide_ms
        slide_end_ms = -(-end_ms // slide_ms) * slide_ms
        self._pass_time(key, state, slide_end_ms - slide_ms, result)
        state.pane_ms = end_ms
        if self._calendar is not None and bool(self._calendar.ignored(np.array([end_ms - 1]))[0]):
            return
        state.end_ms = slide_end_ms
        state.sample = both([state.sample, sample])

    def _pass_time(self, key: Key, state: _State, until_ms: int, result: Step) -> None:
        if state.end_ms is None or state.end_ms > until_ms:
            return
        window = self._model.window
        span_ms = min(window.size_ms, SLIDES * window.slide_ms)
        state.past = [slide for slide in state.past if slide.end_ms > state.end_ms - span_ms]
        state.past.append(self._counted(state.end_ms, state.sample))
        self._follow(key, state, span_ms, result)
        state.end_ms, state.sample = None, Sample()

    def _counted(self, end_ms: int, sample: Sample) -> _Slide:
        reference = self._reference
        has: dict[str, int] = {}
        for record in sample.records:
            for name in sample.names[record[4]]:
                if name.startswith(reference.prefix):
                    has[name] = has.get(name, 0) + 1
        records = len(sample.records)
        new = sorted((-count, name) for name, count in has.items() if name not in reference.others)
        lacking = {name: records - has.get(name, 0) for name in reference.usual if has.get(name, 0) < records}
        return _Slide(end_ms, records, {name: -count for count, name in new[:NEW]}, lacking)

    def _follow(self, key: Key, state: _State, span_ms: int, result: Step) -> None:
        """Find what has changed in the newest slide, and tell it."""
        alarms, newest = self._model.alarms, state.past[-1]
        usual = set(self._reference.usual) - self._reference.read
        there = {name for name in usual if newest.lacking.get(name, 0) < newest.records}
        state.seen = sorted(there.union(state.seen))
        found = {name: one for name, one in self._found(state) if name not in state.settled}
        state.streaks = {name: state.streaks.get(name, 0) + 1 for name in found}
        before = set(state.open)
        for name, one in sorted(found.items()):
            if name not in state.open and (one.at_once or state.streaks[name] >= alarms.confirm):
                since_ms = self._since_ms(state.past, name, one.change)
                state.open[name] = _Open(one.change, since_ms, newest.end_ms, one.share)
        for name, told in list(state.open.items()):
            back = newest.lacking.get(name, 0) < (1 - RARE) * newest.records
            calm = back if told.change == "gone" else name not in newest.new
            told.calm = told.calm + 1 if calm else 0
            if told.calm >= alarms.recover:
                del state.open[name]
            elif told.change == "new" and newest.end_ms - told.told_ms >= self._model.window.size_ms:
                del state.open[name]
                state.settled = [*state.settled, name][-SETTLED:]
        span = Window(
            start=timestamp(newest.end_ms - span_ms),
            end=timestamp(newest.end_ms),
            count=sum(slide.records for slide in state.past),
            share=1.0,
        )
        if state.open.keys() - before:
            p_value = min(one.p_value for name, one in found.items() if name in state.open)
            state.told = self._change(key, state, span, p_value)
            result.outputs.append(state.told)
        elif state.told is not None and not state.open:
            result.outputs.append(over(state.told, Slide(newest.end_ms, records=1), "recovered", window=span))
            state.told = None

    def _found(self, state: _State) -> Iterator[tuple[str, _Found]]:
        reference, past, newest = self._reference, state.past, state.past[-1]
        for name, lacking in newest.lacking.items():
            # What the model does not read, and no record ever had, is of the training data alone.
            missed = name in reference.read or name in state.seen
            if missed and lacking >= (1 - RARE) * newest.records:
                counts = [(slide.records - slide.lacking.get(name, 0), slide.records) for slide in past]
                for has, records in (counts[-1], _sums(counts)):
                    _, fall = self._tails(name, has, records, 1.0)
                    if has <= RARE * records and fall < self._level:
                        yield name, _Found("gone", True, has / records, fall)
                        break
        for name in newest.new:
            counts = [(slide.new.get(name, 0), slide.records) for slide in past]
            for has, records in (counts[-1], _sums(counts)):
                rise, _ = self._tails(name, has, records, 1.0)
                if has >= USUAL * records and rise < self._level:
                    yield name, _Found("new", True, has / records, rise)
                    break
            else:
                has, records = _sums(counts)
                rise, _ = self._tails(name, has, records, _bursts(counts))
                large = effects.reaches(self._effect(name, has / records)[1], self._model.alarms.min_effect)
                if name not in reference.named and rise < self._level and large:
                    yield name, _Found("new", False, has / records, rise)

    def _tails(self, name: str, has: int, records: int, tau: float) -> tuple[float, float]:
        about = has, records, self._reference.count(name), self._reference.records, tau
        rise, fall = tails(*(np.array([float(one)]) for one in about))
        return float(rise[0]), float(fall[0])

    def _effect(self, name: str, share: float) -> tuple[float, Level]:
        then = self._reference.count(name) / self._reference.records
        size = abs(2 * math.asin(math.sqrt(share)) - 2 * math.asin(math.sqrt(then)))
        return size, effects.level_of(size)

    def _since_ms(self, past: Sequence[_Slide], name: str, change: str) -> int:
        """Begin of the first of the slides in a row in which it was so."""
        first = past[-1]
        for slide in reversed(past):
            there = slide.new.get(name, 0) if change == "new" else slide.lacking.get(name, 0) >= slide.records
            if not there:
                break
            first = slide
        return first.end_ms - self._model.window.slide_ms

    def _change(self, key: Key, state: _State, span: Window, p_value: float) -> SignalChange:
        end_ms, reference = state.past[-1].end_ms, self._reference
        ranked = sorted(state.open.items(), key=lambda item: (-self._effect(item[0], item[1].share)[0], item[0]))
        size, level = self._effect(ranked[0][0], ranked[0][1].share)
        changes = {told.change for told in state.open.values()}
        told = [
            FieldChange(
                field=name,
                change=one.change,
                reference=significant(reference.count(name) / reference.records),
                current=significant(one.share),
            )
            for name, one in ranked
        ]
        broken = any(one.change == "gone" and name in reference.read for name, one in ranked)
        critical = broken and effects.reaches(level, self._model.alarms.critical)
        onset_ms = min(one.since_ms for one in state.open.values())
        return SignalChange(
            time_ms=end_ms,
            model=key.model,
            version=key.version,
            role=key.role,
            segment=ALL,
            kind="quality",
            state="opened" if state.told is None else "changed",
            level=level,
            severity="critical" if critical else "warning",
            onset_ms=onset_ms,
            empty=False,
            window=span,
            of=self._of,
            profile_id=self._profile,
            evidence=SignalEvidence(
                signal=SIGNAL,
                onset=timestamp(onset_ms),
                detector=DETECTOR,
                statistic=float(len(told)),
                threshold=0.0,
                p_value=significant(p_value),
                effect=Effect(
                    size=significant(size),
                    level=level,
                    direction="mix" if len(changes) > 1 else "up" if "new" in changes else "down",
                ),
                reference=Moments(),
                current=Moments(),
                fields=tuple(told[:TOLD]),
                more_fields=max(0, len(told) - TOLD),
            ),
        )


def _sums(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(has for has, _ in counts), sum(records for _, records in counts)


def _bursts(counts: Sequence[tuple[int, int]]) -> float:
    """Variance of the shares of slides over that of independent records."""
    has, records = _sums(counts)
    share = has / records
    if len(counts) < 2 or share >= 1:
        return 1.0
    squares = sum((one - many * share) ** 2 / many for one, many in counts)
    return max(1.0, squares / (share * (1 - share)) / (len(counts) - 1))
