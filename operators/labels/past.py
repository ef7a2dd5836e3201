"""What labelled shares and delays are compared with: the stream's own past, or how labels of the reference came."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from operators.labels.facts import EDGES
from operators.monitoring.evaluation import STILL
from operators.statistics import effects
from operators.statistics.shares import bounds, tails
from schemas.cloudevents import significant
from schemas.events import Effect
from schemas.profile import LabelDelays

SHARE, DELAY = "labels.share", "labels.delay"
LEAST = 24  # slides of the past before a window is judged; with fewer how they differ is not known

Counts = npt.NDArray[np.int64]


class Spread(msgspec.Struct, array_like=True):
    """How much a share differs from slide to slide: sums over slides of k, n and k k / n."""

    slides: int = 0
    found: int = 0
    records: int = 0
    squares: float = 0.0

    def add(self, found: int, records: int) -> None:
        """Add a slide."""
        if records:
            self.slides, self.found, self.records = self.slides + 1, self.found + found, self.records + records
            self.squares += found * found / records

    @property
    def tau(self) -> float:
        """Variance of shares of slides over that of independent records, and by how much it may be more."""
        share = self.found / max(self.records, 1)
        if self.slides < 2 or not 0 < share < 1:
            return 1.0
        squares = (self.squares - share * self.found) / (share * (1 - share))
        return max(1.0, squares / (self.slides - 1)) * (1 + 2 / math.sqrt(self.slides))


@dataclass(frozen=True)
class Past:
    """What windows are compared with."""

    delays: Counts  # labels by bin
    spreads: dict[str, Spread]  # by signal
    span_ms: tuple[int, int]  # from the begin of its first slide to the end of its last
    profile_id: str = ""  # of the profile that it is of; empty: the stream's own

    @property
    def half(self) -> int:
        """The bin within which half of the labels came."""
        return half_of(self.delays)


@dataclass(frozen=True)
class Judged:
    """A share against that of the past."""

    found: int
    records: int
    then: float  # share
    p_value: float
    threshold: float  # change of the share above which there is an alarm
    effect: Effect

    @property
    def share(self) -> float:
        """Of the window."""
        return self.found / self.records

    @property
    def is_still(self) -> bool:
        """Whether what was found before goes on."""
        return self.p_value < STILL


def of_reference(known: LabelDelays, waits_ms: int, profile_id: str) -> Past | None:
    """How labels of the reference came that came within a time; None where too few slides of it have waited so long."""
    table = np.array([[*delays, *[0] * (len(EDGES) + 1 - len(delays))] for delays in known.delays], np.int64)
    table[:, within_bins(waits_ms) :] = 0
    ends_ms = known.start_ms + known.slide_ms * np.arange(1, len(table) + 1)
    complete = ends_ms + waits_ms <= known.until_ms
    if not complete.any():
        return None
    table, predictions = table[complete], np.array(known.predictions, np.int64)[complete]
    delays = table.sum(axis=0)
    found = Past(delays, {SHARE: Spread(), DELAY: Spread()}, (known.start_ms, int(ends_ms[complete][-1])), profile_id)
    for labels, records in zip(table, predictions.tolist(), strict=True):
        found.spreads[SHARE].add(int(labels.sum()), records)
        found.spreads[DELAY].add(int(labels[found.half + 1 :].sum()), int(labels.sum()))
    return found if found.spreads[SHARE].slides >= LEAST else None


def within_bins(waits_ms: int) -> int:
    """How many bins of delays there are up to a time."""
    return int(np.searchsorted(EDGES, waits_ms)) + 1


def half_of(labels: Counts) -> int:
    """The bin within which half of some labels came."""
    counts = np.cumsum(labels)
    return int(np.searchsorted(counts, counts[-1] / 2))


def judged(past: Spread, found: int, records: int, level: float) -> Judged | None:
    """A share against that of the past; None where too little is known."""
    if past.slides < LEAST:
        return None
    tau = past.tau
    one = tuple(np.array([float(value)]) for value in (found, records, past.found, past.records, tau))
    rise, fall = (float(tail[0]) for tail in tails(*one))  # type: ignore[arg-type]
    most, least = (int(bound[0]) for bound in bounds(one[1], one[2], one[3], one[4], np.array([level / 2])))
    then, now = past.found / past.records, found / records
    h = 2 * (math.asin(math.sqrt(now)) - math.asin(math.sqrt(then)))
    size = math.sqrt(max(0.0, h * h - tau * (1 / records + 1 / past.records)))
    return Judged(
        found,
        records,
        then,
        min(1.0, 2 * min(rise, fall)),
        max(most / records - then if now >= then else then - least / records, 0.0),
        Effect(size=significant(size), level=effects.level_of(size), direction="up" if now >= then else "down"),
    )
