"""Signals that no code of a record tells alone: families of them are evaluated beside those that codes tell.

Each family says of its signals, by row, what the windowed and sequential detectors say of the others. Its signals have
positions after those of the families before it, by which a key's state knows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from config.plan import ALL
from operators.estimation.estimate_windows import EstimateWindow
from operators.monitoring.detection import Detection
from operators.monitoring.onsets import Onset
from operators.monitoring.scores import Alarm
from operators.monitoring.state import Still, Watch
from operators.quality.frozen_windows import FrozenWindow
from operators.quality.windows import QualityWindow
from operators.relations.domain_windows import DomainWindow
from operators.relations.windows import RelationWindow
from operators.sketches.windows import Slides
from operators.statistics import effects
from schemas.events import Kind, SignalEvidence
from schemas.profile import Level
from schemas.summaries import Summary


class SignalWindow(Protocol):
    """One evaluation of a family of signals."""

    kind: Kind
    many: int  # signals
    of: int  # signals of the kind that the model has

    def silent(self) -> Iterator[int]:
        """Rows of the signals of which too few records say something."""

    def exceeded(self) -> list[int]:
        """Rows of the signals beyond the level of the budget, however small the effect."""

    def alarm(self, row: int) -> Alarm:
        """What the test of a signal says, as if it were the first time."""

    def still_there(self, row: int, level: float, gate: Level) -> bool:
        """Whether the window still differs at a level, by as much as opens a signal."""

    def onset(self, row: int) -> Onset:
        """When the change began."""

    def evidence(self, row: int, alarm: Alarm, began: Onset) -> SignalEvidence:
        """What an alarm is about."""

    def summarized(self, summary: Summary, alarmed: Sequence[int]) -> Summary:
        """The window's summary with these signals; ``alarmed`` are the rows of those that alarm."""


def signal_windows(
    detection: Detection, slides: Slides, segment: str, still: Mapping[int, Still]
) -> dict[int, SignalWindow]:
    """The families of a key's window, by the position of the first signal of each; `still`: see `FrozenWindow`."""
    found: dict[int, SignalWindow] = {}
    first = len(detection.signals.names)
    if detection.quality is not None:
        quality = QualityWindow(detection, detection.quality, slides, segment)
        found[first] = quality
        first += quality.many
    if detection.estimator is not None:
        estimates = EstimateWindow(detection, detection.estimator, slides, segment)
        found[first] = estimates
        first += estimates.many
    if detection.relations is not None:
        relations = RelationWindow(detection, detection.relations, slides, segment)
        found[first] = relations
        first += relations.many
    if detection.frozen and segment == ALL:
        frozen = FrozenWindow(detection, slides, segment, still)
        found[first] = frozen
        first += frozen.many
    if detection.domain is not None:
        found[first] = DomainWindow(detection, detection.domain, slides, segment)
    return found


def alarms_of(window: SignalWindow, watches: Mapping[int, Watch], first: int, gate: Level) -> dict[int, list[Alarm]]:
    """Alarms of a family by position, from ``first`` on; ``gate`` is the least effect."""
    found: dict[int, list[Alarm]] = {}
    for row in window.exceeded():
        alarm = window.alarm(row)
        if effects.reaches(alarm.effect.level, gate):
            watch = watches.get(first + row)
            streak = 1 + (watch.streaks.get(alarm.detector, 0) if watch else 0)
            found[first + row] = [replace(alarm, streak=streak)]
    return found
