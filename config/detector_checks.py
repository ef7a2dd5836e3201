"""What must hold of a detector of a feature, or of errors."""

from __future__ import annotations

from collections.abc import Iterator

from config.detector import Detector
from config.errors import Path, Problem
from config.measured import MEASURES
from config.model import Feature
from config.river_detectors import river_problems

NUMBERS_ONLY = ("ks", "lepage", "wasserstein")  # they compare positions on a scale, which categories do not have
ANYTHING = ("psi", "jensen_shannon", "hellinger", "total_variation", "l_infinity", "chi_squared")


def detector_problems(path: Path, detector: Detector, feature: Feature) -> Iterator[Problem]:
    """Whether it can look at such values."""
    numeric = feature.type == "numeric" or feature.type in MEASURES
    if detector.river:
        yield from river_problems(path, detector.name, detector.options, "numeric" if numeric else feature.type)
    elif not numeric and detector.name in NUMBERS_ONLY:
        yield Problem(path, f"'{detector.name}' is for numeric features, not {feature.type} ({', '.join(ANYTHING)})")
    elif not numeric and detector.options.get("input") == "raw":
        yield Problem((*path, detector.name, "input"), f"'raw' is for numeric features, not {feature.type}")
    if detector.name in ("adwin", "page_hinkley") and detector.options.get("input") != "raw":
        for option in sorted(detector.options.keys() - {"input"}):
            yield Problem((*path, detector.name, option), "is for 'input: raw'; on ranks it follows from the budget")
