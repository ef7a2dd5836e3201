"""The time before a window, as what it is compared with: both are samples of the stream, coded by the same profile."""

from __future__ import annotations

import copy
from dataclasses import replace

import msgspec
import numpy as np

from operators.encoding.codes import UNSEEN
from operators.monitoring.detection import Detection
from operators.monitoring.window_tests import recounted
from operators.profiles.segment_references import recounted_signal
from operators.relations import correlations
from operators.sketches import sketch
from operators.sketches.sketch import Ring
from operators.statistics.wasserstein import bin_places
from schemas.cloudevents import timestamp
from schemas.events import Span
from schemas.profile import NumericSignal, Signal


def before(detection: Detection, ring: Ring, start_ms: int) -> tuple[Detection, Span] | None:
    """The same detectors against the span before a window, and which that is; None: it has too few records.

    Parameters
    ----------
    detection
        Of the key, against the profile.
    ring
        Its slides.
    start_ms
        Of the window.
    """
    window = detection.signals.model.window
    slides = ring.before(start_ms, window.previous_ms, window.grow_to_ms, window.min_count)
    if not slides or sum(slide.records for slide in slides) < window.min_count:
        return None
    first_ms = min(start_ms - window.previous_ms, slides[0].start_ms(window.slide_ms))
    numeric = len(detection.signals.numeric)
    counts = sketch.count(slides, len(detection.signals.names))
    found = _against(detection, counts, sketch.sums(slides, numeric))
    if detection.quality is not None:
        found.quality = detection.quality.of_span(counts, np.array(sketch.outside(slides), np.int64))
    if detection.relations is not None:
        sums = correlations.unpack(correlations.added([slide.relations for slide in slides]))
        found.relations = detection.relations.of_span(sums)
    return found, Span(start=timestamp(first_ms), end=timestamp(start_ms))


def _against(detection: Detection, counts: sketch.Counts, sums: sketch.Counts) -> Detection:
    signals, tables, windowed = detection.signals, detection.tables, detection.windowed
    values = counts * tables.is_value.astype(np.int64)
    many = values[list(signals.numeric)].sum(axis=1)
    moments = np.zeros((len(signals.names), 2))
    moments[list(signals.numeric), 0] = np.nan_to_num(signals.moments.mean(sums, many))
    moments[list(signals.numeric), 1] = np.nan_to_num(signals.moments.sd(sums, many))
    told = tuple(
        _counted(signal, row, *of) for signal, row, of in zip(signals.signals, counts, moments.tolist(), strict=True)
    )
    places = tables.places
    if "wasserstein" in windowed:
        places = np.array([bin_places(signal) for signal in told])
    found = copy.copy(detection)
    found.signals = signals.compared_with(told)
    found.signals.kind = "previous"
    moved = recounted(tables, values.astype(np.float64))
    found.tables = replace(moved, unseen=tables.unseen & (values == 0), places=places, moving=True)
    return found


def _counted(signal: Signal, row: sketch.Counts, mean: float, sd: float) -> Signal:
    found = recounted_signal(signal, row, mean, sd)
    if isinstance(found, NumericSignal):
        return found
    return msgspec.structs.replace(found, count=found.count + int(row[UNSEEN]))
