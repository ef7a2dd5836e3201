"""Rates: whether a window has more or fewer records than windows before it had; the arithmetic of `volume.py`.

The windows before are taken to have counts that vary by mu + phi mu^2 around what is usual at their time, mu: Poisson's
where phi is 0, and bursts beyond. With v(x) = 2 asinh(sqrt(phi (x + 3/8))) / sqrt(phi) all of them vary by about 1
(Anscombe 1948, Biometrika 35, doi:10.1093/biomet/35.3-4.246), and the distance of v(x) from its mean, over its standard
deviation, is held against Student's t. Its degrees of freedom are the windows before, less what is lost as they follow
each other: the fewer there were, the farther off is an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

ANSCOMBE = 0.375  # 3/8: with it the variance of small counts is nearest to 1
LEAST_FREEDOM = 4.0  # fewer degrees of freedom: the tail of Student's t is so long that nothing would ever be said
CLOSEST = 0.99  # of the correlation of a window and the next: with more, months of windows say as much as one
HIGHEST = 300.0  # of the argument of sinh, below where floats end

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Usual(NamedTuple):
    """What is to be expected of a window."""

    records: float
    phi: float
    center: float  # v of what is usual
    error: float  # standard deviation of v of a window from there
    freedom: float


class Rate(NamedTuple):
    """A window held against what is usual."""

    p_value: float
    rises: bool
    bound: float  # records above which there is an alarm; below which, if it does not rise


def usual(records: Floats, parts: Ints, shares: Mapping[int, float]) -> Usual | None:
    """What is to be expected of a window; None where too little is known.

    Parameters
    ----------
    records : float64, shape (windows,)
        Of windows before it, equally long, oldest first.
    parts : int64, shape (windows,)
        Of the season, that they are in; all 0 without one.
    shares
        Of the window in parts of the season; they add up to 1.
    """
    found, where, many = np.unique(parts, return_inverse=True, return_counts=True)
    where = where.reshape(-1)
    places = {part: place for place, part in enumerate(found.tolist())}
    own = [places.get(part, -1) for part in shares]
    if not own or any(place < 0 or many[place] < 2 for place in own):
        return None
    freedom = max(len(records) - len(found), 1)
    means = np.bincount(where, records) / many
    wanted = means[where]
    squares = float(((records - wanted) ** 2).sum()) * len(records) / freedom
    square = float((wanted**2).sum())
    phi = max(0.0, squares - float(wanted.sum())) / square if square > 0 else 0.0
    values = stable(records, phi)
    centers = np.bincount(where, values) / many
    apart = values - centers[where]
    tau = _tau(apart)
    left = freedom / tau - 1
    if left < LEAST_FREEDOM:
        return None
    variance = max(1.0, float((apart**2).sum()) / freedom)
    least = min(int(many[place]) for place in own)
    weights = np.array(list(shares.values()))
    expected = float(weights @ means[own])
    # Numbers of records mix as time does; v of them does not, only how far its mean is from v of the mean.
    center = float(stable(np.array([expected]), phi)[0] + weights @ (centers - stable(means, phi))[own])
    return Usual(
        records=expected,
        phi=phi,
        center=center,
        error=math.sqrt(variance * (1 + 1 / left) * (1 + min(tau, least) / least)),
        freedom=left,
    )


def rate(records: float, known: Usual, level: float) -> Rate:
    """Hold a window against what is usual, at a level of both sides together.

    Examples
    --------
    Sixty records where 24 windows before had a hundred, give or take ten:

    >>> known = usual(np.array([90.0, 110.0, 110.0, 90.0] * 6), np.zeros(24, np.int64), {0: 1.0})
    >>> found = rate(60.0, known, 0.001)
    >>> found.rises, f"{found.p_value:.1g}", round(found.bound)
    (False, '0.0004', 64)
    """
    z = (float(stable(np.array([records]), known.phi)[0]) - known.center) / known.error
    p_value = min(1.0, 2 * float(stdtr(known.freedom, -abs(z))))
    far = -float(stdtrit(known.freedom, level / 2)) * known.error
    return Rate(p_value, z > 0, _back(known.center + (far if z > 0 else -far), known.phi))


def stable(records: Floats, phi: float) -> Floats:
    """v: of numbers of records that vary as they do, what varies by 1 wherever it is.

    >>> stable(np.array([100.0, 10_000.0]), 0.0).round(1).tolist(), stable(np.array([100.0]), 0.25).round(2).tolist()
    ([20.0, 200.0], [9.26])
    """
    roots = np.sqrt(records + ANSCOMBE)
    return np.asarray(2 * roots if phi <= 0 else 2 * np.arcsinh(math.sqrt(phi) * roots) / math.sqrt(phi), np.float64)


def _back(value: float, phi: float) -> float:
    """How many records have a value of v, at least 0."""
    if value <= 0:
        return 0.0
    root = value / 2 if phi <= 0 else math.sinh(min(value * math.sqrt(phi) / 2, HIGHEST)) / math.sqrt(phi)
    return max(root * root - ANSCOMBE, 0.0)


def _tau(apart: Floats) -> float:
    """How many windows say as much as one, if each depends on the one before it alone.

    The correlation of so short a series is too small by about (1 + 3 rho) / n (Kendall 1954, Biometrika 41,
    doi:10.1093/biomet/41.3-4.403), which is given back to it.
    """
    # Windows that vary less than by chance, as those of a clock do, are not more alike for that.
    squares = max(float((apart**2).sum()), float(len(apart)))
    rho = float((apart[1:] * apart[:-1]).sum()) / squares
    rho = min(max(rho + (1 + 3 * rho) / len(apart), 0.0), CLOSEST)
    return (1 + rho) / (1 - rho)
