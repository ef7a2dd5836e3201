"""What cannot be said of relations between features beside other things."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Path, Problem
from config.model import Model, Reference


def classifier_problems(path: Path, model: Model) -> Iterator[Problem]:
    """What the reference of a domain classifier cannot be."""
    if model.season:
        yield Problem(path, "compares with all of the reference, which 'season' has by parts; leave one of them out")
    if isinstance(model.reference, Reference) and model.reference.previous:
        yield Problem(path, "needs a reference that stays, which 'previous' is not; leave one of them out")
