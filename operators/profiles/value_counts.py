"""Counts of a column's distinct numbers in bounded memory, the same whatever their order and their pieces.

As long as the distinct values are few enough they are counted as they are. Beyond that, values that agree in all
but their last bits are counted together, and with as many bits as it takes: numbers are put in order as integers
(sign and magnitude of a float's bits), and a cell is such an integer without its last `level` bits. The level
follows from the set of values alone, so the result does not depend on the way to it; borders between cells are
exact, and so are all counts between them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COARSEST = 52  # bits left out at most: what remains of a float are its sign and exponent, 4,096 cells
_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_LARGEST = np.finfo(np.float64).max


class ValueCounts:
    """Counts of numbers.

    Parameters
    ----------
    limit : int, >= 4096
        Most cells. About 24 bytes each are needed.

    Examples
    --------
    >>> counts = ValueCounts(4096)
    >>> counts.add(np.array([2.0, 1.0, 2.0]))
    >>> counts.cells()
    (array([1., 2.]), array([1, 2]))
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._level = 0
        self._cells = np.empty(0, np.int64)
        self._counts = np.empty(0, np.int64)
        self._waiting: list[Floats] = []
        self._waits = 0
        self._min, self._max = np.inf, -np.inf

    def add(self, values: Floats) -> None:
        """Count finite values."""
        if not len(values):
            return
        # The sum makes 0.0 of -0.0: which of them came first must not show.
        self._min, self._max = min(self._min, float(values.min()) + 0.0), max(self._max, float(values.max()) + 0.0)
        # Sorting in ever larger pieces: as many values wait as there are cells, so each is moved a few times only.
        self._waiting.append(values)
        self._waits += len(values)
        if self._waits >= min(max(len(self._cells), 1 << 16), self._limit):
            self._settle()

    def cells(self) -> tuple[Floats, Ints]:
        """Lowest value of each cell, ascending, and its count. Without `merged` cells are the values themselves."""
        self._settle()
        return _lowest(self._cells, self._level), self._counts

    def middles(self) -> Floats:
        """A value for each cell that no value of it is far from: itself, or the middle of the cell."""
        self._settle()
        lowest = _lowest(self._cells, self._level)
        if not self._level:
            return lowest
        highest = np.minimum(_lowest(self._cells + 1, self._level), _LARGEST)
        return np.clip(lowest / 2 + highest / 2, self._min, self._max)

    @property
    def merged(self) -> bool:
        """There were more distinct values than cells."""
        self._settle()
        return self._level > 0

    @property
    def extremes(self) -> tuple[float, float]:
        """Smallest and largest value; infinities of the other sign where there is none."""
        return self._min, self._max

    def _settle(self) -> None:
        if not self._waiting:
            return
        fresh = _ordered(np.concatenate(self._waiting)) >> self._level
        self._waiting, self._waits = [], 0
        fresh.sort()
        cells, counts = _counted(fresh, np.ones(len(fresh), np.int64))
        cells, counts = np.concatenate([self._cells, cells]), np.concatenate([self._counts, counts])
        order = np.argsort(cells, kind="stable")  # two sorted runs: a merge
        self._cells, self._counts = _counted(cells[order], counts[order])
        while len(self._cells) > self._limit and self._level < COARSEST:
            self._level += 1
            self._cells, self._counts = _counted(self._cells >> 1, self._counts)


def _ordered(values: Floats) -> Ints:
    """Integers in the order of the values."""
    bits = (values + 0.0).view(np.int64)  # the sum makes 0.0 of -0.0
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits)


def _lowest(cells: Ints, level: int) -> Floats:
    ordered = cells << level
    return np.where(ordered < 0, ordered ^ _MAGNITUDE, ordered).view(np.float64)


def _counted(cells: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Sum the counts of equal cells that stand side by side."""
    if not len(cells):
        return cells, counts
    first = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
    return cells[first], np.add.reduceat(counts, first)
