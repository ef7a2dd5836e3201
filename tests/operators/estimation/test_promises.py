"""Promises: labelled records are estimated again by their scores, and how far estimates were off is kept."""

from __future__ import annotations

import numpy as np
import pytest

from config.plan import PredictionPlan
from operators.encoding.coding import NumericCoder
from operators.estimation.estimates import Estimator
from operators.estimation.promises import Kept, Promise, keep
from operators.estimation.score_tables import class_estimation, error_estimation
from operators.metrics.outcome_sums import OutcomeSums
from schemas.profile import Estimation
from schemas.summaries import Estimated

CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBERS = PredictionPlan(task="regression")


def classes(count: int, seed: int) -> np.ndarray:
    """Predicted class, score and true class: right as often as the confidence says."""
    rng = np.random.default_rng(seed)
    predicted, confidence = rng.integers(0, 3, count), rng.uniform(0.4, 1.0, count)
    wrong = (predicted + rng.integers(1, 3, count)) % 3
    outcomes = np.where(rng.random(count) < confidence, predicted, wrong)
    return np.column_stack([predicted, predicted + np.minimum(confidence, 0.999), outcomes]).astype(float)


def of_classes() -> Estimation:
    predicted, scores, outcomes = classes(6_000, 1).T
    return class_estimation(scores, predicted, outcomes, 3, {}, trained=False)


def of_numbers(seed: int = 2) -> Estimation:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 10, (3_000, 1)).astype(np.uint8)
    errors = rng.normal(0.0, 1.0 + codes[:, 0])
    return error_estimation(("feature.age",), codes, errors, {}, trained=False)


def test_classes_are_estimated_as_if_they_had_no_labels():
    """The estimate is that of the records' scores by bin, however they came; near it is what labels say."""
    estimation, values = of_classes(), classes(4_000, 2)
    promise = Promise(estimation, "multiclass", ("accuracy", "precision"))
    parts = []
    for part in np.array_split(values, 7):
        sums = OutcomeSums.of(CLASSES, part)
        sums.promised = promise.kept(part)
        parts.append(sums)
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    accuracy = float((values[:, 0] == values[:, 2]).mean())
    found = promise.of(whole, {"accuracy": accuracy})
    estimator = Estimator(estimation, "multiclass")
    codes = NumericCoder([estimation.score]).codes(np.ascontiguousarray(values[:, 1:2])).ravel()
    expected = estimator.estimate("accuracy", np.bincount(codes, minlength=estimator.bins).astype(float))
    assert found["accuracy"].value == pytest.approx(expected.value, abs=1e-9)
    assert found["accuracy"].low < accuracy < found["accuracy"].high
    assert found.keys() == {"accuracy"}  # of what is not computed of labels there is nothing to compare
    assert whole.scores() is None  # scores of classes are no probabilities of two


def test_numbers_are_estimated_by_what_was_expected_of_them():
    """Of errors that were expected to be larger a larger error is promised, beyond 1 as well."""
    estimation = of_numbers()
    promise = Promise(estimation, "regression", ("mae", "rmse"))
    edges = estimation.score.means
    easy, hard = (
        np.column_stack([np.zeros(500), np.full(500, score), np.ones(500)]) for score in (edges[0], edges[-1])
    )
    told = {}
    for name, values in (("easy", easy), ("hard", hard)):
        sums = OutcomeSums.of(NUMBERS, values)
        sums.promised = promise.kept(values)
        told[name] = promise.of(sums, {"mae": 1.0})["mae"]
    assert told["easy"].value < told["hard"].value
    assert told["hard"].high > told["hard"].value > 1


def test_records_without_a_score_promise_nothing():
    """Predictions without confidence, and sums of an earlier release, have no estimate."""
    promise = Promise(of_classes(), "multiclass", ("accuracy",))
    values = np.array([[1.0, np.nan, 1.0], [np.nan, 1.5, 1.0]])
    sums = OutcomeSums.of(CLASSES, values)
    assert promise.of(sums, {"accuracy": 1.0}) == {}
    sums.promised = promise.kept(values)
    assert promise.of(sums, {"accuracy": 1.0}) == {}


def test_scores_on_the_bins_of_another_profile_are_left_out():
    """After a change of the profile those of the newer one count."""
    values = classes(300, 3)
    one, other = Promise(of_classes(), "multiclass", ("accuracy",)), Promise(of_numbers(), "regression", ("mae",))
    first, second = OutcomeSums.of(CLASSES, values), OutcomeSums.of(CLASSES, values[:100])
    first.promised, second.promised = other.kept(values), one.kept(values[:100])
    assert (first + second).promised == second.promised
    assert one.of(first, {"accuracy": 1.0}) == {}


def test_how_far_estimates_were_off():
    """The mean difference without sign, and how often the interval held."""
    kept: dict[str, Kept] = {}
    for value in (0.7, 0.9, 0.79):
        keep(kept, {"accuracy": Estimated(value=0.8, low=0.75, high=0.85, baseline=None)}, {"accuracy": value})
    keep(kept, {"accuracy": Estimated(value=None, low=None, high=None, baseline=None)}, {"accuracy": 0.5})
    assert kept["accuracy"].error == pytest.approx(0.07)
    assert (kept["accuracy"].told, kept["accuracy"].held) == (3, 1)
