"""Slice losses: found where they are, as often by chance as is said, and none that only repeats another."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import PredictionPlan
from operators.metrics.slice_cells import SliceCells
from operators.metrics.slice_losses import LEVEL, slice_losses
from operators.monitoring.slice_parts import part_of
from tests.operators.metrics.test_slice_cells import NUMBERS, signals
from tests.operators.signals import categorical_signal

CLASSES = PredictionPlan(task="multiclass", classes=("a", "b"))
SIGNALS = signals([4, 6, 3])
CELLS = SliceCells(SIGNALS)
MODELS = {plan.task: msgspec.structs.replace(SIGNALS.model, prediction=plan) for plan in (CLASSES, NUMBERS)}


def sums(plan, seed, count, worse=None, share=0.4):
    """Of records of which those with the codes in `worse` are wrong more often, or further off."""
    rng = np.random.default_rng(seed)
    sizes = np.array([4, 6, 3, 5])
    codes = (rng.random((count, 4)) ** 2 * sizes).astype(np.uint8)
    there = np.full(count, worse is not None)
    for position, code in (worse or {}).items():
        there &= codes[:, position] == code
    values = np.zeros((count, 3))
    if plan is NUMBERS:
        values[:, 0] = rng.lognormal(0.0, 1.0, count) * np.where(there, 2.5, 1.0)
    else:
        values[:, 0] = rng.random(count) < np.where(there, share, 0.1)
    return CELLS.sums(plan, values, CELLS.places(codes))


def lost(plan, window, baseline):
    """What is told."""
    return slice_losses(MODELS[plan.task], CELLS, window, baseline, None)


@pytest.mark.parametrize("plan", [CLASSES, NUMBERS])
def test_nothing_is_lost(plan):
    """Of windows that are like the baseline no more than one in twenty names a slice (binomial, 99.9 %)."""
    named = 0
    for seed in range(200):
        if seed % 20 == 0:
            baseline = sums(plan, 1_000 + seed, 5_000)
        named += bool(lost(plan, sums(plan, seed, 2_000), baseline))
    assert named <= 200 * LEVEL + 3.1 * (200 * LEVEL * (1 - LEVEL)) ** 0.5


@pytest.mark.parametrize(
    ("worse", "segment"),
    [({0: 1}, {"f0": "c001"}), ({0: 0, 2: 1}, {"f0": "c000", "f2": "c001"}), ({0: 1, 1: 0, 2: 0}, None)],
)
@pytest.mark.parametrize("plan", [CLASSES, NUMBERS])
def test_what_is_lost_is_told_once(plan, worse, segment):
    """The slice itself: none that it is a part of, and none that is a part of it; of three features two of them."""
    found = lost(plan, sums(plan, 1, 6_000, worse), sums(plan, 2, 6_000))
    assert len(found) == 1 or segment is None
    first = found[0]
    true = {f"f{position}": f"c{code:03}" for position, code in worse.items()}
    assert first.segment == segment or (segment is None and first.segment.items() < true.items())
    rose = first.current.value - first.reference.value
    assert rose > 0 if plan is NUMBERS else rose < 0
    assert first.current.low < first.current.value < first.current.high
    assert first.effect.level in ("small", "medium", "large")
    assert first.effect.direction == ("up" if plan is NUMBERS else "down")


def test_a_loss_of_all_is_no_slice_s():
    """Where all have lost alike, none has lost more than all."""
    assert lost(CLASSES, sums(CLASSES, 1, 6_000, {}), sums(CLASSES, 2, 6_000)) == []


def test_a_slice_has_to_be_large_enough():
    """Of few labels, or fewer than may be told, nothing is said; nor of a loss below `min_effect`."""
    window, baseline = sums(CLASSES, 1, 300, {0: 3}), sums(CLASSES, 2, 6_000)
    assert lost(CLASSES, window, baseline) == []
    window = sums(CLASSES, 1, 6_000, {0: 3})
    (one,) = lost(CLASSES, window, baseline)
    model = msgspec.structs.replace(MODELS["multiclass"], disclose=one.count + 1)
    assert slice_losses(model, CELLS, window, baseline, None) == []
    alarms = msgspec.structs.replace(model.alarms, min_effect="large")
    model = msgspec.structs.replace(MODELS["multiclass"], alarms=alarms)
    assert slice_losses(model, CELLS, window, baseline, None) == []


def test_errors_where_there_were_none():
    """The effect has an end."""
    baseline = CELLS.sums(NUMBERS, np.zeros((900, 3)), CELLS.places(np.zeros((900, 4), np.uint8)))
    codes = np.zeros((1_800, 4), np.uint8)
    codes[900:, 0] = 1
    baseline = CELLS.sums(NUMBERS, np.zeros((1_800, 3)), CELLS.places(codes))
    values = np.zeros((1_800, 3))
    values[900:, 0] = np.random.default_rng(1).random(900)
    (one,) = lost(NUMBERS, CELLS.sums(NUMBERS, values, CELLS.places(codes)), baseline)
    assert (one.segment, one.effect.size, one.reference.value) == ({"f0": "c001"}, 10.0, 0.0)


def test_parts_have_as_many_values_as_is_said():
    """The most frequent ones; the others are one."""
    part = part_of(categorical_signal([9, 8, 7, 6, 5]), 0, values=2)
    assert part.names == ("c000", "c001", "(other)")
    assert part.of[:5].tolist() == [0, 1, 2, 2, 2]
