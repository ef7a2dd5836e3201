"""The domain classifier of a window: whether it has told the stream's records from the reference's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from scipy.special import ndtr, ndtri

from operators.monitoring import evidence
from operators.monitoring.detection import Detection
from operators.monitoring.evaluated import evaluated
from operators.monitoring.onsets import Onset, likelihoods_of_sums, onset
from operators.monitoring.scores import Alarm
from operators.monitoring.window_tests import LEAST
from operators.relations.domain_classifier import UNIT
from operators.relations.domain_sample import DomainReference
from operators.sketches.sketch import added
from operators.sketches.windows import Slides
from operators.statistics import effects
from schemas.cloudevents import significant
from schemas.events import Contribution, Effect, Kind, Moments, SignalEvidence
from schemas.profile import Level
from schemas.summaries import Summary

CLASSIFIER = "multivariate.classifier"
DETECTOR = "auc"
CHANCE = 0.5  # share of pairs in the right order where nothing can be told
VARIANCE = 1 / 12  # of a rank in [0, 1]; with ties it is smaller
CONTRIBUTING = 5  # features that tell most
SHOWN = 0.1  # of all that tell: what has less may be chance


class DomainWindow:
    """One evaluation of the classifier: one signal.

    Parameters
    ----------
    detection
        Of the key.
    reference
        What it is judged by.
    slides
        The window.
    segment
        The key's.
    """

    kind: Kind = "multivariate"
    many = 1

    def __init__(self, detection: Detection, reference: DomainReference, slides: Slides, segment: str) -> None:
        self._reference, self._slides = reference, slides
        self.of = sum(kind == "multivariate" for kind in detection.signals.kinds) + 1
        told: list[int] = []
        for slide in slides.classified:
            told = added(told, slide)
        self._told = told or [0] * (2 + 2 * len(reference.names))
        self.count, held = self._told[0], len(reference.held)
        signals = np.full(len(detection.signals.names), float(slides.records))
        tau = float(detection.tables.inflation.at(signals).location[reference.positions].max(initial=1.0))
        # Of a sample few records follow each other closely.
        self._grown = 1 + (tau - 1) * self.count / max(slides.records, 1)
        still = 1 + (tau - 1) * reference.share
        least = min(LEAST, detection.signals.model.window.min_count)
        self._judged = self.count >= least * self._grown and held >= least * still
        self.level = detection.level(segment)
        if self._judged:
            self._auc = self._told[1] / (2 * self.count * held)
            self._error = math.sqrt(VARIANCE * (self._grown / self.count + still / held))
        else:
            self._auc, self._error = CHANCE, 1.0
        self._p_value = float(ndtr((CHANCE - self._auc) / self._error))
        self._threshold = CHANCE - float(ndtri(self.level)) * self._error

    def silent(self) -> Iterator[int]:
        """The signal, where too few records were scored, or follow each other too closely."""
        if not self._judged:
            yield 0

    def exceeded(self) -> list[int]:
        """The signal, if beyond the level of the budget, however small the effect."""
        return [0] if self._judged and self._p_value < self.level else []

    def _effect(self) -> Effect:
        """How far apart two normal distributions are of which as much can be told, in standard deviations."""
        beyond = math.sqrt(max(0.0, (self._auc - CHANCE) ** 2 - self._error**2)) if self._auc > CHANCE else 0.0
        size = math.sqrt(2) * float(ndtri(min(CHANCE + beyond, 1 - 1e-9)))
        return Effect(size=significant(size), level=effects.level_of(significant(size)), direction="up")

    def alarm(self, row: int) -> Alarm:
        """What the test says, as if it were the first time."""
        return Alarm(
            detector=DETECTOR,
            statistic=self._auc,
            threshold=self._threshold,
            p_value=self._p_value,
            effect=self._effect(),
        )

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether it still tells them apart at a level, by as much as opens a signal."""
        return self._p_value < level and effects.reaches(self._effect().level, gate)

    def onset(self, row: int) -> Onset:
        """Since when it has told them apart: when they began to differ, or when it had learned how."""
        held = len(self._reference.held)
        slides = [slide or [0, 0] for slide in self._slides.classified]
        counts = np.array([slide[0] for slide in slides], np.float64)
        moves = np.array([slide[1] / (2 * held) - CHANCE * slide[0] for slide in slides])
        found = likelihoods_of_sums(counts, moves, VARIANCE * self._grown, float(held))
        return onset(found, *self._slides.times())

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about: how well they are told apart, and by which features."""
        reference, current = Moments(value=CHANCE), Moments(value=significant(self._auc))
        found = evidence.alarm_evidence(CLASSIFIER, alarm, began, reference, current)
        return msgspec.structs.replace(found, contributions=self._contributions() or None)

    def _contributions(self) -> tuple[Contribution, ...]:
        many = len(self._reference.names)
        now, then = (np.array(part, np.float64) for part in (self._told[2 : 2 + many], self._told[2 + many :]))
        part = np.maximum(now - then, 0.0)
        whole, unit = max(float(part.sum()), 1.0), UNIT * max(self.count, 1)
        order = np.argsort(-part, kind="stable")[:CONTRIBUTING].tolist()
        return tuple(
            Contribution(
                feature=self._reference.names[at],
                share=significant(float(part[at]) / whole),
                reference=significant(float(then[at]) / unit),
                current=significant(float(now[at]) / unit),
            )
            for at in order
            if part[at] >= SHOWN * whole
        )

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with this signal."""
        numbers = (self._auc, self._threshold, self._p_value, self._effect().size)
        statistic, threshold, p_value, effect = numbers if self._judged else (math.nan,) * 4
        row = evaluated(
            summary,
            CLASSIFIER,
            DETECTOR,
            self.count,
            statistic=statistic,
            threshold=threshold,
            p_value=p_value,
            effect=effect,
            alarm=0 in alarmed,
        )
        return msgspec.structs.replace(
            summary,
            evaluations=(*summary.evaluations, row),
            exceeded=summary.exceeded + len(self.exceeded()),
            expected=significant(summary.expected + self.level * self._judged),
        )
