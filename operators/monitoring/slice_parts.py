"""Slice parts: the slices that a feature makes of records, and which slices of one or two only repeat others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES, MISSING, OTHER, UNSEEN
from operators.statistics.ranks import rank_table, reference_counts
from schemas.profile import NumericSignal, Signal

FIFTHS = 5  # parts of a continuous number
VALUES = 10  # of a feature that are slices of their own; more are parts, or `other`
TOLD = 10  # slices, the most changed
BETTER = 1.25  # times as large a change as a slice that it lies in has: else it only repeats that one

Ints = npt.NDArray[np.int64]
Parts = tuple[tuple[int, int], ...]  # of a slice the position of each feature, and the number of its part
One = TypeVar("One")


class Part(msgspec.Struct, frozen=True):
    """Slices of one feature."""

    position: int
    names: tuple[str, ...]
    of: Ints  # (256,) number of the slice of each code, -1: none


def part_of(signal: Signal, position: int, values: int = VALUES, parts: int = FIFTHS) -> Part:
    """Slices of a feature: values, categories or parts of equal size, and records without a value.

    Parameters
    ----------
    signal
        The feature in the profile.
    position
        Of the signal among those that are coded.
    values
        The most frequent categories, or values of a discrete number, that are slices of their own.
    parts
        Into which other numbers are cut.
    """
    of = np.full(CODES, -1, np.int64)
    names: list[str] = []
    counts = reference_counts(signal)
    if isinstance(signal, NumericSignal):
        known = np.flatnonzero(counts)
        if signal.discrete and len(known) <= values:
            for code in known.tolist():
                of[code] = len(names)
                names.append(f"{signal.edges[code - 1]:g}")
        elif len(known) > 1:
            numbers = np.minimum(parts * np.nan_to_num(rank_table(signal)), parts - 1).astype(np.int64)
            bins = len(signal.counts)
            firsts = np.flatnonzero(np.diff(numbers[:bins], prepend=-1))
            for number, first in enumerate(firsts.tolist()):
                last = int(firsts[number + 1]) if number + 1 < len(firsts) else bins
                of[first:last] = number
                low = "" if first == 0 else f"{signal.edges[first - 1]:.4g}"
                high = "" if last == bins else f"{signal.edges[last - 1]:.4g}"
                names.append(f"{low} to {high}" if low and high else f"below {high}" if high else f"from {low}")
    else:
        for code, (name, _) in enumerate(signal.categories[:values]):
            of[code] = len(names)
            names.append(name)
        if len(signal.categories) > values or signal.rest:
            of[values : len(signal.categories)] = of[[OTHER, UNSEEN]] = len(names)
            names.append("(other)")
    if signal.missing:
        of[MISSING] = len(names)
        names.append("(missing)")
    return Part(position, tuple(names), of)


def distinct(
    found: Sequence[tuple[float, One]], parts_of: Callable[[One], Parts], told: int = TOLD
) -> Iterator[tuple[float, One]]:
    """The largest, without those that only repeat what one of them says: it lies in the other, or the other in it.

    Parameters
    ----------
    found
        Slices with how much each has changed; what is not above 0 is left out.
    parts_of
        What a slice is made of; all records have no part.
    told
        So many at most.
    """
    kept: list[tuple[float, set[tuple[int, int]]]] = []
    sizes = {frozenset(parts_of(one)): size for size, one in found}
    for size, one in sorted(found, key=lambda item: (-item[0], parts_of(item[1]))):
        if size <= 0 or len(kept) == told:
            return
        parts = set(parts_of(one))
        wider = [frozenset(some) for many in range(len(parts)) for some in combinations(parts_of(one), many)]
        if size < BETTER * max((sizes.get(some, 0.0) for some in wider), default=0.0):
            continue
        if any(size < BETTER * other and (parts < others or others < parts) for other, others in kept):
            continue
        kept.append((size, parts))
        yield size, one
