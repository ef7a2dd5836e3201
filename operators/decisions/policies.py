"""Policies: what others would have asked for on the same history, and what it would have cost.

History has but one course: what a model would have done that was retrained is assumed. It is taken to be as good as
the old one was at first, until the accuracy of the old one falls further.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from config.plan import JobPlan, ModelPlan, RetrainPlan
from operators import policy
from operators.decisions.outputs import Measures, Output, Progress, SignalChange
from schemas.cloudevents import milliseconds, significant
from schemas.events import RetrainEvent

PERIOD_MS = 30 * 86_400_000  # of the periodic policy, where the configuration says nothing
ACCURACY = "performance.accuracy"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy comes to."""

    model: str
    policy: str
    retrainings: int
    samples: int  # trained on, labelled ones where there are labels
    lost: float | None  # correct predictions, against the accuracy at first; null where accuracy is not known
    cost: float | None  # of these and of the retrainings; null where `cost` is not configured


def compare(model: ModelPlan, job: JobPlan, outputs: Sequence[Output]) -> list[Outcome]:
    """What each policy comes to on all outputs of a model; none if it asks for no retraining."""
    plan = model.retrain
    if not isinstance(plan, RetrainPlan):
        return []
    history = _History(outputs)
    alone = {"max_wait_ms": 0, "min_samples": 1, "cooldown_ms": 0, "cost": None}
    period = plan.every_ms or PERIOD_MS
    policies: dict[str, RetrainPlan | None] = {
        "never": None,
        "periodic": msgspec.structs.replace(plan, when=(), blocked_by=(), every_ms=period, **alone),
        "on drift": msgspec.structs.replace(plan, every_ms=None, cost=None),
    }
    if plan.cost is not None:
        policies["cost-aware"] = msgspec.structs.replace(plan, every_ms=None)
    return [_outcome(model, job, name, chosen, plan, outputs, history) for name, chosen in policies.items()]


def _outcome(
    model: ModelPlan,
    job: JobPlan,
    name: str,
    chosen: RetrainPlan | None,
    plan: RetrainPlan,
    outputs: Sequence[Output],
    history: _History,
) -> Outcome:
    asked: list[RetrainEvent] = []
    if chosen is not None:
        variant = msgspec.structs.replace(model, retrain=chosen)
        _, events = policy.advance(variant, job, "", policy.add(b"", outputs), policy.MAX - 1)
        asked = [event for event in events if isinstance(event, RetrainEvent) and event.type.endswith(".requested")]
    used = [event.data.train_on for event in asked]
    lost = history.lost([milliseconds(event.time) for event in asked])
    cost = None
    if plan.cost is not None and lost is not None:
        cost = significant(lost * plan.value_per_correct + len(asked) * plan.cost)
    return Outcome(
        model=model.name,
        policy=name,
        retrainings=len(asked),
        samples=sum(on.samples if on.labelled is None else on.labelled for on in used),
        lost=lost,
        cost=cost,
    )


class _History:
    """Records and accuracy of the first champion, slide by slide."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        progress = [one for one in outputs if isinstance(one, Progress) and one.role == "champion"]
        version = min(progress, key=lambda one: (one.time_ms, one.version)).version if progress else ""
        records = {one.time_ms: one.records for one in progress if one.version == version}
        measured = {
            one.time_ms: one.values["accuracy"]
            for one in outputs
            if isinstance(one, Measures) and one.version == version and "accuracy" in one.values
        }
        known = [
            one.evidence.reference.value
            for one in outputs
            if isinstance(one, SignalChange) and one.evidence.signal == ACCURACY and one.version == version
        ]
        baseline = next((value for value in known if value is not None), None)
        self._first = next(iter(value for _, value in sorted(measured.items())), None) if baseline is None else baseline
        times = sorted(records.keys() | measured.keys())
        self._steps: list[tuple[int, int, float]] = []
        accuracy = self._first
        for time_ms in times if accuracy is not None else []:
            accuracy = measured.get(time_ms, accuracy)
            self._steps.append((time_ms, records.get(time_ms, 0), accuracy or 0.0))

    def lost(self, retrained_ms: Sequence[int]) -> float | None:
        """Correct predictions that were lost with a new version at each of these times."""
        if self._first is None:
            return None
        best, lost, left = self._first, 0.0, sorted(retrained_ms)
        for time_ms, records, accuracy in self._steps:
            lost += records * max(0.0, best - accuracy)
            if left and left[0] <= time_ms:
                best, left = accuracy, [one for one in left if one > time_ms]
        return significant(lost)
