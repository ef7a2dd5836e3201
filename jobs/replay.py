"""Replay: held-out reference data through the backtest, and its false episodes and alarms beside the expected ones."""

from __future__ import annotations

from dataclasses import dataclass

from config.plan import Plan
from jobs.backtest import Backtest
from operators.monitoring.detection import Detection
from operators.profiles.profile_files import load_references
from operators.profiles.references import ModelSignals, References
from operators.quality.rules import EXPECT
from schemas.errors import DataError
from schemas.events import SignalEvidence
from schemas.summaries import Summary


@dataclass
class Replayed:
    """What came of one model's data, if nothing in them has changed."""

    model: str
    windows: int = 0  # that had enough records to be judged
    episodes: int = 0
    outside: int = 0  # episodes that the budget knows nothing of: of thresholds of one's own, river's detectors, rules
    expected_episodes: float = 0.0
    exceeded: int = 0  # evaluations of windowed detectors over their threshold
    expected_exceeded: float = 0.0

    def __str__(self) -> str:
        """One line, as it is printed."""
        others = f"; {self.outside} more of what is outside the budget" if self.outside else ""
        return (
            f"model {self.model}: {self.episodes} episode{'' if self.episodes == 1 else 's'}, "
            f"{self.expected_episodes:.2g} expected in {self.windows} windows; {self.exceeded} evaluations over their "
            f"threshold, {self.expected_exceeded:.2g} expected{others}"
        )


def replay(plan: Plan) -> list[Replayed]:
    """Run a plan whose sources are files of records that are like the reference.

    Raises
    ------
    DataError
        No window of any model had enough records.
    """
    job = load_references(plan)
    references = References(job)
    detections: dict[tuple[str, str], Detection] = {}
    found = {model.name: Replayed(model.name) for model in plan.models}

    def add(summary: Summary) -> None:
        if summary.status == "insufficient":
            return
        key = (summary.model, summary.version)
        if key not in detections:
            signals = references.find(*key)
            if not isinstance(signals, ModelSignals):
                return  # a version that has learned its reference from these data
            detections[key] = Detection(signals)
        model, one = detections[key].signals.model, found[summary.model]
        one.windows += 1
        one.expected_episodes += (
            detections[key].budget(summary.segment) * model.window.slide_ms / model.alarms.period_ms
        )
        one.exceeded += summary.exceeded
        one.expected_exceeded += summary.expected

    result = Backtest(job, add).run()
    for event in result.events:
        if event.type == "io.tidemark.drift.opened" and (event.data.model, event.data.version) in detections:
            detection = detections[event.data.model, event.data.version]
            if any(_in_budget(detection, one) for one in event.data.signals):
                found[event.data.model].episodes += 1
            else:
                found[event.data.model].outside += 1
    if not any(one.windows for one in found.values()):
        message = (
            f"--replay: none of {result.records.read:,} records came to a window with enough of them "
            "(window.min_count); replay more data"
        )
        raise DataError(message)
    return list(found.values())


def _in_budget(detection: Detection, told: SignalEvidence) -> bool:
    """Whether what a signal was found by has a part of the budget."""
    names = detection.signals.names
    plans = detection.detectors[names.index(told.signal)] if told.signal in names else ()
    known = {plan.name: plan.in_budget for plan in plans}
    return known.get(told.detector, not told.signal.startswith(f"{EXPECT}."))
