"""Estimates of a window: each measure as its scores tell it, and whether it is worse than in the labelled reference.

Both are estimated by the same rates from what scores there are, so that errors of the rates do not count as a change:
what is tested is whether the scores are worse. They are compared by the mean influence of their records on the
measure, which only falls where the measure gets worse; that it gets better is no alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.estimation.estimates import Estimate, Estimator
from operators.monitoring import evidence
from operators.monitoring.detection import Detection
from operators.monitoring.evaluated import evaluated, written
from operators.monitoring.onsets import Onset, likelihoods, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.window_tests import LEAST
from operators.profiles.references import SCORE
from operators.sketches.windows import Slides
from operators.statistics import effects
from operators.statistics.mean_shifts import deviate, log_tail
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Effect, Kind, Moments, SignalEvidence
from schemas.profile import Level
from schemas.summaries import Estimated, Summary

ESTIMATED = "estimated_performance."
DETECTOR = "estimate"
SURE = 1.959964  # standard errors to either side: 19 times in 20
RISING = ("mae", "mse", "rmse")  # the larger the worse
NEAR = 0.5  # deviates of a change, below which the threshold is placed by the standard error alone

Floats = npt.NDArray[np.float64]


class EstimateWindow:
    """One evaluation of every measure that is estimated; arrays have the shape (measures,).

    Parameters
    ----------
    detection
        Of the key.
    estimator
        Of its model version.
    slides
        The window.
    segment
        The key's.
    """

    kind: Kind = "estimated_performance"

    def __init__(self, detection: Detection, estimator: Estimator, slides: Slides, segment: str) -> None:
        self._names, self._estimator, self._slides = detection.estimated, estimator, slides
        self.many = self.of = len(self._names)
        self._position = detection.signals.names.index(SCORE)
        self._counts: Floats = slides.counts[self._position, : estimator.bins].astype(np.float64)
        self.records = int(self._counts.sum())
        own = estimator.segment(segment)
        # The whole speaks for no segment: that it is predicted worse than others is no change.
        self._reference = estimator.reference if segment == "all" else own
        grown = detection.tables.inflation.at(np.full(len(detection.signals.names), float(self.records)))
        self._tau = float(np.maximum(grown.location, grown.spread)[self._position])
        least = min(LEAST, detection.signals.model.window.min_count)
        self._judged = self.records >= least
        self.level = detection.level(segment)
        self._log_p = np.zeros(self.many)
        self._loss, self._size = np.zeros(self.many), np.zeros(self.many)
        nothing = Estimate(math.nan, math.nan, math.nan)
        self.found = [nothing] * self.many
        self.wanted = [math.nan] * self.many
        if self._judged:
            for row in range(self.many):
                self._estimate(row)
        known = np.array([[found.value for found in self.found], self.wanted])
        self.tested: npt.NDArray[np.bool_] = np.isfinite(known).all(axis=0)
        self.over = self.tested & (self._loss > 0) & (self._log_p < math.log(self.level))

    def _estimate(self, row: int) -> None:
        name, estimator = self._names[row], self._estimator
        found = self.found[row] = estimator.estimate(name, self._counts)
        if self._reference is None:
            return
        wanted = self.wanted[row] = estimator.estimate(name, self._reference).value
        if not (math.isfinite(found.value) and math.isfinite(wanted)):
            return
        worse = 1.0 if name in RISING else -1.0
        influence = self._influence(row)
        self._loss[row] = worse * (found.value - wanted)
        self._log_p[row] = log_tail(worse * influence, self._counts, self._reference, self._tau)
        chance = self._chance(influence)
        if name in RISING:
            unit = estimator.spread(name, self._reference) or 1.0
            self._size[row] = math.sqrt(max(0.0, self._loss[row] ** 2 - chance)) / unit
        else:
            h = 2 * (math.asin(math.sqrt(_share(found.value))) - math.asin(math.sqrt(_share(wanted))))
            slope = max(_share(wanted) * (1 - _share(wanted)), 1e-6)  # of the arc sine at the baseline
            self._size[row] = math.sqrt(max(0.0, h**2 - chance / slope))

    def _influence(self, row: int) -> Floats:
        """Of records in each bin, where the window and the reference are taken together."""
        assert self._reference is not None, "asked for where there is one"
        both = self._counts + self._reference
        return self._estimator.influence(self._names[row], both)

    def _chance(self, influence: Floats) -> float:
        """What chance alone makes of the square of a change."""
        assert self._reference is not None, "asked for where there is one"
        both = self._counts + self._reference
        variance = float(both @ influence**2) / float(both.sum())
        return variance * self._tau * (1 / self.records + 1 / float(self._reference.sum()))

    def _threshold(self, row: int) -> float:
        """Value from which on the measure is too bad: as far in its own direction as the level takes it."""
        z = deviate(float(self._log_p[row]))
        most = deviate(math.log(self.level))
        if self._loss[row] > 0 and z > NEAR:
            most *= float(self._loss[row]) / z
        else:
            most *= math.sqrt(self._chance(self._influence(row)))
        return self.wanted[row] + most * (1 if self._names[row] in RISING else -1)

    def _level(self, row: int) -> Level:
        return effects.level_of(float(self._size[row]))

    def silent(self) -> Iterator[int]:
        """Measures of which too few records say something."""
        yield from np.flatnonzero(~self.tested).tolist() if self.records else ()

    def exceeded(self) -> list[int]:
        """Rows of the measures beyond the level of the budget, however small the effect."""
        return [int(row) for row in np.flatnonzero(self.over)]

    def alarm(self, row: int) -> Alarm:
        """What the test of a measure says, as if it were the first time."""
        size, worse = significant(float(self._size[row])), self._names[row] in RISING
        return Alarm(
            detector=DETECTOR,
            statistic=self.found[row].value,
            threshold=self._threshold(row),
            p_value=math.exp(self._log_p[row]),
            effect=Effect(size=size, level=self._level(row), direction="up" if worse else "down"),
        )

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether the window still differs at a level, by as much as opens a signal."""
        there = self._loss[row] > 0 and self._log_p[row] < math.log(level)
        return bool(there) and effects.reaches(self._level(row), gate)

    def onset(self, row: int) -> Onset:
        """When the scores began to tell of it."""
        assert self._reference is not None, "it alarms"
        bins = self._estimator.bins
        rows = self._slides.rows(self._position)
        rows[:, bins:] = 0.0
        reference, influence = np.zeros(CODES), np.zeros(CODES)
        reference[:bins], influence[:bins] = self._reference, self._influence(row)
        return onset(likelihoods(rows, reference, influence, self._tau), *self._slides.times())

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about."""
        told = self._told(row)
        reference, current = Moments(value=told.baseline), Moments(value=told.value, low=told.low, high=told.high)
        return evidence.alarm_evidence(f"{ESTIMATED}{self._names[row]}", alarm, began, reference, current)

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with these measures; ``alarmed`` are the rows of those that alarm."""
        return msgspec.structs.replace(
            summary,
            evaluations=(
                *summary.evaluations,
                *(self._evaluation(summary, row, row in alarmed) for row in range(self.many)),
            ),
            exceeded=summary.exceeded + int(self.over.sum()),
            expected=significant(summary.expected + int(self.tested.sum()) * self.level),
            estimated={name: self._told(row) for row, name in enumerate(self._names)} if self._judged else {},
        )

    def _told(self, row: int) -> Estimated:
        found = self.found[row]
        low, high = (found.value + way * SURE * found.error for way in (-1, 1))
        if self._names[row] not in RISING:
            low, high = max(low, 0.0), min(high, 1.0)
        return Estimated(
            value=written(found.value),
            low=written(max(low, 0.0)),
            high=written(high),
            baseline=written(self.wanted[row]),
        )

    def _evaluation(self, summary: Summary, row: int, alarm: bool) -> Evaluation:
        tested = bool(self.tested[row])
        return evaluated(
            summary,
            f"{ESTIMATED}{self._names[row]}",
            DETECTOR,
            self.records,
            statistic=self.found[row].value,
            threshold=self._threshold(row) if tested else math.nan,
            p_value=math.exp(self._log_p[row]) if tested else math.nan,
            effect=float(self._size[row]) if tested else math.nan,
            alarm=alarm,
        )


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
