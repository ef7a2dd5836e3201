"""Predictions as the join keeps them: outcomes, and in which segments they are."""

from __future__ import annotations

import numpy as np

from config.plan import ModelPlan, SourcePlan
from operators.encoding.keys import owner
from operators.encoding.segment_coding import SegmentCoder
from operators.estimation.prediction_scores import scores_of
from operators.labels.join_chunks import Bytes, Hashes
from operators.labels.join_rows import Floats, prediction_data
from operators.metrics.outcomes import predicted_outcomes
from operators.profiles.references import ModelSignals
from operators.profiles.unprofiled import Unprofiled
from operators.reading.records import Identity, Records


class PredictionRows:
    """Makes the rows of one model's predictions that performance is computed of."""

    def __init__(self, model: ModelPlan, signals: ModelSignals | Unprofiled, source: SourcePlan) -> None:
        values = signals.profile.segments if isinstance(signals, ModelSignals) else {}
        self._segments = [SegmentCoder(plan, model, values) for plan in model.segments]
        self._prediction = model.prediction
        self._estimated = isinstance(signals, ModelSignals) and signals.estimation is not None
        self._texts = source.format == "csv"

    def rows(
        self, records: Records, whose: Identity, expected: Floats | None = None, places: Hashes | None = None
    ) -> tuple[Bytes, list[str]]:
        """Data of records of one version and role, and the texts that they point to.

        Parameters
        ----------
        expected : float64, shape (records,)
            Errors that are to be expected of predicted numbers; None where they are not estimated. Of rankings the
            numbers of the groups.
        places : uint64, shape (records,)
            In which values of features they are, see metrics/slice_cells.py; None where slices are not searched.
        """
        assert self._prediction is not None, "performance is of a task"
        outcomes = predicted_outcomes(records.prediction, records.confidence, self._prediction, texts=self._texts)
        if self._prediction.task in ("regression", "ranking") and expected is not None:
            outcomes[:, 1] = expected
        elif self._prediction.task == "multiclass" and self._estimated:
            outcomes[:, 1] = scores_of(outcomes, records.confidence, self._prediction)
        texts = [owner(*whose[1:])]
        columns = [np.zeros(len(outcomes), np.int64)]
        for segments in self._segments:
            codes = segments.codes([records.segments[field] for field in segments.fields])
            used, numbers = np.unique(codes, return_inverse=True)
            columns.append(numbers + len(texts))
            texts += [segments.texts[code] for code in used.tolist()]
        return prediction_data(outcomes, columns, places), texts
