"""How labels of the reference came: which share of its predictions got one, and how soon, span by span."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import numpy as np
import numpy.typing as npt

from config.durations import duration
from config.plan import LabelsPlan, ModelPlan
from operators.labels.facts import BINS, EDGES, bins_of
from operators.reading.plain_times import NO_TIME
from schemas.profile import LabelDelays, Profile

SPANS = 128  # of a reference: how shares differ from span to span is then known well, and the file grows by some KB
MATURE = 0.8  # of the labels have come when predictions are mature, where nothing is said about it

_UNITS_MS = (86_400_000, 3_600_000, 60_000)

Ints = npt.NDArray[np.int64]


class LabelDelaysBuilder:
    """Takes the predictions of a reference, with the times of their labels."""

    def __init__(self) -> None:
        self._times: list[Ints] = []
        self._bins: list[npt.NDArray[np.int8]] = []
        self._until_ms = NO_TIME

    def add(self, times_ms: Ints, labels_ms: Ints) -> None:
        """Add predictions, and the time of the label of each; NO_TIME where there is none, or it is not known."""
        there = times_ms != NO_TIME
        times_ms, labels_ms = times_ms[there], labels_ms[there]
        labelled = labels_ms != NO_TIME
        bins = np.full(len(times_ms), -1, np.int8)
        bins[labelled] = bins_of(labels_ms[labelled] - times_ms[labelled])
        self._times.append(times_ms)
        self._bins.append(bins)
        self._until_ms = max([self._until_ms, *times_ms.tolist(), *labels_ms[labelled].tolist()])

    def build(self, slide_ms: int) -> LabelDelays | None:
        """What there is to say, by spans of so many slides that there are SPANS at most; None without any delay."""
        if not self._times:
            return None
        times_ms, bins = np.concatenate(self._times), np.concatenate(self._bins)
        if not (bins >= 0).any():
            return None
        start_ms = int(times_ms.min()) // slide_ms * slide_ms
        length_ms = -(-(int(times_ms.max()) - start_ms + 1) // (slide_ms * SPANS)) * slide_ms
        span = (times_ms - start_ms) // length_ms
        table = np.zeros((int(span.max()) + 1, BINS), np.int64)
        np.add.at(table, (span[bins >= 0], bins[bins >= 0]), 1)
        most = int(np.flatnonzero(table.any(axis=0))[-1]) + 1
        return LabelDelays(
            start_ms=start_ms,
            slide_ms=length_ms,
            until_ms=self._until_ms,
            predictions=tuple(np.bincount(span).tolist()),
            delays=tuple(map(tuple, table[:, :most].tolist())),
        )


def delay_ms(known: LabelDelays, share: float, pane_ms: int = 1_000) -> int:
    """The delay by which a share of the labels had come, rounded up by a quarter at most, in whole panes.

    >>> delays = LabelDelays(start_ms=0, slide_ms=1, until_ms=9, predictions=(9,), delays=((*[0] * 47, 7, 0, 3),))
    >>> [delay_ms(delays, share) // 1_000 for share in (0.5, 0.8)]
    [3480, 4920]
    """
    counts = np.cumsum(np.array(known.delays, np.int64).sum(axis=0))
    found = int(EDGES[min(int(np.searchsorted(counts, share * counts[-1])), BINS - 2)])
    unit = next((unit for unit in _UNITS_MS if found >= 10 * unit and unit % pane_ms == 0), pane_ms)
    return -(-found // unit) * unit


def with_mature(model: ModelPlan, profiles: Collection[Profile], pane_ms: int) -> ModelPlan:
    """The model with `mature` as its profiles say, the longest of them, where its configuration says nothing."""
    labels = model.labels
    if not isinstance(labels, LabelsPlan) or labels.mature_given or labels.settles:
        return model
    known = [delay_ms(one.labels, MATURE, pane_ms) for one in profiles if isinstance(one.labels, LabelDelays)]
    most_ms = labels.within_ms // pane_ms * pane_ms
    found = msgspec.structs.replace(labels, mature_ms=min(max(known, default=0), most_ms))
    return msgspec.structs.replace(model, labels=found)


def delays_text(known: LabelDelays) -> str:
    """In words.

    >>> delays_text(LabelDelays(start_ms=0, slide_ms=1, until_ms=9, predictions=(12,), delays=((7, 0, 2),)))
    '9 labels of 12 predictions, half of them within 1 s, 80% within 2 s'
    """
    labels, predictions = int(np.array(known.delays).sum()), sum(known.predictions)
    half, most = (duration(delay_ms(known, share)) for share in (0.5, MATURE))
    return f"{labels:,} labels of {predictions:,} predictions, half of them within {half}, {MATURE:.0%} within {most}"
