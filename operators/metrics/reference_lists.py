"""Lists of labelled reference data, gathered until all is read: items of a group may come anywhere in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from config.plan import MetricPlan
from operators.metrics.lists import each_of, sums_of
from operators.metrics.outcome_sums import OutcomeSums

MOST = 1 << 22  # items kept, 200 MB with a segment: of more, groups are left out, by their numbers
NUMBERS = 2.0**53  # of groups

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class ReferenceLists:
    """Items with their groups, segments and times.

    Parameters
    ----------
    segments
        Ways of slicing.
    most
        Items that are kept at most.
    """

    def __init__(self, segments: int, most: int = MOST) -> None:
        self._most, self._below = most, NUMBERS
        self._values = np.empty((0, 3))
        self._places = np.empty((0, segments + 1), np.int64)  # codes of segments, time
        self._waiting: list[tuple[Floats, Ints]] = []
        self._waits = self._seen = 0

    def add(self, values: Floats, codes: Sequence[Ints], times_ms: Ints | None) -> None:
        """Take in items: score, number of the group and relevance; codes of segments; times, None: as they come."""
        times = np.arange(self._seen, self._seen + len(values)) if times_ms is None else times_ms
        self._seen += len(values)
        chosen = values[:, 1] < self._below
        self._waiting.append((values[chosen], np.column_stack([*codes, times])[chosen]))
        self._waits += int(chosen.sum())
        if self._waits > self._most // 4:
            self._settle()

    def _settle(self) -> None:
        values, places = zip((self._values, self._places), *self._waiting, strict=True)
        self._values, self._places = np.concatenate(values), np.concatenate(places)
        self._waiting, self._waits = [], 0
        while len(self._values) > self._most:
            self._below /= 2
            chosen = self._values[:, 1] < self._below
            self._values, self._places = self._values[chosen], self._places[chosen]

    def sums(self, metrics: Sequence[MetricPlan]) -> OutcomeSums:
        """What measures need of all lists."""
        self._settle()
        return OutcomeSums.of_lists(sums_of(self._values, metrics))

    def by_segment(self, way: int, metrics: Sequence[MetricPlan]) -> dict[int, OutcomeSums]:
        """Likewise of the items of each segment of one way of slicing, by its code."""
        self._settle()
        order = np.argsort(self._places[:, way], kind="stable")
        codes, starts = np.unique(self._places[order, way], return_index=True)
        parts = np.split(self._values[order], starts[1:])
        return {
            code: OutcomeSums.of_lists(sums_of(part, metrics)) for code, part in zip(codes.tolist(), parts, strict=True)
        }

    def series(self, metric: MetricPlan) -> Floats:
        """A measure of each list for which it is defined, in the order of the times of their first items."""
        self._settle()
        order = np.lexsort((self._places[:, -1], self._values[:, 1]))
        groups, first = np.unique(self._values[order, 1], return_index=True)
        times = self._places[order, -1][first]
        numbers, found = each_of(self._values, metric)
        found = found[np.argsort(times[np.searchsorted(groups, numbers)], kind="stable")]
        return np.asarray(found[~np.isnan(found)])
