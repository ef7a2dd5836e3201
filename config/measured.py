"""Features that are measured: a text or an embedding becomes numbers, and these are watched like any other."""

from __future__ import annotations

import msgspec

from config.plan import FeaturePlan

MEASURES = {"text": ("length", "coverage"), "embedding": ("norm", "distance")}


def measured_names(name: str, kind: str) -> tuple[str, ...]:
    """Names of what is measured of a feature.

    >>> measured_names("title", "text"), measured_names("age", "numeric")
    (('title.length', 'title.coverage'), ())
    """
    return tuple(f"{name}.{measure}" for measure in MEASURES.get(kind, ()))


def measured(feature: FeaturePlan) -> tuple[FeaturePlan, ...]:
    """What is watched of a feature: the feature itself, or the numbers that are measured of it."""
    if feature.type not in MEASURES:
        return (feature,)
    return tuple(
        msgspec.structs.replace(
            feature, name=f"{feature.name}.{measure}", type="numeric", of=feature.name, measure=measure
        )
        for measure in MEASURES[feature.type]
    )
