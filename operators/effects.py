"""Effects: how large a change is, whatever the sample sizes, on one scale of four levels for all detectors.

The levels are those of a shift of a normal feature's mean by 0.1 (from here on it is small), 0.5 (medium) and
0.8 (large) standard deviations, after Cohen (1988), Statistical Power Analysis, 2nd ed., section 2.2. Sizes are
debiased: what chance alone adds on average at these sample sizes is taken off.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.window_tests import WindowTests
from schemas.profile import Level

Direction = Literal["up", "down", "spread", "narrow", "mix"]

LEVELS: tuple[Level, ...] = get_args(Level)  # negligible, small, medium, large

# Sizes from which a change is small, medium, large: the value each measure takes for those three shifts on ten cells.
PSI_LEVELS = (0.01, 0.24, 0.60)
SHARE_LEVELS = (0.10, 0.49, 0.77)  # roots of PSI's
KS_LEVELS = (0.040, 0.197, 0.31)
RANK_LEVELS = (0.10, 0.48, 0.74)  # the mean rank's shift, 0.028, 0.138 and 0.214, in its standard deviation 0.289

NULL_KS = math.pi**2 / 12  # mean of e D^2 without change, e = n m / (n + m): Kolmogorov's distribution
CLEAR = 2.0  # standard errors of the mean rank or spread rank below which a change of shape has no direction


def effect_sizes(tests: WindowTests, detector: str) -> NDArray[np.float64]:
    """Debiased size of the change of each signal, in the unit of a windowed detector.

    ``psi``: PSI. ``chi_squared``: the root of PSI, which is near Cohen's w for small changes, so that the two, being
    one test, agree on the level. ``ks``: the gap D. ``lepage``: the shift of the mean rank or mean spread rank,
    whichever is clearer, in standard deviations of the ranks.

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
    if detector == "ks":
        return np.asarray(
            np.sqrt(np.maximum(0.0, tests.ks.statistic**2 - NULL_KS * tests.ks_inverse)), dtype=np.float64
        )
    return rank_shift(tests.lepage.statistic, tests.lepage.inverse)


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
    """Level of a size from `effect_sizes`, or from `rank_shift` for the sequential detectors.

    Examples
    --------
    >>> effect_level("psi", 0.02), effect_level("ks", 0.02), effect_level("adwin:spread", 0.8)
    ('small', 'negligible', 'large')
    """
    cuts = {"psi": PSI_LEVELS, "chi_squared": SHARE_LEVELS, "ks": KS_LEVELS}.get(detector, RANK_LEVELS)
    return LEVELS[sum(size >= cut for cut in cuts)]


def reaches(level: Level, minimum: Level) -> bool:
    """Whether an effect of this level passes a gate or severity set at `minimum`.

    Examples
    --------
    >>> reaches("medium", "small"), reaches("negligible", "small")
    (True, False)
    """
    return LEVELS.index(level) >= LEVELS.index(minimum)


def direction(numeric: bool, z_location: float, z_spread: float) -> Direction:
    """Which way a signal changed, from its rank tests.

    ``up`` or ``down`` where the mean rank moved most, ``spread`` or ``narrow`` where the spread did. ``mix`` where
    neither moved clearly, and for categories, which have no order.

    Examples
    --------
    >>> direction(True, -9.0, 2.0), direction(True, 1.0, 6.0), direction(True, 1.0, -1.5), direction(False, 9.0, 0.0)
    ('down', 'spread', 'mix', 'mix')
    """
    if not numeric or max(abs(z_location), abs(z_spread)) < CLEAR:
        return "mix"
    if abs(z_location) >= abs(z_spread):
        return "up" if z_location > 0 else "down"
    return "spread" if z_spread > 0 else "narrow"
