"""Volume: whether a model gets more or fewer records than it used to, of all versions together.

The newest window is held against those before it, of the same part of the season where there is one. What the reference
had does not count: how many records training data have says nothing of how many come. Versions that take over from each
other are one stream; those whose role is `shadow` are left out, as they get what others get besides.

The first slide of a stream is not whole and does not count. A slide without records counts as one when the model has
records again: then, not in between, is told what it means. A stream that stood still for longer than it had run, and
for a week at least, is a new one. Windows that touch a time that the season ignores are not judged, nor remembered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from config.plan import ALL, ModelPlan, SeasonPlan
from operators.decisions.outputs import Progress, SignalChange
from operators.monitoring.evaluation import STILL, over
from operators.profiles.season import Calendar
from operators.quality.signals import watches_volume
from operators.sketches.sketch import Slide
from operators.statistics import effects
from operators.statistics.rates import Rate, Usual, rate, usual
from schemas.cloudevents import significant, timestamp
from schemas.events import Effect, Moments, SignalEvidence, Span, Why, Window

SIGNAL, DETECTOR = "volume", "rate"
LEAST = 24  # windows before the first that is judged: with the default of an hour a day, so that nights are known
KEPT = 672  # windows that are remembered: four weeks of hours; 12 bytes of state each
PERIODS = 4  # of the season, that are remembered where that is longer
MOST = 4_032  # whatever the season: with more a short window's state would slow the policy
WEEK_MS = 7 * 86_400_000


class Traffic(msgspec.Struct, array_like=True):
    """What is known of a model's volume. Times are ends of slides."""

    first_ms: int  # of the first
    at_ms: int  # of the newest
    slides: list[tuple[int, int]] = []  # with their records; those that later windows reach
    windows: list[tuple[int, int]] = []  # one after the other, with their records, oldest first
    streak: int = 0  # alarms in a row: positive of too many records, negative of too few
    calm: int = 0  # evaluations in a row without one, since it was told
    told: SignalChange | None = None


def step(
    known: Traffic | None, model: ModelPlan, progress: Sequence[Progress]
) -> tuple[Traffic | None, list[SignalChange]]:
    """Count what came in some slides, all of each of them, and tell what has changed.

    Parameters
    ----------
    known
        From the last step, changed in place; None before the first.
    model
    progress
        In any order; of later slides than those of the last step.
    """
    if not watches_volume(model):
        newest_ms = max((one.time_ms for one in progress), default=None)
        if known is None or newest_ms is None:
            return known, []
        return None, _ended(known, newest_ms, "configuration")
    records: dict[int, int] = {}
    levels: dict[int, float] = {}
    for one in progress:
        records[one.time_ms] = records.get(one.time_ms, 0) + (one.records if one.role != "shadow" else 0)
        levels[one.time_ms] = min(levels.get(one.time_ms, math.inf), one.level or math.inf)
    changes: list[SignalChange] = []
    for time_ms in sorted(records):
        if known is None or time_ms - known.at_ms > max(known.at_ms - known.first_ms, WEEK_MS):
            changes += [] if known is None else _ended(known, time_ms, "recovered")
            known = Traffic(time_ms, time_ms)
        else:
            changes += _Run(known, model, time_ms, levels[time_ms]).run(records[time_ms])
    return known, changes


def _ended(known: Traffic, time_ms: int, why: Why) -> list[SignalChange]:
    return [] if known.told is None else [over(known.told, Slide(time_ms, records=1), why)]


class _Run:
    def __init__(self, known: Traffic, model: ModelPlan, time_ms: int, level: float) -> None:
        self._known, self._model, self._time_ms, self._level = known, model, time_ms, level
        self._slide_ms = model.window.slide_ms
        self._length = max(1, round(model.window.size_ms / self._slide_ms))  # slides of a window
        self._size_ms = self._length * self._slide_ms
        self._calendar = _calendar(model.season, self._size_ms) if model.season else None

    def run(self, records: int) -> list[SignalChange]:
        """Count all slides up to the one that had so many records."""
        known, before = self._known, self._known.told
        alarms = self._model.alarms
        # Of a long gap the last slides say all: what was confirmed or has recovered before them is no news any more.
        judged_ms = self._time_ms - (alarms.confirm + alarms.recover) * self._slide_ms
        for time_ms in range(known.at_ms + self._slide_ms, self._time_ms + 1, self._slide_ms):
            if time_ms == self._time_ms:
                known.slides.append((time_ms, records))
            self._remember(time_ms)
            if time_ms > judged_ms:
                self._judge(time_ms)
        known.at_ms = self._time_ms
        reach_ms = self._time_ms - 2 * self._size_ms
        known.slides = [slide for slide in known.slides if slide[0] > reach_ms]
        return self._news(before)

    def _counted(self, end_ms: int) -> int | None:
        """Records of the window that ends then; None where it is not whole, or left out."""
        start_ms = end_ms - self._size_ms
        if start_ms < self._known.first_ms or (self._calendar and self._calendar.ignores(start_ms, end_ms)):
            return None
        return sum(records for time_ms, records in self._known.slides if start_ms < time_ms <= end_ms)

    def _remember(self, time_ms: int) -> None:
        if time_ms % self._size_ms:
            return
        counted = self._counted(time_ms)
        if counted is not None:
            self._known.windows.append((time_ms, counted))
            kept = KEPT
            if self._model.season is not None:
                kept = min(max(kept, PERIODS * self._model.season.period_ms // self._size_ms), MOST)
            del self._known.windows[:-kept]

    def _usual(self, time_ms: int) -> Usual | None:
        start_ms = until_ms = time_ms - self._size_ms
        told = self._known.told
        if told is not None and time_ms - told.onset_ms < LEAST * self._size_ms:
            until_ms = min(start_ms, told.onset_ms)  # later it is what is usual now
        before = [window for window in self._known.windows if window[0] <= until_ms]
        if len(before) < LEAST:
            return None
        records = np.array([many for _, many in before], np.float64)
        if self._calendar is not None:
            middles_ms = np.array([end_ms for end_ms, _ in before], np.int64) - self._size_ms // 2
            shares = dict(self._calendar.shares(start_ms, time_ms))
            found = usual(records, self._calendar.bins(middles_ms), shares)
            if found is not None:
                return found
        return usual(records, np.zeros(len(before), np.int64), {0: 1.0})  # the season is not known yet

    def _judge(self, time_ms: int) -> None:
        counted, expected = self._counted(time_ms), self._usual(time_ms)
        if counted is None or expected is None or not math.isfinite(self._level):
            return
        known, alarms = self._known, self._model.alarms
        found = rate(counted, expected, self._level)
        effect = _effect(counted, expected)
        large = effects.reaches(effect.level, alarms.min_effect)
        sign = 1 if found.rises else -1
        if found.p_value < self._level and large:
            known.streak = known.streak + sign if known.streak * sign > 0 else sign
            known.calm = 0
            self._alarmed(time_ms, counted, expected, found, effect)
            return
        known.streak = 0
        if known.told is None:
            return
        still = found.p_value < STILL and large and effect.direction == known.told.evidence.effect.direction
        known.calm = 0 if still else known.calm + 1
        if known.calm >= alarms.recover:
            known.told, known.calm = None, 0

    def _alarmed(self, time_ms: int, counted: int, expected: Usual, found: Rate, effect: Effect) -> None:
        known, alarms = self._known, self._model.alarms
        told = known.told
        critical = effects.reaches(effect.level, alarms.critical)
        if told is None:
            news = abs(known.streak) >= alarms.confirm
        else:
            turned = told.evidence.effect.direction != effect.direction and abs(known.streak) >= alarms.confirm
            news = turned or (critical and told.severity != "critical")
        if not news:
            return
        same = told is not None and told.evidence.effect.direction == effect.direction
        onset_ms = told.onset_ms if told is not None and same else self._onset_ms(time_ms, expected)
        known.told = SignalChange(
            time_ms=self._time_ms,
            model=self._model.name,
            version=ALL,
            role="champion",
            segment=ALL,
            kind="quality",
            state="opened",
            level=effect.level,
            severity="critical" if critical else "warning",
            onset_ms=onset_ms,
            empty=False,
            window=Window(start=timestamp(time_ms - self._size_ms), end=timestamp(time_ms), count=counted, share=1.0),
            of=1,
            profile_id="",
            profile_kind="previous",
            previous=Span(start=timestamp(known.windows[0][0] - self._size_ms), end=timestamp(time_ms - self._size_ms)),
            evidence=SignalEvidence(
                signal=SIGNAL,
                onset=timestamp(onset_ms),
                detector=DETECTOR,
                statistic=float(counted),
                threshold=significant(found.bound),
                p_value=significant(found.p_value),
                effect=effect,
                reference=Moments(records=significant(expected.records)),
                current=Moments(records=float(counted)),
            ),
        )

    def _onset_ms(self, time_ms: int, expected: Usual) -> int:
        """From when on the window's slides are, taken together, farthest to the side that the newest ones are on."""
        counts: Mapping[int, int] = dict(self._known.slides)
        if not self._counted(time_ms):
            return max((end_ms for end_ms in counts if end_ms <= time_ms), default=time_ms - self._size_ms)
        ends_ms = [time_ms - number * self._slide_ms for number in range(self._length)]
        newest = [counts.get(end_ms, 0) for end_ms in ends_ms[: self._model.alarms.confirm]]
        now, wanted = sum(newest) / len(newest), expected.records / self._length
        far, most, onset_ms = 0.0, 0.0, time_ms - self._slide_ms
        for end_ms in ends_ms:
            far += (counts.get(end_ms, 0) - (now + wanted) / 2) * (1 if now > wanted else -1)
            if far > most:
                most, onset_ms = far, end_ms - self._slide_ms
        return onset_ms

    def _news(self, before: SignalChange | None) -> list[SignalChange]:
        """What is otherwise than before the slides were judged."""
        told = self._known.told
        if told is before:
            return []
        if told is None:
            assert before is not None, "it was told"
            span = Window(
                start=timestamp(self._time_ms - self._size_ms),
                end=timestamp(self._time_ms),
                count=self._counted(self._time_ms) or 0,
                share=1.0,
            )
            return [over(before, Slide(self._time_ms, records=1), "recovered", window=span)]
        return [told if before is None else msgspec.structs.replace(told, state="changed")]


def _effect(counted: int, expected: Usual) -> Effect:
    """The logarithm of how many times as many records there are as usual."""
    size = math.log((counted + 1) / (expected.records + 1))
    level = effects.level_of(abs(size))
    return Effect(size=significant(abs(size)), level=level, direction="up" if size > 0 else "down")


def _calendar(season: SeasonPlan, size_ms: int) -> Calendar:
    """Of the season, in parts no shorter than a window."""
    bins = min(season.bins, max(1, season.period_ms // size_ms))
    return Calendar(msgspec.structs.replace(season, bins=bins))
