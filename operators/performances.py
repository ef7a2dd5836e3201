"""Performances: from the matches of a key's pane to the step of its performance, for all models that have labels."""

from __future__ import annotations

from collections.abc import Sequence

from config.plan import ALL, ModelPlan, Plan
from operators import calibration, performance
from operators.baseline import baseline_of, decoded
from operators.detection import Detection
from operators.join_rows import Labelled, unpack
from operators.joins import labelled, performance_of
from operators.keys import split_key
from operators.performance import Measured, mature_ms, slide_ms
from operators.performance_windows import Against
from operators.promises import Promise
from operators.references import JobReferences, ModelSignals, References
from operators.state import Key


class Performances:
    """The performance of all keys of a worker."""

    def __init__(self, job: JobReferences) -> None:
        self._models = {model.name: (model, performance_of(model)) for model in measured_models(job.plan)}
        self._references = References(job)
        self._detections: dict[int, Detection] = {}
        self._promises: dict[int, Promise] = {}

    def fold(self, text: str, state: bytes, parts: Sequence[bytes], pane_ms: int, until_ms: int) -> Measured:
        """Fold all matches of a key's pane."""
        return self._step(text, state, pane_ms, unpack(parts), until_ms)

    def pass_time(self, text: str, state: bytes, until_ms: int) -> Measured:
        """Let time pass for a key that got nothing."""
        return self._step(text, state, None, None, until_ms)

    def _step(self, text: str, state: bytes, pane_ms: int | None, found: Labelled | None, until_ms: int) -> Measured:
        key = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        if key.model not in self._models:
            return Measured(b"", changes=performance.retire(key, state, until_ms))  # of an earlier configuration
        plan, metrics = self._models[key.model]
        return performance.step(plan, metrics, key, state, pane_ms, found, until_ms, self._against(key))

    def _against(self, key: Key) -> Against:
        signals = self._references.find(key.model, key.version)
        if not isinstance(signals, ModelSignals):
            return Against(profile_kind="learned")
        known = baseline_of(signals.profile)
        whole = Against(profile_id=signals.profile_id, profile_kind=signals.kind)
        if known is None:
            return whole
        detection = self._detections.get(id(signals))
        if detection is None:
            detection = self._detections[id(signals)] = Detection(signals)
        sums = known.sums if key.segment == ALL else known.segments.get(key.segment)
        model = signals.model
        every_ms = slide_ms(model.window, mature_ms(model))
        level = calibration.evaluation_level(model.alarms, detection.budget(key.segment), detection.tests, every_ms)
        promise = self._promises.get(id(signals))
        if promise is None and signals.estimation is not None and _is_binary(model):
            promise = self._promises[id(signals)] = Promise(signals.estimation, detection.estimated)
        return Against(
            level=level,
            baseline=None if sums is None else decoded(sums),
            streams=known.streams,
            profile_id=signals.profile_id,
            profile_kind=signals.kind,
            edges=detection.edges,
            promise=promise,
        )


def _is_binary(model: ModelPlan) -> bool:
    return model.prediction is not None and model.prediction.task == "binary"


def measured_models(plan: Plan) -> list[ModelPlan]:
    """Models whose performance is computed."""
    there = labelled(plan)
    return [model for model in plan.models if model.name in there and performance_of(model)]
