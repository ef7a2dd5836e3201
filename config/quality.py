"""What is watched about the data themselves: gaps, values that are none, and values that were not there before."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from config.scalars import TRUTH, Duration, Flag
from config.section import Section, written

# Of what a model that says something about quality watches the share, signal by signal.
SHARES = ("missing", "invalid", "unseen", "range")
WATCHED = (*SHARES, "duplicates", "frozen", "volume", "labels", "schema")  # and beside them


class Quality(Section):
    """What is watched about the data themselves: all of it, but for what is switched off."""

    missing: Flag = True
    invalid: Flag = True
    unseen: Flag = True
    range: Flag = True
    frozen: Flag = True
    duplicates: Flag = True
    freshness: Duration = written("10 min")
    volume: Flag = True
    labels: Flag = True
    schema_: Flag = Field(True, alias="schema")

    def watches(self, name: str) -> bool:
        """Whether one of WATCHED is watched."""
        return bool(getattr(self, "schema_" if name == "schema" else name))

    @classmethod
    def arrange(cls, value: Any) -> Any:
        """Read ``true``, all, and ``false``, none, as well."""
        if isinstance(value, str) and value.lower() in TRUTH:
            flags = [field.alias or name for name, field in cls.model_fields.items() if field.annotation is bool]
            return {} if TRUTH[value.lower()] else dict.fromkeys(flags, False)
        return value

    @classmethod
    def other_forms(cls, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """A truth value."""
        return [properties["missing"]]
