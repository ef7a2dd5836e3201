"""Mean shifts: whether a window's mean is further from the reference's than chance takes it, far out in the tail.

The window's n values and the reference's m are taken as drawn from what both are together. The chance that their means
differ by as much is the saddlepoint approximation of Lugannani and Rice (1980, Advances in Applied Probability 12,
doi:10.2307/1426607): right within a few percent where a normal tail is wrong many times over, as it is for bounded
and skewed values at the levels of a budget.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri, ndtri_exp

STEPS = 100  # of the search for the saddlepoint; it ends when it moves no more
NEAR = 1e-3  # of the signed root: nearer to the mean the formula is 1/0, and the normal tail good

Floats = npt.NDArray[np.float64]


def log_tail(values: Floats, window: Floats, reference: Floats, tau: float = 1.0) -> float:
    """Logarithm of the chance that the mean of the window would be as far above that of the reference.

    Parameters
    ----------
    values : float64, shape (bins,)
        Of records in each bin.
    window, reference : float64, shape (bins,)
        Records by bin, at least one each.
    tau : float
        Variance of means over that of independent values: so many records say as much as one.

    Examples
    --------
    Thirty of 100 where the reference has 2,000 of 10,000; Fisher's exact test says 0.0117, as counts are whole numbers:

    >>> found = log_tail(np.array([0.0, 1.0]), np.array([70.0, 30.0]), np.array([8_000.0, 2_000.0]))
    >>> round(math.exp(found), 4)
    0.0087
    """
    n, m = float(window.sum()), float(reference.sum())
    shares = (window + reference) / (n + m)
    there = shares > 0
    shares, x = shares[there], values[there] - float(shares @ values)
    shift = float(window[there] @ x) / n - float(reference[there] @ x) / m
    n, m = n / tau, m / tau
    scale = math.sqrt(float(shares @ x**2))
    spread = scale * math.sqrt(1 / n + 1 / m)
    if scale <= 1e-12 * max(1.0, float(np.abs(values).max())) or not math.isfinite(spread):
        return math.log(0.5)
    z = shift / spread
    if abs(z) < 0.05:
        return float(log_ndtr(-z))
    t = _saddlepoint(x, shares, n, m, shift, z / spread)
    k, _, k2 = _cumulants(x, shares, n, m, t)
    root = math.copysign(math.sqrt(max(2 * (t * shift - k), 0.0)), t)
    u = t * math.sqrt(k2)
    if abs(root) < NEAR or u == 0:
        return float(log_ndtr(-z))
    # Barndorff-Nielsen's form of it, which stays a probability however far out.
    ratio = u / root
    return float(log_ndtr(-(root + math.log(ratio) / root))) if ratio > 0 else float(log_ndtr(-z))


def deviate(log_p: float) -> float:
    """The normal deviate that is exceeded with a chance, by its logarithm.

    >>> round(deviate(math.log(0.025)), 2)
    1.96
    """
    return -float(ndtri_exp(log_p)) if log_p < -2 else -float(ndtri(math.exp(log_p)))


def _cumulants(x: Floats, shares: Floats, n: float, m: float, t: float) -> tuple[float, float, float]:
    """Cumulant generating function of the difference of means, and its two derivatives."""
    k, k1, k2 = 0.0, 0.0, 0.0
    for size, sign in ((n, 1.0), (m, -1.0)):
        exponents = sign * t / size * x
        top = float(exponents.max())
        terms = shares * np.exp(exponents - top)
        total = float(terms.sum())
        mean = float(terms @ x) / total
        k += size * (top + math.log(total))
        k1 += sign * mean
        k2 += (float(terms @ x**2) / total - mean**2) / size
    return k, k1, k2


def _saddlepoint(x: Floats, shares: Floats, n: float, m: float, shift: float, guess: float) -> float:
    """Where the derivative of the cumulant generating function is the shift: Newton's method inside a bracket."""
    low, high = (0.0, math.inf) if shift > 0 else (-math.inf, 0.0)
    t = guess
    for _ in range(STEPS):
        _, k1, k2 = _cumulants(x, shares, n, m, t)
        low, high = (t, high) if k1 < shift else (low, t)
        step = t + (shift - k1) / k2 if k2 > 0 else math.nan
        if not low < step < high:
            step = (low + high) / 2 if math.isfinite(low + high) else 2 * t
        if abs(step - t) <= 1e-10 * abs(t):
            return step
        t = step
    return t
