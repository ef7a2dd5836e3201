"""Effects: how large a change is, whatever the sample sizes, on one scale of four levels for all detectors.

The levels are those of a shift of a normal feature's mean by 0.1 (from here on it is small), 0.5 (medium) and
0.8 (large) standard deviations, after Cohen (1988), Statistical Power Analysis, 2nd ed., section 2.2. Sizes are
debiased: what chance alone adds on average at these sample sizes is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from operators.monitoring.window_tests import WindowTests
from operators.statistics.distances import DISTANCES, debiased
from schemas.profile import Level

Direction = Literal["up", "down", "spread", "narrow", "mix"]

LEVELS: tuple[Level, ...] = get_args(Level)  # negligible, small, medium, large

# Sizes from which a change is small, medium, large: the value each measure takes for those three shifts on ten cells.
PSI_LEVELS = (0.01, 0.24, 0.60)
SHARE_LEVELS = (0.10, 0.49, 0.77)  # roots of PSI's
KS_LEVELS = (0.040, 0.197, 0.31)
JENSEN_SHANNON_LEVELS = (0.042, 0.205, 0.32)
HELLINGER_LEVELS = (0.035, 0.171, 0.27)
TOTAL_VARIATION_LEVELS = (0.040, 0.197, 0.31)
WASSERSTEIN_LEVELS = (0.10, 0.50, 0.80)
SHIFTS = (0.1, 0.5, 0.8)  # of a normal feature, in standard deviations, from which on a change is small, medium, large
RANK_LEVELS = (0.10, 0.48, 0.74)  # the mean rank's shift, 0.028, 0.138 and 0.214, in its standard deviation 0.289

CUTS = {
    "psi": PSI_LEVELS,
    "chi_squared": SHARE_LEVELS,
    "ks": KS_LEVELS,
    "jensen_shannon": JENSEN_SHANNON_LEVELS,
    "hellinger": HELLINGER_LEVELS,
    "total_variation": TOTAL_VARIATION_LEVELS,
    "wasserstein": WASSERSTEIN_LEVELS,
}

NULL_KS = math.pi**2 / 12  # mean of e D^2 without change, e = n m / (n + m): Kolmogorov's distribution
ALIKE = 0.95  # part of the spread's standard errors from which on a move is as clear; equal but for other values
CLEAR = 2.0  # standard errors of the mean rank or spread rank below which a change of shape has no direction


def effect_sizes(tests: WindowTests, detector: str) -> NDArray[np.float64]:
    """Debiased size of the change of each signal, in the unit of a windowed detector.

    ``psi``: PSI. ``chi_squared``: the root of PSI, which is near Cohen's w for small changes, so that the two, being
    one test, agree on the level. ``ks``: the gap D. ``lepage``: the shift of the mean rank or mean spread rank,
    whichever is clearer, in standard deviations of the ranks. The others: the distance itself.

    Parameters
    ----------
    tests : WindowTests
    detector : str

    Returns
    -------
    float64, shape (signals,)
        At least 0.
    """
    if detector == "psi":
        return tests.debiased_psi
    if detector == "chi_squared":
        return np.asarray(np.sqrt(tests.debiased_psi), dtype=np.float64)
    if detector in DISTANCES:
        return debiased(tests.distances, detector, tests.g.df, tests.inverse * tests.g.mean_weight)
    if detector == "wasserstein":
        found = tests.wasserstein
        return np.asarray(np.sqrt(np.maximum(0.0, found.statistic**2 - found.chance)), dtype=np.float64)
    if detector == "ks":
        return np.asarray(
            np.sqrt(np.maximum(0.0, tests.ks.statistic**2 - NULL_KS * tests.ks_inverse)), dtype=np.float64
        )
    return rank_shift(tests.lepage.statistic, tests.lepage.inverse)


def effect_levels(tests: WindowTests, detector: str, sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Level of each signal's size from `effect_sizes`, as its position in LEVELS.

    The largest change of a share by the same move is the smaller, the more cells there are: ``l_infinity`` is at a
    level where moving a normal feature changes the outermost of as many equal cells by as much.

    Parameters
    ----------
    tests : WindowTests
    detector : str
    sizes : float64, shape (signals,)
    """
    if detector == "l_infinity":
        cuts = l_infinity_levels(np.maximum(2.0, tests.distances.breadth))
    else:
        cuts = np.array(CUTS.get(detector, RANK_LEVELS))[:, None]
    return np.asarray((sizes >= cuts).sum(axis=0), dtype=np.int64)


def l_infinity_levels(cells: ArrayLike) -> NDArray[np.float64]:
    """Sizes from which a change is small, medium, large, with so many equal cells.

    Examples
    --------
    >>> l_infinity_levels(10).round(3).tolist(), l_infinity_levels(2).round(3).tolist()
    ([0.019, 0.117, 0.215], [0.04, 0.191, 0.288])
    """
    share = 1 / np.asarray(cells, dtype=np.float64)
    return np.array([ndtr(ndtri(share) + shift) - share for shift in SHIFTS])


def rank_shift(z: ArrayLike, inverse: ArrayLike) -> NDArray[np.float64]:
    """Debiased shift of a mean rank in standard deviations: what is left of z over its error, at least 0.

    Parameters
    ----------
    z : float64
        Shift in standard errors, of either sign.
    inverse : float64
        1/n + 1/m, times tau where values follow each other: its root is the standard error in standard deviations.

    Examples
    --------
    >>> rank_shift([0.9, -5.0], 0.01).round(3).tolist()
    [0.0, 0.49]
    """
    beyond_chance = np.maximum(0.0, np.square(np.asarray(z, dtype=np.float64)) - 1)
    return np.asarray(np.sqrt(beyond_chance * np.asarray(inverse)), dtype=np.float64)


def effect_level(detector: str, size: float) -> Level:
    """Level of a size from `effect_sizes`, but for ``l_infinity``, or from `rank_shift` for the sequential detectors.

    Examples
    --------
    >>> effect_level("psi", 0.02), effect_level("ks", 0.02), effect_level("adwin:spread", 0.8)
    ('small', 'negligible', 'large')
    """
    return level_of(size, CUTS.get(detector, RANK_LEVELS))


def level_of(size: float, cuts: Sequence[float] = SHIFTS) -> Level:
    """Level of a size, by the sizes from which it is small, medium, large.

    Examples
    --------
    >>> level_of(0.5), level_of(0.05)
    ('medium', 'negligible')
    """
    return LEVELS[sum(size >= cut for cut in cuts)]


def reaches(level: Level, minimum: Level) -> bool:
    """Whether an effect of this level passes a gate or severity set at `minimum`.

    Examples
    --------
    >>> reaches("medium", "small"), reaches("negligible", "small")
    (True, False)
    """
    return LEVELS.index(level) >= LEVELS.index(minimum)


def moves(tests: WindowTests, detector: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each signal moved, and came apart, in standard errors: what `direction` asks for.

    By ranks; of ``wasserstein``, which looks at the scale and not at ranks, by mean and standard deviation.
    """
    if detector != "wasserstein":
        return tests.lepage.z_location, tests.lepage.z_spread
    error = np.sqrt(tests.window.tau * tests.inverse)
    return tests.wasserstein.moved / error, tests.wasserstein.widened * math.sqrt(2) / error


def direction(numeric: bool, z_location: float, z_spread: float) -> Direction:
    """Which way a signal changed, from its rank tests.

    ``up`` or ``down`` where the mean rank moved most, ``spread`` or ``narrow`` where the spread did. ``mix`` where
    neither moved clearly, and for categories, which have no order. Where most values are one, the lowest or highest,
    others are a move and come apart alike; then it is a move.

    Examples
    --------
    >>> direction(True, -9.0, 2.0), direction(True, 1.0, 6.0), direction(True, 1.0, -1.5), direction(False, 9.0, 0.0)
    ('down', 'spread', 'mix', 'mix')
    """
    if not numeric or max(abs(z_location), abs(z_spread)) < CLEAR:
        return "mix"
    if abs(z_location) >= ALIKE * abs(z_spread):
        return "up" if z_location > 0 else "down"
    return "spread" if z_spread > 0 else "narrow"
