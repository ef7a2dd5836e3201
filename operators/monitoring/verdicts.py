"""Verdicts: what windowed detectors say of all signals of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.monitoring.window_tests import WindowTests, judge
from operators.statistics.effects import effect_levels, effect_sizes
from schemas.cloudevents import significant

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """One windowed detector on all signals; arrays of shape (signals,)."""

    detector: str
    watched: npt.NDArray[np.bool_]  # signals it looks at
    statistic: Floats
    threshold: Floats
    p_value: Floats
    effect: Floats
    level: npt.NDArray[np.int64]  # of the effect, its position in effects.LEVELS
    over: npt.NDArray[np.bool_]  # statistic > threshold, of a watched signal


def verdicts(
    tests: WindowTests, detectors: Mapping[str, tuple[Bools, Floats]], wanted: Bools, level: float
) -> list[Verdict]:
    """Judge a window.

    Parameters
    ----------
    tests
        Of the window.
    detectors
        By name: which signals each watches, and the user's own thresholds (NaN: from the budget).
    wanted : bool, shape (signals,)
        Signals that are looked at by any.
    level
        Of one test.
    """
    found = []
    for name, (all_watched, own) in detectors.items():
        watched = all_watched & wanted
        judged = judge(tests, name, level)
        statistic, p_value = judged.statistic, judged.p_value
        threshold = np.where(np.isnan(own), judged.threshold, own)
        over = watched & exceeds(statistic, threshold) & (tests.count > 0)
        sizes = effect_sizes(tests, name)
        found.append(
            Verdict(name, watched, statistic, threshold, p_value, sizes, effect_levels(tests, name, sizes), over)
        )
    return found


def exceeds(statistic: Floats, threshold: Floats) -> npt.NDArray[np.bool_]:
    """Which statistics exceed their threshold, both as they are written: rounded."""
    over = statistic > threshold
    with np.errstate(invalid="ignore"):
        near = np.abs(statistic - threshold) <= 1e-8 * np.abs(threshold)
    for position in np.flatnonzero(near).tolist():
        over[position] = significant(float(statistic[position])) > significant(float(threshold[position]))
    return over
