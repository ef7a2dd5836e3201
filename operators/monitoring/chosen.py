"""Which detectors look at which signal: those that the configuration names, or the defaults."""

from __future__ import annotations

from collections.abc import Sequence

from config.plan import DetectorPlan, ModelPlan
from operators.monitoring.track import Track, river_track
from operators.profiles.references import FEATURE, SCORE, ModelSignals
from operators.statistics.distances import DISTANCES
from schemas.profile import NumericSignal

WINDOWED = ("psi", "lepage", "ks", "chi_squared", *DISTANCES, "wasserstein")
SEQUENTIAL = ("adwin", "page_hinkley")
NUMERIC_DEFAULTS = ("psi", "lepage", "adwin", "page_hinkley")
CATEGORICAL_DEFAULTS = ("psi", "page_hinkley")
# Page-Hinkley adds up deviations from the reference's mean, which has to stay where it is; ADWIN has no reference.
MOVING_DEFAULTS = {NUMERIC_DEFAULTS: ("psi", "lepage", "adwin"), CATEGORICAL_DEFAULTS: ("psi", "adwin")}


def chosen(signals: ModelSignals) -> tuple[tuple[DetectorPlan, ...], ...]:
    """Detectors of each signal."""
    return tuple(_detectors(signals, position) for position in range(len(signals.names)))


def tracks_of(signals: ModelSignals, detectors: Sequence[Sequence[DetectorPlan]]) -> list[Track]:
    """The sequential ones among them: location and spread of numbers, unless they see raw values."""
    tracks: list[Track] = []
    for position, plans in enumerate(detectors):
        signal = signals.signals[position]
        for plan in plans:
            if plan.is_river:
                tracks.append(river_track(position, signals.names[position], plan, signal))
            elif plan.name in SEQUENTIAL and plan.input == "raw":
                tracks.append(Track(position, plan.name, "raw", plan))
            elif plan.name in SEQUENTIAL:
                tracks.append(Track(position, plan.name, "rank", plan))
                if isinstance(signal, NumericSignal):
                    tracks.append(Track(position, plan.name, "spread", plan))
    return tracks


def _detectors(signals: ModelSignals, position: int) -> tuple[DetectorPlan, ...]:
    name = signals.names[position]
    if name == SCORE:
        return ()
    numeric = isinstance(signals.signals[position], NumericSignal)
    if name.startswith(FEATURE):
        feature = next(f for f in signals.model.features if FEATURE + f.name == name)
        if feature.detectors is not None:
            return feature.detectors
    return tuple(DetectorPlan(name=d) for d in defaults(signals.model, numeric=numeric))


def defaults(model: ModelPlan, *, numeric: bool) -> tuple[str, ...]:
    """Detectors of a signal of which nothing is said."""
    names = NUMERIC_DEFAULTS if numeric else CATEGORICAL_DEFAULTS
    return MOVING_DEFAULTS[names] if model.window.previous_ms else names
