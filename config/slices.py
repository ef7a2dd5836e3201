"""Some of a model's features: those that are named, or all that something can be said of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from config.scalars import TRUTH, String, not_empty, texts
from config.section import Also

MOST = 8  # features that are sliced: with their pairs they take 7 bytes of each prediction that waits for its label
MOST_BY_CLASS = 50  # features that are counted by class: 8 KB of a summary of two classes


def _listed(value: Any) -> Any:
    """Read ``true``, no names, and ``false``, none of them, as well."""
    if isinstance(value, str) and value.lower() in TRUTH:
        value = TRUTH[value.lower()]
    if isinstance(value, bool):
        return () if value else None
    return value if value is None or value == () else not_empty(texts(value))


Chosen = Annotated[tuple[String, ...] | None, BeforeValidator(_listed), Also({"type": ["boolean", "string"]})]
