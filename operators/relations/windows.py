"""Relations of a window: each pair's correlation against the reference's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.monitoring import evidence
from operators.monitoring.detection import Detection
from operators.monitoring.evaluated import evaluated
from operators.monitoring.onsets import Onset, likelihoods_of_sums, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.window_tests import LEAST
from operators.relations.correlations import EntrySums, Strength, unpack
from operators.relations.references import RelationReference, fisher
from operators.sketches.windows import Slides
from operators.statistics import effects
from operators.statistics.skewed import bound, tail
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Direction, Effect, Kind, Moments, SignalEvidence
from schemas.profile import Level
from schemas.summaries import Summary

DETECTOR = "fisher"
LEVELS = (0.1, 0.3, 0.5)  # of Cohen's q, the difference of two z: small, medium, large (Cohen 1988, section 4.2)
# Records that a pair needs, independent ones, for each unit of the product of its scores' kurtoses: with fewer the mean
# of their products has longer tails than a normal one at the levels of a budget.
# With 6 p-values below 1e-3 of one of fifteen categories and a number are 1.0 to 1.6 times the promised, as with 10; of
# two numbers, whose product with 10 was measured, there are to be as many as that comes to.
RECORDS, NUMBERS = 6, 90
INDEPENDENT = 20  # values of each of its features that the window has to come to; with 5 a cycle of days alarms
SAME = 0.01  # of a ratio or V: what moves by less has no direction

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class RelationWindow:
    """One evaluation of every pair; arrays have the shape (entries,) or (pairs,), see `RelationReference`.

    Parameters
    ----------
    detection
        Of the key.
    reference
        Of its pairs.
    slides
        The window.
    segment
        The key's.
    """

    kind: Kind = "correlation"

    def __init__(self, detection: Detection, reference: RelationReference, slides: Slides, segment: str) -> None:
        columns = reference.columns
        self.of = self.many = len(columns.pairs)
        self.reference, self._slides = reference, slides
        self._found = columns.crossed(unpack(slides.relations))
        self._told = columns.correlations(self._found)
        self._tau = reference.tau if detection.told is None else np.maximum(reference.tau, self._followed(detection))
        self._records, known = self._told.records, reference.told.records
        inverse = 1 / np.maximum(self._records, 1) + 1 / np.maximum(known, 1)
        self._error: Floats = np.sqrt(reference.variance * self._tau * inverse)
        least = min(LEAST, detection.signals.model.window.min_count)
        heavy = columns.kurtosis[columns.one] * columns.kurtosis[columns.other]
        enough = np.minimum(self._records, known) >= self._tau * np.maximum(max(least, NUMBERS), RECORDS * heavy)
        # A window with few independent values of a feature has less of its variance than the reference, and so another
        # correlation: it is about another stretch, not about another relation.
        slow = detection.tables.inflation.at(np.full(len(detection.signals.names), float(slides.records))).location
        slow = slow[columns.positions[columns.of]]
        enough &= self._records >= INDEPENDENT * np.maximum(slow[columns.one], slow[columns.other])
        moved = fisher(self._told.correlation) - fisher(reference.told.correlation)
        self._judged: Bools = enough & np.isfinite(moved)
        self._moved: Floats = np.where(self._judged, moved, 0.0)
        # A few records that have two rare categories move z upwards alone; of records that follow each other the
        # skewness is that of so many fewer.
        small = 1 / np.maximum(self._records, 1) ** 2 - 1 / np.maximum(known, 1) ** 2
        skewness = np.sign(self._moved) * reference.skewness * np.sqrt(self._tau) * small / inverse**1.5
        tails = np.where(self._judged, 2 * tail(np.abs(self._moved) / self._error, skewness), 1.0)
        self.many_judged = np.add.reduceat(self._judged, columns.firsts, dtype=np.int64)
        self.judged: Bools = self.many_judged > 0
        least_tail = np.minimum.reduceat(tails, columns.firsts)
        self.p_value: Floats = np.where(self.judged, np.minimum(1.0, self.many_judged * least_tail), 1.0)
        # The entry that tells most; of equal ones the first.
        pair = np.repeat(np.arange(self.many), reference.sizes)
        hits = np.flatnonzero(tails == least_tail[pair])
        self._entry = hits[np.searchsorted(pair[hits], np.arange(self.many))]
        self.level: Floats = detection.level(segment) * reference.shares
        self.over: Bools = self.judged & (self.p_value < self.level)
        self.statistic: Floats = np.abs(self._moved[self._entry])
        share = np.minimum(self.level / 2 / np.maximum(self.many_judged, 1), 0.5)
        self.threshold: Floats = bound(share, skewness[self._entry]) * self._error[self._entry]
        self.size: Floats = np.sqrt(np.maximum(0.0, self.statistic**2 - self._error[self._entry] ** 2))

    def _followed(self, detection: Detection) -> Floats:
        """Tau of products of values that follow each other as a key's stream has told of each signal alone.

        As if each were proportional to the one before it, of unrelated signals (Bartlett 1935, J. R. Stat. Soc. 98).
        """
        assert detection.told is not None, "asked for where it is"
        columns = self.reference.columns
        tau = detection.told[columns.positions[columns.of]]
        alike = (tau - 1) / (tau + 1)
        both = alike[columns.one] * alike[columns.other]
        return np.asarray((1 + both) / (1 - both), np.float64)

    def effect_level(self, row: int) -> Level:
        """Level of the effect of one of the pairs."""
        return effects.level_of(float(self.size[row]), LEVELS)

    def silent(self) -> Iterator[int]:
        """Pairs of which too few records say something."""
        yield from np.flatnonzero(~self.judged).tolist()

    def exceeded(self) -> list[int]:
        """Rows of the pairs beyond the level of the budget, however small the effect."""
        return [int(row) for row in np.flatnonzero(self.over)]

    def alarm(self, row: int) -> Alarm:
        """What the test of a pair says, as if it were the first time."""
        size, level = significant(float(self.size[row])), self.effect_level(row)
        return Alarm(
            detector=DETECTOR,
            statistic=float(self.statistic[row]),
            threshold=float(self.threshold[row]),
            p_value=float(self.p_value[row]),
            effect=Effect(size=size, level=level, direction=self._direction(row)),
        )

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether the window still differs at a level, by as much as opens a signal."""
        return bool(self.p_value[row] < level) and effects.reaches(self.effect_level(row), gate)

    def onset(self, row: int) -> Onset:
        """When the correlation began to differ."""
        entry = self._entry[row : row + 1]
        columns, reference = self.reference.columns, self.reference
        known = columns.sums(reference.found, entry)
        correlation = float(np.clip(reference.told.correlation[entry[0]], -1.0, 1.0))
        sums = [columns.sums(columns.crossed(unpack(data)), entry) for data in self._slides.related]
        counts = np.array([float(one.records[0]) for one in sums])
        moves = np.array([_moves(one, known, correlation) for one in sums])
        variance = float(reference.variance[entry[0]] * self._tau[entry[0]]) * max(1 - correlation**2, 1e-6) ** 2
        return onset(likelihoods_of_sums(counts, moves, variance, float(known.records[0])), *self._slides.times())

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about."""
        then, now = self.reference.strengths[row], self._strength(row)
        reference, current = (
            Moments(**{of.measure: significant(of.value)}) if math.isfinite(of.value) else Moments()
            for of in (then, now)
        )
        return evidence.alarm_evidence(self.reference.name(row), alarm, began, reference, current)

    def _strength(self, row: int) -> Strength:
        columns = self.reference.columns
        return columns.strength(self._found, row, float(self._told.correlation[columns.firsts[row]]))

    def _direction(self, row: int) -> Direction:
        then, now = self.reference.strengths[row], self._strength(row)
        if then.measure != "correlation" and not abs(now.value - then.value) >= SAME:
            return "mix"
        return "up" if now.value > then.value else "down"

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with these signals: the pairs that matter, and others that are over their threshold."""
        shown = np.flatnonzero(self.reference.matters | self.over).tolist()
        return msgspec.structs.replace(
            summary,
            evaluations=summary.evaluations + tuple(self._evaluation(summary, row, row in alarmed) for row in shown),
            exceeded=summary.exceeded + int(self.over.sum()),
            expected=significant(summary.expected + float(self.level[self.judged].sum())),
        )

    def _evaluation(self, summary: Summary, row: int, alarm: bool) -> Evaluation:
        numbers = (self.statistic, self.threshold, self.p_value, self.size)
        statistic, threshold, p_value, effect = (float(each[row]) if self.judged[row] else math.nan for each in numbers)
        return evaluated(
            summary,
            self.reference.name(row),
            DETECTOR,
            int(self._records[self._entry[row]]),
            statistic=statistic,
            threshold=threshold,
            p_value=p_value,
            effect=effect,
            alarm=alarm,
        )


def _moves(sums: EntrySums, known: EntrySums, correlation: float) -> float:
    """By how much records move the correlation, added up: 0 on average as long as it is the reference's."""
    many = max(float(known.records[0]), 1.0)
    parts = []
    for total, of, square in (
        (sums.one, known.one, known.square_one),
        (sums.other, known.other, known.square_other),
    ):
        mean = float(of[0]) / many
        parts.append((float(total[0]), mean, math.sqrt(max(float(square[0]) / many - mean**2, 1e-12))))
    (one, mean_one, sd_one), (other, mean_other, sd_other) = parts
    records = float(sums.records[0])
    product = float(sums.product[0]) - mean_other * one - mean_one * other + records * mean_one * mean_other
    square_one = (float(sums.square_one[0]) - 2 * mean_one * one + records * mean_one**2) / sd_one**2
    square_other = (float(sums.square_other[0]) - 2 * mean_other * other + records * mean_other**2) / sd_other**2
    return product / (sd_one * sd_other) - correlation / 2 * (square_one + square_other)
