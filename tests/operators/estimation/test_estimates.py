"""Estimates: CBPE on bins against a plain computation, published values, and what labels say in the end."""

import csv
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from config.estimated import ESTIMATED
from operators.encoding.coding import NumericCoder
from operators.estimation.estimates import Estimator
from operators.estimation.loss_trees import LossModel
from operators.estimation.score_tables import class_estimation, error_estimation
from schemas.errors import DataError

CALIFORNIA = Path(__file__).parents[4] / "shared" / "data" / "california"
RNG = np.random.default_rng(4)


def counted(estimation, scores):
    """Counts by bin."""
    codes = NumericCoder([estimation.score]).codes(np.ascontiguousarray(scores[:, None])).ravel()
    return np.bincount(codes, minlength=256)[: len(estimation.score.counts)].astype(np.float64)


def binary(records, rng, shift=0.0):
    """Scores of a model that is too sure, whether they are predicted positive, and labels."""
    odds = rng.normal(shift, 2.0, records)
    labels = (rng.random(records) < 1 / (1 + np.exp(-0.6 * odds))).astype(np.float64)
    scores = 1 / (1 + np.exp(-odds))
    return scores, (scores >= 0.4).astype(np.float64), labels


@pytest.fixture(scope="module")
def made():
    """From 20,000 records."""
    return class_estimation(*binary(20_000, np.random.default_rng(1)), 2, {}, trained=False)


def test_of_two_classes(made):
    """Each measure is that of the matrix of confusion that the calibrated chances make record by record."""
    scores, predicted, _ = binary(5_000, np.random.default_rng(2), shift=-1.0)
    estimator = Estimator(made, "binary")
    codes = NumericCoder([made.score]).codes(np.ascontiguousarray(scores[:, None])).ravel()
    chances = np.frombuffer(made.rates, "<f4")[: estimator.bins].astype(np.float64)[codes]
    y, p, w = np.repeat([1, 0], 5_000), np.tile(predicted, 2), np.concatenate([chances, 1 - chances])
    expected = {
        "accuracy": accuracy_score(y, p, sample_weight=w),
        "precision": precision_score(y, p, sample_weight=w),
        "recall": recall_score(y, p, sample_weight=w),
        "specificity": recall_score(y, p, sample_weight=w, pos_label=0),
        "f1": f1_score(y, p, sample_weight=w),
        "roc_auc": roc_auc_score(y, np.tile(codes, 2), sample_weight=w),
    }
    found = {name: estimator.estimate(name, counted(made, scores)).value for name in ESTIMATED["binary"]}
    # The class of a record of the one bin that the threshold lies in is known by its share alone.
    assert found == pytest.approx(expected, abs=2e-3)
    assert found["roc_auc"] == pytest.approx(expected["roc_auc"], abs=1e-12)


@pytest.mark.parametrize("name", ESTIMATED["binary"])
def test_labels_lie_within_the_interval(name):
    """What labels say in the end lies between low and high 19 times in 20, over references and windows alike."""
    rng = np.random.default_rng(len(name))
    metrics = {
        "accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score,
        "specificity": lambda y, p: recall_score(y, p, pos_label=0),
    }  # fmt: skip
    inside = []
    for _ in range(15):
        estimator_of = class_estimation(*binary(3_000, rng), 2, {}, trained=False)
        estimator = Estimator(estimator_of, "binary")
        for _ in range(20):
            scores, predicted, labels = binary(800, rng, shift=rng.normal())
            found = estimator.estimate(name, counted(estimator_of, scores))
            true = roc_auc_score(labels, scores) if name == "roc_auc" else metrics[name](labels, predicted)
            inside.append(abs(true - found.value) < 1.96 * found.error)
    assert 0.90 < np.mean(inside) <= 0.995  # of 300, which come in groups of twenty


@pytest.mark.parametrize("name", ESTIMATED["binary"])
def test_influence_is_the_slope(made, name):
    """How far one record more in a bin moves a measure, by its influence and by doing it."""
    estimator = Estimator(made, "binary")
    counts = estimator.reference
    influence = estimator.influence(name, counts)
    step = 1e-4 * counts.sum()
    for at in (0, 60, 130, len(counts) - 1):
        more = counts.copy()
        more[at] += step
        moved = (estimator.estimate(name, more).value - estimator.estimate(name, counts).value) * counts.sum() / step
        assert influence[at] == pytest.approx(moved, rel=2e-3, abs=1e-5)


def test_of_more_classes():
    """Accuracy and the mean precision of three classes, by the confidence in the predicted one."""
    rng = np.random.default_rng(6)

    def records(many, sure):
        predicted = rng.choice(3, many, p=[0.6, 0.3, 0.1])
        confidence = rng.beta(sure, 2, many) * 2 / 3 + 1 / 3
        right = rng.random(many) < confidence ** (1 + predicted)  # classes differ in how sure they may be
        return predicted + np.minimum(confidence, 1 - 1e-6), predicted.astype(float), right

    scores, predicted, right = records(30_000, 4)
    outcomes = np.where(right, predicted, (predicted + 1) % 3)
    made = class_estimation(scores, predicted, outcomes, 3, {}, trained=False)
    estimator = Estimator(made, "multiclass")
    scores, predicted, right = records(20_000, 2)
    counts = counted(made, scores)
    by_class = [right[predicted == one].mean() for one in range(3)]
    for name, true in (("accuracy", right.mean()), ("precision", np.mean(by_class))):
        found = estimator.estimate(name, counts)
        assert abs(found.value - true) < 4 * found.error
        assert found.error < 0.03


def test_of_numbers():
    """Errors whose size depends on a feature are expected where that feature moves, and their error is told."""
    rng = np.random.default_rng(8)

    def records(many, low):
        codes = np.column_stack([rng.integers(low, 250, many), rng.integers(0, 250, many)]).astype(np.uint8)
        return codes, rng.normal(size=many) * (0.5 + codes[:, 0] / 100)

    codes, errors = records(6_000, 0)
    made = error_estimation(("feature.a", "feature.b"), codes, errors, {}, trained=False)
    estimator = Estimator(made, "regression")
    assert made.loss is not None
    model = LossModel(made.loss, {"feature.a": 0, "feature.b": 1})
    codes, errors = records(3_000, 150)
    counts = counted(made, model.losses(codes))
    true = {"mae": np.abs(errors).mean(), "mse": (errors**2).mean(), "rmse": math.sqrt((errors**2).mean())}
    before = {name: estimator.estimate(name, estimator.reference).value for name in true}
    for name, value in true.items():
        found = estimator.estimate(name, counts)
        assert abs(found.value - value) < 3 * found.error
        assert value > before[name] + 3 * found.error


def test_undefined():
    """Precision where nothing is predicted positive, an area where all are sure to be negative."""
    scores = np.repeat([0.0, 1.0], 400)
    made = class_estimation(scores, scores, scores, 2, {}, trained=False)
    estimator = Estimator(made, "binary")
    none = counted(made, np.zeros(100))
    assert math.isnan(estimator.estimate("precision", none).value)
    assert math.isnan(estimator.estimate("roc_auc", none).value)
    assert estimator.estimate("accuracy", none).value == 1.0


def test_what_nothing_can_be_estimated_from():
    """Too few records, one class alone, and predictions that are all right."""
    few = np.linspace(0, 1, 60)
    with pytest.raises(DataError) as raised:
        class_estimation(few, few.round(), few.round(), 2, {}, trained=False)
    message = "60 records with a label, a prediction and its confidence are too few to estimate performance from"
    assert str(raised.value) == f"{message} (500 at least)"
    scores = np.linspace(0, 1, 900)
    with pytest.raises(DataError) as raised:
        class_estimation(scores, scores.round(), np.zeros(900), 2, {}, trained=False)
    told = "all 900 labelled records are of one class, so that nothing can be estimated from them"
    assert str(raised.value) == told
    with pytest.raises(DataError) as raised:
        class_estimation(scores, np.zeros(900), np.zeros(900), 3, {}, trained=False)
    told = "all 900 labelled records were predicted right, so that nothing can be estimated from them"
    assert str(raised.value) == told


def test_records_without_a_score_are_left_out():
    """Missing confidences, predictions and labels; what is left is as if there were no others."""
    scores, predicted, labels = binary(2_000, np.random.default_rng(9))
    holes = np.full(300, np.nan)
    made = class_estimation(scores, predicted, labels, 2, {"country=DE": scores > 0.5}, trained=True)
    more = [np.insert(values, 1_000, holes) for values in (scores, predicted, labels)]
    again = class_estimation(*more, 2, {"country=DE": more[0] > 0.5}, trained=True)
    assert made == again
    assert made.trained
    found = Estimator(made, "binary").segment("country=DE")
    assert found is not None
    assert found.sum() == (scores > 0.5).sum()
    assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made


@pytest.mark.skipif(not CALIFORNIA.exists(), reason="needs the data set California in ../shared/data")
def test_published_values():
    """NannyML's CBPE by month, of which it prints two and draws the others (read off to 0.0005)."""
    tables = {name: list(csv.DictReader((CALIFORNIA / f"california_housing_{name}.csv").open()))
              for name in ("reference", "analysis")}  # fmt: skip
    scores, labels = (
        np.array([float(row[key]) for row in tables["reference"]]) for key in ("y_pred_proba", "clf_target")
    )
    made = class_estimation(scores, scores.round(), labels, 2, {}, trained=False)
    estimator = Estimator(made, "binary")
    scores = np.array([float(row["y_pred_proba"]) for row in tables["analysis"]])
    months = np.array([row["timestamp"][:7] for row in tables["analysis"]])
    found = {
        month: round(estimator.estimate("roc_auc", counted(made, scores[months == month])).value, 4)
        for month in np.unique(months).tolist()
    }
    published = {
        "2021-06": 0.8593, "2021-07": 0.7510, "2021-08": 0.7093, "2021-09": 0.6643, "2021-10": 0.8243,
        "2021-11": 0.8703, "2021-12": 0.8983, "2022-01": 0.8516, "2022-02": 0.9111, "2022-03": 0.8291,
        "2022-04": 0.9107, "2022-05": 0.9399,
    }  # fmt: skip
    assert found == pytest.approx(published, abs=1.1e-4)
