"""The earliest records of data in any order, in bounded memory: the stretch in which autocorrelation is looked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLACK = 1.25  # over the limit, before the latest are left out: more memory, less often sorted


class Earliest:
    """Keeps the records with the earliest times, of equal times those that came first.

    Parameters
    ----------
    columns : int
        Values a record.
    limit : int
        Records.

    Examples
    --------
    >>> earliest = Earliest(1, 2)
    >>> earliest.add(np.array([30, 10]), np.array([[3.0], [1.0]]))
    >>> earliest.add(np.array([20]), np.array([[2.0]]))
    >>> earliest.records().ravel().tolist()
    [1.0, 2.0]
    """

    def __init__(self, columns: int, limit: int) -> None:
        self._limit = limit
        self._times: list[Ints] = []
        self._rows: list[Floats] = []
        self._columns = columns
        self._held = 0
        self._last: int | None = None  # what is not earlier comes too late

    def wants(self, times: Ints) -> npt.NDArray[np.bool_]:
        """Which records could be among the earliest."""
        return np.ones(len(times), np.bool_) if self._last is None else times < self._last

    def add(self, times: Ints, rows: Floats) -> None:
        """Take in records that are wanted, shape (records, columns)."""
        if not len(times):
            return
        self._times.append(times)
        self._rows.append(rows)
        self._held += len(times)
        if self._held > SLACK * self._limit:
            self._settle()

    def records(self) -> Floats:
        """The records in the order of time."""
        self._settle()
        order = np.argsort(self._times[0], kind="stable")
        return self._rows[0] if bool((order[1:] > order[:-1]).all()) else self._rows[0][order]

    def times(self) -> Ints:
        """Their times, ascending."""
        self._settle()
        return np.sort(self._times[0])

    def _settle(self) -> None:
        times = np.concatenate([np.empty(0, np.int64), *self._times])
        rows = np.empty((0, self._columns)) if not self._rows else np.concatenate(self._rows)
        if len(times) > self._limit:
            kept = np.sort(np.argsort(times, kind="stable")[: self._limit])
            times, rows = times[kept], rows[kept]
            self._last = int(times.max())
        self._times, self._rows, self._held = [times], [rows], len(times)
