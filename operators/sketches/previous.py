"""The time before a window, as what it is compared with: both are samples of the stream, coded by the same profile."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from operators.monitoring.detection import Detection
from operators.monitoring.window_tests import recounted
from operators.relations import correlations
from operators.sketches import sketch
from operators.sketches.sketch import Ring, Slide
from operators.sketches.stream_references import stream_reference
from operators.statistics.wasserstein import bin_places
from schemas.cloudevents import timestamp
from schemas.events import Span


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
    found = _against(detection, slides)
    if detection.quality is not None:
        counts = sketch.count(slides, len(detection.signals.names))
        found.quality = detection.quality.of_span(counts, np.array(sketch.outside(slides), np.int64))
    if detection.relations is not None:
        sums = correlations.unpack(correlations.added([slide.relations for slide in slides]))
        found.relations = detection.relations.of_span(sums)
    return found, Span(start=timestamp(first_ms), end=timestamp(start_ms))


def _against(detection: Detection, slides: Sequence[Slide]) -> Detection:
    signals, tables = detection.signals, detection.tables
    values, told = stream_reference(detection, slides)
    places = tables.places
    if "wasserstein" in detection.windowed:
        places = np.array([bin_places(signal) for signal in told])
    found = copy.copy(detection)
    found.signals = signals.compared_with(told)
    found.signals.kind = "previous"
    moved = recounted(tables, values.astype(np.float64))
    every = np.ones(len(told), np.bool_)
    found.tables = replace(moved, unseen=tables.unseen & (values == 0), places=places, moving=every)
    return found
