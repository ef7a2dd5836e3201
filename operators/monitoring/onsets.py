"""Onsets: where in a window a signal's change began, and between when and when that may have been.

Values are turned into scores whose mean the change moves. For each place in the window twice the log-likelihood ratio
of a change of the mean there against none is taken from the sums of the slides, with a slide in which the change lies
weighted by the part of it that comes after. The place with the largest is the most likely onset (Hinkley 1970,
doi:10.1093/biomet/57.1.1); all those that come near it are where the change may have begun (Siegmund 1988,
doi:10.2307/1403360).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.decisions.outputs import SignalChange
from operators.statistics.effects import CLEAR
from schemas.cloudevents import milliseconds

STEPS = 32  # places in a slide: fewer show in the interval of a clear change, which is a tenth of a slide; more cost
# How far below the largest a likely place may be. By simulation 87 to 97 % of onsets lie within 4 (chi-square of one
# degree: 2.7, 79 to 92 %; Siegmund's limit for sums by record: 5.9, 95 to 99 %).
WITHIN = 4.0
EQUAL = 1e-9  # relative; what differs by less differs by rounding

Floats = NDArray[np.float64]


class Onset(NamedTuple):
    """Times of a change, ms."""

    at_ms: int  # the most likely one
    from_ms: int | None  # nine times in ten it lies between these; None: it may have begun before the window
    to_ms: int


def told_onset(told: SignalChange) -> Onset:
    """The onset that was told of a signal."""
    sure = told.evidence.onset_from, told.evidence.onset_to
    from_ms, to_ms = (None if time is None else milliseconds(time) for time in sure)
    return Onset(told.onset_ms, from_ms, told.onset_ms if to_ms is None else to_ms)


def likelihoods(rows: Floats, reference: Floats, scores: Floats, tau: float = 1.0) -> Floats:
    """Twice the log-likelihood ratio of a change at each place of a window.

    What comes before the place counts as values of the reference.

    Parameters
    ----------
    rows : float64, shape (slides, 256)
        Counts by code, oldest slide first.
    reference : float64, shape (256,)
    scores : float64, shape (256,)
        By code, finite wherever there are values.
    tau : float
        Variance of means over that of independent values.

    Returns
    -------
    float64, shape (slides * STEPS,)
        Place i is i / STEPS slides after the start of the window.

    Examples
    --------
    >>> rows = np.zeros((3, 256))
    >>> rows[:, 0], rows[:, 1] = [90, 70, 50], [10, 30, 50]  # half of the slide in the middle is after it
    >>> found = likelihoods(rows, np.r_[900.0, 100.0, np.zeros(254)], np.arange(256.0))
    >>> int(found.argmax()) / STEPS
    1.5
    """
    pooled = reference + rows.sum(axis=0)
    both = float(pooled.sum())
    there = pooled > 0
    centred = np.where(there, scores - pooled[there] @ scores[there] / max(both, 1.0), 0.0)
    variance = float(pooled @ centred**2) / max(both, 1.0)
    return _ratios(rows.sum(axis=1), rows @ centred, tau * variance, both)


def likelihoods_of_sums(counts: Floats, sums: Floats, variance: float, reference: float) -> Floats:
    """Likewise from sums of scores whose mean is 0 in the reference.

    Parameters
    ----------
    counts, sums : float64, shape (slides,)
        Records of each slide, and the sum of their scores.
    variance : float
        Of a score, times tau.
    reference : float
        Records of the reference.
    """
    both = reference + float(counts.sum())
    return _ratios(counts, sums - counts * (float(sums.sum()) / max(both, 1.0)), variance, both)


def _ratios(counts: Floats, sums: Floats, variance: float, both: float) -> Floats:
    """Of each place, from sums of scores whose mean over all records, also of the reference, is 0."""
    ends = np.arange(1, len(counts) + 1)
    after = np.clip(ends - np.arange(len(counts) * STEPS)[:, None] / STEPS, 0.0, 1.0)
    moved = after @ sums
    information = after**2 @ counts - (after @ counts) ** 2 / max(both, 1.0)
    able = (information > 1e-9 * both) & (variance > 0)
    return np.where(able, moved**2 / np.where(able, variance * information, 1.0), 0.0)


def likelihoods_of_shares(rows: Floats, reference: Floats, after: int, tau: float = 1.0) -> Floats:
    """Likewise for a change of shares, to those that the values have from a slide on: categories have no scale.

    Only codes whose share has moved by more than chance may, or the one that moved most, have shares of their own: the
    others' noise would speak for the slides that it is taken from.

    Parameters
    ----------
    rows, reference, tau
        As above.
    after : int
        The first slide after the change.
    """
    current = rows[after:].sum(axis=0)
    n, m = max(current.sum(), 1.0), max(reference.sum(), 1.0)
    pooled = (current + reference) / (n + m)
    gap = np.abs(current / n - reference / m)
    moved = gap > CLEAR * np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    moved[np.argmax(gap)] = True
    apart = np.flatnonzero(moved)

    def grouped(counts: Floats) -> Floats:
        return np.concatenate([counts[..., apart], counts[..., ~moved].sum(axis=-1, keepdims=True)], axis=-1)

    then, now = grouped(reference) + 0.5, grouped(current) + 0.5  # half a value where there is none
    gain = (now / now.sum()) / (then / then.sum()) - 1
    parts = np.arange(STEPS + 1) / STEPS  # of a slide after the change
    logs = grouped(rows) @ np.log1p(parts * gain[:, None])  # (slides, STEPS + 1)
    later = np.cumsum(logs[::-1, STEPS])[::-1] - logs[:, STEPS]  # of the slides after each one
    return np.asarray(2 / tau * (logs[:, :0:-1] + later[:, None]).ravel(), dtype=np.float64)


def onset(found: Floats, starts_ms: NDArray[np.int64], ends_ms: NDArray[np.int64]) -> Onset:
    """The most likely place, and the interval of the likely ones.

    Parameters
    ----------
    found : float64, shape (slides * STEPS,)
        From `likelihoods`.
    starts_ms, ends_ms : int64, shape (slides,)
        Of the slides, which need not be equally long.
    """
    likely = np.flatnonzero(found >= found.max() - WITHIN)

    def time_ms(place: int, steps: int = 0) -> int:
        slide = place // STEPS
        length_ms = int(ends_ms[slide] - starts_ms[slide])
        return int(starts_ms[slide]) + (place % STEPS + steps) * length_ms // STEPS

    first, last = int(likely[0]), int(likely[-1])
    # A change in the last slide may be anywhere in it, as far as sums can tell: then it is said of its start.
    best = int(np.argmax(found >= found.max() - EQUAL * max(1.0, float(found.max()))))
    return Onset(time_ms(best), time_ms(first) if first else None, time_ms(last, 1))
