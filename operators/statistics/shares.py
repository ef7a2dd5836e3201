"""Shares: whether records of one kind are more, or fewer, in a window than in the reference; exact for small counts.

Given how many records of the kind there are in both together, t = k + r, how many of them are the window's is

- hypergeometric where records are independent: Fisher's exact test (1935, J. R. Stat. Soc. 98, doi:10.2307/2342435);
- beta-binomial where they come in bursts, tau > 1: both counts are then taken for negative binomial ones with the same
  mean share and the variance phi = (1 - p) tau times that of Poisson's, p being the share of both together. Given their
  sum, such counts are beta-binomial with a = n p / (phi - 1) and b = m p / (phi - 1). Its tail is that of bursts whose
  lengths differ, where that of counts divided by tau would be that of bursts which are all equally long.

All sums are of ratios of terms that follow each other, by the four operations alone: the same on every processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.jit import kernel

TINY = 1e-18  # of a sum: terms below it do not show in it
GUESSES = 6  # of a bound, before its bracket is halved: mostly they meet it
HUGE = 1e280  # sums beyond are not added to: the p-value is then below 1e-280

Floats = NDArray[np.float64]


def tails(found: Floats, records: Floats, known: Floats, of: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Chances of as many, or more; and of as many, or fewer.

    Parameters
    ----------
    found, records : float64, shape (signals,)
        Records of the kind, and all records, of the window: whole numbers.
    known, of : float64, shape (signals,)
        Likewise of the reference; whole numbers or not.
    tau : float64, shape (signals,), >= 1
        Variance of the share of as many records as the window has, over that of independent ones.

    Returns
    -------
    rise, fall : float64, shape (signals,)
        In (0, 1]; 1 where window or reference have no records.

    Examples
    --------
    Five of 500 records where the reference had 5 of 10,000, one by one, and in bursts of about 5:

    >>> five, window, reference = np.full(2, 5.0), np.full(2, 500.0), np.full(2, 1e4)
    >>> [f"{p:.2g}" for p in tails(five, window, five, reference, np.array([1.0, 10.0]))[0]]
    ['5e-05', '0.041']
    """
    rise, fall = np.ones(len(found)), np.ones(len(found))
    _tails(found, records, known, of, tau, rise, fall)
    return rise, fall


def bounds(
    records: Floats, known: Floats, of: Floats, tau: Floats, level: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many records of the kind a window may have at most, and must have at least, for neither tail to be too small.

    Parameters
    ----------
    level : float64, shape (signals,)
        Of one tail: one below it is too small.

    Returns
    -------
    most, least : int64, shape (signals,)
        All records, and none, where no number is too many or too few.
    """
    most, least = np.empty((2, len(records)), np.int64)
    _bounds(records, known, of, tau, level, most, least)
    return most, least


@kernel
def _pair(k, n, r, m, tau):  # type: ignore[no-untyped-def]
    """Upper and lower tail at k."""
    total = n + m
    if n <= 0.0 or m <= 0.0 or k + r <= 0.0 or k + r >= total:
        return 1.0, 1.0
    flipped = 2.0 * r > m
    if flipped:  # of the others, of which the reference has fewer
        k, r = n - k, m - r
    t = k + r
    share = t / total
    phi = (1.0 - share) * tau
    bursts = phi > 1.0
    a = n * share / (phi - 1.0) if bursts else 0.0
    b = m * share / (phi - 1.0) if bursts else 0.0
    lowest, highest = 0.0, t
    if tau <= 1.0:
        lowest, highest = max(0.0, t - m), min(t, n)
    # Terms relative to that of k. Going away from it they fall, but for beta-binomials with a or b below 1, which rise
    # again towards their ends: there all of them are added.
    above = 1.0
    term = 1.0
    j = k
    while j + 1.0 <= highest:
        if tau <= 1.0:
            term *= (t - j) * (n - j) / ((j + 1.0) * (m - t + j + 1.0))
        elif bursts:
            term *= (t - j) * (a + j) / ((j + 1.0) * (b + t - j - 1.0))
        else:
            term *= (t - j) * n / ((j + 1.0) * m)
        above += term
        j += 1.0
        if (term < TINY * above and (not bursts or b >= 1.0)) or above > HUGE:
            break
    below = 1.0
    term = 1.0
    j = k
    while j - 1.0 >= lowest:
        if tau <= 1.0:
            term *= j * (m - t + j) / ((t - j + 1.0) * (n - j + 1.0))
        elif bursts:
            term *= j * (b + t - j) / ((t - j + 1.0) * (a + j - 1.0))
        else:
            term *= j * m / ((t - j + 1.0) * n)
        below += term
        j -= 1.0
        if (term < TINY * below and (not bursts or a >= 1.0)) or below > HUGE:
            break
    both = above + below - 1.0
    if flipped:
        return below / both, above / both
    return above / both, below / both


@kernel
def _tails(found, records, known, of, tau, rise, fall):  # type: ignore[no-untyped-def]
    for s in range(found.shape[0]):
        rise[s], fall[s] = _pair(found[s], records[s], known[s], of[s], tau[s])


@kernel
def _bounds(records, known, of, tau, level, most, least):  # type: ignore[no-untyped-def]
    for s in range(records.shape[0]):
        n = np.int64(records[s])
        share = known[s] / max(of[s], 1.0)
        middle = np.int64(n * share)
        wanted = np.sqrt(-np.log(level[s]))
        # Where a normal tail would be as small, or one of Poisson's.
        guess = 1.5 * wanted * np.sqrt(tau[s] * (n * share * (1.0 - share) + 1.0)) + 1.0
        low, high = middle, n + 1  # invariant: low is not too many, high is
        k, tries = middle + np.int64(guess), 0
        while high - low > 1:
            tries += 1
            k = max(low + 1, min(k, high - 1)) if tries < GUESSES else (low + high) // 2
            up, _ = _pair(np.float64(k), records[s], known[s], of[s], tau[s])
            if up < level[s]:
                high = k
            else:
                low = k
            k = middle + _next(k - middle, up, wanted)
        most[s] = low
        low, high = np.int64(-1), min(middle + 1, n)  # invariant: low is too few, high is not
        k, tries = middle - np.int64(guess), 0
        while high - low > 1:
            tries += 1
            k = max(low + 1, min(k, high - 1)) if tries < GUESSES else (low + high) // 2
            _, down = _pair(np.float64(k), records[s], known[s], of[s], tau[s])
            if down < level[s]:
                low = k
            else:
                high = k
            k = middle - _next(middle - k, down, wanted)
        least[s] = high


@kernel
def _next(far, tail, wanted):  # type: ignore[no-untyped-def]
    """How far from the middle the tail would be as small as wanted, if its logarithm were a square's."""
    return np.int64(np.ceil(far * wanted / np.sqrt(-np.log(min(tail, 0.9)))))
