"""What a budget means in practice: thresholds at a typical window, and the smallest change that will be found."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.special import chdtri, chndtrinc, ndtr, ndtri

from config.plan import AlarmsPlan
from operators.calibration import (
    ALLOWANCE,
    OVERSHOOT,
    SOONEST_WEIGHT,
    adwin_delta,
    evaluation_level,
    key_budget,
    page_hinkley_threshold,
    tilts,
    values_between_alarms,
)
from operators.encoding.codes import CODES
from operators.monitoring.tracks import block_length
from operators.statistics import mixture
from operators.statistics.distances import DISTANCES, usual_square
from operators.statistics.effects import LEVELS, PSI_LEVELS, RANK_LEVELS
from operators.statistics.grouping import GROUPS
from operators.statistics.ks import ks_threshold
from operators.statistics.lepage import lepage_threshold
from schemas.profile import BINS

POWER = 0.9  # probability with which the smallest change is found in one evaluation
EXACT = 10_000.0  # critical point up to which scipy's noncentral tail is solved; beyond, it is normal within 1 %
UNIFORM_SD = math.sqrt(1 / 12)  # of ranks, and of spread ranks
NORMAL_TILT = 0.50100  # root of `tilts` for normal scores of 256 bins and an allowance of 0.25, the same on both sides
UNEVEN = 0.5  # window over reference from which the budget holds only on average over references
UNSOUND = 2.0  # from here on most references never alarm and a few always do


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What one key's share of the budget comes to at a typical window."""

    false_episodes: float  # expected per period, at most
    level: float  # of one evaluation
    psi: float  # alarm thresholds: continuous signal, ten cells
    ks: float
    lepage: float
    chi_squared: float
    distances: dict[str, float]  # of the other windowed detectors; of wasserstein for a shift of the mean
    values_between: float  # values, or blocks, of a signal between false alarms of `adwin`
    block: int  # values whose mean it is shown; 1: each
    page_hinkley: float  # of continuous values, in standard deviations
    adwin_delta: float
    smallest_psi: float  # found with 90 % probability in one window, at least `min_effect`
    smallest_shift: float  # by lepage, in standard deviations of a normal feature
    smallest_spread: float  # by lepage, factor on the standard deviation of a normal feature, above 1
    window_share: float  # values of the window over those of the reference


class Slow(NamedTuple):
    """How closely a signal's values follow each other: variances over those of independent values."""

    location: float = 1.0  # of the mean rank of a window
    spread: float = 1.0  # of its mean spread rank
    gap: float = 1.0  # of the gap between distribution functions
    rough: float = 1.0  # of single shares, over that of the gap
    shares: tuple[float, ...] = (1.0,)  # along the directions of the shares
    long: float = 1.0  # of the mean rank of long spans


INDEPENDENT = Slow()


def describe(
    alarms: AlarmsPlan,
    *,
    tests: int,
    segments: int,
    whole: bool,
    slide_ms: int,
    count: int,
    reference: int,
    values_per_ms: float,
    slow: Slow = INDEPENDENT,
) -> Sensitivity:
    """Say what the budget means for one key.

    Parameters
    ----------
    alarms : AlarmsPlan
    tests : int
        From `calibration.count_tests`.
    segments : int
        Keys beside the whole traffic; 0 without segments.
    whole : bool
        For the segment ``all`` rather than for one of the others.
    slide_ms : int
    count, reference : int, >= 1
        Values of a typical window and of the reference.
    values_per_ms : float
        Records of the key.
    slow : Slow
        Of the signal.
    """
    budget = key_budget(alarms, segments, whole)
    level = evaluation_level(alarms, budget, tests, slide_ms)
    block = block_length(slow.long)
    between = values_between_alarms(alarms, budget, tests, values_per_ms / block)
    smooth = between / SOONEST_WEIGHT * (OVERSHOOT if block == 1 else 1.0)
    inverse = 1 / count + 1 / reference
    dependent = slow is not INDEPENDENT
    gate = LEVELS.index(alarms.min_effect)
    least_psi, least_rank = (0.0, *PSI_LEVELS)[gate], (0.0, *RANK_LEVELS)[gate]
    critical = mixture.critical(slow.shares, GROUPS - 1, level) if dependent else float(chdtri(GROUPS - 1, level))
    return Sensitivity(
        false_episodes=budget,
        level=level,
        psi=critical * inverse,
        ks=float(ks_threshold(level, slow.gap * inverse, slow.rough)),
        lepage=float(lepage_threshold(level)),
        chi_squared=critical,
        distances={
            **{name: math.sqrt(critical * inverse * float(usual_square(name, GROUPS))) for name in DISTANCES},
            "wasserstein": -float(ndtri(level / 2)) * math.sqrt(max(slow.location, slow.spread) * inverse),
        },
        values_between=between,
        block=block,
        page_hinkley=float(page_hinkley_threshold(smooth, _tilt(block / slow.long))),
        adwin_delta=float(adwin_delta(between)),
        smallest_psi=_smallest_mixed(slow.shares, critical, least_psi / inverse) * inverse
        if dependent
        else smallest_psi(level, inverse, least=least_psi),
        smallest_shift=smallest_shift(level, slow.location * inverse, least=least_rank),
        smallest_spread=smallest_spread(level, slow.spread * inverse, least=least_rank),
        window_share=count / reference,
    )


def smallest_psi(level: float, inverse: float, df: int = GROUPS - 1, power: float = POWER, least: float = 0.0) -> float:
    """PSI that the G test finds with the given probability: the noncentrality that gives it, times 1/n + 1/m.

    What is below ``least``, less what chance adds to it, is no alarm.

    Examples
    --------
    >>> round(smallest_psi(2.9e-7, 1 / 500 + 1 / 10_000), 4), round(smallest_psi(2.9e-7, 1 / 5000 + 1e-5), 4)
    (0.1224, 0.0122)
    >>> round(smallest_psi(2.9e-7, 1 / 5000 + 1e-5, least=0.24), 2)
    0.26
    """
    critical = max(float(chdtri(df, level)), least / inverse + df if least else 0.0)
    if critical > EXACT:
        return _smallest_mixed((1.0,), critical, df=df, power=power) * inverse
    return float(chndtrinc(critical, df, 1 - power)) * inverse


def _smallest_mixed(
    shares: tuple[float, ...], critical: float, least: float = 0.0, df: int = GROUPS - 1, power: float = POWER
) -> float:
    """Noncentrality that exceeds a sum's critical point, along its largest direction, by the normal approximation.

    Of nine equal shares at 2.9e-7 it is 1 % above the exact one.
    """
    known = np.array([*shares[:df], *[shares[-1]] * (df - len(shares))])
    critical = max(critical, least + float(known.sum()) if least else 0.0)
    mean, variance, largest = float(known.sum()), 2 * float((known**2).sum()), float(known.max())
    z = float(ndtri(power))
    # mean + d - z sqrt(variance + 4 largest d) = critical, a quadratic in sqrt(variance + 4 largest d)
    root = 2 * largest * z + math.sqrt((2 * largest * z) ** 2 + variance + 4 * largest * (critical - mean))
    return (root**2 - variance) / (4 * largest)


def _tilt(values: float) -> float:
    """Of the score of a value, or of the mean of so many independent ranks, as `tracks` takes it."""
    if values == 1:
        return NORMAL_TILT
    ranks = np.full((1, CODES), np.nan)
    ranks[0, :BINS] = ((np.arange(BINS) + 0.5) / BINS - 0.5) / UNIFORM_SD
    root = math.sqrt(values)
    return root * float(tilts(np.where(np.isnan(ranks), 0.0, 1.0), ranks, ALLOWANCE / root)[0])


def smallest_shift(level: float, inverse: float, power: float = POWER, least: float = 0.0) -> float:
    """Shift of a normal feature, in standard deviations, that lepage finds with the given probability.

    A shift by d moves the mean rank by P(Z < d / sqrt 2) - 1/2; infinite where no shift is large enough.

    Examples
    --------
    >>> round(smallest_shift(2.9e-7, 1 / 5000 + 1 / 10_000), 3)
    0.116
    """
    return math.sqrt(2) * float(ndtri(min(1.0, 0.5 + _smallest_mean(level, inverse, power, least))))


def inverse_for(shift: float, level: float, power: float = POWER) -> float:
    """Largest 1/n + 1/m with which lepage finds a shift of a normal feature with the given probability.

    >>> round(smallest_shift(1e-4, inverse_for(0.5, 1e-4)), 6)
    0.5
    """
    moved = float(ndtr(shift / math.sqrt(2))) - 0.5
    return (moved / UNIFORM_SD / (float(lepage_threshold(level)) + float(ndtri(power)))) ** 2


def smallest_spread(level: float, inverse: float, power: float = POWER, least: float = 0.0) -> float:
    """Factor on a normal feature's standard deviation that lepage finds with the given probability.

    A factor f moves the mean spread rank by (2 / pi) arctan f - 1/2; infinite where none is large enough.

    Examples
    --------
    >>> round(smallest_spread(2.9e-7, 1 / 5000 + 1 / 10_000), 2)
    1.11
    """
    mean = _smallest_mean(level, inverse, power, least)
    return math.tan(math.pi / 2 * (0.5 + mean)) if mean < 0.5 else math.inf


def _smallest_mean(level: float, inverse: float, power: float, least: float) -> float:
    """Shift of a mean (spread) rank that is an alarm of lepage with the given probability.

    It has to exceed the threshold and, less what chance adds, ``least`` deviations.
    """
    z = max(float(lepage_threshold(level)), math.sqrt(least**2 / inverse + 1) if least else 0.0)
    return (z + float(ndtri(power))) * UNIFORM_SD * math.sqrt(inverse)
