"""Looking ids up in a block of the join: sorted hashes are spread evenly, so where one stands is nearly known.

Interpolation search (Perl, Itai and Avni 1978, doi:10.1145/359545.359557): from the place that a hash would have if
the gaps were equal, and once more by what stands there, in growing steps past it, and then by halves between the last
two. A block of a hundred thousand rows is read at a few places beside each other, where halving all of it would read
seventeen far from each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from operators.jit import kernel
from operators.labels.join_chunks import Hashes, Ints

STRIDE = 8  # hashes of a cache line; the first step past the place


class Found(NamedTuple):
    """Rows of a block and the labels of the same ids."""

    rows: Ints
    labels: Ints


def search(
    hashes: Hashes, times_ms: Ints, ids: Hashes, labels_ms: Ints, within_ms: tuple[int, int], newest_ms: Ints
) -> Found:
    """Find the predictions of ids that their labels came in time for.

    Parameters
    ----------
    hashes : uint64, shape (rows,)
        Of the block, ascending; an id may have several rows. Read-only, as bytes of the state are.
    times_ms : int64, shape (rows,)
        Likewise.
    ids : uint64, shape (labels,)
        Hashes of the labels' ids, each once.
    labels_ms : int64, shape (labels,)
    within_ms
        How much later than a prediction its labels may be, and how much to be given to it.
    newest_ms : int64, shape (labels,)
        Of each id's predictions that the label is not too late for the newest so far; updated in place.

    Returns
    -------
    Found
        Those that labels may be given to, in the order of the labels.

    Examples
    --------
    >>> block = np.frombuffer(np.array([3, 7, 7, 9], np.uint64).tobytes(), "<u8")
    >>> made = np.frombuffer(np.array([0, 10, 90, 50]).tobytes(), "<i8")
    >>> newest = np.full(2, -1)
    >>> search(block, made, np.array([7, 8], np.uint64), np.array([100, 100]), (95, 50), newest)
    Found(rows=array([2]), labels=array([0]))
    >>> newest.tolist()
    [90, -1]
    """
    room = len(ids)
    while True:
        rows, labels = np.empty(room, np.int64), np.empty(room, np.int64)
        count = _search(hashes, times_ms, ids, labels_ms, *within_ms, newest_ms, rows, labels)
        if count <= room:
            return Found(rows[:count], labels[:count])
        room = count  # some ids have several predictions


def warm() -> None:
    """Compile what a worker would wait for."""
    none = np.frombuffer(b"", "<u8"), np.frombuffer(b"", "<i8")
    search(*none, np.zeros(1, np.uint64), np.zeros(1, np.int64), (0, 0), np.zeros(1, np.int64))


@kernel
def _search(hashes, times_ms, ids, labels_ms, within_ms, given_ms, newest_ms, rows, labels):  # type: ignore[no-untyped-def]
    count, size = 0, hashes.shape[0]
    if size == 0:
        return 0
    least, most = hashes[0], hashes[size - 1]
    rows_a_hash = (size - 1) / max(np.float64(most - least), 1.0)
    # By loops of their own: what one label waits for, of rows that are not in the processor's cache, the next need not.
    places = np.full(ids.shape[0], -1, np.int64)
    for label in range(ids.shape[0]):
        if least <= ids[label] <= most:
            places[label] = min(np.int64(np.float64(ids[label] - least) * rows_a_hash), size - 1)
    for label in range(ids.shape[0]):
        at = places[label]
        if at >= 0:
            wanted, there = ids[label], hashes[at]
            if there < wanted:
                places[label] = min(at + np.int64(np.float64(wanted - there) * rows_a_hash), size - 1)
            else:
                places[label] = max(at - np.int64(np.float64(there - wanted) * rows_a_hash), 0)
    for label in range(ids.shape[0]):
        at, wanted = places[label], ids[label]
        if at < 0:
            continue
        # Invariant: rows before `low` are less than wanted, those from `high` on are not.
        stride = np.int64(STRIDE)
        if hashes[at] < wanted:
            low, high = at + 1, at + stride
            while high < size and hashes[high] < wanted:
                low = high + 1
                stride *= 2
                high = low + stride
            high = min(high, size)
        else:
            low, high = at - stride, at
            while low >= 0 and hashes[low] >= wanted:
                high = low
                stride *= 2
                low = high - stride
            low = max(low + 1, 0)
        while low < high:
            middle = (low + high) >> 1
            if hashes[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        while low < size and hashes[low] == wanted:
            delay_ms = labels_ms[label] - times_ms[low]
            if delay_ms <= within_ms:
                newest_ms[label] = max(newest_ms[label], times_ms[low])
            if delay_ms <= given_ms:
                if count < rows.shape[0]:
                    rows[count], labels[count] = low, label
                count += 1
            low += 1
    return count
