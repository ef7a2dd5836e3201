"""Alarms: what a sequential detector found in one call over all signals."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Alarms:
    """Arrays of equal length, one entry an alarm, in order of signal and position.

    >>> alarms = Alarms(*np.array([[3], [110], [11]]), np.array([1], np.int8), np.array([10.5]), np.array([10.0]))
    >>> len(alarms), int(alarms.position[0] - alarms.since[0]) + 1  # the first value of the change
    (1, 100)
    """

    signal: npt.NDArray[np.int64]
    """Row of the values."""

    position: npt.NDArray[np.int64]
    """Column of the value at which the alarm was raised."""

    since: npt.NDArray[np.int64]
    """Values since the change began, the alarm's own included (so at least 1); it may reach back before this call."""

    direction: npt.NDArray[np.int8]
    """+1 where the mean rose, -1 where it fell."""

    statistic: npt.NDArray[np.float64]
    """What was over the threshold: ADWIN, the difference of the means on both sides of the last cut; Page-Hinkley, the
    cumulative deviation."""

    threshold: npt.NDArray[np.float64]
    """What it was compared with, in the same unit."""

    def __len__(self) -> int:
        return len(self.signal)

    def first(self, found: int) -> Alarms:
        """Return copies of the first so many entries: a view would keep all the room alive."""
        return Alarms(
            self.signal[:found].copy(),
            self.position[:found].copy(),
            self.since[:found].copy(),
            self.direction[:found].copy(),
            self.statistic[:found].copy(),
            self.threshold[:found].copy(),
        )


def room(entries: int) -> Alarms:
    """Return uninitialised arrays for a kernel to write alarms into."""
    signal, position, since = np.empty((3, entries), np.int64)
    return Alarms(signal, position, since, np.empty(entries, np.int8), np.empty(entries), np.empty(entries))
