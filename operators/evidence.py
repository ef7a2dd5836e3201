"""Evidence: what an event shows of a signal, the reference beside the window; and nothing that must stay private."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators import effects
from operators.codes import CODES, INVALID, MISSING, UNSEEN
from operators.detection import Detection
from operators.references import FEATURE
from operators.values import disguised
from schemas.cloudevents import significant, timestamp
from schemas.events import CategoryChange, Effect, Histogram, Moments, SignalEvidence
from schemas.profile import NumericSignal

BARS = 10  # of a histogram: tenths of the reference
NAMED = 10  # categories that changed most

Counts = npt.NDArray[np.int64]


def evidence(
    detection: Detection,
    position: int,
    counts: Counts,
    sums: Counts,
    *,
    onset_ms: int,
    detector: str,
    statistic: float,
    threshold: float,
    p_value: float | None,
    effect: Effect,
) -> SignalEvidence:
    """What is known of one signal in a window.

    Parameters
    ----------
    counts : int64, shape (signals, 256)
        Of the window, by code.
    sums : int64, shape (numeric signals, 4)
    """
    signals = detection.signals
    signal = signals.signals[position]
    numeric = isinstance(signal, NumericSignal)
    return SignalEvidence(
        signal=signals.names[position],
        onset=timestamp(onset_ms),
        detector=detector,
        statistic=significant(statistic),
        threshold=significant(threshold),
        p_value=None if p_value is None else significant(p_value),
        effect=effect,
        reference=_reference(detection, position),
        current=_current(detection, position, counts, sums),
        histogram=_histogram(detection, position, counts[position]) if numeric else None,
        categories=None if numeric else _categories(detection, position, counts[position]),
    )


def effect(
    detection: Detection, position: int, detector: str, size: float, z_location: float, z_spread: float
) -> Effect:
    """Size, level and direction of a change."""
    numeric = bool(detection.tables.numeric[position])
    return Effect(
        size=significant(size),
        level=effects.effect_level(detector, size),
        direction=effects.direction(numeric, z_location, z_spread),
    )


def _reference(detection: Detection, position: int) -> Moments:
    signal = detection.signals.signals[position]
    rows = signal.count + signal.missing + signal.invalid
    missing = significant(signal.missing / rows) if rows else None
    if isinstance(signal, NumericSignal):
        return Moments(mean=significant(signal.mean), sd=significant(signal.sd), missing=missing)
    return Moments(missing=missing)


def _current(detection: Detection, position: int, counts: Counts, sums: Counts) -> Moments:
    row = counts[position]
    values = int(row[:INVALID].sum())
    records = values + int(row[INVALID]) + int(row[MISSING])
    if not records:
        return Moments()
    shares = {"missing": significant(int(row[MISSING]) / records)}
    if row[INVALID]:
        shares["invalid"] = significant(int(row[INVALID]) / records)
    signals = detection.signals
    if position in signals.numeric:
        if not values:
            return Moments(**shares)
        column = signals.numeric.index(position)
        numeric_counts = np.array([int(counts[p, :INVALID].sum()) for p in signals.numeric], np.int64)
        mean = float(signals.moments.mean(sums, numeric_counts)[column])
        sd = float(signals.moments.sd(sums, numeric_counts)[column])
        return Moments(mean=significant(mean), sd=significant(sd), **shares)
    if row[UNSEEN]:
        shares["unseen"] = significant(int(row[UNSEEN]) / records)
    return Moments(**shares)


def _histogram(detection: Detection, position: int, row: Counts) -> Histogram | None:
    """Shares by tenths of the reference, or by its values where there are few."""
    signal = detection.signals.signals[position]
    assert isinstance(signal, NumericSignal)
    if not signal.edges:
        return None
    reference = np.array(signal.counts, np.float64)
    current = row[: len(reference)].astype(np.float64)
    if len(signal.edges) < BARS:
        cuts = list(range(len(signal.edges)))
    else:
        below = np.cumsum(reference)[:-1] / max(reference.sum(), 1.0)
        cuts = sorted({min(int(np.searchsorted(below, bar / BARS - 1e-12)), len(below) - 1) for bar in range(1, BARS)})
    starts = [0, *(cut + 1 for cut in cuts)]

    def shares(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
        total = max(float(values.sum()), 1.0)
        return tuple(significant(float(v) / total) for v in np.add.reduceat(values, starts))

    return Histogram(
        edges=tuple(significant(signal.edges[cut]) for cut in cuts),
        reference=shares(reference),
        current=shares(current),
    )


def _categories(detection: Detection, position: int, row: Counts) -> tuple[CategoryChange, ...]:
    """Categories whose share changed most; rare ones are told together as ``(other)``, new ones as ``(unseen)``."""
    signals = detection.signals
    signal = signals.signals[position]
    assert not isinstance(signal, NumericSignal)
    reference = detection.tables.counts[position]
    names = {code: name for code, (name, _) in enumerate(signal.categories)}
    hide = signals.names[position].removeprefix(FEATURE) in {f.name for f in signals.model.features if f.sensitive}
    then, now = max(float(reference.sum()), 1.0), max(float(row[:INVALID].sum()), 1.0)
    shares: dict[str, list[float]] = {}
    for code in range(CODES):
        if code >= INVALID or not (reference[code] or row[code]):
            continue
        if code in names and reference[code] + row[code] >= signals.model.disclose:
            name = disguised(names[code]) if hide and not names[code].startswith("#") else names[code]
        else:
            name = "(unseen)" if code == UNSEEN else "(other)"
        entry = shares.setdefault(name, [0.0, 0.0])
        entry[0] += float(reference[code])
        entry[1] += float(row[code])
    changes = [
        CategoryChange(category=name, reference=significant(a / then), current=significant(b / now))
        for name, (a, b) in shares.items()
    ]
    return tuple(sorted(changes, key=lambda c: (-abs(c.current - c.reference), c.category))[:NAMED])
