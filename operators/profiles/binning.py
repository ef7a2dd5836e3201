"""Bins of a number-valued signal: edges from the reference's values, counts and means between them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from operators.profiles.value_counts import ValueCounts
from schemas.profile import BINS, DISCRETE, NumericSignal

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def numeric_signal(
    values: ValueCounts, missing: int, invalid: int, *, like: NumericSignal | None = None, private: int = 0
) -> NumericSignal:
    """Describe a signal by its values.

    Parameters
    ----------
    values
        All of its finite values.
    like
        Take the bins of that signal. Counts are exact as long as `values` are not `merged`.
    private
        Of a sensitive signal, fewest values that a bin may show: no smaller bins and no extremes. 0: not sensitive.

    Examples
    --------
    >>> counts = ValueCounts(4096)
    >>> counts.add(np.array([0.0, 0.0, 1.0, 1.0]))
    >>> signal = numeric_signal(counts, missing=1, invalid=0)
    >>> signal.discrete, signal.edges, signal.counts
    (True, (0.0, 5e-324, 1.0, 1.0000000000000002), (0, 2, 0, 2, 0))
    """
    lowest, counts = values.cells()
    if like is not None:
        discrete, edges = like.discrete, np.array(like.edges, np.float64)
    elif _is_discrete(counts, private) and not values.merged:
        discrete, edges = True, value_edges(lowest)
    else:
        discrete, edges = False, quantile_edges(lowest, counts, private)
    middles = values.middles()
    cuts = np.concatenate([[0], np.searchsorted(lowest, edges), [len(lowest)]])
    bins = [slice(start, end) for start, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]
    mean = _mean(middles, counts) if len(counts) else 0.0
    smallest, largest = values.extremes if len(counts) and not private else (None, None)
    return NumericSignal(
        count=int(counts.sum()),
        missing=missing,
        invalid=invalid,
        mean=mean,
        sd=_sd(middles, counts, mean),
        min=smallest,
        max=largest,
        discrete=discrete,
        edges=tuple(edges.tolist()),
        counts=tuple(int(counts[one].sum()) for one in bins),
        means=tuple(
            _mean(middles[one], counts[one]) if one.stop > one.start else _middle(edges, number)
            for number, one in enumerate(bins)
        ),
    )


def _is_discrete(counts: Ints, private: int) -> bool:
    """Few values, that come back: a handful of records has few values of anything."""
    few = 0 < len(counts) <= DISCRETE and (len(counts) == 1 or 2 * len(counts) <= counts.sum())
    return bool(few and counts.min() >= private)


def value_edges(values: Floats) -> Floats:
    """Edges that give each value a bin of its own, and bins between them to what is no value.

    >>> value_edges(np.array([1.0, 2.0]))
    array([1., 1., 2., 2.])
    """
    with np.errstate(over="ignore"):  # above the largest float
        edges: Floats = np.unique(np.concatenate([values, np.nextafter(values, np.inf)]))
    return np.extract(np.isfinite(edges), edges)


def quantile_edges(lowest: Floats, counts: Ints, private: int = 0) -> Floats:
    """Edges between values or cells that come nearest to bins of equal counts.

    Parameters
    ----------
    lowest
        Values, or lowest values of cells, ascending.
    counts
        How many values each stands for.
    private
        Fewest values in a bin; 0: as many bins as may be.

    Examples
    --------
    >>> quantile_edges(np.arange(1000.0), np.ones(1000, np.int64))[:3]
    array([ 4.,  8., 12.])
    """
    if len(counts) < 2:
        return np.empty(0)
    total = int(counts.sum())
    bins = BINS if not private else max(1, min(BINS, total // private // 10 * 10))  # deciles stay whole bins
    below = np.cumsum(counts)[:-1] * bins  # each possible edge's count below, and the counts wished for, as integers
    wished = np.arange(1, bins) * total
    after = np.clip(np.searchsorted(below, wished), 1, len(below) - 1) if len(below) > 1 else np.zeros_like(wished)
    before = np.maximum(after - 1, 0)
    nearest = np.unique(np.where(wished - below[before] <= below[after] - wished, before, after))
    if private:
        nearest = _spaced(nearest, below, private * bins, total * bins)
    edges: Floats = np.take(lowest, nearest + 1)
    return edges


def _spaced(edges: Ints, below: Ints, least: int, total: int) -> Ints:
    """Leave out edges that leave less than `least` between them, or behind the last one."""
    kept: list[int] = []
    last = 0
    for edge in edges.tolist():
        if below[edge] - last >= least and total - below[edge] >= least:
            kept.append(edge)
            last = int(below[edge])
    return np.array(kept, np.int64)


def _mean(values: Floats, counts: Ints) -> float:
    """Mean by exact summation: the same on every processor. Weights first, as a sum of large values overflows."""
    if len(values) == 1:
        return float(values[0])
    mean = math.fsum((values * (counts / counts.sum())).tolist())
    return min(max(mean, float(values[0])), float(values[-1]))


def _sd(values: Floats, counts: Ints, mean: float) -> float:
    """Standard deviation of the values themselves, not an estimate for others; 0 without values."""
    if len(values) < 2:
        return 0.0
    halves = values / 2 - mean / 2
    scale = float(np.abs(halves).max())
    if scale == 0:  # values that differ by less than a float can say
        return 0.0
    square = math.fsum(((halves / scale) ** 2 * (counts / counts.sum())).tolist())
    return min(2 * (scale * math.sqrt(square)), float(np.finfo(np.float64).max))


def _middle(edges: Floats, number: int) -> float:
    """Stand for a bin without values: its middle, or its edge where it is open."""
    if not len(edges):
        return 0.0
    low, high = edges[max(number - 1, 0)], edges[min(number, len(edges) - 1)]
    return float(low / 2 + high / 2)
