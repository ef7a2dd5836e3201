"""Of which features slices are searched for the one that lost most."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from config.scalars import TRUTH, String, not_empty, texts
from config.section import Also

MOST = 8  # features: with their pairs they take 7 bytes of each prediction that waits for its label


def _listed(value: Any) -> Any:
    """Read ``true``, the categorical and boolean features, and ``false``, none, as well."""
    if isinstance(value, str) and value.lower() in TRUTH:
        value = TRUTH[value.lower()]
    if isinstance(value, bool):
        return () if value else None
    return value if value is None or value == () else not_empty(texts(value))


Slices = Annotated[tuple[String, ...] | None, BeforeValidator(_listed), Also({"type": ["boolean", "string"]})]
