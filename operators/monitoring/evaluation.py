"""Evaluation: a key's window against its reference, at the end of a slide; which signals open and which recover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import msgspec
import numpy as np

from config.plan import ALL
from operators.decisions.outputs import SignalChange, SliceAlarms
from operators.monitoring import evidence, scores
from operators.monitoring.detection import Detection
from operators.monitoring.onsets import Onset, told_onset
from operators.monitoring.scores import Alarm, Bools, strength
from operators.monitoring.signal_windows import SignalWindow, alarms_of, signal_windows
from operators.monitoring.slice_alarms import alarmed, opened, searched
from operators.monitoring.standing import standings
from operators.monitoring.state import Held, Key, KeyState, Watch
from operators.monitoring.verdicts import Verdict
from operators.monitoring.window_tests import WindowTests, evaluate_counts
from operators.quality.windows import with_outside
from operators.sketches.previous import before
from operators.sketches.sketch import Ring, Slide
from operators.sketches.windows import Slides
from operators.statistics import effects
from schemas.events import Direction, Effect, Why
from schemas.summaries import Summary

# Level at which a change that was found at the budget's is still there. The larger, the sooner a noisy window looks
# changed and holds an episode open; the smaller, the more often a drift that goes on is taken for over and told twice.
STILL = 0.01

OPPOSITE: Mapping[Direction, Direction] = {"up": "down", "down": "up", "spread": "narrow", "narrow": "spread"}


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation comes to."""

    outputs: list[SignalChange | SliceAlarms]
    summary: Summary | None


def evaluate(detection: Detection, key: Key, state: KeyState, ring: Ring, slide: Slide, wanted: bool) -> Evaluated:
    """Evaluate the window that ends with a slide; ``state.watches`` is brought up to date.

    A slide without records confirms nothing, as there is nothing new: it lets open signals recover, no more.

    Parameters
    ----------
    ring
        The key's slides with records, this one included.
    wanted
        Whether a summary is.
    """
    return _Evaluation(detection, key, state, ring, slide).run(wanted)


def open_at_once(
    detection: Detection, key: Key, state: KeyState, ring: Ring, slide: Slide, positions: Iterable[int]
) -> list[SignalChange | SliceAlarms]:
    """What sequential detectors have found within a slide: signals are opened, nothing else is decided.

    Parameters
    ----------
    ring
        The key's slides with records, the part of this one included.
    slide
        The part that has passed.
    positions
        Of signals that are not open, with new alarms held in ``state.watches``.
    """
    return _Evaluation(detection, key, state, ring, slide).open(positions)


class _Evaluation:
    def __init__(self, detection: Detection, key: Key, state: KeyState, ring: Ring, slide: Slide) -> None:
        self._key, self._state, self._slide = key, state, slide
        self._model = detection.signals.model
        plan = self._model.window
        self._followed = detection, key.segment, state
        taken = ring.window(slide.end_ms, plan.size_ms, plan.grow_to_ms, plan.min_count)
        self._detection = detection = detection.over(taken)
        self._slides = Slides(detection, taken, slide.end_ms)
        self._window = self._slides.span(key.segment == ALL)
        self._enough = self._slides.records >= plan.min_count
        self._previous = None
        if plan.previous_ms and self._enough:
            found = before(detection, ring, self._slides.start_ms)
            self._enough = found is not None
            if found is not None:
                self._detection, self._previous = found
                self._slides = Slides(self._detection, taken, slide.end_ms)
        self._beside: dict[int, SignalWindow] = {}  # by the position of its first signal
        self._changes: list[SignalChange] = []
        self._taken = taken

    def run(self, wanted: bool) -> Evaluated:
        verdicts: list[Verdict] = []
        alarms: dict[int, list[Alarm]] = {}
        judged = None
        if self._enough:
            means = self._slides.means if "wasserstein" in self._detection.windowed else None
            tests = evaluate_counts(self._detection.tables, self._slides.counts, means)
            judged = (tests.count >= self._detection.least) & self._detection.is_known
            if self._previous is not None:
                judged &= self._detection.tables.totals >= self._detection.least
            verdicts = self._detection.judge(tests, self._key.segment)
            alarms = self._windowed(verdicts, tests, judged)
            # Of a signal with few values nothing is said; of one with none, as of an empty window, that it is over.
            silent = {int(position) for position in np.flatnonzero(~judged & (tests.count > 0))}
            self._beside = signal_windows(self._detection, self._slides, self._key.segment, self._state.still)
            for first, window in self._beside.items():
                alarms |= alarms_of(window, self._state.watches, first, self._model.alarms.min_effect)
                silent |= {first + row for row in window.silent()}
            if self._slide.records:
                self._judge(alarms, tests, silent)
            else:
                self._pass(alarms, tests, silent)
        elif not self._slides.records:
            for _, watch in sorted(self._state.watches.items()):
                self._calm_down(watch)  # there is no drift in nothing
        for position, watch in list(self._state.watches.items()):
            if watch.told is None and not watch.streaks and not watch.held:
                del self._state.watches[position]
        told: list[SignalChange | SliceAlarms] = [*self._changes]
        told += alarmed(self._detection, self._key, self._slide, self._window, alarms)
        told += searched(self._detection, self._key, self._taken, self._slide, self._changes)
        if not wanted or not self._slide.records:
            return Evaluated(told, None)
        about = self._detection, self._key, self._slides, self._slide, self._window
        summary = scores.summary(*about, verdicts, judged, alarms, self._previous, standings(*self._followed))
        summary = with_outside(summary, self._detection, self._slides)
        for first, window in self._beside.items():
            summary = window.summarized(summary, [n - first for n in alarms if first <= n < first + window.many])
        return Evaluated(told, summary)

    def open(self, positions: Iterable[int]) -> list[SignalChange | SliceAlarms]:
        if self._enough:
            for position in sorted(positions):
                watch = self._state.watches[position]
                found = [alarm for held in watch.held if (alarm := self._shown(position, held)) is not None]
                if found and self._has_values(position):
                    self._alarmed(position, watch, found)
        here = opened(self._key, self._changes, self._model.window.slide_ms)
        return [*self._changes, *here, *searched(self._detection, self._key, self._taken, self._slide, self._changes)]

    def _has_values(self, position: int) -> bool:
        """Whether a signal has enough of them to be judged."""
        tables, least = self._detection.tables, self._detection.least
        enough = self._slides.counts[position] @ tables.is_value[position] >= least
        return bool(enough and self._detection.is_known[position] and tables.totals[position] >= least)

    def _windowed(self, verdicts: Sequence[Verdict], tests: WindowTests, judged: Bools) -> dict[int, list[Alarm]]:
        """Alarms of the windowed detectors by position of the signal."""
        found: dict[int, list[Alarm]] = {}
        for verdict in verdicts:
            own = self._detection.windowed[verdict.detector][1]
            z_location, z_spread = effects.moves(tests, verdict.detector)
            for position in np.flatnonzero(verdict.over & judged).tolist():
                size = float(verdict.effect[position])
                z = float(z_location[position]), float(z_spread[position])
                level = effects.LEVELS[verdict.level[position]]
                effect = evidence.effect(self._detection, position, level, size, *z)
                if np.isnan(own[position]) and not effects.reaches(effect.level, self._model.alarms.min_effect):
                    continue
                counted = self._counted(effect)
                if counted is None:
                    continue
                watch = self._state.watches.get(position)
                alarm = Alarm(
                    detector=verdict.detector,
                    statistic=float(verdict.statistic[position]),
                    threshold=float(verdict.threshold[position]),
                    p_value=float(verdict.p_value[position]),
                    effect=counted,
                    streak=1 + (watch.streaks.get(verdict.detector, 0) if watch else 0),
                )
                found.setdefault(position, []).append(alarm)
        return found

    def _judge(self, alarms: dict[int, list[Alarm]], tests: WindowTests, silent: Set[int]) -> None:
        """Bring all watches up to date; held alarms are added to ``alarms``."""
        watches = self._state.watches
        for position in sorted((alarms.keys() | watches.keys()) - silent):
            watch = watches.setdefault(position, Watch())
            windowed = alarms.get(position, [])
            watch.streaks = {alarm.detector: alarm.streak for alarm in windowed}
            found = windowed + self._held(position, watch)
            if found:
                alarms[position] = found
                self._alarmed(position, watch, found)
            elif watch.told is not None and not self._still_there(position, tests):
                self._calm_down(watch)
            else:
                watch.calm = 0

    def _pass(self, alarms: Mapping[int, list[Alarm]], tests: WindowTests, silent: Set[int]) -> None:
        """A slide without records: what is open may recover."""
        for position in sorted(self._state.watches.keys() - silent):
            watch = self._state.watches[position]
            if position in alarms or self._still_there(position, tests):
                watch.calm = 0
            else:
                self._calm_down(watch)

    def _held(self, position: int, watch: Watch) -> list[Alarm]:
        """Sequential alarms that still hold: the records since their onset show the change."""
        found = [alarm for held in watch.held if (alarm := self._shown(position, held)) is not None]
        for held in watch.held:
            held.left -= 1
        watch.held = [held for held in watch.held if held.left > 0]
        return found

    def _shown(self, position: int, held: Held) -> Alarm | None:
        """A sequential alarm, if the records since its onset show a change that way that is large enough."""
        track = self._detection.tracks.tracks[held.track]
        shift = self._slides.shift_since(position, held.onset_ms, held.direction, spread=track.form == "spread")
        level = effects.effect_level(track.name, shift.size)
        if track.gated:
            # Where values go back to what the reference has, that is a change for the detector alone.
            moved = shift.z_spread if track.form == "spread" else shift.z_location
            clear = abs(moved) > effects.CLEAR and moved * held.direction >= 0
            if not clear or not effects.reaches(level, self._model.alarms.min_effect):
                return None
        shown = evidence.effect(self._detection, position, level, shift.size, shift.z_location, shift.z_spread)
        effect = self._counted(shown)
        if effect is None:
            return None
        return Alarm(
            detector=track.name,
            statistic=held.statistic,
            threshold=held.threshold,
            effect=effect,
            streak=self._model.alarms.confirm,  # its threshold rests on all values so far: it needs no second one
            onset_ms=None if track.plan.is_river else held.onset_ms,  # river tells when, not since when
        )

    def _counted(self, effect: Effect) -> Effect | None:
        """A change, if it counts: where only rises do, what is no fall is one."""
        if not self._detection.one_sided:
            return effect
        if effect.direction in ("down", "narrow"):
            return None
        return msgspec.structs.replace(effect, direction="up")

    def _alarmed(self, position: int, watch: Watch, alarms: Sequence[Alarm]) -> None:
        """Open a signal, or say that it changes further."""
        watch.calm = 0
        confirm = self._model.alarms.confirm
        strongest = min(alarms, key=strength)
        if watch.told is None:
            confirmed = [alarm for alarm in alarms if alarm.streak >= confirm]
            if confirmed:
                self._say(position, watch, "opened", min(confirmed, key=strength), self._onset(position, alarms))
            return
        direction = watch.told.evidence.effect.direction
        turned = strongest.effect.direction == OPPOSITE.get(direction, "")
        watch.turned = watch.turned + 1 if turned else 0
        if watch.turned >= confirm:
            self._say(position, watch, "changed", strongest, self._onset(position, alarms))
        elif self._critical(strongest) and watch.told.severity != "critical":
            self._say(position, watch, "changed", strongest, told_onset(watch.told))

    def _onset(self, position: int, alarms: Sequence[Alarm]) -> Onset:
        """When the change began: to the record by the sequential detectors, else by the slides, which say how sure."""
        beside = self._of(position)
        found = self._slides.onset(position) if beside is None else beside[0].onset(beside[1])
        known = [alarm.onset_ms for alarm in alarms if alarm.onset_ms is not None]
        if not known:
            return found
        at_ms = min(known)
        from_ms = found.from_ms if found.from_ms is None else min(found.from_ms, at_ms)
        return Onset(at_ms, from_ms, max(found.to_ms, at_ms))

    def _still_there(self, position: int, tests: WindowTests) -> bool:
        """Whether the window still differs by what opens a signal, though no detector alarms on it (any more)."""
        gate = self._model.alarms.min_effect
        beside = self._of(position)
        if beside is not None:
            window, row = beside
            return window.still_there(row, STILL, gate)
        if tests.g.p_value[position] < STILL:
            level = effects.effect_level("psi", float(tests.debiased_psi[position]))
            if effects.reaches(level, gate):
                return True
        if tests.lepage.p_value[position] < STILL:
            shift = effects.rank_shift(tests.lepage.statistic[position], tests.lepage.inverse[position])
            return effects.reaches(effects.effect_level("lepage", float(shift)), gate)
        return False

    def _of(self, position: int) -> tuple[SignalWindow, int] | None:
        """Whose signal a position is, and which of these; None: it is one that codes tell."""
        for first, window in self._beside.items():
            if first <= position < first + window.many:
                return window, position - first
        return None

    def _calm_down(self, watch: Watch) -> None:
        if watch.told is None:
            return
        watch.calm += 1
        if watch.calm >= self._model.alarms.recover:
            previous = self._previous or watch.told.previous
            self._changes.append(over(watch.told, self._slide, "recovered", window=self._window, previous=previous))
            watch.told, watch.calm, watch.turned, watch.held = None, 0, 0, []

    def _critical(self, alarm: Alarm) -> bool:
        return effects.reaches(alarm.effect.level, self._model.alarms.critical)

    def _say(self, position: int, watch: Watch, what: str, alarm: Alarm, onset: Onset) -> None:
        signals = self._detection.signals
        if (beside := self._of(position)) is not None:
            window, row = beside
            kind, many, told = window.kind, window.of, window.evidence(row, alarm, onset)
        else:
            kind = signals.kinds[position]
            many = signals.kinds.count(kind)
            told = evidence.evidence(self._detection, position, self._slides, alarm, onset)
        watch.turned, watch.opened_ms = 0, self._slide.end_ms if what == "opened" else watch.opened_ms
        watch.told = SignalChange(
            time_ms=self._slide.end_ms,
            model=self._key.model,
            version=self._key.version,
            role=self._key.role,
            segment=self._key.segment,
            kind=kind,
            state=what,  # type: ignore[arg-type]  # one of its literals
            level=alarm.effect.level,
            severity="critical" if self._critical(alarm) else "warning",
            onset_ms=onset.at_ms,
            empty=False,
            window=self._window,
            unfinished=self._slide.records if self._slide.span_ms else 0,
            of=many,
            profile_id=signals.profile_id,
            profile_kind=signals.kind,
            previous=self._previous,
            evidence=told,
        )
        self._changes.append(watch.told)


def over(told: SignalChange, slide: Slide, why: Why, **more: object) -> SignalChange:
    """That what was told of a signal is over, at the end of a slide."""
    return msgspec.structs.replace(
        told, time_ms=slide.end_ms, state="recovered", why=why, empty=slide.records == 0, **more
    )
