"""Tests of measures: tails against scipy, alarms at the promised rate, effects that mean something."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, hypergeom, pearson3

from config.metrics import PLAIN
from config.plan import MetricPlan, PredictionPlan
from operators.metrics.lists import sums_of
from operators.metrics.measure import Measure, mean_tau, wilson
from operators.metrics.measure_tests import critical, judge, tail
from operators.metrics.outcome_sums import OutcomeSums
from schemas.profile import Calibration

BINARY = PredictionPlan(task="binary", positive="yes")
CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBER = PredictionPlan(task="regression")


def binary(rng: np.random.Generator, count: int, worse: float = 0.0) -> np.ndarray:
    """Labels of well calibrated scores; of a part of them the outcome is anything."""
    scores = rng.beta(1, 2, count)
    outcome = rng.random(count) < np.where(rng.random(count) < worse, 0.5, scores)
    return np.column_stack([scores >= 0.5, scores, outcome]).astype(np.float64)


def classes(rng: np.random.Generator, count: int, worse: float = 0.0) -> np.ndarray:
    outcome = rng.choice(3, count, p=[0.6, 0.3, 0.1])
    wrong = rng.random(count) < 0.2 + worse
    predicted = np.where(wrong, rng.integers(0, 3, count), outcome)
    return np.column_stack([predicted, np.full(count, np.nan), outcome]).astype(np.float64)


def numbers(rng: np.random.Generator, count: int, worse: float = 0.0) -> np.ndarray:
    """Errors with a long tail."""
    outcome = 50 + rng.normal(0, 10, count)
    error = (rng.lognormal(0, 0.7, count) - 1.28) * (1 + worse) + max(worse, 0)
    return np.column_stack([outcome + error, np.full(count, np.nan), outcome])


WITH_CLASSES = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
OTHERS = {
    "f1_weighted": (CLASSES, classes, MetricPlan(name="f1", average="weighted")),
    "specificity_weighted": (CLASSES, classes, MetricPlan(name="specificity", average="weighted")),
    "f1.c": (CLASSES, classes, MetricPlan(name="f1", of="c")),
    "recall.no": (WITH_CLASSES, binary, MetricPlan(name="recall", of="no")),
    "precision_at_200": (BINARY, binary, MetricPlan(name="precision_at_k", k=200)),
    "value": (BINARY, binary, MetricPlan(name="value", worth=(10.0, -5.0, 0.0, -1.0))),
}
DRAWN = {"binary": (BINARY, binary), "multiclass": (CLASSES, classes), "regression": (NUMBER, numbers)}
ALL = [(DRAWN[task][0], DRAWN[task][1], MetricPlan(name=name)) for task in DRAWN for name in PLAIN[task]]
ALL = [pytest.param(*one, id=f"{one[0].task}-{one[2].title}") for one in [*ALL, *OTHERS.values()]]


@pytest.mark.parametrize("skewness", [0.3, 1.0, 3.0])
def test_tails_are_those_of_pearsons_third_type(skewness):
    """Where that is longer than the normal one; and the critical deviate has the level as its tail."""
    for z in (2.0, 4.0, 7.0):
        assert tail(z, skewness) == pytest.approx(pearson3.sf(z, skewness), rel=1e-9)
    for level in (1e-2, 1e-5, 1e-8):
        assert tail(critical(level, skewness), skewness) == pytest.approx(level, rel=1e-6)
        assert tail(critical(level, -skewness), -skewness) == pytest.approx(level, rel=1e-6)


def test_shares_have_exact_tails():
    """Fisher's of independent errors, beta-binomial of errors in bursts."""
    window = OutcomeSums.of(BINARY, np.array([[1.0, np.nan, 0.0]] * 9 + [[1.0, np.nan, 1.0]] * 91))
    baseline = OutcomeSums.of(BINARY, np.array([[1.0, np.nan, 0.0]] * 40 + [[1.0, np.nan, 1.0]] * 960))
    found = judge(Measure("accuracy", BINARY), window, baseline, None, 0.01)
    assert found is not None
    assert found.p_value == pytest.approx(hypergeom.sf(8, 1_100, 49, 100), rel=1e-9)
    most = round(100 * (1 - found.threshold))
    assert hypergeom.sf(most - 1, 1_100, 40 + most, 100) >= 0.01 > hypergeom.sf(most, 1_100, 41 + most, 100)
    bursts = Calibration(values=1_000, error=0.0, tau=(5.0,))
    found = judge(Measure("precision", BINARY), window, baseline, bursts, 0.01)
    tau = (1 + 2 / np.sqrt(40 / 5)) * 5
    phi = (1 - 49 / 1_100) * tau
    a, b = 100 * 49 / 1_100 / (phi - 1), 1_000 * 49 / 1_100 / (phi - 1)
    assert found is not None
    assert found.p_value == pytest.approx(betabinom.sf(8, 49, a, b), rel=1e-9)


def test_f1_is_tested_as_the_share_that_it_is():
    """Right ones among those that are, or are said to be, positive."""
    rng = np.random.default_rng(1)
    window = OutcomeSums.of(BINARY, binary(rng, 300, 0.5))
    measure = Measure("f1", BINARY)
    (_, fp), (fn, tp) = window.cells().tolist()
    assert measure.share(window) == (fp + fn, tp + fp + fn)
    assert measure.of_share((fp + fn) / (tp + fp + fn)) == pytest.approx(2 * tp / (2 * tp + fp + fn))


@pytest.mark.parametrize(("plan", "draw", "metric"), ALL)
def test_alarms_are_as_rare_as_promised(plan, draw, metric):
    """Without a change one window in 50 exceeds its level of 0.02, or less; 600 windows of 20 baselines.

    Windows of a baseline are not independent, so that up to twice as many are let pass.
    """
    rng = np.random.default_rng(3)
    measure, over = Measure(metric, plan), 0
    for _ in range(20):
        baseline = OutcomeSums.of(plan, draw(rng, 4_000))
        for _ in range(30):
            found = judge(measure, OutcomeSums.of(plan, draw(rng, 400)), baseline, None, 0.02)
            assert found is not None
            over += found.p_value < 0.02 and found.worse
    assert over <= 24


@pytest.mark.parametrize(("plan", "draw", "metric"), ALL)
def test_losses_are_found(plan, draw, metric):
    """A model that has become worse alarms, beyond its threshold, on the side that is worse, by more than little."""
    rng = np.random.default_rng(4)
    measure = Measure(metric, plan)
    baseline, window = OutcomeSums.of(plan, draw(rng, 4_000)), OutcomeSums.of(plan, draw(rng, 1_000, 0.6))
    found = judge(measure, window, baseline, None, 1e-4)
    assert found is not None
    value = measure.value(window)[0]
    assert found.p_value < 1e-4
    assert (value > found.threshold) if measure.more_is_worse or measure.two_sided else (value < found.threshold)
    assert 0.1 < found.size < 10


def test_better_is_no_alarm():
    """Only of `bias` any change is one."""
    rng = np.random.default_rng(5)
    values = numbers(rng, 1_000, -0.5)
    baseline, better = OutcomeSums.of(NUMBER, numbers(rng, 4_000)), OutcomeSums.of(NUMBER, values)
    for name in PLAIN["regression"]:
        found = judge(Measure(name, NUMBER), better, baseline, None, 1e-4)
        assert found is not None
        assert found.p_value > 0.1 or name == "bias"
    values[:, 0] -= 1
    found = judge(Measure("bias", NUMBER), OutcomeSums.of(NUMBER, values), baseline, None, 1e-4)
    assert found is not None
    assert (found.p_value < 1e-4, found.rises) == (True, False)


def test_few_positives_are_not_judged():
    """Of an area little can be told from four of them."""
    rng = np.random.default_rng(6)
    values = binary(rng, 200)
    values[:, 2] = 0.0
    values[:4, 2] = 1.0
    baseline, window = OutcomeSums.of(BINARY, binary(rng, 1_000)), OutcomeSums.of(BINARY, values)
    assert judge(Measure("roc_auc", BINARY), window, baseline, None, 0.01) is None


def test_the_same_errors_are_no_change():
    """A model that is always right, or always off by one, has nothing that could vary."""
    values = np.array([[1.0, np.nan, 0.0]] * 100)
    sums = OutcomeSums.of(NUMBER, values)
    for name in ("mae", "mse", "rmse", "bias"):
        found = judge(Measure(name, NUMBER), sums, sums, None, 0.01)
        assert found is not None
        assert (found.p_value > 0.1, found.size) == (True, 0.0)


def test_errors_that_follow_each_other():
    """A mean of values of which five say as much as one has five times the variance, and some for not being sure."""
    bursts = Calibration(values=1_000, error=0.1, tau=(2.0, 4.0, 5.0))
    assert [mean_tau(bursts, n) for n in (1, 2, 4, 1e6)] == pytest.approx([2.2, 2.2, 4.4, 5.5])
    assert mean_tau(None, 100) == 1.0


@pytest.mark.parametrize(("plan", "draw", "metric"), ALL)
def test_intervals_hold_the_value(plan, draw, metric):
    """Those of 200 windows hold that of all together 95 times in 100, or nearly so."""
    rng = np.random.default_rng(7)
    windows = [OutcomeSums.of(plan, draw(rng, 500)) for _ in range(200)]
    whole = windows[0]
    for window in windows[1:]:
        whole = whole + window
    measure = Measure(metric, plan)
    value = measure.value(whole)[0]
    found = [measure.interval(window, None) for window in windows]
    held = sum(one is not None and one[0] <= value <= one[1] for one in found)
    # The calibration error of a window is larger than that of all, by chance, and the first k of it are others; of rare
    # large squares 500 are few.
    assert held >= {"calibration_error": 0, "precision_at_k": 0, "mse": 160, "rmse": 160}.get(metric.name, 175)


def test_titles_and_values():
    """What tells measures from each other, and what they come to."""
    assert [metric.title for _, _, metric in OTHERS.values()] == list(OTHERS)
    sums = OutcomeSums.of(WITH_CLASSES, np.array([[1, 0.9, 1], [1, 0.8, 0], [0, 0.1, 0], [0, 0.2, 1], [0, 0.3, 0]]))
    value = Measure(MetricPlan(name="value", worth=(10.0, -5.0, 1.0, -2.0)), WITH_CLASSES).value(sums)
    assert value == ((10 - 5 + 1 - 2 + 1) / 5, 0.0, 5)
    assert Measure(MetricPlan(name="recall", of="no"), WITH_CLASSES).value(sums)[0] == 2 / 3
    assert Measure(MetricPlan(name="precision_at_k", k=2), BINARY).value(sums)[:2] == (0.5, 0.0)
    assert np.isnan(Measure(MetricPlan(name="precision_at_k", k=6), BINARY).value(sums)[0])


def test_wilson():
    """As statsmodels' `proportion_confint`."""
    assert wilson(0.1, 50) == pytest.approx((0.0434751, 0.2136022), abs=1e-6)


RANKED = PredictionPlan(task="ranking")
OF_LISTS = [
    MetricPlan(name="ndcg"),
    MetricPlan(name="ndcg", k=3),
    MetricPlan(name="mrr"),
    MetricPlan(name="map"),
    MetricPlan(name="precision_at_k", k=3),
    MetricPlan(name="hit_rate", k=1),
]


def lists(rng: np.random.Generator, count: int, right: float = 1.0) -> OutcomeSums:
    """Lists of two to ten items, of which the model knows so much."""
    groups = np.repeat(np.arange(count), rng.integers(2, 11, count))
    relevant = rng.normal(size=len(groups))
    scores = right * relevant + rng.normal(size=len(groups))
    clicked = rng.random(len(groups)) < 1 / (1 + np.exp(1 - 2 * relevant))
    return OutcomeSums.of_lists(sums_of(np.column_stack([scores, groups, clicked]), OF_LISTS))


def test_alarms_of_rankings_are_as_rare_as_promised():
    """Without a change one window of lists in 50 exceeds its level of 0.02, or less; 600 windows of 20 baselines."""
    rng = np.random.default_rng(8)
    measures = [Measure(metric, RANKED) for metric in OF_LISTS]
    over = dict.fromkeys([metric.title for metric in OF_LISTS], 0)
    for _ in range(20):
        baseline = lists(rng, 2_000)
        for _ in range(30):
            window = lists(rng, 200)
            for measure in measures:
                found = judge(measure, window, baseline, None, 0.02)
                assert found is not None
                over[measure.metric.title] += found.p_value < 0.02 and found.worse
    assert max(over.values()) <= 24
    assert 12 * len(over) * 0.3 < sum(over.values()) < 12 * len(over) * 1.5


def test_a_worse_ranking_is_found():
    """By each of its measures; and its interval holds the value."""
    rng = np.random.default_rng(9)
    baseline, window = lists(rng, 2_000), lists(rng, 500, right=0.0)
    for metric in OF_LISTS:
        measure = Measure(metric, RANKED)
        found = judge(measure, window, baseline, None, 1e-4)
        value = measure.value(window)[0]
        assert found is not None
        assert found.p_value < 1e-4
        assert found.worse
        assert value < found.threshold
        assert 0.1 < found.size < 10
        low, high = measure.interval(window, None)
        assert low < value < high


def test_rankings_that_are_all_right():
    """Where no list differs from another the interval is that of a share, and ends at 1."""
    values = np.array([[1.0, group, 1.0] for group in range(60)] + [[0.0, group, 0.0] for group in range(60)])
    sums = OutcomeSums.of_lists(sums_of(values, OF_LISTS))
    for metric in (OF_LISTS[0], OF_LISTS[5]):
        low, high = Measure(metric, RANKED).interval(sums, None)
        assert (low, high) == pytest.approx(wilson(1.0, 60))
