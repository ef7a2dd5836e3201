"""Parts of the stream as references: what a span of it looks like in the place of the profile, coded by the same."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from operators.encoding.codes import UNSEEN
from operators.monitoring.detection import Detection
from operators.profiles.segment_references import recounted_signal
from operators.sketches import sketch
from operators.sketches.sketch import Slide
from schemas.profile import NumericSignal, Signal


def stream_reference(detection: Detection, slides: Sequence[Slide]) -> tuple[sketch.Counts, tuple[Signal, ...]]:
    """What slides have of each signal.

    Returns
    -------
    int64, shape (signals, 256)
        Values by code.
    tuple of Signal
        With these counts, and the moments of the numbers.
    """
    signals = detection.signals
    counts = sketch.count(slides, len(signals.names))
    values = counts * detection.tables.is_value.astype(np.int64)
    numeric = list(signals.numeric)
    sums, many = sketch.sums(slides, len(numeric)), values[numeric].sum(axis=1)
    moments = np.zeros((len(signals.names), 2))
    moments[numeric, 0] = np.nan_to_num(signals.moments.mean(sums, many))
    moments[numeric, 1] = np.nan_to_num(signals.moments.sd(sums, many))
    found = tuple(
        _counted(signal, row, *of) for signal, row, of in zip(signals.signals, counts, moments.tolist(), strict=True)
    )
    return values, found


def _counted(signal: Signal, row: sketch.Counts, mean: float, sd: float) -> Signal:
    found = recounted_signal(signal, row, mean, sd)
    if isinstance(found, NumericSignal):
        return found
    return msgspec.structs.replace(found, count=found.count + int(row[UNSEEN]))
