"""Whether a measure of performance is worse than in the baseline, by how much, and how sure it is.

Shares (accuracy; precision, recall, specificity and F1 of two classes) are tested as those of quality signals are: by
exact tails, beta-binomial where errors come in bursts (shares.py). F1 is a share in disguise: with j = tp / (tp + fp +
fn) it is 2 j / (1 + j). All others are means, or near enough to them: the variance and skewness of the difference of
two samples of one kind follow from the influences of the records of both together (metrics/influence.py), and its
tail is that of the gamma distribution with these (Pearson's type III), or the normal one where that is longer. The
calibration error, which is never below 0, is tested by the calibration gaps of its ten bins, whose squares add up to
chi-square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, gammainccinv, ndtr, ndtri

from operators.metrics.influence import Influence, score_tenths, score_values
from operators.metrics.measure import Measure, mean_tau
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.scores import TENTHS
from operators.quality.signals import tau_of
from operators.statistics.shares import bounds, tails
from schemas.profile import Calibration

NORMAL = 1e-4  # skewness below which a tail is taken for normal
FEWEST = 5  # positives and negatives of a sample, or of a bin: with fewer nothing near to a mean is told
LARGEST = 10.0  # of an effect: an error that was none before is no end of times as large

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A measure of a window against the baseline."""

    p_value: float
    threshold: float  # value of the measure from which on it would be too bad
    size: float  # of the effect, beyond chance; see `effect`
    worse: bool
    rises: bool = False  # of a measure that may be too large or too small


def judge(
    measure: Measure, window: OutcomeSums, baseline: OutcomeSums, calibration: Calibration | None, level: float
) -> Judged | None:
    """Test a window; None where too little is known.

    Parameters
    ----------
    calibration
        How the baseline's errors follow each other.
    level
        Chance of an alarm while nothing has changed.
    """
    now, before = measure.value(window)[0], measure.value(baseline)[0]
    if math.isnan(now) or math.isnan(before):
        return None
    share, known = measure.share(window), measure.share_like(window, baseline)
    if share is not None and known is not None:
        return _judge_share(measure, share, known, calibration, level)
    if measure.name == "calibration_error":
        return _judge_calibration(window, baseline, calibration, level, now, before)
    # The square of a root mean square is tested, which is a mean.
    root = measure.name == "rmse"
    tested = Measure("mse", measure.plan) if root else measure
    influence = tested.influence(window + baseline)
    if influence is None:
        return None
    records, others = tested.records(window, influence), tested.records(baseline, influence)
    if (
        measure.name in ("roc_auc", "average_precision")
        and min(_by_class(window).min(), _by_class(baseline).min()) < FEWEST
    ):
        return None
    moving = influence.variance > 0
    records, others = (np.where(moving, each, 1.0) for each in (records, others))
    if not (records.all() and others.all()):
        return None
    (variance, third), (more, less) = influence.noise(records), influence.noise(others)
    tau, of = mean_tau(calibration, float(records.sum())), mean_tau(calibration, float(others.sum()))
    variance, third = tau * variance + of * more, skewed(tau) * third - skewed(of) * less
    if not (math.isfinite(variance) and math.isfinite(third)):
        return None
    x, y = (now * now, before * before) if root else (now, before)
    worse_up = measure.more_is_worse or (measure.two_sided and x > y)
    sign = 1.0 if worse_up else -1.0
    deviation = math.sqrt(variance)
    z = sign * (x - y) / deviation if deviation > 0 else math.copysign(math.inf, sign * (x - y)) if x != y else 0.0
    skewness = sign * third / variance / math.sqrt(variance) if variance > 0 else 0.0
    side = level / 2 if measure.two_sided else level
    p_value = tail(z, skewness) if math.isfinite(z) else float(z < 0)
    at = y + sign * critical(side, skewness) * deviation
    return Judged(
        min(1.0, 2 * p_value) if measure.two_sided else p_value,
        math.sqrt(max(at, 0.0)) if root else at,
        _size(measure.name, now, before, z, influence),
        z > 0,
        x > y,
    )


def _judge_share(
    measure: Measure,
    share: tuple[float, float],
    known: tuple[float, float],
    calibration: Calibration | None,
    level: float,
) -> Judged:
    found, records, before, of = (np.array([value]) for value in (*share, *known))
    tau = np.array([tau_of(calibration, *share[1:], *known)])
    p_value = float(tails(found, records, before, of, tau)[0][0])
    most = float(bounds(records, before, of, tau, np.array([level]))[0][0])
    now, then = share[0] / share[1], known[0] / known[1]
    h = 2 * (math.asin(math.sqrt(now)) - math.asin(math.sqrt(then)))
    chance = float(tau[0]) * (1 / share[1] + 1 / known[1])
    size = math.sqrt(max(h * h - chance, 0.0))
    return Judged(p_value, measure.of_share(min(most / share[1], 1.0)), size, now > then)


def _judge_calibration(
    window: OutcomeSums,
    baseline: OutcomeSums,
    calibration: Calibration | None,
    level: float,
    now: float,
    before: float,
) -> Judged | None:
    one, other = window.scores(), baseline.scores()
    if one is None or other is None:
        return None
    squares, cells = _gap_squares(one.counts.astype(np.float64), other.counts.astype(np.float64))
    if not cells:
        return None
    tau = mean_tau(calibration, float(one.counts.sum()))
    squares /= tau
    p_value = float(gammaincc(cells / 2, squares / 2))
    limit = 2 * float(gammainccinv(cells / 2, level))
    if tau > 1:  # what outcomes have in common moves all gaps at once: then all the squares may be those of one deviate
        p_value = max(p_value, 2 * float(ndtr(-math.sqrt(squares / cells))))
        limit = max(limit, cells * float(ndtri(level / 2)) ** 2)
    # Where the same gaps, all as many times as large, would be too large.
    threshold = before + (now - before) * math.sqrt(limit / squares) if squares > 0 else math.inf
    worse = now > before
    beyond = math.sqrt(max(0.0, 1 - cells / squares)) if squares > cells else 0.0
    h = 2 * (math.asin(math.sqrt(min(now, 1.0))) - math.asin(math.sqrt(min(before, 1.0))))
    return Judged(p_value if worse else 1.0, threshold if worse else math.inf, abs(h) * beyond, worse)


def skewed(tau: float) -> float:
    """By how much the third cumulant of a sum is larger where values come in bursts, whose lengths differ.

    Of bursts of independent lengths L, exponential ones, E[L^3] / E[L] = 6 m^2 = 1.5 tau^2, and so it is of squares of
    a series whose autocorrelations fall exponentially; of bursts that are all equally long it would be tau^2.

    >>> skewed(1.0), skewed(10.0)
    (1.0, 145.0)
    """
    return tau * (3 * tau - 1) / 2


def _size(name: str, now: float, before: float, z: float, influence: Influence) -> float:
    """Size of a change less what chance adds to it."""
    beyond = math.sqrt(max(0.0, 1 - 1 / z / z)) if abs(z) > 1 else 0.0
    return min(_effect(name, now, before, influence), LARGEST) * beyond


def _effect(name: str, now: float, before: float, influence: Influence) -> float:
    if name in ("mae", "mse", "rmse", "mape"):
        ratio = _ratio(now, before)
        return abs(math.log(ratio)) / (2 if name == "mse" else 1) if 0 < ratio < math.inf else LARGEST
    if name == "r2":
        ratio = _ratio(1 - now, 1 - before)
        return abs(math.log(ratio)) / 2 if 0 < ratio < math.inf else LARGEST
    if name in ("mcc", "kappa"):
        return abs(math.atanh(_within(now)) - math.atanh(_within(before)))
    if name == "roc_auc":
        return math.sqrt(2) * abs(float(ndtri(_inside(now)) - ndtri(_inside(before))))
    if name in ("log_loss", "brier", "bias", "value"):
        deviation = math.sqrt(float(influence.variance[0]))
        return abs(now - before) / deviation if deviation > 0 else LARGEST
    return 2 * abs(math.asin(math.sqrt(now)) - math.asin(math.sqrt(before)))


def _ratio(now: float, before: float) -> float:
    return now / before if before > 0 else math.inf


def _within(value: float) -> float:
    return min(max(value, -0.999999), 0.999999)


def _inside(value: float) -> float:
    return min(max(value, 1e-6), 1 - 1e-6)


def _by_class(sums: OutcomeSums) -> Floats:
    scores = sums.scores()
    return np.zeros(2) if scores is None else scores.counts.sum(axis=1).astype(np.float64)


def _gap_squares(one: Floats, other: Floats) -> tuple[float, int]:
    """Sum over bins of the squared difference of both gaps, over its variance; and how many bins that is of."""
    p, tenth = score_values(), score_tenths()
    both = one + other

    def sums(counts: Floats) -> tuple[Floats, Floats]:
        of_tenth = np.bincount(tenth, counts.sum(axis=0), minlength=TENTHS)
        gaps = np.bincount(tenth, counts[1] - counts.sum(axis=0) * p, minlength=TENTHS)
        return np.asarray(of_tenth, np.float64), np.asarray(gaps, np.float64)

    (n, gap), (m, then), (k, whole) = sums(one), sums(other), sums(both)
    there = k > 0
    mean = np.where(there, whole / np.where(there, k, 1.0), 0.0)
    squared = both[0] * (0 - p - mean[tenth]) ** 2 + both[1] * (1 - p - mean[tenth]) ** 2
    variance = np.bincount(tenth, squared, minlength=TENTHS) / np.where(there, k, 1.0)
    able = (n * variance >= FEWEST / 4) & (m * variance >= FEWEST / 4)
    moved = gap[able] / n[able] - then[able] / m[able]
    return float((moved**2 / (variance[able] * (1 / n[able] + 1 / m[able]))).sum()), int(able.sum())


def tail(deviate: float, skewness: float) -> float:
    """Chance of more than so many standard deviations, of a distribution with a skewness.

    >>> f"{tail(3.0, 0.0):.2g} {tail(3.0, 1.0):.2g} {tail(3.0, -1.0):.2g}"
    '0.0013 0.01 0.0013'
    """
    normal = float(ndtr(-deviate))
    if not skewness > NORMAL:
        return normal
    shape = 4 / skewness**2
    return max(normal, float(gammaincc(shape, max(shape + deviate * math.sqrt(shape), 0.0))))


def critical(level: float, skewness: float) -> float:
    """How many standard deviations have the chance ``level`` in `tail`.

    >>> round(tail(critical(1e-5, 0.7), 0.7), 9)
    1e-05
    """
    normal = float(-ndtri(level))
    if not skewness > NORMAL:
        return normal
    shape = 4 / skewness**2
    return max(normal, float((gammainccinv(shape, level) - shape) / math.sqrt(shape)))
