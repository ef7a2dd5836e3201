"""Concept drift: whether labels depend on predictions otherwise than in the baseline, wherever predictions lie.

Labels are compared with what the baseline makes of the same predictions, group by group: of two classes the share of
positives by the score, in tenths of all scores, against the baseline's rates (isotonic, see score_rates.py) of these
very scores; of more classes, or without scores, the share of right ones by predicted class; of numbers the mean error
by tenths of the reference's predictions. Squares of the gaps in standard errors, of window and baseline, add up to
chi-square. As each group has its own baseline, that more records come from a group where the model is bad is no change
of concept, though it is a loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from config.plan import PredictionPlan
from operators.estimation.score_rates import isotonic
from operators.metrics.measure import mean_tau
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.scores import BINS, ScoreCounts
from operators.statistics.effects import CLEAR, level_of
from schemas.cloudevents import significant
from schemas.events import Effect
from schemas.profile import Calibration, NumericSignal, Profile

GROUPS = 10
FEWEST = 10.0  # positives and negatives that a group is to be expected to have: with fewer its square is no chi-square

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Relation:
    """How labels depend on predictions in a window, against the baseline."""

    statistic: float  # chi-squared
    threshold: float
    p_value: float
    effect: Effect  # Cohen's h, of numbers d, over all groups: their root mean square


def relation_edges(profile: Profile) -> tuple[float, ...]:
    """Between which predicted numbers errors are summed up apart: tenths of the reference's; none of classes."""
    signal = profile.signals.get("prediction")
    if not isinstance(signal, NumericSignal) or not signal.count:
        return ()
    below = np.cumsum(signal.counts)[:-1] / signal.count
    places = np.searchsorted(below, np.arange(1, GROUPS) / GROUPS - 1e-12)
    edges = (signal.edges[min(int(at), len(signal.edges) - 1)] for at in places if signal.edges)
    return tuple(sorted(set(edges)))


def relation(
    plan: PredictionPlan, window: OutcomeSums, baseline: OutcomeSums, calibration: Calibration | None, level: float
) -> Relation | None:
    """Compare a window; None where too little is known.

    Parameters
    ----------
    calibration
        How the baseline's errors follow each other.
    level
        Chance of an alarm while nothing has changed.
    """
    if plan.task == "regression":
        found = _of_numbers(window, baseline)
    else:
        scores, known = window.scores(), baseline.scores()
        found = _of_classes(window, baseline) if scores is None or known is None else _of_scores(scores, known)
    if found is None:
        return None
    gaps, noise, others, unit = found
    tau = mean_tau(calibration, float(window.labels)), mean_tau(calibration, float(baseline.labels))
    variance = tau[0] * noise + tau[1] * others
    there = variance > 0
    if not there.any():
        return None
    gaps, variance, unit = gaps[there], variance[there], unit[there]
    statistic, groups = float((gaps**2 / variance).sum()), len(gaps)
    size = math.sqrt(max(statistic - groups, 0.0) / float((unit**2 / variance).sum()))
    clear = float(gaps.sum()) / math.sqrt(float(variance.sum()))
    return Relation(
        statistic=significant(statistic),
        threshold=significant(float(chi2.isf(level, groups))),
        p_value=significant(float(chi2.sf(statistic, groups))),
        effect=Effect(
            size=significant(size),
            level=level_of(size),
            direction="mix" if abs(clear) < CLEAR else "up" if clear > 0 else "down",
        ),
    )


# Of each group the gap, its variance by the window and by the baseline, and what a change by one deviation makes of it.
_Found = tuple[Floats, Floats, Floats, Floats]


def _of_scores(window: ScoreCounts, baseline: ScoreCounts) -> _Found | None:
    here, known = window.counts.astype(np.float64), baseline.counts.astype(np.float64)
    n, m = here.sum(axis=0), known.sum(axis=0)
    if not n.sum() or not m.sum():
        return None
    rates = isotonic(m, known[1], np.arange(BINS, dtype=np.float64), np.zeros(BINS, np.int64))
    share = np.cumsum(n + m) / float((n + m).sum())
    tenth = np.minimum((share * GROUPS - 1e-9).astype(np.int64), GROUPS - 1)
    rows = n, m, here[1], known[1], n * rates, m * rates, n * rates * (1 - rates)
    n, m, positives, of, expected, known_expected, noise = _merged(
        np.array([np.bincount(tenth, row, GROUPS) for row in rows])
    )
    if not len(n) or (m < 1).any():
        return None
    pooled = (positives + of) / (n + m)
    binomial = pooled * (1 - pooled)
    # Of scores within a group the noise is less than that of its mean rate, as the rates say.
    mean = expected / n
    # Rates that are pooled beyond a group, as at the ends, are off in it by as much in the baseline.
    expected = expected + n * (of - known_expected) / m
    ratio = np.where(mean * (1 - mean) > 0, noise / n / np.maximum(mean * (1 - mean), 1e-300), 1.0)
    return positives - expected, n * binomial * np.minimum(ratio, 1.0), n**2 * binomial / m, n * np.sqrt(binomial)


def _of_classes(window: OutcomeSums, baseline: OutcomeSums) -> _Found | None:
    here, known = window.cells().astype(np.float64), baseline.cells().astype(np.float64)
    n, m, right, of = here.sum(axis=0), known.sum(axis=0), np.diag(here), np.diag(known)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled, expected = (right + of) / (n + m), n * of / m
        enough = (n * np.minimum(pooled, 1 - pooled) >= FEWEST / 2) & (m * np.minimum(pooled, 1 - pooled) >= FEWEST / 2)
    if not enough.any():
        return None
    n, m, pooled, gaps = n[enough], m[enough], pooled[enough], (right - expected)[enough]
    binomial = pooled * (1 - pooled)
    return gaps, n * binomial, n**2 * binomial / m, n * np.sqrt(binomial)


def _of_numbers(window: OutcomeSums, baseline: OutcomeSums) -> _Found | None:
    here, known = window.by_prediction(), baseline.by_prediction()
    if here.shape != known.shape or not len(here):
        return None
    enough = (here[:, 0] >= FEWEST) & (known[:, 0] >= FEWEST)
    if not enough.any():
        return None
    (n, errors, squares), (m, of, others) = here[enough].T, known[enough].T
    spread = (squares - errors**2 / n + others - of**2 / m) / np.maximum(n + m - 2, 1)
    return errors - n * of / m, n * spread, n**2 * spread / m, n * np.sqrt(spread)


def _merged(sums: Floats) -> Floats:
    """Groups side by side taken together until each is to be expected to have enough of both kinds.

    Rows: records of the window and of the baseline, their positives, positives that rates let
    expect of both, noise of the window's.
    """
    merged: list[Floats] = []
    open_ = np.zeros(len(sums))
    for column in sums.T:
        open_ = open_ + column
        pooled = (open_[2] + open_[3]) / max(open_[0] + open_[1], 1.0)
        if min(open_[0], open_[1]) * min(pooled, 1 - pooled) >= FEWEST:
            merged.append(open_)
            open_ = np.zeros(len(sums))
    if merged and open_[0] + open_[1] > 0:
        merged[-1] = merged[-1] + open_
    return np.array(merged).reshape(-1, len(sums)).T
