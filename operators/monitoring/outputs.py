"""What a model says in a window: its predictions by class, and means of what it says in numbers."""

from __future__ import annotations

import math

from operators.monitoring.class_counts import CLASSES, OTHERS
from operators.monitoring.detection import Detection
from operators.profiles.signal_values import CONFIDENCE, PREDICTION
from operators.sketches.windows import Slides
from operators.statistics.wasserstein import scale
from schemas.cloudevents import significant
from schemas.profile import NumericSignal


def means(detection: Detection, slides: Slides) -> dict[str, float]:
    """Means of numbers that are predicted, and of confidence; none of what the window has no values of."""
    found: dict[str, float] = {}
    for name in (PREDICTION, CONFIDENCE):
        position = _position(detection, name)
        if position is None:
            continue
        signal = detection.signals.signals[position]
        if isinstance(signal, NumericSignal):
            center, unit = scale(signal)
            mean = float(slides.means[position]) * unit + center
            if math.isfinite(mean):
                found[name] = significant(mean)
    return found


def predicted(detection: Detection, slides: Slides) -> dict[str, int]:
    """Records by predicted class; those beyond the named ones together, none where numbers are predicted."""
    position = _position(detection, PREDICTION)
    if position is None:
        return {}
    signal = detection.signals.signals[position]
    if isinstance(signal, NumericSignal):
        return {}
    row = slides.counts[position]
    found = {name: int(row[code]) for code, (name, _) in enumerate(signal.categories[:CLASSES])}
    rest = int(row @ detection.tables.is_value[position]) - sum(found.values())
    return {**found, OTHERS: found.get(OTHERS, 0) + rest} if rest else found


def _position(detection: Detection, name: str) -> int | None:
    names = detection.signals.names
    return names.index(name) if name in names else None
