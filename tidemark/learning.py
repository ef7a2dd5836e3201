"""What a budget comes to before a reference is learned: as much as the number of its records says."""

from __future__ import annotations

import math
from collections.abc import Iterator

from config.plan import ModelPlan
from operators.monitoring.detectable import UNEVEN, describe
from operators.monitoring.detection import Detection
from operators.profiles.learning import blank
from operators.profiles.remarks import FEW
from operators.profiles.unprofiled import Unprofiled
from tidemark.sensitivity import budget, thresholds, uneven
from tidemark.spans import before, too_small


def learned_sensitivity(model: ModelPlan, records: int) -> Iterator[tuple[str, str]]:
    """Describe the whole traffic's detection once so many records are learned, in windows of the fewest records.

    Yields
    ------
    tuple of str and str
        What, and what holds.
    """
    detection, window = Detection(blank(Unprofiled(model))), model.window
    count, known = window.min_count, records
    if window.previous_ms:
        known = max(count, math.ceil(count / window.size_ms * window.previous_ms))
    found = describe(
        model.alarms,
        tests=detection.tests,
        segments=detection.segments,
        whole=True,
        slide_ms=window.slide_ms,
        count=count,
        reference=known,
        values_per_ms=count / window.size_ms,
    )
    name, text = budget(detection, found)
    yield name, f"{text}, if records have a prediction and a confidence; less if not"
    yield (
        "typical window",
        f"{count} records (min_count), reference {known}" + (", of the time before it" if window.previous_ms else ""),
    )
    yield from thresholds(detection, found, "")
    yield "autocorrelation", "will be learned with the reference; thresholds above are those without"
    more = f"learn from {math.ceil(count / UNEVEN)} records or more"
    if records < FEW:
        yield "warning", f"it learns from {records} records, too few to tell any but large changes from chance; {more}"
    if window.previous_ms:
        yield from before(model, None, count, known)
    else:
        yield from too_small(found.level, count, known, "'learn' more records")
        yield from uneven(found, more)
