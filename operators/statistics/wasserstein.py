"""The Wasserstein distance W1 of window and reference: how far values have to move on average, in reference sd.

W1 is the area between both distribution functions, here with each bin's values at the mean that they have in the
reference. W1 is at least the distance M of the means, and without change little more when it is large: only where
the distribution functions cross each other does it gain on M. So its tail is that of M,
P(W1 > w) = P(|M| > t) with t + (expected gain at M = t) = w, the gain from the Brownian bridge that the difference
of the distribution functions is in large samples. P(|M| > t) is Lugannani & Rice's (1980), doi:10.2307/1426607, with
Barndorff-Nielsen's r*, of both samples together: normal tails are wrong by orders where few bins hold the spread.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from operators.encoding.codes import CODES
from operators.jit import kernel
from schemas.profile import NumericSignal, Signal

LEAST = 1e-300  # p-values near the smallest numbers have few digits left: deviates are taken instead
FLAT = 1e-3  # a z below this is rounding or next to nothing: its ratio to W1 says nothing

Floats = NDArray[np.float64]


class Wasserstein(NamedTuple):
    """Per signal; statistic 0, z 0 and p-value 1 where either sample is empty or there is nothing to move along."""

    statistic: Floats  # W1 in reference standard deviations
    z: Floats  # the p-value as a normal deviate of two sides
    p_value: Floats
    chance: Floats  # W1 squared that chance alone brings on average
    moved: Floats  # the window's mean less the reference's
    widened: Floats  # its standard deviation less the reference's, on the bins


def bin_places(signal: Signal) -> Floats:
    """Mean of the reference's values of each code, from its mean in its standard deviations; NaN for what is no bin.

    Of a constant reference the unit is its value, or 1 where that is 0.

    Returns
    -------
    float64, shape (256,)
    """
    places = np.full(CODES, np.nan)
    if isinstance(signal, NumericSignal):
        center, unit = scale(signal)
        with np.errstate(over="ignore"):
            found = np.array(signal.means, np.float64) / unit - center / unit
        places[: len(found)] = np.maximum.accumulate(np.nan_to_num(found))
    return places


def scale(signal: NumericSignal) -> tuple[float, float]:
    """Mean of the reference, and what distances are measured in."""
    return signal.mean, signal.sd or abs(signal.mean) or 1.0


def wasserstein(
    current: Floats, reference: Floats, places: Floats, means: Floats | None = None, tau: ArrayLike = 1.0
) -> Wasserstein:
    """Compare counts by code, in the order of the codes.

    Parameters
    ----------
    current, reference : float64, shape (signals, codes), C-contiguous
    places : float64, shape (signals, codes), C-contiguous
        Mean of the reference's values of each code in its standard deviations, ascending; NaN where a code is no bin
        or the signal no number.
    means : float64, shape (signals,), optional
        Mean of the window's values themselves in the same units. What their places leave of it is taken for values
        beyond the reference's ends, whose bins are open: it is part of the statistic, not of its test.
    tau : float64, shape (signals,), optional
        Variance of means over that of independent values: so many values say as much as one.

    Examples
    --------
    >>> places = np.array([[-1.0, 0.0, 1.0]])
    >>> found = wasserstein(np.array([[10.0, 20.0, 70.0]]), np.array([[300.0, 400.0, 300.0]]), places)
    >>> found.statistic.round(3).tolist(), f"{found.p_value[0]:.1g}"
    ([0.6], '1e-15')
    """
    signals = len(current)
    statistic, up, down, chance = np.zeros((4, signals))
    alike = np.broadcast_to(np.asarray(tau, dtype=np.float64), (signals,)).copy()
    _compare(current, reference, places, alike, statistic, up, down, chance, np.empty((4, current.shape[1])))
    mean, sd = _moments(current, places)
    reference_mean, reference_sd = _moments(reference, places)
    if means is not None:
        beyond = np.where(np.isfinite(means) & (current.sum(axis=1) > 0), means - mean, 0.0)
        statistic, mean = statistic + np.abs(beyond), mean + beyond
    p_value = np.minimum(1.0, ndtr(-up) + ndtr(-down))
    z = np.where(p_value > LEAST, -ndtri(np.maximum(p_value, LEAST) / 2), np.minimum(up, down))
    return Wasserstein(statistic, np.maximum(0.0, z), p_value, chance, mean - reference_mean, sd - reference_sd)


def _moments(counts: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's places; 0 of nothing."""
    weights = np.where(np.isfinite(places), counts, 0.0)
    weights = weights / np.maximum(weights.sum(axis=1), 1.0)[:, None]
    known = np.nan_to_num(places)
    mean = (weights * known).sum(axis=1)
    return mean, np.sqrt((weights * (known - mean[:, None]) ** 2).sum(axis=1))


def wasserstein_threshold(alpha: ArrayLike, test: Wasserstein, inverse: ArrayLike) -> Floats:
    """W1 above which this shape of change has a p-value below alpha: the critical z times W1 / z of this window.

    Without any change there is no such ratio, and that of a shift of the mean, the root of 1/n + 1/m, stands in; it is
    at least the statistic, which a single value far beyond the outermost bin may make larger.

    Parameters
    ----------
    alpha : float64
        Level of a single evaluation, in (0, 1).
    test : Wasserstein
    inverse : float64, shape (signals,)
        1/n + 1/m, times tau.
    """
    flat = (test.z < FLAT) | (test.statistic <= 0)
    ratio = np.where(flat, np.sqrt(inverse), test.statistic / np.where(flat, 1.0, test.z))
    threshold = -ndtri(np.asarray(alpha) / 2) * ratio
    return np.asarray(np.where(flat, np.maximum(threshold, test.statistic), threshold), dtype=np.float64)


@kernel
def _compare(
    current: Floats,
    reference: Floats,
    places: Floats,
    tau: Floats,
    statistic: Floats,
    up: Floats,
    down: Floats,
    chance: Floats,
    work: Floats,
) -> None:
    below, gaps, pull, shares = work[0], work[1], work[2], work[3]
    for s in range(current.shape[0]):
        bins = 0
        n = 0.0
        m = 0.0
        for code in range(current.shape[1]):
            if np.isfinite(places[s, code]):
                bins = code + 1
                n += current[s, code]
                m += reference[s, code]
        if n <= 0.0 or m <= 0.0:
            continue
        both = n + m
        inverse = tau[s] * (1.0 / n + 1.0 / m)

        # below[i]: share of both samples up to bin i; gaps[i]: way from bin i to the next one.
        mean = 0.0
        distance = 0.0
        under = 0.0
        under_reference = 0.0
        for i in range(bins):
            under += current[s, i]
            under_reference += reference[s, i]
            shares[i] = (current[s, i] + reference[s, i]) / both
            mean += shares[i] * places[s, i]
            below[i] = (under + under_reference) / both
            gaps[i] = places[s, i + 1] - places[s, i] if i + 1 < bins else 0.0
            gap = under / n - under_reference / m
            distance += abs(gap) * gaps[i]
        statistic[s] = distance

        # pull[i]: covariance of the difference at bin i with M, over 1/n + 1/m; variance: that of M itself.
        left = 0.0
        for i in range(bins):
            left += gaps[i] * below[i]
            pull[i] = (1.0 - below[i]) * left
        right = 0.0
        variance = 0.0
        average = 0.0
        for i in range(bins - 1, -1, -1):
            pull[i] += below[i] * right
            right += gaps[i] * (1.0 - below[i])
            variance += gaps[i] * pull[i]
            average += gaps[i] * math.sqrt(max(0.0, below[i] * (1.0 - below[i])))
        if variance <= 0.0:
            continue
        chance[s] = average * average * inverse
        t, factor = _without_gain(distance / math.sqrt(inverse), bins, below, gaps, pull, variance)
        if t <= 0.0:
            continue
        for i in range(bins):
            below[i] = places[s, i] - mean
        up[s] = factor * _deviate(
            t * math.sqrt(inverse), n / tau[s], m / tau[s], bins, shares, below, variance * inverse
        )
        for i in range(bins):
            below[i] = -below[i]
        down[s] = factor * _deviate(
            t * math.sqrt(inverse), n / tau[s], m / tau[s], bins, shares, below, variance * inverse
        )


@kernel
def _without_gain(
    w: float, bins: int, below: Floats, gaps: Floats, pull: Floats, variance: float
) -> tuple[float, float]:
    # t with t + gain(t) = w, in units of the root of 1/n + 1/m; 0 where w is no more than the gain at 0. The function
    # is convex and w is right of the solution, so that Newton's steps come down to it. The second result is the
    # factor on the deviate: the gain varies as well, at either end by what its bins together can at most.
    t = w
    for _ in range(50):
        gain, slope, left, right = 0.0, 1.0, 0.0, 0.0
        for i in range(bins):
            own = below[i] * (1.0 - below[i]) - pull[i] * pull[i] / variance
            if gaps[i] <= 0.0 or own <= 1e-12:
                continue
            sd = math.sqrt(own)
            u = t * pull[i] / (variance * sd)
            if u > 9.0:
                continue
            tail = 0.5 * math.erfc(u / math.sqrt(2.0))
            density = math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
            loss = density - u * tail
            gain += 2.0 * gaps[i] * sd * loss
            slope -= 2.0 * gaps[i] * pull[i] / variance * tail
            spread = 2.0 * gaps[i] * sd * math.sqrt(max(0.0, (1.0 + u * u) * tail - u * density - loss * loss))
            if below[i] < 0.5:
                left += spread
            else:
                right += spread
        if slope <= 1e-9:
            return 0.0, 1.0
        step = (t + gain - w) / slope
        if t - step <= 0.0:
            return 0.0, 1.0
        t -= step
        if abs(step) <= 1e-12 * w:
            return t, 1.0 / math.sqrt(1.0 + (left * left + right * right) / (variance * slope * slope))
    return t, 1.0


@kernel
def _deviate(t: float, n: float, m: float, bins: int, shares: Floats, x: Floats, variance: float) -> float:
    # r* of M > t, where M is the mean of n values less that of m others, all with these shares of the values x.
    # theta solves K'(theta) = t, K the cumulant generating function of M: convex, its slope bounded by the range of x.
    scale = math.sqrt(variance)
    low = 0.0
    high = math.inf
    theta = t / variance
    k0 = 0.0
    k2 = variance
    for _ in range(200):
        k0, k1, k2 = _cumulants(theta, n, m, bins, shares, x)
        if abs(k1 - t) <= 1e-11 * t:
            break
        if k1 < t:
            low = theta
        else:
            high = theta
        theta += (t - k1) / max(k2, 1e-300)
        if not low < theta < high:
            theta = 2.0 * low if high == math.inf else 0.5 * (low + high)
        if theta * scale > 1e8 or (high - low) <= 1e-14 * high:
            break
    w = math.sqrt(max(0.0, 2.0 * (theta * t - k0)))
    v = theta * math.sqrt(k2)
    if w < 0.05 or v <= 0.0:
        return t / scale  # near the middle the correction is a difference of equals
    return max(0.0, w + math.log(v / w) / w)


@kernel
def _cumulants(theta: float, n: float, m: float, bins: int, shares: Floats, x: Floats) -> tuple[float, float, float]:
    k0, k1, k2 = 0.0, 0.0, 0.0
    for side in range(2):
        size = n if side == 0 else m
        factor = theta / n if side == 0 else -theta / m
        top = -math.inf
        for i in range(bins):
            if shares[i] > 0.0:
                top = max(top, factor * x[i])
        total, first, second = 0.0, 0.0, 0.0
        for i in range(bins):
            if shares[i] > 0.0:
                weight = shares[i] * math.exp(factor * x[i] - top)
                total += weight
                first += weight * x[i]
                second += weight * x[i] * x[i]
        first /= total
        second = second / total - first * first
        k0 += size * (math.log(total) + top)
        k1 += first if side == 0 else -first
        k2 += second / size
    return k0, k1, k2
