"""Numbers that stand still: at the end of a slide each one's newest run of one value against those of the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from operators.monitoring import evidence
from operators.monitoring.detection import Detection
from operators.monitoring.evaluated import evaluated
from operators.monitoring.onsets import Onset
from operators.monitoring.scores import Alarm
from operators.monitoring.state import Still
from operators.quality.windows import quality_many
from operators.sketches.windows import Slides
from operators.statistics import effects
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Effect, Kind, Moments, SignalEvidence
from schemas.profile import Level, NumericSignal
from schemas.summaries import Summary

DETECTOR = "run"


class FrozenWindow:
    """One evaluation of every number that is watched for standing still.

    Parameters
    ----------
    detection
        Of the whole traffic: runs of a part of it are others.
    slides
        The window.
    still
        Which signals stand still at its end, by position.
    """

    kind: Kind = "quality"

    def __init__(self, detection: Detection, slides: Slides, segment: str, still: Mapping[int, Still]) -> None:
        self._detection, self._slides, self._still = detection, slides, still
        self._signals = detection.frozen
        self.many = len(self._signals)
        self.of = quality_many(detection)
        self._level = detection.level(segment)

    def silent(self) -> Iterator[int]:
        """Signals of which the newest slide has no value: they may stand still or not."""
        present = self._slides.present()
        yield from (row for row, signal in enumerate(self._signals) if not present[signal.column])

    def _values(self, row: int) -> int:
        still = self._still.get(self._signals[row].position)
        return still.values if still is not None else 0

    def _chance(self, row: int) -> float:
        still = self._still.get(self._signals[row].position)
        return 1.0 if still is None else self._signals[row].runs.chance(still.values, still.until_ms - still.since_ms)

    def _effect(self, row: int) -> Effect:
        """Cohen's h of the value's share: all, against that of its bin in the reference."""
        signal = self._signals[row]
        counts = self._slides.newest(signal.position)
        reference = self._detection.tables.counts[signal.position]
        share = float(reference[int(np.argmax(counts))]) / max(float(reference.sum()), 1.0)
        size = math.pi - 2 * math.asin(math.sqrt(min(share, 1.0)))
        return Effect(size=significant(size), level=effects.level_of(size), direction="narrow")

    def exceeded(self) -> list[int]:
        """Rows of the signals beyond the level of the budget, however small the effect."""
        silent = set(self.silent())
        return [row for row in range(self.many) if row not in silent and self._chance(row) < self._level]

    def alarm(self, row: int) -> Alarm:
        """What the test of a signal says, as if it were the first time."""
        return Alarm(
            detector=DETECTOR,
            statistic=float(self._values(row)),
            threshold=float(self._signals[row].runs.bound(self._level) - 1),
            p_value=self._chance(row),
            effect=self._effect(row),
        )

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether it still stands still, at a level and by as much as opens a signal."""
        return self._chance(row) < level and effects.reaches(self._effect(row).level, gate)

    def onset(self, row: int) -> Onset:
        """When it stopped: at the start of the first slide, or in the one before it."""
        since_ms = self._still[self._signals[row].position].since_ms
        return Onset(since_ms, since_ms - self._detection.signals.model.window.slide_ms, since_ms)

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about; which value it is, is not told."""
        signal = self._detection.signals.signals[self._signals[row].position]
        assert isinstance(signal, NumericSignal), "names are not watched"
        reference, current = Moments(sd=significant(signal.sd)), Moments(sd=0.0)
        return evidence.alarm_evidence(self._signals[row].name, alarm, began, reference, current)

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with these signals; ``alarmed`` are those that alarm, by row."""
        rows = tuple(self._evaluation(summary, row, row in alarmed) for row in range(self.many))
        over = sum(self._chance(row) < self._level for row in range(self.many))
        return msgspec.structs.replace(
            summary,
            evaluations=summary.evaluations + rows,
            exceeded=summary.exceeded + over,
            expected=significant(summary.expected + self.many * self._level),
        )

    def _evaluation(self, summary: Summary, row: int, alarm: bool) -> Evaluation:
        values = self._values(row)
        return evaluated(
            summary,
            self._signals[row].name,
            DETECTOR,
            values,
            statistic=float(values),
            threshold=float(self._signals[row].runs.bound(self._level) - 1),
            p_value=self._chance(row),
            effect=self._effect(row).size if values else 0.0,
            alarm=alarm,
        )
