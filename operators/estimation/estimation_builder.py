"""Building the estimation part of a profile from labelled records of its model.

All records are kept until then: 24 bytes each, and of a model that predicts numbers one for each feature.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SourcePlan
from operators.encoding.codes import ABSENT
from operators.encoding.measures import Measures, yardsticks_of
from operators.encoding.segment_coding import SegmentCoder
from operators.estimation.prediction_scores import scores_of
from operators.estimation.score_tables import class_estimation, error_estimation
from operators.metrics.outcomes import classes_of
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.signal_values import confidences, read_values, segment_column
from operators.reading.columns import Columns
from operators.reading.plain_times import NO_TIME
from schemas.profile import Estimation, Profile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class EstimationBuilder:
    """Gathers labelled records.

    Parameters
    ----------
    model
        Whose predictions they are.
    profile
        Of the model, without the part that is built here.
    """

    def __init__(self, model: ModelPlan, profile: Profile) -> None:
        assert model.prediction is not None, "labels are of what is predicted"
        self._model, self._prediction = model, model.prediction
        self._signals = ModelSignals(model, profile)
        self._measures = Measures(model, yardsticks_of(profile))
        # Which values the configuration lists does not matter: it may list others when the job runs.
        plans = [msgspec.structs.replace(plan, values=None) for plan in model.segments]
        self._segments = [SegmentCoder(plan, model, profile.segments) for plan in plans]
        self._values: list[Floats] = []  # score, predicted, outcome
        self._codes: list[npt.NDArray[np.uint8]] = []
        self._numbers: list[Ints] = []  # of segments
        self._times: list[Ints] = []

    def add(self, columns: Columns, source: SourcePlan, times_ms: Ints | None, values: Floats) -> None:
        """Take records.

        Parameters
        ----------
        columns, source
            The records, and how they were read.
        times_ms
            Event times, `plain_times.NO_TIME` where one has none; None where they come in the order of time.
        values : float64, shape (records, 3)
            Predicted, probability and outcome, see outcomes.py.
        """
        records = len(columns.rows)
        scores = np.full(records, np.nan)
        if self._prediction.task == "regression":
            self._codes.append(self._coded(columns, source, times_ms))
        else:
            confidence = confidences(columns, records, source.format == "csv")
            scores = scores_of(values[:, :2], confidence, self._prediction)
        self._values.append(np.column_stack([scores, values[:, 0], values[:, 2]]))
        of = [
            coder.codes([segment_column(field, columns, records) for field in coder.fields]) for coder in self._segments
        ]
        self._numbers.append(np.column_stack(of) if of else np.empty((records, 0), np.int64))
        self._times.append(np.full(records, NO_TIME) if times_ms is None else times_ms)

    def build(self, *, trained: bool) -> Estimation:
        """Make the part of the profile.

        Parameters
        ----------
        trained
            They are the profile's own records, which the model may have been trained on.

        Raises
        ------
        DataError
            They are too few, or do not tell right predictions from wrong ones.
        """
        nothing = np.empty((0, 3))
        times = np.concatenate([np.empty(0, np.int64), *self._times])
        order = np.argsort(times, kind="stable")
        scores, predicted, outcomes = np.concatenate([nothing, *self._values])[order].T
        numbers = np.concatenate([np.empty((0, len(self._segments)), np.int64), *self._numbers])[order]
        segments = {
            text: numbers[:, way] == number
            for way, coder in enumerate(self._segments)
            for number, text in enumerate(coder.texts[:-1])  # but for those that have no segment of their own
        }
        if self._prediction.task != "regression":
            classes = len(classes_of(self._prediction) or ("", ""))
            return class_estimation(scores, predicted, outcomes, classes, segments, trained=trained)
        names = tuple(name for name in self._signals.names if name.startswith(FEATURE))
        codes = np.concatenate([np.empty((0, len(names)), np.uint8), *self._codes])[order]
        there = np.isfinite(predicted) & np.isfinite(outcomes)
        return error_estimation(
            names,
            np.ascontiguousarray(codes[there]),
            predicted[there] - outcomes[there],
            {name: rows[there] for name, rows in segments.items()},
            trained=trained,
        )

    def _coded(self, columns: Columns, source: SourcePlan, times_ms: Ints | None) -> npt.NDArray[np.uint8]:
        """Codes of the features, a row for each record."""
        signals, records = self._signals, len(columns.rows)
        read = read_values(self._model, columns, source, self._measures, times_ms)
        nothing = np.full(records, np.nan)
        values = np.column_stack([read.numbers.get(signals.names[at], nothing) for at in signals.numeric] or [nothing])
        codes = np.full((records, len(signals.names)), ABSENT, np.uint8)
        if signals.numeric:
            codes[:, signals.numeric] = signals.numeric_coder.codes(np.ascontiguousarray(values))
        for position, coder in zip(signals.named, signals.category_coders, strict=True):
            if (column := read.names.get(signals.names[position])) is not None:
                codes[:, position] = coder.codes(list(column))
        features = [at for at, name in enumerate(signals.names) if name.startswith(FEATURE)]
        return codes[:, features]
