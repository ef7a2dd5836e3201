"""Performances: from the matches of a key's pane to the step of its performance, for all models that have labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from config.plan import ALL, LabelsPlan, ModelPlan, Plan, RetrainPlan
from operators import calibration, performance
from operators.decisions.outputs import Measures, SignalChange, SliceAlarms
from operators.encoding.keys import LABELLED, split_key
from operators.estimation.promises import Promise
from operators.joins import is_measured, labelled, performance_of
from operators.labels import facts as label_facts
from operators.labels import signals as label_signals
from operators.labels.join_chunks import Ints
from operators.labels.join_rows import Labelled, unpack
from operators.labels.past import Past, of_reference
from operators.metrics.arrivals import Arrivals
from operators.metrics.baseline import baseline_of, decoded, followed
from operators.metrics.error_streams import ErrorStreams
from operators.metrics.measure_verdicts import Against
from operators.metrics.slice_cells import SliceCells, decoded_slices
from operators.monitoring import ending
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.performance import Measured, mature_ms, slide_ms
from operators.profiles.references import JobReferences, ModelSignals, References
from operators.quality.signals import label_tests, watches_labels
from operators.state_format import StateFormat
from schemas.profile import LabelDelays


class _Both(msgspec.Struct, array_like=True):
    """States of a key whose errors are followed, or whose labels are late."""

    measures: bytes = b""
    errors: bytes = b""
    ring: bytes = b""
    arrivals: Arrivals = msgspec.field(default_factory=Arrivals)


_format = StateFormat(b"TE", 1, _Both)


def _both(state: bytes, key: Key) -> _Both:
    """States of measures and of errors; of errors there is none as long as none were followed."""
    return _format.unpack(state, f"performance of {key}") if state[:2] == b"TE" else _Both(state)


class Performances:
    """The performance of all keys of a worker."""

    def __init__(self, job: JobReferences) -> None:
        self._models = {model.name: (model, performance_of(model)) for model in measured_models(job.plan)}
        self._references = References(job)
        self._detections: dict[int, Detection] = {}
        self._promises: dict[int, Promise] = {}
        self._streams: dict[int, ErrorStreams] = {}
        self._cells: dict[int, SliceCells] = {}
        self._came: dict[int, Past | None] = {}
        self._baselines: dict[int, bytes] = {}

    def fold(self, text: str, state: bytes, parts: Sequence[bytes], pane_ms: int, until_ms: int) -> Measured:
        """Fold all matches of a key's pane, or what it tells of labels."""
        if text[0] == LABELLED:
            return self._followed(text, state, pane_ms, label_facts.unpack(parts), until_ms)
        return self._step(text, state, pane_ms, unpack(parts), until_ms)

    def pass_time(self, text: str, state: bytes, until_ms: int) -> Measured:
        """Let time pass for a key that got nothing."""
        if text[0] == LABELLED:
            return self._followed(text, state, None, None, until_ms)
        return self._step(text, state, None, None, until_ms)

    def _followed(self, text: str, state: bytes, pane_ms: int | None, rows: Ints | None, until_ms: int) -> Measured:
        key = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        plan = self._models[key.model][0] if key.model in self._models else None
        if plan is None or not watches_labels(plan):
            return Measured(b"", changes=label_signals.retire(key, state, until_ms))  # of an earlier configuration
        signals = self._references.find(key.model, key.version)
        waits_ms = label_signals.waits_ms(plan)
        every_ms = slide_ms(plan.window, waits_ms)
        reference = None
        if isinstance(signals, ModelSignals):
            detection = self._detection(signals)
            level = calibration.evaluation_level(plan.alarms, detection.budget(ALL), detection.tests, every_ms)
            reference = self._came_of(signals, waits_ms)
        else:  # it learns what the others are compared with
            budget, tests = calibration.key_budget(plan.alarms, len(plan.segments), whole=True), 4 * len(plan.features)
            level = calibration.evaluation_level(plan.alarms, budget, tests + label_tests(plan), every_ms)
        return label_signals.step(plan, key, state, pane_ms, rows, until_ms, level, reference)

    def _came_of(self, signals: ModelSignals, waits_ms: int) -> Past | None:
        """How labels of a reference came."""
        if id(signals) not in self._came:
            known = signals.profile.labels
            found = of_reference(known, waits_ms, signals.profile_id) if isinstance(known, LabelDelays) else None
            self._came[id(signals)] = found
        return self._came[id(signals)]

    def _step(self, text: str, state: bytes, pane_ms: int | None, found: Labelled | None, until_ms: int) -> Measured:
        key = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        if key.model not in self._models:
            both = _both(state, key)  # of an earlier configuration
            changes = performance.retire(key, both.measures, until_ms)
            changes += ending.retire(key, both.errors)  # type: ignore[arg-type]  # of signals alone
            return Measured(b"", changes=both.arrivals.told(changes, 0))
        plan, metrics = self._models[key.model]
        both = _both(state, key)
        every_ms = slide_ms(plan.window)
        if found is not None and pane_ms is not None and isinstance(plan.labels, LabelsPlan):
            both.arrivals.came(found, pane_ms, every_ms)
        measured = performance.step(plan, metrics, key, both.measures, pane_ms, found, until_ms, self._against(key))
        if key.segment == ALL and isinstance(plan.retrain, RetrainPlan):
            measured.beside += _measures(key, measured, until_ms)
        if not mature_ms(plan):  # else windows are of predictions that were made together
            measured.changes = both.arrivals.told(measured.changes, every_ms)
        streams, errors, ring = self._streams_of(key), b"", b""
        if streams is not None:
            step = streams.step(key, both.errors, both.ring, found, pane_ms or until_ms, until_ms)
            errors, ring = step.state, both.ring if step.ring is None else step.ring
            measured.beside += [output for output in step.outputs if isinstance(output, SliceAlarms)]
            changes = [output for output in step.outputs if isinstance(output, SignalChange)]
            measured.summaries += step.summaries
            measured.next_ms = min((ms for ms in (measured.next_ms, step.next_ms) if ms is not None), default=None)
        else:
            changes = ending.retire(key, both.errors) if both.errors else []  # type: ignore[assignment]  # of signals
        measured.changes += both.arrivals.told(changes, every_ms)
        if errors or ring or (measured.state and both.arrivals.slides):
            measured.state = _format.pack(_Both(measured.state, errors, ring, both.arrivals))
        return measured

    def _streams_of(self, key: Key) -> ErrorStreams | None:
        signals = self._references.find(key.model, key.version)
        if not isinstance(signals, ModelSignals) or not followed(signals.model, signals.profile):
            return None
        found = self._streams.get(id(signals))
        if found is None:
            found = self._streams[id(signals)] = ErrorStreams(self._detection(signals))
        return found if found.follows(key.segment) else None

    def _detection(self, signals: ModelSignals) -> Detection:
        found = self._detections.get(id(signals))
        if found is None:
            found = self._detections[id(signals)] = Detection(signals)
        return found

    def _against(self, key: Key) -> Against:
        signals = self._references.find(key.model, key.version)
        if not isinstance(signals, ModelSignals):
            return Against(profile_kind="learned")
        known = baseline_of(signals.profile)
        whole = Against(profile_id=signals.profile_id, profile_kind=signals.kind)
        if known is None:
            return whole
        detection = self._detection(signals)
        sums = known.sums if key.segment == ALL else known.segments.get(key.segment)
        model = signals.model
        every_ms = slide_ms(model.window, mature_ms(model))
        level = calibration.evaluation_level(model.alarms, detection.budget(key.segment), detection.tests, every_ms)
        promise = self._promises.get(id(signals))
        if promise is None and signals.estimation is not None and model.prediction is not None:
            promise = Promise(signals.estimation, model.prediction.task, detection.estimated)
            self._promises[id(signals)] = promise
        return Against(
            level=level,
            baseline=None if sums is None else decoded(sums),
            streams=known.streams,
            measures=known.measures,
            profile_id=signals.profile_id,
            profile_kind=signals.kind,
            edges=detection.edges,
            id=self._baseline_id(signals),
            promise=promise,
            cells=self._cells_of(signals) if key.segment == ALL else None,
            sliced=decoded_slices(known.sliced) if isinstance(known.sliced, bytes) and known.sliced else None,
        )

    def _baseline_id(self, signals: ModelSignals) -> bytes:
        if id(signals) not in self._baselines:
            about = msgspec.msgpack.encode(signals.profile.performance)
            self._baselines[id(signals)] = hashlib.blake2b(about, digest_size=8).digest()
        return self._baselines[id(signals)]

    def _cells_of(self, signals: ModelSignals) -> SliceCells | None:
        if not signals.model.searches_losses:
            return None
        if id(signals) not in self._cells:
            self._cells[id(signals)] = SliceCells(signals)
        return self._cells[id(signals)]


def measured_models(plan: Plan) -> list[ModelPlan]:
    """Models whose performance is computed."""
    there = labelled(plan)
    return [model for model in plan.models if model.name in there and is_measured(model)]


def _measures(key: Key, measured: Measured, time_ms: int) -> list[Measures]:
    """What requests to retrain are told: the newest window that was evaluated."""
    evaluated = [summary.evaluations for summary in measured.summaries if summary.evaluations]
    if not evaluated:
        return []
    values = {
        one.signal.removeprefix("performance."): one.statistic for one in evaluated[-1] if one.statistic is not None
    }
    return [Measures(time_ms=time_ms, model=key.model, version=key.version, values=values)]
