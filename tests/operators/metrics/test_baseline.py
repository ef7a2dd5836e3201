"""What the baseline knows of how labelled predictions follow each other, measure by measure."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from benchmarks.false_performance import FAMILIES, reference
from config.metrics import PLAIN
from config.plan import MetricPlan, PredictionPlan
from operators.metrics.baseline import calibration_of, decoded, stream_calibration
from operators.metrics.measure import Measure
from operators.metrics.measure_tests import judge
from operators.metrics.outcome_sums import OutcomeSums
from operators.profiles.dependence import of_series

BINARY = PredictionPlan(task="binary", positive="yes")
CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBER = PredictionPlan(task="regression")


def variance_of_means(values: np.ndarray, length: int) -> float:
    """Of the means of so many, over that of independent ones."""
    means = values[: len(values) // length * length].reshape(-1, length).mean(axis=1)
    return float(means.var() * length / values.var())


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("two classes, AR(0.9)", ("accuracy", "precision", "recall", "f1", "mcc", "roc_auc", "log_loss")),
        ("errors AR(0.9)", ("mae", "rmse", "bias", "mape", "r2")),
    ],
)
def test_each_measure_has_a_tau_of_its_own(family, names):
    """As much as the means of the records that it is of vary, over those of independent ones; 400,000 labels."""
    plan, draw, _ = FAMILIES[family]
    values = draw(np.random.default_rng(1), 400_000)
    made = reference(plan, names, values)
    for name in names:
        calibration = made.measures[name].calibration
        series = Measure(name, plan).series(values)
        assert calibration is not None
        assert calibration.tau[7] == pytest.approx(variance_of_means(series, 256), rel=0.2)
    if plan.task == "binary":
        assert made.measures["precision"].calibration.tau[-1] > 1.5 * made.measures["accuracy"].calibration.tau[-1]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_series_move_their_measures(task):
    """A measure of some of the records differs by the mean of their series, in its own steps."""
    rng = np.random.default_rng(2)
    plan = {"binary": BINARY, "multiclass": CLASSES, "regression": NUMBER}[task]
    family = {"binary": "two classes, 40 %", "multiclass": "three classes", "regression": "errors lognormal(0.5)"}[task]
    values = FAMILIES[family][1](rng, 40_000)
    for name in set(PLAIN[task]) - {"calibration_error"}:
        measure = Measure(name, plan)
        series = measure.series(values)
        parts = [values[start::20] for start in range(20)]
        moved = [measure.value(OutcomeSums.of(plan, part))[0] for part in parts]
        if len(series) == len(values):
            means = [series[start::20].mean() for start in range(20)]
            assert abs(np.corrcoef(means, moved)[0, 1]) > 0.95, name


def test_precision_at_k_follows_those_that_are_predicted():
    """Which records the first k are of a window is not known; errors of those that are predicted stand for them."""
    values = FAMILIES["two classes, AR(0.9)"][1](np.random.default_rng(3), 1_000)
    found = Measure(MetricPlan(name="precision_at_k", k=10), BINARY).series(values)
    assert found.tolist() == values[values[:, 0] == 1, 2].tolist()


def test_what_an_older_profile_does_not_know():
    """Errors and losses stand for measures without a calibration, and for one that was not asked for."""
    plan, draw, _ = FAMILIES["two classes, AR(0.9)"]
    made = reference(plan, ("accuracy",), draw(np.random.default_rng(4), 4_000))
    metric = MetricPlan(name="precision")
    assert calibration_of(metric, made.measures, made.streams) == made.measures["precision"].calibration
    older = {name: msgspec.structs.replace(one, calibration=None) for name, one in made.measures.items()}
    for known in (older, {}):
        assert calibration_of(metric, known, made.streams) == made.streams["error"].calibration
    assert calibration_of(MetricPlan(name="brier"), {}, made.streams) == made.streams["loss"].calibration
    assert made.measures["calibration_error"].calibration is None
    assert stream_calibration("accuracy", {}) is None


def test_huge_errors():
    """How they follow each other does not depend on how large they are; shares of next to nothing tell nothing."""
    values = FAMILIES["errors AR(0.9)"][1](np.random.default_rng(6), 1_000)
    values[:, 0], values[:, 2] = 50.0 + values[:, 0] - values[:, 2], 50.0
    huge = np.array([1e150, 1.0, 1e150]) * values
    for name in ("mae", "rmse", "mape"):
        both = [of_series(Measure(name, NUMBER).series(each)).tau for each in (values, huge)]
        assert both[0] == pytest.approx(both[1], rel=1e-4)
        assert both[0][-1] > 2
    values[:, 2] = 1e-200
    assert of_series(Measure("mape", NUMBER).series(values)).tau == ()


def test_alarms_of_what_follows_each_other():
    """Precision and mean errors of labels in bursts exceed a level of 0.02 as seldom as promised; 900 windows."""
    for family, name in (("two classes, AR(0.9)", "precision"), ("errors AR(0.9)", "mae")):
        plan, draw, _ = FAMILIES[family]
        rng, over, measure = np.random.default_rng(5), 0, Measure(name, plan)
        for _ in range(45):
            made = reference(plan, (name,), draw(rng, 5_000))
            baseline, follow = decoded(made.sums), calibration_of(measure.metric, made.measures, made.streams)
            for _ in range(20):
                found = judge(measure, OutcomeSums.of(plan, draw(rng, 600)), baseline, follow, 0.02)
                assert found is not None
                over += found.p_value < 0.02 and found.worse
        assert over <= 36  # twice as many: windows of a baseline are not independent
