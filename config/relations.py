"""What is watched of the relations between features."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from config.scalars import TRUTH_FORM, Flag, Within, flag
from config.section import Also, Section


class Correlation(Section):
    """Pairwise relations: all pairs, the most closely related of the reference with half of their budget."""

    pairs: Annotated[int, Within(0, 10_000)] = 50
    """So many of the closest pairs have half of the budget of all."""


def _settings(value: Any) -> Any:
    """Read ``true``, with what holds when nothing is said, and ``false``, nothing, as well."""
    if value is None or isinstance(value, (dict, Section)):
        return value
    return {} if flag(value) else None


class Multivariate(Section):
    """All features together: errors of reconstruction always, a classifier where it is asked for."""

    classifier: Flag = False
    """Whether a classifier that learns to tell the stream from the reference is watched as well."""


Relations = Annotated[Correlation | None, BeforeValidator(_settings), Also(TRUTH_FORM)]
Together = Annotated[Multivariate | None, BeforeValidator(_settings), Also(TRUTH_FORM)]
