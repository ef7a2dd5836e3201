"""Concept drift: labels that depend on predictions otherwise, and none where predictions alone have moved."""

import numpy as np
import pytest

from config.plan import PredictionPlan
from operators.estimation.concept import relation
from operators.metrics.outcome_sums import OutcomeSums

BINARY = PredictionPlan(task="binary", positive="yes")
CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBER = PredictionPlan(task="regression")
EDGES = tuple(np.linspace(-1.2, 1.2, 9).tolist())


def binary(rng, count, at=0.0, slope=1.0, offset=0.0):
    """Scores whose log-odds lie around a place; labels by them, by another slope or offset after a drift."""
    odds = rng.normal(at, 1.5, count)
    labels = rng.random(count) < 1 / (1 + np.exp(-(slope * 0.7 * odds + offset)))
    scores = 1 / (1 + np.exp(-odds))
    return OutcomeSums.of(BINARY, np.column_stack([scores >= 0.5, scores, labels]).astype(np.float64))


def classes(rng, count, shares=(0.5, 0.3, 0.2), right=(0.9, 0.7, 0.6)):
    predicted = rng.choice(3, count, p=shares)
    good = rng.random(count) < np.array(right)[predicted]
    outcomes = np.where(good, predicted, (predicted + 1) % 3)
    return OutcomeSums.of(CLASSES, np.column_stack([predicted, np.full(count, np.nan), outcomes]).astype(np.float64))


def number(rng, count, at=0.0, tilt=0.0):
    predicted = rng.normal(at, 1.0, count)
    outcomes = predicted + tilt * predicted + rng.normal(0, 1 + 0.3 * np.abs(predicted), count)
    return OutcomeSums.of(NUMBER, np.column_stack([predicted, np.full(count, np.nan), outcomes]), EDGES)


MADE = {"binary": (BINARY, binary), "classes": (CLASSES, classes), "number": (NUMBER, number)}
MOVED = {"binary": {"at": 1.2}, "classes": {"shares": (0.1, 0.2, 0.7)}, "number": {"at": 0.8}}
CHANGED = {"binary": {"slope": 0.3}, "classes": {"right": (0.7, 0.85, 0.6)}, "number": {"tilt": 0.5}}


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("task", MADE)
def test_the_budget_is_kept_without_a_change(task, moved):
    """P-values below 0.01 are about as frequent as that, of 2,000 windows, wherever predictions lie.

    Each in 20 shares a baseline with others, so that the count varies by more than its own chance.
    """
    plan, make = MADE[task]
    rng = np.random.default_rng([len(task), moved])
    more = MOVED[task] if moved else {}
    found = []
    for _ in range(100):
        baseline = make(rng, 8_000)
        found += [relation(plan, make(rng, 600, **more), baseline, None, 0.01) for _ in range(20)]
    over = sum(one.p_value < 0.01 for one in found)
    assert 6 <= over <= 40
    assert all((one.p_value < 0.01) == (one.statistic > one.threshold) for one in found)


@pytest.mark.parametrize("task", MADE)
def test_a_change_is_found(task):
    """With an effect that matters, also where predictions have moved as well."""
    plan, make = MADE[task]
    rng = np.random.default_rng(5)
    for more in ({}, MOVED[task]):
        found = relation(plan, make(rng, 1_500, **CHANGED[task], **more), make(rng, 20_000), None, 1e-6)
        assert found is not None
        assert found.p_value < 1e-6
        assert found.effect.level != "negligible"


def test_its_direction():
    """Up where labels are positive more often than scores say, mix where some are more and some are less."""
    rng = np.random.default_rng(6)
    baseline = binary(rng, 20_000)
    directions = [
        relation(BINARY, binary(rng, 2_000, **more), baseline, None, 1e-4).effect.direction
        for more in ({"offset": 0.8}, {"offset": -0.8}, {"slope": 0.2})
    ]
    assert directions == ["up", "down", "mix"]


def test_sums_add_up():
    """Of two parts it is that of all of them."""
    rng = np.random.default_rng(7)
    one, other, baseline = number(rng, 400), number(rng, 500, tilt=0.2), number(rng, 5_000)
    whole = relation(NUMBER, one + other, baseline, None, 0.01)
    again = relation(NUMBER, other + one, baseline, None, 0.01)
    assert whole == again
    assert (one + other).by_prediction()[:, 0].sum() == 900


def test_too_little_is_known():
    """Few labels, labels of one class, numbers without groups."""
    rng = np.random.default_rng(8)
    assert relation(BINARY, binary(rng, 12), binary(rng, 12), None, 0.01) is None
    sure = OutcomeSums.of(BINARY, np.column_stack([np.ones(500), np.full(500, np.nan), np.ones(500)]))
    assert relation(BINARY, sure, sure, None, 0.01) is None
    plain = OutcomeSums.of(NUMBER, np.zeros((500, 3)))
    assert relation(NUMBER, plain, number(rng, 500), None, 0.01) is None
