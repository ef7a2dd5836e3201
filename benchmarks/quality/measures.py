"""Measures: from the positions of alarms to false episodes, drifts found, delays and the mean time ratio.

Alarms within one window of the first of them are one episode, for every contender. A drift is found by the first
episode that begins in it within its stream's horizon. An episode that begins where there is no drift is false.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from math import exp
from statistics import median

from scipy.stats import chi2

from benchmarks.quality.streams import Stream


@dataclass(frozen=True)
class Alarms:
    """What a contender said of a stream."""

    positions: tuple[int, ...]  # values seen when it alarmed, ascending, all columns together
    onsets: tuple[int, ...] | None = None  # of each alarm, where the contender says when the change began
    seconds: float = 0.0  # processor time
    values: int = 0  # values that it took them for, all columns, reference included where it was fed


@dataclass
class Score:
    """What alarms on some streams come to."""

    streams: int = 0
    quiet: int = 0  # values without drift
    false: int = 0
    drifts: int = 0
    hunted: int = 0  # values in which the drifts were to be found
    delays: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)  # of onsets
    seconds: float = 0.0
    values: int = 0

    def add(self, other: Score) -> None:
        """Take the streams of another in."""
        for field_ in fields(self):
            mine, theirs = getattr(self, field_.name), getattr(other, field_.name)
            setattr(self, field_.name, mine + theirs)

    @property
    def found(self) -> float | None:
        """Share of the drifts that was found."""
        return len(self.delays) / self.drifts if self.drifts else None

    @property
    def chance(self) -> float | None:
        """Share that would be found if episodes began as often as where there is no drift: nothing is seen then."""
        if not self.drifts or not self.quiet:
            return None
        return 1.0 - exp(-self.false / self.quiet * self.hunted / self.drifts)

    @property
    def delay(self) -> float | None:
        """Values from a drift to its first alarm, median of those found."""
        return float(median(self.delays)) if self.delays else None

    @property
    def onset_error(self) -> float | None:
        """How far off the told onset is, in values, median."""
        return float(median(map(abs, self.errors))) if self.errors else None

    @property
    def mtr(self) -> float | None:
        """Mean time ratio: MTFA / MTD x (1 - MDR); at least this much where there was no false episode.

        Bifet et al. (2013), "CD-MOA: change detection framework for massive online analysis", IDA.
        """
        if not self.drifts or not self.quiet:
            return None
        if not self.delays:
            return 0.0
        between = self.quiet / max(self.false, 1)
        return between / (sum(self.delays) / len(self.delays)) * len(self.delays) / self.drifts

    @property
    def cost(self) -> float | None:
        """Processor time a value, in microseconds."""
        return self.seconds / self.values * 1e6 if self.values else None

    def false_in(self, period: int) -> tuple[float, float, float]:
        """False episodes in so many values, and the 95 % interval of a Poisson number."""
        low, high = poisson_interval(self.false)
        return tuple(bound * period / max(self.quiet, 1) for bound in (self.false, low, high))  # type: ignore[return-value]


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson number (Garwood 1936).

    >>> [round(bound, 2) for bound in poisson_interval(10)]
    [4.8, 18.39]
    """
    tail = (1 - level) / 2
    low = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(1 - tail, 2 * count + 2) / 2)


def episodes(positions: Iterable[int], window: int) -> list[int]:
    """Where in the ascending positions episodes begin: indices of their first alarms.

    >>> episodes([5, 90, 105, 106, 300], 100)
    [0, 3, 4]
    """
    found: list[int] = []
    first: int | None = None
    for index, position in enumerate(positions):
        if first is None or position - first > window:
            found.append(index)
            first = position
    return found


def score(pairs: Sequence[tuple[Stream, Alarms]]) -> Score:
    """Judge alarms by the truth."""
    total = Score()
    for stream, alarms in pairs:
        total.streams += 1
        total.seconds += alarms.seconds
        total.values += alarms.values
        if not stream.judged:
            continue
        begins = episodes(alarms.positions, stream.window)
        total.quiet += _quiet(stream)
        total.false += sum(not _in_drift(stream, alarms.positions[index]) for index in begins)
        for truth in stream.truths:
            total.drifts += 1
            last = min(truth.start + stream.horizon, truth.end)
            total.hunted += last - truth.start
            hit = next((index for index in begins if truth.start < alarms.positions[index] <= last), None)
            if hit is not None:
                total.delays.append(alarms.positions[hit] - truth.start)
                if alarms.onsets is not None:
                    total.errors.append(alarms.onsets[hit] - truth.start)
    return total


def _in_drift(stream: Stream, position: int) -> bool:
    return any(truth.start < position <= truth.end + stream.prolonged for truth in stream.truths)


def _quiet(stream: Stream) -> int:
    """Values in which an alarm is false."""
    quiet, first = 0, 0
    for truth in stream.truths:
        quiet += max(truth.start - first, 0)
        first = max(first, truth.end + stream.prolonged)
    return quiet + max(len(stream.values) - first, 0)
