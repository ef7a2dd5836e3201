"""Baseline: what turned out of the reference's predictions, kept in the profile, and what the stream is compared with.

Errors are described as signals are: by the same builder, as two features of a model of their own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from config.metrics import CONCEPT, OF_TASK, PLAIN, SCORES, TOP
from config.plan import RIVER, DetectorPlan, FeaturePlan, MetricPlan, ModelPlan, PredictionPlan
from operators.calibration import count_tests
from operators.encoding.segment_coding import SegmentCoder
from operators.estimation.concept import relation_edges
from operators.metrics.measure import Measure
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.reference_lists import ReferenceLists
from operators.metrics.scores import EPSILON
from operators.metrics.stream_slices import StreamSlice
from operators.profiles.calibrating import Calibrating
from operators.profiles.dependence import also_of_means, of_series
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.signal_values import FEATURE, Values, segment_column
from operators.reading.columns import Columns
from schemas.cloudevents import significant
from schemas.profile import Baseline, Calibration, PerformanceReference, Profile, Provenance, Signal

ERROR, LOSS = "error", "loss"
OUTCOMES = ("predicted", "probability", "outcome")  # columns of labelled predictions
BINARY = f"{RIVER}binary."  # river's detectors of 0 and 1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_sums = msgspec.msgpack.Decoder(OutcomeSums)


def can_be_measured(plan: PredictionPlan | None) -> bool:
    """Whether it is known what labels mean."""
    if plan is None or not OF_TASK[plan.task]:
        return False
    return (
        plan.task in ("regression", "ranking") or (plan.positive if plan.task == "binary" else plan.classes) is not None
    )


def errors_of(plan: PredictionPlan, values: Floats) -> dict[str, Floats]:
    """Errors and losses of labelled predictions, as PerformanceReference has them; NaN where there is none.

    Parameters
    ----------
    values : float64, shape (labels, 3)
        Predicted, probability and outcome.

    Examples
    --------
    >>> plan = PredictionPlan(task="binary", positive="yes")
    >>> found = errors_of(plan, np.array([[1.0, 0.75, 0.0], [1.0, np.nan, 1.0]]))
    >>> found["error"].tolist(), found["loss"].round(3).tolist()
    ([1.0, 0.0], [1.386, nan])
    """
    predicted, probability, outcome = values.T
    if plan.task == "regression":
        return {ERROR: np.abs(predicted - outcome), LOSS: predicted - outcome}
    known = ~(np.isnan(predicted) | np.isnan(outcome))
    sure = np.clip(np.where(outcome == 1, probability, 1 - probability), EPSILON, 1 - EPSILON)
    loss = -np.log(sure) if plan.task == "binary" else np.full(len(values), np.nan)
    return {ERROR: np.where(known, predicted != outcome, np.nan), LOSS: np.where(known, loss, np.nan)}


def error_model(model: ModelPlan) -> ModelPlan:
    """A model whose features are the errors."""
    features = tuple(FeaturePlan(name=name, type="numeric") for name in (ERROR, LOSS))
    return ModelPlan(name=model.name, window=model.window, alarms=model.alarms, features=features, correlation=None)


def prediction_id(plan: PredictionPlan) -> str:
    """Hash of what is predicted: outcomes of another one cannot be compared."""
    about = msgspec.json.encode([plan.task, plan.positive, plan.threshold, plan.classes])
    return hashlib.blake2b(about, digest_size=8).hexdigest()


class BaselineBuilder:
    """Sums up what turned out of reference data.

    Parameters
    ----------
    model
        With what it predicts.
    profile
        Whose segments are told apart.
    """

    def __init__(self, model: ModelPlan, profile: Profile) -> None:
        assert model.prediction is not None, "labels are of what is predicted"
        self._model, self._plan = model, model.prediction
        self._builder = ProfileBuilder(error_model(model))
        self._earliest = Calibrating(OUTCOMES, ())
        # Which values the configuration lists does not matter: it may list others when the job runs.
        plans = [msgspec.structs.replace(plan, values=None) for plan in model.segments]
        self._coders = [SegmentCoder(plan, model, profile.segments) for plan in plans]
        self._edges = relation_edges(profile) if self._plan.task == "regression" else ()
        self._lists = ReferenceLists(len(self._coders)) if self._plan.task == "ranking" else None
        self._sums: OutcomeSums | None = None
        self._segments: dict[str, OutcomeSums] = {}
        self._slices: dict[str, StreamSlice] = {}

    def add(self, columns: Columns, values: Floats, times_ms: Ints | None) -> None:
        """Take in labelled records of the model.

        Parameters
        ----------
        values : float64, shape (records, 3)
            Predicted, probability and outcome.
        times_ms
            Event times, as for a `ProfileBuilder`.
        """
        if self._lists is not None:
            ways = [self._codes(coder, columns, len(values)) for coder in self._coders]
            self._lists.add(values, ways, times_ms)
            return
        sums = OutcomeSums.of(self._plan, values, self._edges)
        self._sums = sums if self._sums is None else self._sums + sums
        errors = {FEATURE + name: each for name, each in errors_of(self._plan, values).items()}
        self._builder.count(Values(errors, {}), len(values), times_ms)
        self._earliest.add(dict(zip(OUTCOMES, values.T, strict=True)), {}, len(values), times_ms)
        for coder in self._coders:
            codes = self._codes(coder, columns, len(values))
            for code in np.unique(codes[codes < len(coder.texts) - 1]).tolist():
                text = coder.texts[code]
                part = OutcomeSums.of(self._plan, values[codes == code], self._edges)
                self._segments[text] = self._segments[text] + part if text in self._segments else part
                self._slices.setdefault(text, StreamSlice()).add([each[codes == code] for each in errors.values()])

    def _codes(self, coder: SegmentCoder, columns: Columns, records: int) -> Ints:
        return coder.codes([segment_column(field, columns, records) for field in coder.fields])

    def _take(self, lists: ReferenceLists, metrics: tuple[MetricPlan, ...]) -> None:
        """Sum up the lists that have been gathered."""
        sums = lists.sums(metrics)
        self._sums = sums if sums.labels else None
        for way, coder in enumerate(self._coders):
            for code, part in lists.by_segment(way, metrics).items():
                if code < len(coder.texts) - 1 and part.labels:
                    self._segments[coder.texts[code]] = part

    def build(self, source: str, *, trained: bool) -> PerformanceReference | None:
        """The baseline; None where there was no label."""
        metrics = {name: MetricPlan(name=name) for name in PLAIN[self._plan.task]}
        if isinstance(self._model.performance, tuple):
            metrics |= {metric.title: metric for metric in self._model.performance if metric.name != CONCEPT}
        if self._lists is not None:
            self._take(self._lists, tuple(metrics.values()))
        if self._sums is None:
            return None
        made = self._builder.build(
            Provenance(source=source, rows=self._sums.labels, start=None, end=None, tidemark=""), None
        )
        streams = {
            name.removeprefix(FEATURE): of_means(signal, self._builder.earliest(name))
            for name, signal in made.signals.items()
        }
        measures = {title: Measure(metric, self._plan) for title, metric in metrics.items()}
        earliest = np.column_stack([self._earliest.numbers(name) for name in OUTCOMES])
        return PerformanceReference(
            source=source,
            trained=trained,
            labels=self._sums.labels,
            prediction=prediction_id(self._plan),
            measures={
                title: _baseline(
                    measure,
                    self._sums,
                    measure.series(earliest) if self._lists is None else self._lists.series(measure.metric),
                    streams,
                )
                for title, measure in measures.items()
            },
            streams=streams if self._lists is None else {},
            sums=msgspec.msgpack.encode(self._sums),
            order=made.provenance.order,
            slices={name: one.packed(list(streams.values())) for name, one in sorted(self._slices.items())}
            or msgspec.UNSET,
            segments={name: msgspec.msgpack.encode(sums) for name, sums in sorted(self._segments.items())},
        )


def of_means(signal: Signal, values: Floats) -> Signal:
    """A stream with how its means follow each other: ranks, of which the rest is computed, say less of long tails."""
    if signal.calibration is None:
        return signal
    calibration = also_of_means(signal.calibration, values[np.isfinite(values)])
    return msgspec.structs.replace(signal, calibration=calibration)


def _baseline(measure: Measure, sums: OutcomeSums, series: Floats, streams: dict[str, Signal]) -> Baseline:
    value, _, count = measure.value(sums)
    calibration = of_series(series) if len(series) else None
    follow = stream_calibration(measure.name, streams) if calibration is None else calibration
    error = None if math.isnan(value) else measure.error(sums, follow)
    return Baseline(
        value=None if math.isnan(value) else significant(value),
        error=None if error is None else significant(error),
        count=count,
        calibration=calibration,
    )


def calibration_of(
    metric: MetricPlan, measures: Mapping[str, Baseline], streams: Mapping[str, Signal]
) -> Calibration | None:
    """How the records that a measure is of follow each other."""
    own = measures.get(metric.title)
    if own is not None and own.calibration is not None:
        return own.calibration
    return stream_calibration(metric.name, streams)


def stream_calibration(name: str, streams: Mapping[str, Signal]) -> Calibration | None:
    """How losses follow each other, of which measures of probabilities and `bias` are; of all others errors."""
    found = streams.get(LOSS if name in (*SCORES, TOP, "bias") else ERROR)
    return None if found is None else found.calibration


def baseline_of(profile: Profile) -> PerformanceReference | None:
    """Of a profile, if it has one."""
    return None if isinstance(profile.performance, msgspec.UnsetType) else profile.performance


@lru_cache(maxsize=4_096)
def decoded(sums: bytes) -> OutcomeSums:
    """Sums of a baseline."""
    return _sums.decode(sums)


def tested(model: ModelPlan, profile: Profile) -> tuple[MetricPlan, ...]:
    """Measures that are compared with the baseline, each a test that shares the budget: those without own limits."""
    if baseline_of(profile) is None or not isinstance(model.performance, tuple):
        return ()
    return tuple(metric for metric in model.performance if metric.min is None and metric.max is None)


def baseline_misfit(model: ModelPlan, profile: Profile) -> str | None:
    """Why a profile's baseline is of no use to the configuration; None: it is, or there is none, or none is needed."""
    found = baseline_of(profile)
    if found is None or model.prediction is None or isinstance(model.performance, msgspec.UnsetType):
        return None
    if found.prediction != prediction_id(model.prediction):
        return "its performance is of another 'prediction' than the configuration has"
    return None


def followed(model: ModelPlan, profile: Profile) -> dict[str, tuple[DetectorPlan, ...]]:
    """Detectors by stream; none where the configuration asks for none, or the profile has no baseline."""
    known, prediction = baseline_of(profile), model.prediction
    if known is None or prediction is None or not isinstance(model.errors, tuple):
        return {}
    found = {ERROR: model.errors}
    # Log losses beside the errors; of numbers the error with its sign says no more of how large errors are.
    if prediction.task == "binary" and known.streams[LOSS].count:
        found[LOSS] = tuple(plan for plan in model.errors if not plan.name.startswith(BINARY))
    return {name: plans for name, plans in found.items() if plans}


def stream_tests(model: ModelPlan, profile: Profile) -> int:
    """How many tests of the budget they are."""
    budgeted = [[plan.name for plan in plans if plan.in_budget] for plans in followed(model, profile).values()]
    return count_tests(budgeted) if any(budgeted) else 0
