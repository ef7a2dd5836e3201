"""Two versions over time: how each did on its own labelled records, interval by interval, and on those of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from operators.metrics.paired import FEWEST, Paired
from schemas.cloudevents import significant, timestamp

Floats = npt.NDArray[np.float64]


class Interval(msgspec.Struct, frozen=True):
    """What both came to on records that were predicted in an interval."""

    start: str
    old_records: int  # with a label, whether the other has predicted them or not
    old: float | None  # the measure; null where it has too few of them
    new_records: int
    new: float | None
    both: Paired | None  # on the records that both have predicted; null where these are too few


def intervals(
    old: Mapping[str, tuple[int, float]],
    new: Mapping[str, tuple[int, float]],
    every_ms: int,
    fewest: int,
    judge: Callable[[Floats, Floats], Paired],
) -> tuple[Interval, ...]:
    """Cut records into intervals by when they were predicted.

    Parameters
    ----------
    old, new
        By id of a labelled record when it was predicted, and what that was worth: 1 or 0 for right or wrong, or the
        loss.
    every_ms
        How long an interval is; they begin at multiples of it since 1970.
    fewest
        Records with fewer of which nothing is told.
    judge
        Compares both on the same records.
    """
    cut = [_cut(those, every_ms) for those in (old, new)]
    found = []
    for start in sorted(cut[0].keys() | cut[1].keys()):
        before, after = (those.get(start, {}) for those in cut)
        shared = sorted(before.keys() & after.keys())
        pairs = np.array([[before[id], after[id]] for id in shared]).reshape(-1, 2)
        found.append(
            Interval(
                start=timestamp(start * every_ms),
                old_records=len(before),
                old=_mean(before, fewest),
                new_records=len(after),
                new=_mean(after, fewest),
                both=judge(pairs[:, 0], pairs[:, 1]) if len(shared) >= max(fewest, FEWEST) else None,
            )
        )
    return tuple(found)


def _cut(those: Mapping[str, tuple[int, float]], every_ms: int) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for id, (time_ms, worth) in those.items():
        found.setdefault(time_ms // every_ms, {})[id] = worth
    return found


def _mean(worth: Mapping[str, float], fewest: int) -> float | None:
    values = sorted(worth.values())  # so that the sum does not depend on the order of records
    return significant(float(np.mean(values))) if len(values) >= max(fewest, 1) else None
