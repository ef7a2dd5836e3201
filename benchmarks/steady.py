"""Steady state: what a run costs a record once it is warm, from samples taken while it goes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

WARM = 0.25  # share of the records that is left out: start-up, and the compilers of the JVM and of the kernels


class Sample(msgspec.Struct, frozen=True):
    """How far a run was at a moment."""

    at_s: float
    records: int
    cpu_s: float


class Steady(msgspec.Struct, frozen=True):
    """What a run comes to."""

    records_per_s: float
    cpu_us_per_record: float


def steady(samples: Sequence[Sample], records: int, warm_share: float = WARM) -> Steady | None:
    """Give rate and cost between the first step after the warm part and the last step but one.

    Progress comes in steps of a batch, so only the moments of steps say how long a number of records took. The last
    batch is not full and waits until its time is up.

    Parameters
    ----------
    samples
        In the order of time.
    records
        How many there are in all.
    warm_share
        Share of them that is left out.

    Returns
    -------
    Steady, optional
        None where there are not three steps after the warm part.

    Examples
    --------
    >>> run = [Sample(t, n, 2.0 * t) for t, n in [(1, 0), (2, 100), (3, 100), (4, 300), (9, 400), (10, 400)]]
    >>> steady(run, 400)
    Steady(records_per_s=100.0, cpu_us_per_record=20000.0)
    """
    steps = [now for before, now in pairwise(samples) if now.records > before.records]
    warm = [step for step in steps if step.records >= warm_share * records]
    if len(warm) < 3:
        return None
    first, last = warm[0], warm[-2]
    done = last.records - first.records
    return Steady(done / (last.at_s - first.at_s), (last.cpu_s - first.cpu_s) / done * 1e6)
