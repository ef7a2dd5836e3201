"""Measures of rankings, list by list: the items of a group by their scores, and how relevant each turned out to be.

Normalised discounted cumulative gain: Jarvelin, Kekalainen (2002), ACM TOIS 20, doi:10.1145/582415.582418, with
relevance as gain, and tied scores averaged over their places as in scikit-learn (McSherry, Najork 2008,
doi:10.1007/978-3-540-78646-7_38). Elsewhere the rank of an item is the number of items with its score or more, so that
a constant score does not look good. A list whose items are all equally relevant cannot be ordered well or badly:
`ndcg`, `mrr` and `map` are NaN, `undefined`, of it.

What is kept of many lists are whole numbers: they add up to the same in any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import MetricPlan

MOST = 10_000  # items of a list: a group that has more is none, but a field that was taken for one
UNIT = float(1 << 36)  # steps of a value that sums keep: 100 million lists of 1 fit in 63 bits, and 1e-11 shows nowhere

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Moments = tuple[int, int, int, int]  # lists that have a value; sums of values, of squares and of cubes, in units


class ListSums(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of some lists; of two parts it adds up to that of both."""

    measured: int = 0
    incomplete: int = 0  # lists with an item that has no label, or no score
    alike: int = 0  # of those that are measured, lists whose items are all equally relevant
    long: int = 0  # lists of more than MOST items
    moments: dict[str, Moments] = {}  # by title of the measure

    def __add__(self, other: ListSums) -> ListSums:
        # A measure that one part lacks is of a configuration that did not have it.
        both = {
            title: tuple(a + b for a, b in zip(each, other.moments[title], strict=True))
            for title, each in self.moments.items()
            if title in other.moments
        }
        counts = self.measured + other.measured, self.incomplete + other.incomplete
        return ListSums(*counts, self.alike + other.alike, self.long + other.long, both)  # type: ignore[arg-type]

    def mean(self, title: str) -> float:
        """Mean of a measure over the lists that have a value; NaN where none has."""
        count, total, _, _ = self.moments_of(title)
        return total / count if count else float("nan")

    def moments_of(self, title: str) -> tuple[int, float, float, float]:
        """Lists for which a measure is defined, and sums of it, of its squares and cubes."""
        count, *sums = self.moments.get(title, (0, 0, 0, 0))
        first, second, third = (one / UNIT for one in sums)
        return count, first, second, third


def sums_of(values: Floats, metrics: Sequence[MetricPlan]) -> ListSums:
    """Measure lists and sum up.

    Parameters
    ----------
    values : float64, shape (items, 3)
        Score, number of the group, relevance; NaN where there is none.
    metrics
        Of `config.metrics.LISTS` or `TOP`.

    Examples
    --------
    >>> two = np.array([[0.9, 1, 0], [0.5, 1, 1], [0.7, 2, 1], [0.2, 2, 0]])
    >>> sums_of(two, [MetricPlan(name="mrr")]).mean("mrr")
    0.75
    """
    known = _Lists(values)
    moments: dict[str, Moments] = {}
    for metric in metrics:
        found = known.measure(metric)
        found = found[~np.isnan(found)]
        sums = (int(np.rint(found**power * UNIT).astype(np.int64).sum()) for power in (1, 2, 3))
        moments[metric.title] = len(found), *sums  # type: ignore[assignment]  # three
    return ListSums(known.count, known.incomplete, int(known.alike.sum()), known.long, moments)


def each_of(values: Floats, metric: MetricPlan) -> tuple[Floats, Floats]:
    """Numbers of the groups whose lists are complete, ascending, and a measure of each; NaN where it is undefined."""
    known = _Lists(values)
    return known.groups, known.measure(metric)


class _Lists:
    """Complete lists, one after another, each from its highest score down."""

    def __init__(self, values: Floats) -> None:
        order = np.lexsort((-values[:, 0], values[:, 1]))
        groups, wrong = values[order, 1], np.isnan(values[order]).any(axis=1)
        starts = _starts(groups)
        incomplete = np.logical_or.reduceat(wrong, starts) if len(starts) else np.empty(0, np.bool_)
        sizes = np.diff(np.append(starts, len(groups)))
        long = sizes > MOST
        self.incomplete, self.long = int((incomplete & ~long).sum()), int(long.sum())
        kept = order[np.repeat(~incomplete & ~long, sizes)]
        self._scores, groups, self._gains = values[kept].T
        self._starts = _starts(groups)
        self.groups, self.count = groups[self._starts], len(self._starts)
        self._sizes = np.diff(np.append(self._starts, len(groups)))
        self._list = np.repeat(np.arange(self.count), self._sizes)
        self._place = np.arange(len(groups)) - self._starts[self._list]  # in the list, from 0
        ties = _starts(self._list, self._scores)
        tied = np.diff(np.append(ties, len(groups)))
        self._tie = np.repeat(np.arange(len(ties)), tied)
        self._many = tied.astype(np.float64)
        self._rank = self._place[ties + tied - 1][self._tie] + 1.0
        self._relevant = (self._gains > 0).astype(np.float64)
        least, most = (self._over(each, self._gains) for each in (np.minimum, np.maximum))
        self.alike = least == most

    def measure(self, metric: MetricPlan) -> Floats:
        """One measure of each list; NaN where it is undefined."""
        if metric.name == "precision_at_k":
            return self._precision(float(metric.k or 1))
        best = self._over(np.minimum, np.where(self._relevant > 0, self._rank, np.inf))
        if metric.name == "hit_rate":
            return np.asarray(best <= float(metric.k or 1), np.float64)
        if metric.name == "ndcg":
            found = self._ndcg(metric.k)
        else:
            found = 1 / best if metric.name == "mrr" else self._average_precision()
        return np.asarray(np.where(self.alike, np.nan, found))

    def _precision(self, k: float) -> Floats:
        """Share of the first k, or of all where there are fewer, that are relevant; of ties as many as on average."""
        among = self._place < k
        found = self._over(np.add, among * self._of_tie(self._relevant))
        return np.asarray(found / np.minimum(self._sizes, k))

    def _ndcg(self, k: int | None) -> Floats:
        discount = 1 / np.log2(self._place + 2.0)
        if k is not None:
            discount[self._place >= k] = 0.0
        ideal = self._gains[np.lexsort((-self._gains, self._list))]
        best = self._over(np.add, ideal * discount)
        found = self._over(np.add, self._of_tie(self._gains) * discount)
        return np.divide(found, best, out=np.full(self.count, np.nan), where=best > 0)

    def _average_precision(self) -> Floats:
        """Mean over relevant items of the share of relevant ones among those with their score or more."""
        upto = np.cumsum(self._relevant)
        before = (upto - self._relevant)[self._starts][self._list]
        last = np.flatnonzero(np.diff(np.append(self._tie, -1)))  # of each tie
        share = (upto[last][self._tie] - before) / self._rank
        many = self._over(np.add, self._relevant)
        found = self._over(np.add, share * self._relevant)
        return np.divide(found, many, out=np.full(self.count, np.nan), where=many > 0)

    def _of_tie(self, values: Floats) -> Floats:
        """Mean of the items with the same score."""
        return np.asarray((np.bincount(self._tie, values, minlength=len(self._many)) / self._many)[self._tie])

    def _over(self, what: np.ufunc, values: Floats) -> Floats:
        """Of each list."""
        return np.asarray(what.reduceat(values, self._starts)) if self.count else np.empty(0)


def _starts(*columns: npt.NDArray[np.generic]) -> Ints:
    """Where a run of rows that are equal in all columns begins."""
    if not len(columns[0]):
        return np.empty(0, np.int64)
    moved = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.append(0, np.flatnonzero(moved) + 1)
