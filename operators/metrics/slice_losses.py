"""Slice losses: of all slices that one or two features describe, those in which predictions lost most.

The mean error of each cell of a window is compared with that of the baseline. Of as many comparisons some differ by
chance, so each is tested at its share of `LEVEL` (Bonferroni), a cell that is too small to show a change is left out,
and what counts is by how much the error rose *at least*: a small slice must have lost more than a large one. A slice
is told only if that is more than all records have lost, and clearly more than what slices that it lies in have.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from config.plan import ModelPlan
from operators.decisions.slices import SEARCH
from operators.metrics.measure import mean_tau, wilson
from operators.metrics.slice_cells import SliceCells
from operators.metrics.slice_sums import CellSums, SliceSums
from operators.monitoring.slice_parts import distinct
from operators.statistics import effects
from schemas.cloudevents import significant
from schemas.events import Effect, Moments, SliceEvidence
from schemas.profile import Calibration

LEVEL = 0.05  # chance that a window whose errors are those of the baseline names any slice
LEAST = 50  # labels of a cell of the baseline that is looked at
FOUND = 0.5  # change of a mean, in deviations, that a slice must be large enough to show nine times in ten
TOLD = 3  # slices of an event
MOST = 10.0  # the size of an effect of errors where there were none

Floats = npt.NDArray[np.float64]


def slice_losses(
    plan: ModelPlan, cells: SliceCells, window: SliceSums, baseline: SliceSums, calibration: Calibration | None
) -> list[SliceEvidence]:
    """What a window says of its slices; nothing where none lost clearly more than all records.

    Parameters
    ----------
    plan
        Of the model.
    cells
        What both sums are of.
    calibration
        How errors of the baseline follow each other.
    """
    assert plan.prediction is not None, "performance is of a task"
    now, then = window.unpack(), baseline.unpack()
    tests = max(int((then.counts >= LEAST).sum()), 1)
    z = -float(ndtri(LEVEL / tests))
    smallest = max(LEAST, math.ceil(((z - float(ndtri(0.1))) / FOUND) ** 2))
    tau, tau_then = (mean_tau(calibration, float(sums.counts[0])) for sums in (now, then))
    n, m = now.counts / tau, then.counts / tau_then  # as many independent ones
    large = (np.minimum(n, m) >= smallest) & (np.minimum(now.counts, then.counts) >= plan.disclose)
    at = np.flatnonzero(large)
    n, m = n[at], m[at]
    mean, variance = _moments(now, at)
    before, variance_before = _moments(then, at)
    # A pooled variance at least: of few errors a slice may have none at all.
    pooled = (n * variance + m * variance_before + (mean - before) ** 2 * n * m / (n + m)) / (n + m)
    error = z * np.sqrt(np.maximum(variance, pooled) / n + np.maximum(variance_before, pooled) / m)
    lost = mean - before - error
    all_lost = now.errors[0] / now.counts[0] - then.errors[0] / then.counts[0]
    more = np.flatnonzero(lost > max(all_lost, 0.0))
    found = [(float(lost[row]), (int(row), cells.parts_of(int(at[row])))) for row in more.tolist()]
    classes = plan.prediction.task != "regression"
    told = []
    for _, (row, parts) in distinct(found, lambda one: one[1], TOLD):
        effect = _effect(float(before[row]), float(mean[row]), classes=classes)
        if not effects.reaches(effect.level, plan.alarms.min_effect):
            continue
        wide = -float(ndtri(LEVEL / 2 / tests))  # holds the mean of each slice, of all that are looked at
        if classes:
            low, high = wilson(float(mean[row]), float(n[row]), wide)
        else:
            half = wide * math.sqrt(float(variance[row] / n[row]))
            low, high = max(float(mean[row]) - half, 0.0), float(mean[row]) + half
        border = float(before[row] + error[row])
        told.append(
            SliceEvidence(
                segment=cells.text(parts),
                count=int(now.counts[at[row]]),
                signal="performance.accuracy" if classes else "performance.mae",
                detector=SEARCH,
                statistic=_shown(float(mean[row]), classes),
                threshold=_shown(border, classes),
                effect=effect,
                reference=Moments(value=_shown(float(before[row]), classes)),
                current=Moments(
                    value=_shown(float(mean[row]), classes),
                    low=_shown(high if classes else low, classes),
                    high=_shown(low if classes else high, classes),
                ),
            )
        )
    return told


def _moments(sums: CellSums, at: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and variance of errors."""
    counts = sums.counts[at]
    mean = sums.errors[at] / counts
    return mean, np.maximum(sums.squares[at] / counts - mean**2, 0.0)


def _shown(error: float, classes: bool) -> float:
    """An error as the measure that is told: of classes the accuracy."""
    return significant(1 - error if classes else error)


def _effect(before: float, mean: float, *, classes: bool) -> Effect:
    """Cohen's h of shares; of numbers the log of how many times as large errors are."""
    if classes:
        size = 2 * (math.asin(math.sqrt(mean)) - math.asin(math.sqrt(before)))
    else:
        size = min(math.log(mean / before), MOST) if before else MOST
    return Effect(size=significant(size), level=effects.level_of(size), direction="down" if classes else "up")
