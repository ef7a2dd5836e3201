"""Runs: for how long values in the order of time are one and the same, and how unusual that is.

If R runs of the reference had a longest of L values, their lengths fall off as exp(-h n) with h = ln R / L, for then
one in R is as long as L. As a longest run varies, L is taken to be 3 / ln R longer. And however runs fall off, n
independent values of the reference's shares p are all equal with sum p^n: the larger of both chances counts. What the
reference had itself is no news. Its runs are those of bins, longer than those of its values. Where more records come
than did, runs have more of them and last no longer: where times are known, they are held against each other as well.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.encoding.codes import ABSENT
from operators.quality.signals import FEATURE, QUALITY

Floats = NDArray[np.float64]


def frozen_name(signal: str, signals: Container[str]) -> str:
    """Of the quality signal of a number.

    >>> frozen_name("feature.age", ["feature.age"]), frozen_name("prediction", ["feature.prediction", "prediction"])
    ('quality.frozen.age', 'quality.frozen.model.prediction')
    """
    field = signal.removeprefix(FEATURE)
    return (
        f"{QUALITY}frozen.model.{field}"
        if field == signal and FEATURE + field in signals
        else f"{QUALITY}frozen.{field}"
    )


class Counted(NamedTuple):
    """Runs of a reference."""

    many: int
    longest: int  # values
    values: int  # in all
    lasted_ms: int | None  # the longest, from its first value to its last; None: times are not known


def runs(codes: NDArray[np.uint8], times_ms: NDArray[np.int64] | None = None) -> Counted:
    """Runs of codes in the order of time.

    >>> runs(np.array([3, 3, 7, 255, 7, 7, 1], np.uint8), np.array([0, 90, 100, 110, 120, 130, 140]))
    Counted(many=3, longest=3, values=6, lasted_ms=90)
    """
    there = codes < ABSENT
    values = codes[there]
    if not len(values):
        return Counted(0, 0, 0, None)
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    lengths = np.diff(ends, prepend=-1)
    lasted_ms = None
    if times_ms is not None:
        times = times_ms[there]
        lasted_ms = int((times[ends] - times[ends - lengths + 1]).max())
    return Counted(len(lengths), int(lengths.max()), len(values), lasted_ms)


class Runs:
    """How long runs of a signal's values are in its reference.

    Parameters
    ----------
    many, longest
        Of `runs`.
    counts
        Values of the reference by code.
    lasted_ms
        Of `runs`.
    """

    def __init__(self, many: int, longest: int, counts: Floats, lasted_ms: int | None = None) -> None:
        self._lasted_ms = lasted_ms or None  # runs of single values last no time, which says nothing of longer ones
        logarithm = math.log(max(many, 2))
        self._longest, self._fall = longest, logarithm / (1 + 3 / logarithm)
        self._shares = counts[counts > 0] / max(float(counts.sum()), 1.0)

    @property
    def varied(self) -> bool:
        """Whether the reference has more than one value; else to be still is as it should be."""
        return len(self._shares) > 1

    def chance(self, values: int, lasted_ms: int | None = None) -> float:
        """Of so many values in a row that are all one, or, if it is larger, of so long a time."""
        if values <= self._longest:
            return 1.0
        chance = max(math.exp(-self._fall * values / self._longest), float((self._shares**values).sum()))
        if lasted_ms is None or self._lasted_ms is None:
            return chance
        return max(chance, math.exp(-self._fall * lasted_ms / self._lasted_ms) if lasted_ms > self._lasted_ms else 1.0)

    def bound(self, level: float) -> int:
        """The least number of values in a row whose chance is below a level.

        >>> Runs(5_000, 12, np.array([500.0, 500.0])).bound(1e-6)
        27
        """
        low, high = 0, 1  # invariant: low is not enough
        while self.chance(high) >= level:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.chance(middle) >= level else (low, middle)
        return high
