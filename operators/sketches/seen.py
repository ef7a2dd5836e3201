"""Seen: which of some hashes were there before within a span of time, in bounded memory.

Of more hashes than are remembered a sample is: those below 2^-level of the largest. A hash is in the sample whenever it
comes, so that of the sample's records the share that came again is exact, and an unbiased estimate of that of all, with
the standard error sqrt(p (1 - p) / n) for n records of the sample. Which they are depends on the hashes alone.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_LEVEL = 63

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Seen(msgspec.Struct, array_like=True):
    """Hashes that have been seen, and when last."""

    level: int = 0
    hashes: bytes = b""  # uint64, ascending
    times_ms: bytes = b""  # int64


def sampled(hashes: Hashes, level: int) -> Flags:
    """Which hashes are in the sample of a level: all of level 0, half of them of level 1 and so on."""
    return np.asarray(hashes <= np.uint64(((1 << 64) - 1) >> level), np.bool_)


def look(known: Seen, hashes: Hashes, times_ms: Ints, span_ms: int, most: int) -> tuple[Seen, Flags, Flags]:
    """Look some records up, and remember them.

    Parameters
    ----------
    hashes : uint64, shape (records,)
    times_ms : int64, shape (records,)
        Not before those of earlier calls, but for what one call has.
    span_ms
        How long a hash is remembered.
    most
        How many are, at least 1; for a moment there may be more.

    Returns
    -------
    seen : Seen
    again : bool, shape (records,)
        Which of them are in the sample and came within the span before.
    chosen : bool, shape (records,)
        Which of them are in the sample.

    Examples
    --------
    >>> seen, again, _ = look(Seen(), np.array([7, 5, 7], np.uint64), np.array([0, 1, 2]), 100, 10)
    >>> seen, later, _ = look(seen, np.array([5, 5], np.uint64), np.array([101, 202]), 100, 10)
    >>> again.tolist(), later.tolist()
    ([False, False, True], [True, False])
    """
    before, before_ms = np.frombuffer(known.hashes, np.uint64), np.frombuffer(known.times_ms, np.int64)
    chosen = sampled(hashes, known.level)
    rows = np.flatnonzero(chosen)
    both = np.concatenate([before, hashes[rows]])
    both_ms = np.concatenate([before_ms, times_ms[rows]])
    order = np.lexsort((both_ms, both))
    both, both_ms = both[order], both_ms[order]
    same = both[1:] == both[:-1]
    came = np.zeros(len(both), np.bool_)
    came[order[1:]] = same & (both_ms[1:] - both_ms[:-1] <= span_ms)
    again = np.zeros(len(hashes), np.bool_)
    again[rows] = came[len(before) :]
    newest_ms = int(both_ms.max()) if len(both_ms) else 0
    kept = both_ms > newest_ms - span_ms
    kept[:-1] &= ~same  # of several the last
    both, both_ms, level = both[kept], both_ms[kept], known.level
    while len(both) > most and level < MOST_LEVEL:
        level += 1
        kept = sampled(both, level)
        both, both_ms = both[kept], both_ms[kept]
    if level and level == known.level and len(both) < most // 4:
        level -= 1  # from now on twice as many
    return Seen(level, both.tobytes(), both_ms.tobytes()), again, chosen
