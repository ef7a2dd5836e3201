"""Quality of a window: each quality signal's share of its records against the reference's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ALL
from operators.monitoring import evidence
from operators.monitoring.detection import Detection
from operators.monitoring.evaluated import evaluated
from operators.monitoring.onsets import Onset, likelihoods_of_shares, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.window_tests import LEAST
from operators.quality.rules import rules_of
from operators.quality.signals import QualityReference
from operators.sketches.windows import Slides
from operators.statistics import effects
from operators.statistics.shares import bounds, tails
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.events import Effect, Kind, Moments, SignalEvidence
from schemas.profile import Level
from schemas.summaries import Summary

DETECTOR = "share"
MOMENTS = {"range": "outside"}  # under which name events have a share, where that is not its own

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class QualityWindow:
    """One evaluation of every quality signal; arrays have the shape (quality signals,).

    Parameters
    ----------
    detection
        Of the key, at the times of the window.
    reference
        Of its quality signals.
    slides
        The window.
    segment
        The key's.
    """

    kind: Kind = "quality"

    def __init__(self, detection: Detection, reference: QualityReference, slides: Slides, segment: str) -> None:
        self.many = len(reference.signals)
        self.of = quality_many(detection)
        self._detection, self.reference, self._slides = detection, reference, slides
        self.found, self.records = reference.count(slides.counts, np.array(slides.outside, np.int64))
        self._tau = reference.tau(self.records)
        self.level = detection.level(segment)
        self.watched = ~detection.given(segment)[reference.positions]
        if segment != ALL:
            self.watched &= reference.sampled < 0  # ids are remembered of the whole traffic alone
        least = min(LEAST, detection.signals.model.window.min_count)
        self.judged: Bools = self.watched & (self.records >= least)
        rise, fall = tails(self.found, self.records, reference.known, reference.of, self._tau)
        self.p_value: Floats = np.where(reference.two_sided, np.minimum(1.0, 2 * np.minimum(rise, fall)), rise)
        self.share: Floats = self.found / np.maximum(self.records, 1)
        self.wanted: Floats = reference.known / np.maximum(reference.of, 1)
        self.over: Bools = self.judged & (self.p_value < self.level)

    @cached_property
    def statistic(self) -> Floats:
        """How far shares are off; only upwards, where fewer are no change."""
        change = self.share - self.wanted
        return np.where(self.reference.two_sided, np.abs(change), np.maximum(change, 0.0))

    @cached_property
    def threshold(self) -> Floats:
        """Above how large a change, in the direction that it has, there is an alarm."""
        of = self.reference
        level = np.where(of.two_sided, self.level / 2, self.level)
        most, least = bounds(self.records, of.known, of.of, self._tau, level)
        records = np.maximum(self.records, 1)
        falls = of.two_sided & (self.share < self.wanted)
        return np.asarray(np.maximum(np.where(falls, self.wanted - least / records, most / records - self.wanted), 0.0))

    @cached_property
    def size(self) -> Floats:
        """Effects: Cohen's h, what is beyond chance of it."""
        h = 2 * (np.arcsin(np.sqrt(self.share)) - np.arcsin(np.sqrt(np.minimum(self.wanted, 1.0))))
        chance = self._tau * (1 / np.maximum(self.records, 1) + 1 / np.maximum(self.reference.of, 1))
        return np.asarray(np.sqrt(np.maximum(0.0, h**2 - chance)))

    def effect_level(self, row: int) -> Level:
        """Level of the effect of one of the signals."""
        return effects.level_of(float(self.size[row]))

    def silent(self) -> Iterator[int]:
        """Signals of which too few records say something."""
        yield from np.flatnonzero(~self.judged & (self.records > 0)).tolist()

    def exceeded(self) -> list[int]:
        """Rows of the signals beyond the level of the budget, however small the effect."""
        return [int(row) for row in np.flatnonzero(self.over)]

    def alarm(self, row: int) -> Alarm:
        """What the test of a signal says, as if it were the first time."""
        return Alarm(
            detector=DETECTOR,
            statistic=float(self.statistic[row]),
            threshold=float(self.threshold[row]),
            p_value=float(self.p_value[row]),
            effect=Effect(
                size=significant(float(self.size[row])),
                level=self.effect_level(row),
                direction="up" if self.share[row] >= self.wanted[row] else "down",
            ),
        )

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether the window still differs at a level, by as much as opens a signal."""
        return bool(self.p_value[row] < level) and effects.reaches(self.effect_level(row), gate)

    def onset(self, row: int) -> Onset:
        """When the share began to differ."""
        of, signal = self.reference, self.reference.signals[row]
        rows = self._slides.kinds(
            signal.position, of.codes[row], of.carried[row], int(of.ranged[row]), int(of.sampled[row])
        )
        reference = np.array([of.known[row], max(of.of[row] - of.known[row], 0.0)])
        since = np.cumsum(rows[::-1], axis=0)
        values = np.maximum(since.sum(axis=1), 1.0)
        pooled = (since[:, 0] + reference[0] + 0.5) / (values + reference.sum() + 1)
        moved = since[:, 0] / values - self.wanted[row]
        clear = moved**2 / (pooled * (1 - pooled) * (1 / values + 1 / max(reference.sum(), 1.0)))
        likely = likelihoods_of_shares(rows, reference, len(rows) - 1 - int(np.argmax(clear)), float(self._tau[row]))
        return onset(likely, *self._slides.times())

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about."""
        signal = self.reference.signals[row]
        name = MOMENTS.get(signal.what, signal.what)
        unseen = evidence.unseen_values(self._detection, signal.position, self._slides)
        reference = Moments(**{name: significant(float(self.wanted[row]))})
        current = Moments(**{name: significant(float(self.share[row]))})
        found = evidence.alarm_evidence(signal.name, alarm, began, reference, current)
        return msgspec.structs.replace(found, unseen=(unseen or None) if signal.what == "unseen" else None)

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with these signals; ``alarmed`` are those that alarm, by row."""
        rows = tuple(_evaluation(summary, self, row, row in alarmed) for row in np.flatnonzero(self.watched).tolist())
        return msgspec.structs.replace(
            summary,
            evaluations=summary.evaluations + rows,
            exceeded=summary.exceeded + int(self.over.sum()),
            expected=significant(summary.expected + int(self.judged.sum()) * self.level),
        )


def quality_many(detection: Detection) -> int:
    """Signals of the kind that a model version has, beside its volume, which is of all versions."""
    shares = 0 if detection.quality is None else len(detection.quality.signals)
    return shares + len(detection.frozen) + len(rules_of(detection.signals.model)) + detection.schema


def with_outside(summary: Summary, detection: Detection, slides: Slides) -> Summary:
    """A window's summary with how many values of each feature were out of its range, where that is watched."""
    reference = detection.quality
    if reference is None:
        return summary
    counts = dict(summary.counts)
    for row in np.flatnonzero((reference.ranged >= 0) & (reference.sampled < 0)).tolist():
        name = detection.signals.names[reference.signals[row].position]
        many = slides.outside[reference.ranged[row]] if slides.outside else 0
        counts[name] = msgspec.structs.replace(counts[name], outside=many)
    return msgspec.structs.replace(summary, counts=counts)


def _evaluation(summary: Summary, window: QualityWindow, row: int, alarm: bool) -> Evaluation:
    numbers = (window.statistic, window.threshold, window.p_value, window.size)
    statistic, threshold, p_value, effect = (float(each[row]) if window.judged[row] else math.nan for each in numbers)
    return evaluated(
        summary,
        window.reference.signals[row].name,
        DETECTOR,
        int(window.records[row]),
        statistic=statistic,
        threshold=threshold,
        p_value=p_value,
        effect=effect,
        alarm=alarm,
    )
