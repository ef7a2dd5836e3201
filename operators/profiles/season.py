"""Season: which part of a period a time is in, by the clocks of a time zone, and which spans are left out.

Periods are counted from Monday, 5 January 1970, 00:00 by the clocks of the time zone: with the usual week of 168 parts
the first one is Monday's first hour, all the year round. When clocks go forward a part is left out or short, when
they go back one comes twice or lasts longer.
"""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from config.plan import SeasonPlan

MONDAY_MS = 4 * 86_400_000  # after 1970 began
QUARTER_MS = 900_000  # clocks change at full quarters of an hour
LAST_MS = 253_370_764_800_000  # in the year 9999, beyond which there are no clocks; before 1970 they are those of 1970
MIDDLES = 12  # times of a slide, for each bin it may touch, by which it is shared out
REMEMBERED = 10_000  # slides whose bins are kept

Ints = npt.NDArray[np.int64]


class Calendar:
    """The bins of a season.

    Examples
    --------
    In Berlin the clocks went forward in the night of Sunday, 29 March 2026: 01:59 is followed by 03:00.

    >>> week = Calendar(SeasonPlan(period_ms=7 * 86_400_000, bins=168, timezone="Europe/Berlin"))
    >>> sunday = int(datetime(2026, 3, 29, tzinfo=timezone.utc).timestamp() * 1000)
    >>> week.bins(sunday + 3_600_000 * np.arange(-1, 3)).tolist()
    [144, 145, 147, 148]
    """

    def __init__(self, plan: SeasonPlan) -> None:
        self.plan = plan
        self._zone = ZoneInfo(plan.timezone)
        self._offsets: dict[int, int] = {}  # by quarter of an hour since 1970
        self._shares: dict[tuple[int, int], tuple[tuple[int, float], ...]] = {}

    def bins(self, times_ms: Ints) -> Ints:
        """The bin of each time, event time in ms."""
        plan = self.plan
        return np.asarray((self._local_ms(times_ms) % plan.period_ms) * plan.bins // plan.period_ms, np.int64)

    def periods(self, times_ms: Ints) -> Ints:
        """The number of the period of each time."""
        return np.asarray(self._local_ms(times_ms) // self.plan.period_ms, np.int64)

    def _local_ms(self, times_ms: Ints) -> Ints:
        """Since the first Monday, by the clocks."""
        quarters, where = np.unique(np.clip(times_ms, 0, LAST_MS) // QUARTER_MS, return_inverse=True)
        offsets = np.array([self._offset_ms(quarter) for quarter in quarters.tolist()], np.int64)
        return np.asarray(times_ms + offsets[where.reshape(-1)] - MONDAY_MS, np.int64)

    def shares(self, start_ms: int, end_ms: int) -> tuple[tuple[int, float], ...]:
        """The bins that a span of time is in, ascending, and how much of it is in each."""
        key = start_ms, end_ms
        if key not in self._shares:
            if len(self._shares) > REMEMBERED:
                self._shares.clear()
            length = end_ms - start_ms
            parts = MIDDLES * min(self.plan.bins, -(-length * self.plan.bins // self.plan.period_ms))
            middles = start_ms + (2 * np.arange(parts) + 1) * length // (2 * parts)
            bins, counts = np.unique(self.bins(middles), return_counts=True)
            self._shares[key] = tuple(zip(bins.tolist(), (counts / parts).tolist(), strict=True))
        return self._shares[key]

    def ignored(self, times_ms: Ints) -> npt.NDArray[np.bool_]:
        """Which times are in a span that is left out."""
        found = np.zeros(len(times_ms), np.bool_)
        for start_ms, end_ms in self.plan.ignore:
            found |= (times_ms >= start_ms) & (times_ms < end_ms)
        return found

    def ignores(self, start_ms: int, end_ms: int) -> bool:
        """Whether any part of a span of time is left out."""
        return any(start_ms < ignored_end and first < end_ms for first, ignored_end in self.plan.ignore)

    def _offset_ms(self, quarter: int) -> int:
        if quarter not in self._offsets:
            if len(self._offsets) > REMEMBERED:
                self._offsets.clear()
            at = datetime.fromtimestamp(quarter * QUARTER_MS // 1_000, timezone.utc).astimezone(self._zone)
            offset = at.utcoffset()
            assert offset is not None, "a time zone has one"
            self._offsets[quarter] = offset.days * 86_400_000 + offset.seconds * 1_000
        return self._offsets[quarter]
