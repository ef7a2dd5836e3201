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
    """Shares of missing values."""
    invalid: Flag = True
    """Shares of values of another type."""
    unseen: Flag = True
    """Shares of values that the reference does not have."""
    range: Flag = True
    """Shares of numbers out of the feature's `range`."""
    frozen: Flag = True
    """Numbers that stand still."""
    duplicates: Flag = True
    """Ids that come again within a window."""
    freshness: Duration = written("10 min")
    """How old the newest knowledge of a model may be."""
    volume: Flag = True
    """How many records come, against the model's own past."""
    labels: Flag = True
    """Whether labels come as they used to."""
    schema_: Flag = Field(True, alias="schema")
    """Fields of records that come and go."""

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
