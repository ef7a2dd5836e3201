"""Outcomes: what predictions and labels come to as numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from config.plan import PredictionPlan
from operators.metrics.outcomes import label_outcome, predicted_outcomes

NAN = float("nan")
BINARY = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
ANY = PredictionPlan(task="binary", positive="1")
THREE = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBER = PredictionPlan(task="regression")


@pytest.mark.parametrize(
    ("plan", "texts", "prediction", "confidence", "outcome", "probability"),
    [
        (BINARY, False, "yes", 0.9, 1.0, 0.9),
        (BINARY, False, "no", 0.75, 0.0, 0.25),
        (BINARY, False, "maybe", 0.75, NAN, NAN),
        (BINARY, False, None, 0.75, NAN, NAN),
        (BINARY, False, [], 0.75, NAN, NAN),
        (BINARY, False, "yes", NAN, 1.0, NAN),
        (BINARY, False, "yes", np.inf, 1.0, NAN),
        (BINARY, False, "yes", 1.5, 1.0, NAN),
        (BINARY, False, 0.75, NAN, 1.0, 0.75),
        (BINARY, False, 0.25, 0.9, 0.0, 0.25),
        (BINARY, False, 1.25, NAN, NAN, NAN),
        (BINARY, True, "0.25", NAN, 0.0, 0.25),
        (ANY, False, 1, 0.75, 1.0, 0.75),
        (ANY, False, 0, 0.75, 0.0, 0.25),
        (ANY, False, 1, NAN, 1.0, 1.0),
        (ANY, False, "2", 0.75, 0.0, 0.25),
        (PredictionPlan(task="binary", positive="yes", threshold=0.2), False, "yes", 0.7, 1.0, NAN),
        (PredictionPlan(task="binary", positive="yes", threshold=0.2), False, 0.25, NAN, 1.0, 0.25),
        (THREE, False, "b", 0.7, 1.0, NAN),
        (THREE, False, "d", 0.7, NAN, NAN),
        (NUMBER, False, 1.5, 0.7, 1.5, NAN),
        (NUMBER, False, "1.5", 0.7, NAN, NAN),
        (NUMBER, True, "1.5", 0.7, 1.5, NAN),
    ],
)
def test_predictions(plan, texts, prediction, confidence, outcome, probability):
    """A class, a probability or a number; what is none of them is not there."""
    found = predicted_outcomes([prediction, "x"], np.array([confidence, NAN]), plan, texts=texts)
    assert np.array_equal(found[0], [outcome, probability], equal_nan=True)


def test_columns_of_tables():
    """The same of columns as of lists."""
    sure = np.array([0.9, 0.75, NAN])
    found = predicted_outcomes(pa.array(["yes", "no", None]), sure, BINARY, texts=False)
    assert np.array_equal(found, [[1.0, 0.9], [0.0, 0.25], [NAN, NAN]], equal_nan=True)


@pytest.mark.parametrize(
    ("plan", "label", "texts", "outcome"),
    [
        (BINARY, "yes", False, 1.0),
        (BINARY, "no", False, 0.0),
        (ANY, 1, False, 1.0),
        (ANY, True, False, 0.0),
        (THREE, "c", False, 2.0),
        (NUMBER, 3, False, 3.0),
        (NUMBER, "3.5", True, 3.5),
    ],
)
def test_labels(plan, label, texts, outcome):
    """The same numbers as of predictions."""
    assert label_outcome(label, plan, texts=texts) == outcome
