"""Evidence: what an event shows of a signal, the reference beside the window; and nothing that must stay private."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES, INVALID, MISSING, UNSEEN
from operators.encoding.unnamed import estimates
from operators.monitoring.detection import Detection
from operators.monitoring.onsets import Onset
from operators.monitoring.scores import Alarm
from operators.profiles.references import FEATURE
from operators.reading.values import disguised
from operators.relations.correlations import unpack
from operators.relations.reconstruction import RECONSTRUCTION
from operators.sketches.windows import Slides
from operators.statistics import effects
from operators.statistics.wasserstein import scale
from schemas.cloudevents import significant, timestamp
from schemas.events import CategoryChange, Contribution, Effect, Histogram, Moments, SignalEvidence, UnseenValues
from schemas.profile import Level, NumericSignal

BARS = 10  # of a histogram: tenths of the reference
CONTRIBUTING = 5  # features that explain most of a change of all together
NAMED = 10  # categories that changed most

Counts = npt.NDArray[np.int64]


def alarm_evidence(signal: str, alarm: Alarm, onset: Onset, reference: Moments, current: Moments) -> SignalEvidence:
    """What an alarm on a signal is about, and since when."""
    return SignalEvidence(
        signal=signal,
        onset=timestamp(onset.at_ms),
        onset_from=None if onset.from_ms is None else timestamp(onset.from_ms),
        onset_to=timestamp(onset.to_ms),
        detector=alarm.detector,
        statistic=significant(alarm.statistic),
        threshold=significant(alarm.threshold),
        p_value=None if alarm.p_value is None else significant(alarm.p_value),
        effect=alarm.effect,
        reference=reference,
        current=current,
    )


def evidence(detection: Detection, position: int, slides: Slides, alarm: Alarm, onset: Onset) -> SignalEvidence:
    """What an alarm is about, and what the window's values of the signal look like."""
    signals = detection.signals
    numeric = isinstance(signals.signals[position], NumericSignal)
    found = alarm_evidence(
        signals.names[position], alarm, onset, _reference(detection, position), _current(detection, position, slides)
    )
    return msgspec.structs.replace(
        found,
        histogram=_histogram(detection, position, slides.counts[position]) if numeric else None,
        categories=None if numeric else _categories(detection, position, slides.counts[position]),
        unseen=unseen_values(detection, position, slides) or None,
        contributions=_contributions(detection, position, slides),
    )


def _contributions(detection: Detection, position: int, slides: Slides) -> tuple[Contribution, ...] | None:
    """Features whose losses explain most of a change of the error of reconstruction, where that is what it is about."""
    signals, columns = detection.signals, detection.related
    if signals.names[position] != RECONSTRUCTION or signals.reconstruction is None or columns is None:
        return None
    if detection.tables.moving is not None and detection.tables.moving[position]:
        return None  # the window is compared with other records of the stream, of which no losses are known
    then = signals.reconstruction.known
    now = signals.reconstruction.losses(columns.crossed(unpack(slides.relations)))
    moved = now - then
    towards = np.sign(float(moved.sum())) or 1.0
    part = np.maximum(moved * towards, 0.0)
    order = np.argsort(-part, kind="stable")[:CONTRIBUTING].tolist()
    names = [signals.names[at].removeprefix(FEATURE) for at in signals.reconstruction.positions]
    whole = max(float(part.sum()), 1e-12)
    return tuple(
        Contribution(
            feature=names[at],
            share=significant(float(part[at]) / whole),
            reference=significant(float(then[at])),
            current=significant(float(now[at])),
        )
        for at in order
        if part[at] > 0
    )


def effect(
    detection: Detection, position: int, level: Level, size: float, z_location: float, z_spread: float
) -> Effect:
    """Size, level and direction of a change."""
    numeric = bool(detection.tables.numeric[position])
    return Effect(
        size=significant(size),
        level=level,
        direction=effects.direction(numeric, z_location, z_spread),
    )


def _reference(detection: Detection, position: int) -> Moments:
    signal = detection.signals.signals[position]
    rows = signal.count + signal.missing + signal.invalid
    missing = significant(signal.missing / rows) if rows else None
    if isinstance(signal, NumericSignal):
        mean, sd = signal.mean, signal.sd
        if detection.season is not None:  # at these times, as far as bins tell
            bins = len(signal.counts)
            shares, places = detection.tables.counts[position, :bins], detection.tables.places[position, :bins]
            shares = shares / max(float(shares.sum()), 1.0)
            center, unit = scale(signal)
            moved = float(shares @ places)
            mean, sd = center + unit * moved, unit * float(np.sqrt(shares @ (places - moved) ** 2))
        return Moments(mean=significant(mean), sd=significant(sd), missing=missing)
    return Moments(missing=missing)


def _current(detection: Detection, position: int, slides: Slides) -> Moments:
    row = slides.counts[position]
    values = int(row @ detection.tables.is_value[position])
    records = values + int(row[INVALID]) + int(row[MISSING])
    if not records:
        return Moments()
    shares = {"missing": significant(int(row[MISSING]) / records)}
    if row[INVALID]:
        shares["invalid"] = significant(int(row[INVALID]) / records)
    if unseen := int(row[detection.tables.unseen[position]].sum()):
        shares["unseen"] = significant(unseen / records)
    signals = detection.signals
    if position not in signals.numeric or not values:
        return Moments(**shares)
    column = signals.numeric.index(position)
    many = np.full(len(signals.numeric), values, np.int64)
    mean = float(signals.moments.mean(slides.sums, many)[column])
    sd = float(signals.moments.sd(slides.sums, many)[column])
    return Moments(mean=significant(mean), sd=significant(sd), **shares)


def _histogram(detection: Detection, position: int, row: Counts) -> Histogram | None:
    """Shares by tenths of the reference, or by its values where there are few."""
    signal = detection.signals.signals[position]
    assert isinstance(signal, NumericSignal)
    reference = detection.tables.counts[position, : len(signal.counts)]
    current = row[: len(reference)].astype(np.float64)
    cuts = _cuts(signal, reference, current)
    if signal.discrete and _is_sensitive(detection, position):
        cuts = [cut for cut in cuts if 2 <= cut < len(signal.edges) - 2]  # its lowest and highest value are not told
    if not cuts:
        return None
    starts = [0, *(cut + 1 for cut in cuts)]

    def shares(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
        total = max(float(values.sum()), 1.0)
        return tuple(significant(float(v) / total) for v in np.add.reduceat(values, starts))

    # As they are, not rounded: an edge of a discrete signal is a value of it, or the next number after one.
    return Histogram(
        edges=tuple(signal.edges[cut] for cut in cuts), reference=shares(reference), current=shares(current)
    )


def _cuts(signal: NumericSignal, reference: npt.NDArray[np.float64], current: npt.NDArray[np.float64]) -> list[int]:
    """Which edges the bars stand between."""
    if signal.discrete and len(signal.edges) <= 2 * BARS:
        # A bar for each value, from there on; what lies between two of them, or outside, has one if there is any.
        between = reference[::2] + current[::2] > 0
        return [cut for cut in range(len(signal.edges)) if cut % 2 == 0 or between[(cut + 1) // 2]]
    edges = range(0, len(signal.edges), 2) if signal.discrete else range(len(signal.edges))
    below = np.cumsum(reference)[list(edges)] / max(float(reference.sum()), 1.0)
    if not len(below):
        return []
    wanted = np.searchsorted(below, np.arange(1, BARS) / BARS - 1e-12)
    return sorted({edges[min(int(at), len(below) - 1)] for at in wanted})


def _categories(detection: Detection, position: int, row: Counts) -> tuple[CategoryChange, ...]:
    """Categories whose share changed most; rare ones are told together as ``(other)``, new ones as ``(unseen)``."""
    signals = detection.signals
    signal = signals.signals[position]
    assert not isinstance(signal, NumericSignal)
    reference = detection.tables.counts[position]
    names = {code: name for code, (name, _) in enumerate(signal.categories)}
    hide = _is_sensitive(detection, position)
    then = max(float(reference.sum()), 1.0)
    now = max(float(row @ detection.tables.is_value[position]), 1.0)
    shares: dict[str, list[float]] = {}
    for code in range(CODES):
        if not detection.tables.is_value[position, code] or not (reference[code] or row[code]):
            continue
        if code in names:
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


def unseen_values(detection: Detection, position: int, slides: Slides) -> tuple[UnseenValues, ...]:
    """What the reference never had, as far as it may be told; most first.

    Of categories those without a name in the reference; of a discrete signal the places between its values.
    """
    signal, disclose = detection.signals.signals[position], detection.signals.model.disclose
    row = slides.counts[position]
    values = max(float(row @ detection.tables.is_value[position]), 1.0)
    if isinstance(signal, NumericSignal):
        if _is_sensitive(detection, position):
            return ()
        codes = np.flatnonzero(detection.tables.unseen[position] & (row >= disclose)).tolist()
        found = sorted(((_place(signal, code), float(row[code])) for code in codes), key=lambda one: -one[1])
    else:
        coder = detection.signals.category_coders[detection.signals.named.index(position)]
        found = estimates(slides.unnamed(position, coder.absent), disclose)
    return tuple(UnseenValues(values=name, current=significant(many / values)) for name, many in found[:NAMED])


def _place(signal: NumericSignal, code: int) -> str:
    """Between which values of a discrete signal a bin without one lies."""
    if code == 0:
        return f"below {signal.edges[0]:.9g}"
    if code == len(signal.edges):
        return f"above {signal.edges[-1]:.9g}"
    return f"between {signal.edges[code - 1]:.9g} and {signal.edges[code]:.9g}"


def _is_sensitive(detection: Detection, position: int) -> bool:
    signals = detection.signals
    return signals.names[position].removeprefix(FEATURE) in {f.name for f in signals.model.features if f.sensitive}
