"""Arrivals: how long labels had waited that came in each slide, so that onsets are those of predictions.

What labels show is looked for in the order in which they come, and it begins there later than it did: by as long as
labels wait. An onset found there is moved back by what the labels of its slide had waited, so that it can be told
together with what was found in the records themselves: by the mean less a standard deviation, since of labels that
come sooner and later the soon ones show it first, and data from before the change are not to be trained on. Less than
a slide is not told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

from operators.decisions.outputs import SignalChange
from operators.labels.join_rows import Labelled
from schemas.cloudevents import milliseconds, timestamp
from schemas.events import SignalEvidence

SLIDES = 64  # that an onset is looked for in: as many as a window of performance has
KEPT = SLIDES + 2  # what ends with a slide may be told when labels of a later one are there already

Ints = npt.NDArray[np.int64]


class Arrivals(msgspec.Struct, array_like=True):
    """Of one key; empty where labels come at once."""

    # int64 (slides, 5), oldest first: end, labels, how long these had waited, together; and that in whole slides, and
    # the sum of its squares
    slides: bytes = b""
    moved_ms: dict[str, int] = {}  # by open signal: by how much its onset was moved
    pane_ms: int = 0  # end of the newest pane that was taken

    def came(self, found: Labelled, pane_ms: int, slide_ms: int) -> None:
        """Take the labels of a pane, once."""
        if pane_ms <= self.pane_ms:
            return
        waits_ms = np.maximum(found.labels_ms - found.times_ms, 0)
        waited_ms, whole = int(waits_ms.sum()), waits_ms // slide_ms
        if not self.slides and waited_ms < slide_ms * len(found.times_ms):
            return
        self.pane_ms = pane_ms
        sums = len(whole), waited_ms, int(whole.sum()), int((whole**2).sum())
        slides, row = self._slides(), (-(-pane_ms // slide_ms) * slide_ms, *sums)
        if len(slides) and slides[-1, 0] == row[0]:
            slides[-1, 1:] += row[1:]
        else:
            slides = np.vstack([slides, np.array([row], np.int64)])
        self.slides = slides[-KEPT:].tobytes()

    def told(self, changes: Iterable[SignalChange], slide_ms: int) -> list[SignalChange]:
        """What has changed, by when it was predicted; what was told of a signal stays until it is over."""
        return [self._moved(change, slide_ms) for change in changes]

    def _moved(self, change: SignalChange, slide_ms: int) -> SignalChange:
        signal = change.evidence.signal
        if change.state == "opened":
            waited_ms = self._waited_ms(change, slide_ms)
            if waited_ms >= slide_ms:
                self.moved_ms[signal] = waited_ms
        by_ms = self.moved_ms.get(signal, 0)
        if change.state == "recovered":
            self.moved_ms.pop(signal, None)
        if not by_ms:
            return change
        return msgspec.structs.replace(
            change, onset_ms=change.onset_ms - by_ms, evidence=_evidence(change.evidence, by_ms)
        )

    def _waited_ms(self, change: SignalChange, slide_ms: int) -> int:
        """How long the labels had waited that came in the slide of an onset, or in the next with some, until told."""
        slides = self._slides()
        slides = slides[slides[:, 0] - slide_ms < change.time_ms][-SLIDES:]
        since = slides[slides[:, 0] > change.onset_ms]
        if not len(since):
            return 0
        _, labels, waited_ms, whole, squares = since[0].tolist()
        spread_ms = slide_ms * math.isqrt(labels * squares - whole**2) // labels
        return max(int(waited_ms // labels - spread_ms), 0)

    def _slides(self) -> Ints:
        return np.frombuffer(self.slides, np.int64).reshape(-1, 5).copy()


def _evidence(evidence: SignalEvidence, by_ms: int) -> SignalEvidence:
    def earlier(time: str | None) -> str | None:
        return None if time is None else timestamp(milliseconds(time) - by_ms)

    return msgspec.structs.replace(
        evidence,
        onset=earlier(evidence.onset),
        onset_from=earlier(evidence.onset_from),
        onset_to=earlier(evidence.onset_to),
    )
