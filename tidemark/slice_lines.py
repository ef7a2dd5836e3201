"""What a search of slices found, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.slice_search import Sliced
from operators.monitoring.slice_search import LEVEL


def lines(sliced: Sliced) -> Iterator[str]:
    """Of one model version."""
    found, model = sliced.found, sliced.model if sliced.alone else f"{sliced.model}/{sliced.version}"
    if found is None:
        yield f"slices of {model}: no episode says since when to look; give data to compare with by --reference"
        return
    yield (
        f"slices of {model}, against {sliced.reference}: {found.compared:,} with at least {found.smallest:,} "
        f"records on both sides, in {found.tests:,} tests of which one in {1 / LEVEL:.0f} searches fails by chance"
    )
    if found.labelled:
        yield "lost most:" if found.losses else "lost most: none is worse than before"
    for loss in found.losses:
        yield (
            f"  {_conditions(loss.slice)}: mean error {loss.reference:.3g} -> {loss.current:.3g}, "
            f"up by {loss.least:.3g} at least; {loss.labels:,} labels, {loss.share:.1%}"
        )
    yield "changed most:" if found.changes else "changed most: none is unlike the reference"
    for change in found.changes:
        others = f" and {change.changed - 1} more" if change.changed > 1 else ""
        yield (
            f"  {_conditions(change.slice)}: {change.signal} PSI {change.psi:.3g}{others}; {change.records:,} records, "
            f"{change.reference_share:.1%} -> {change.share:.1%}"
        )


def _conditions(parts: dict[str, str]) -> str:
    return ", ".join(f"{feature}={value}" for feature, value in parts.items()) or "all records"
