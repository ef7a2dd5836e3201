"""Evaluation: a key's window against the profile, at the end of a slide; which signals open and which recover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from operators import effects, evidence, sketch
from operators.codes import INVALID, MISSING, UNSEEN
from operators.detection import Detection, Verdict
from operators.outputs import SignalChange
from operators.sketch import Ring, Slide
from operators.state import Held, KeyState, Watch
from operators.window_tests import WindowTests, evaluate_counts
from schemas.cloudevents import significant, timestamp
from schemas.evaluations import Evaluation
from schemas.events import Effect, Severity, SignalEvidence, Window
from schemas.profile import Level
from schemas.summaries import SignalCounts, Summary

if TYPE_CHECKING:
    from operators.monitor import Key

LEAST = 50  # values of a signal that is mostly missing, below which nothing is said of it: tests on fewer are not exact

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation comes to."""

    changes: list[SignalChange]
    summary: Summary | None
    within: int  # records in the window proper, without what it was grown by


@dataclass(frozen=True)
class _Alarm:
    detector: str
    statistic: float
    threshold: float
    p_value: float | None
    effect: Effect
    onset_ms: int | None  # None: to be looked for in the slides
    confirmed: bool


def evaluate(detection: Detection, key: Key, state: KeyState, ring: Ring, slide: Slide, scores: bool) -> Evaluated:
    """Evaluate the window that ends with a slide; ``state.watches`` is brought up to date."""
    return _Evaluation(detection, key, state, ring, slide, scores).run()


class _Evaluation:
    def __init__(self, detection: Detection, key: Key, state: KeyState, ring: Ring, slide: Slide, scores: bool) -> None:
        self._scores = scores
        self._detection, self._key, self._state, self._slide = detection, key, state, slide
        self._model = detection.signals.model
        plan = self._model.window
        self._slides, self._within = ring.window(slide.end_ms, plan.size_ms, plan.min_count)
        self._records = sum(s.records for s in self._slides)
        start_ms = slide.end_ms - plan.size_ms
        if self._slides:
            start_ms = min(start_ms, self._slides[0].end_ms - plan.slide_ms)
        self._window = Window(start=timestamp(start_ms), end=timestamp(slide.end_ms), count=self._records, share=1.0)
        self._changes: list[SignalChange] = []
        self._evaluations: list[Evaluation] = []
        names = detection.signals.names
        self._counts, self._sums = sketch.total(self._slides, len(names), len(detection.signals.numeric))

    def run(self) -> Evaluated:
        # A window is grown only around records of its own: what was found in old ones alone would never end.
        enough = self._within > 0 and self._records >= self._model.window.min_count
        alarmed = self._judge() if enough else self._wait()
        return Evaluated(self._changes, self._summary(enough, alarmed) if self._scores else None, self._within)

    def _summary(self, enough: bool, alarmed: bool) -> Summary:
        status = "insufficient" if not enough else "alarm" if alarmed else "ok"
        counts = {
            name: SignalCounts(missing=int(row[MISSING]), invalid=int(row[INVALID]), unseen=int(row[UNSEEN]))
            for name, row in zip(self._detection.signals.names, self._counts, strict=True)
        }
        return Summary(
            model=self._key.model,
            version=self._key.version,
            segment=self._key.segment,
            window=self._window,
            status=status,  # type: ignore[arg-type]  # mypy widens the literals
            counts=counts,
            evaluations=tuple(self._evaluations),
        )

    def _wait(self) -> bool:
        """Too few records to say anything. A window without any lets open signals recover: there is no drift in nothing."""
        for position, watch in list(self._state.watches.items()):
            if self._within == 0:
                watch.streaks, watch.held = {}, []
                if watch.open:
                    self._calm_down(position, watch)
                if not watch.open:
                    del self._state.watches[position]
        return False

    def _judge(self) -> bool:
        tests = evaluate_counts(self._detection.tables, self._counts)
        verdicts = self._detection.judge(tests, self._key.segment)
        enough = tests.count >= min(LEAST, self._model.window.min_count)
        gate = self._model.alarms.min_effect
        busy: dict[int, list[_Alarm]] = {position: [] for position in self._state.watches}
        for verdict in verdicts:
            own = self._detection.windowed[verdict.detector][1]
            for position in np.flatnonzero(verdict.significant & enough).tolist():
                effect = self._effect(tests, position, verdict.detector, float(verdict.effect[position]))
                if np.isnan(own[position]) and not effects.reaches(effect.level, gate):
                    continue
                busy.setdefault(position, []).append(self._windowed_alarm(position, verdict, effect))
        alarmed: set[tuple[int, str]] = set()
        for position in sorted(busy):
            alarms = busy[position]
            watch = self._state.watches.setdefault(position, Watch())
            alarms += self._held_alarms(position, watch)
            watch.streaks = {a.detector: watch.streaks.get(a.detector, 0) + 1 for a in alarms if a.p_value is not None}
            alarmed.update((position, alarm.detector) for alarm in alarms)
            self._settle(position, watch, alarms, tests)
            if not (watch.open or watch.streaks or watch.held):
                del self._state.watches[position]
        if self._scores:
            self._score(tests, verdicts, alarmed)
        return bool(alarmed)

    def _windowed_alarm(self, position: int, verdict: Verdict, effect: Effect) -> _Alarm:
        watch = self._state.watches.get(position)
        streak = 1 + (watch.streaks.get(verdict.detector, 0) if watch else 0)
        return _Alarm(
            verdict.detector,
            float(verdict.statistic[position]),
            float(verdict.threshold[position]),
            float(verdict.p_value[position]),
            effect,
            None,
            streak >= self._model.alarms.confirm,
        )

    def _held_alarms(self, position: int, watch: Watch) -> list[_Alarm]:
        """Sequential alarms that still hold, judged by the records since their onset."""
        alarms, kept = [], []
        for held in watch.held:
            track = self._detection.tracks.tracks[held.track]
            held.left -= 1
            if held.left > 0:
                kept.append(held)
            size, z_location, z_spread = self._since(position, held)
            effect = evidence.effect(self._detection, position, track.name, size, z_location, z_spread)
            if track.form != "raw" and not effects.reaches(effect.level, self._model.alarms.min_effect):
                continue
            held.evaluations += 1
            confirmed = held.evaluations >= self._model.alarms.confirm
            alarms.append(_Alarm(track.name, held.statistic, held.threshold, None, effect, held.onset_ms, confirmed))
        watch.held = kept
        return alarms

    def _since(self, position: int, held: Held) -> tuple[float, float, float]:
        """Shift of the mean rank or spread rank since an onset, in standard deviations; both in standard errors."""
        slide_ms = self._model.window.slide_ms
        slides = [s for s in self._slides if s.end_ms - slide_ms >= held.onset_ms]
        slides = slides or [s for s in self._slides if s.end_ms > held.onset_ms] or self._slides[-1:]
        counts, _ = sketch.total(slides, *self._shape)
        tests = evaluate_counts(self._detection.tables, counts)
        z_location, z_spread = float(tests.lepage.z_location[position]), float(tests.lepage.z_spread[position])
        spread = self._detection.tracks.tracks[held.track].form == "spread"
        size = effects.rank_shift(z_spread if spread else z_location, tests.inverse[position])
        return float(size), z_location, z_spread

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self._detection.signals.names), len(self._detection.signals.numeric)

    def _effect(self, tests: WindowTests, position: int, detector: str, size: float) -> Effect:
        z_location, z_spread = float(tests.lepage.z_location[position]), float(tests.lepage.z_spread[position])
        return evidence.effect(self._detection, position, detector, size, z_location, z_spread)

    def _settle(self, position: int, watch: Watch, alarms: list[_Alarm], tests: WindowTests) -> None:
        """Open, change, calm or close a signal."""
        if alarms:
            watch.calm = 0
            strongest = min(alarms, key=_strength)
            confirmed = [alarm for alarm in alarms if alarm.confirmed]
            if not watch.open:
                if confirmed:
                    self._open(position, watch, min(confirmed, key=_strength))
                return
            watch.evidence = self._evidence(position, strongest, watch.onset_ms)
            severity = self._severity(strongest.effect.level)
            if effects.LEVELS.index(strongest.effect.level) > effects.LEVELS.index(watch.level):
                escalated = severity != self._severity(watch.level)
                watch.level = strongest.effect.level
                if escalated:
                    self._say(position, "changed", watch, watch.evidence)
        elif watch.open:
            if self._still_there(position, tests):
                watch.calm = 0
            else:
                self._calm_down(position, watch)

    def _still_there(self, position: int, tests: WindowTests) -> bool:
        """Whether the window differs by no less than opens a signal, though no detector alarms on it (any more)."""
        gate = self._model.alarms.min_effect
        z = max(abs(float(tests.lepage.z_location[position])), abs(float(tests.lepage.z_spread[position])))
        shift = float(effects.rank_shift(z, tests.inverse[position]))
        return effects.reaches(
            effects.effect_level("psi", float(tests.debiased_psi[position])), gate
        ) or effects.reaches(effects.effect_level("lepage", shift), gate)

    def _open(self, position: int, watch: Watch, alarm: _Alarm) -> None:
        onsets = [held.onset_ms for held in watch.held]
        if alarm.onset_ms is not None:
            onsets.append(alarm.onset_ms)
        watch.open, watch.calm, watch.level = True, 0, alarm.effect.level
        watch.onset_ms = min(onsets) if onsets else self._onset(position)
        watch.evidence = self._evidence(position, alarm, watch.onset_ms)
        self._say(position, "opened", watch, watch.evidence)

    def _onset(self, position: int) -> int:
        """Start of the slide from which on, taken together, the ranks differ most clearly from the reference."""
        tables = self._detection.tables
        slides, best, found = self._slides, -1.0, 0
        for ranks, moments in ((tables.ranks, tables.location), (tables.spreads, tables.spread)):
            values = np.nan_to_num(ranks[position] - moments.mean[position])
            shift = count = 0.0
            for number in range(len(slides) - 1, -1, -1):
                counts, _ = sketch.total([slides[number]], *self._shape)
                row = counts[position] * tables.is_value[position]
                shift += float(row @ values)
                count += float(row.sum())
                clear = shift * shift / count / max(float(moments.variance[position]), 1e-12) if count else 0.0
                if clear > best:
                    best, found = clear, number
        return slides[found].end_ms - self._model.window.slide_ms

    def _calm_down(self, position: int, watch: Watch) -> None:
        watch.calm += 1
        if watch.calm >= self._model.alarms.recover:
            assert watch.evidence is not None
            self._say(position, "recovered", watch, watch.evidence)
            watch.open, watch.calm, watch.held = False, 0, []

    def _evidence(self, position: int, alarm: _Alarm, onset_ms: int) -> SignalEvidence:
        return evidence.evidence(
            self._detection,
            position,
            self._counts,
            self._sums,
            onset_ms=onset_ms,
            detector=alarm.detector,
            statistic=alarm.statistic,
            threshold=alarm.threshold,
            p_value=alarm.p_value,
            effect=alarm.effect,
        )

    def _severity(self, level: Level) -> Severity:
        return "critical" if effects.reaches(level, self._model.alarms.critical) else "warning"

    def _say(self, position: int, what: str, watch: Watch, shown: SignalEvidence) -> None:
        signals = self._detection.signals
        kind = signals.kinds[position]
        self._changes.append(
            SignalChange(
                time_ms=self._slide.end_ms,
                model=self._key.model,
                version=self._key.version,
                role=self._key.role,
                segment=self._key.segment,
                kind=kind,
                state=what,  # type: ignore[arg-type]  # one of its three literals
                level=watch.level,
                severity=self._severity(watch.level),
                onset_ms=watch.onset_ms,
                empty=self._slide.records == 0,
                window=self._window,
                of=signals.kinds.count(kind),
                profile_id=signals.profile_id,
                evidence=shown,
            )
        )

    def _score(self, tests: WindowTests, verdicts: list[Verdict], alarmed: set[tuple[int, str]]) -> None:
        """One evaluation a signal and detector."""
        names = self._detection.signals.names
        end = timestamp(self._slide.end_ms)
        for verdict in verdicts:
            for position in np.flatnonzero(verdict.watched).tolist():
                self._evaluations.append(
                    Evaluation(
                        time=end,
                        model=self._key.model,
                        version=self._key.version,
                        segment=self._key.segment,
                        signal=names[position],
                        detector=verdict.detector,
                        count=int(tests.count[position]),
                        statistic=significant(float(verdict.statistic[position])),
                        threshold=_finite(float(verdict.threshold[position])),
                        p_value=significant(float(verdict.p_value[position])),
                        effect=significant(float(verdict.effect[position])),
                        alarm=(position, verdict.detector) in alarmed,
                    )
                )
        for track in self._detection.tracks.tracks:
            watch = self._state.watches.get(track.signal)
            number = self._detection.tracks.tracks.index(track)
            held = next((h for h in watch.held if h.track == number), None) if watch else None
            self._evaluations.append(
                Evaluation(
                    time=end,
                    model=self._key.model,
                    version=self._key.version,
                    segment=self._key.segment,
                    signal=names[track.signal],
                    detector=track.name,
                    count=self._slide.records,
                    statistic=significant(held.statistic) if held else None,
                    threshold=_finite(held.threshold) if held else None,
                    p_value=None,
                    effect=None,
                    alarm=(track.signal, track.name) in alarmed,
                )
            )


def _strength(alarm: _Alarm) -> tuple[int, float, str]:
    """Sort key: the largest level first, then windowed before sequential and the least p-value, then the name."""
    return -effects.LEVELS.index(alarm.effect.level), 2.0 if alarm.p_value is None else alarm.p_value, alarm.detector


def _finite(value: float) -> float | None:
    return significant(value) if np.isfinite(value) else None
