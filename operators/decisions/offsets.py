"""Offsets: where in a topic the records of a slide stand, and which have labels, for models that ask for retraining."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from operators.decisions.outputs import LabelsCame, Places
from operators.encoding.entries import Batch, Place

Ints = npt.NDArray[np.int64]
SlideOffsets = dict[int, dict[int, tuple[int, int]]]  # by end of slide and partition: the first, one more than the last


def widen(known: SlideOffsets, times_ms: Ints, rows: Ints, place: Place, slide_ms: int) -> None:
    """Widen what is known so that it holds some records of a batch as well.

    Parameters
    ----------
    known
        Changed in place.
    times_ms : int64, shape (records,)
        Event times of the records, at least one.
    rows : int64, shape (records,)
        Their positions in the batch.
    place
        Where the batch's records stand: partitions and offsets of a topic.
    slide_ms
        Length of slides.

    Examples
    --------
    >>> known = {}
    >>> place = Place(topic="t", partitions=[0, 0, 1], offsets=[7, 9, 3])
    >>> widen(known, np.array([5, 12, 13]), np.arange(3), place, 10)
    >>> known
    {10: {0: (7, 8)}, 20: {0: (9, 10), 1: (3, 4)}}
    """
    partitions = np.asarray(place.partitions, np.int64)[rows]
    offsets = np.asarray(place.offsets, np.int64)[rows]
    ends = times_ms - times_ms % slide_ms + slide_ms
    order = np.lexsort((offsets, partitions, ends))
    ends, partitions, offsets = ends[order], partitions[order], offsets[order]
    starts = np.flatnonzero(np.append(True, (ends[1:] != ends[:-1]) | (partitions[1:] != partitions[:-1])))
    lasts = np.append(starts[1:], len(order)) - 1
    found = (ends[starts], partitions[starts], offsets[starts], offsets[lasts])
    for end_ms, partition, first, last in zip(*(column.tolist() for column in found), strict=True):
        start, end = known.setdefault(end_ms, {}).get(partition, (first, last + 1))
        known[end_ms][partition] = min(start, first), max(end, last + 1)


def count_labelled(known: dict[int, int], times_ms: Ints, slide_ms: int) -> None:
    """Count records with labels of their own by the ends of their slides.

    >>> known = {10: 1}
    >>> count_labelled(known, np.array([5, 9, 10]), 10)
    >>> known
    {10: 3, 20: 1}
    """
    ends, counts = np.unique(times_ms - times_ms % slide_ms + slide_ms, return_counts=True)
    for end_ms, count in zip(ends.tolist(), counts.tolist(), strict=True):
        known[end_ms] = known.get(end_ms, 0) + count


def told(batch: Batch, topic: str | None) -> Iterator[tuple[str, Places | LabelsCame]]:
    """What the policies of models are told of a batch from a topic, or from files."""
    for model, slides in batch.offsets.items():
        for end_ms, partitions in slides.items():
            yield model, Places(time_ms=end_ms, topic=str(topic), offsets=partitions)
    for model, labelled in batch.labelled.items():
        for end_ms, count in labelled.items():
            yield model, LabelsCame(time_ms=end_ms, predicted={end_ms: count})
