"""Records as typed structs: made from the plan, so that one call of msgspec reads all of a record that is used.

The same struct is filled field by field where a record does not fit it (`columns` has the last word); there
`inf` stands for a number that is not valid, and `Gap.INVALID` for a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from config.plan import SourcePlan

Name = str | int | float | bool | None  # where a category is expected; the coder makes text of it
ENVELOPE = ("id", "timestamp", "model", "version", "role", "prediction", "probabilities", "confidence")
_TYPES: dict[str, Any] = {
    "id": str | int | None,
    "timestamp": str | int | float | None,
    "model": str | None,
    "version": str | int | float | None,
    "role": str | None,
    "prediction": Name,
    "probabilities": dict[str, float] | None,
    "confidence": float | None,
}


class Layout(msgspec.Struct, frozen=True):
    """Which features of a model are read as numbers and which as names, in the order of the struct's fields."""

    numbers: tuple[str, ...]
    names: tuple[str, ...]

    def struct(self) -> type[Any]:
        """The struct of the features: numbers first, so that a slice of its tuple is a row of an array."""
        keys = {f"n{i}": name for i, name in enumerate(self.numbers)} | {f"c{i}": n for i, n in enumerate(self.names)}
        fields = [(field, float | None if field[0] == "n" else Name, None) for field in keys]
        return msgspec.defstruct("Features", fields, rename=keys, gc=False)


def record_struct(source: SourcePlan, features: type[Any] | None, beside: Sequence[str]) -> type[Any]:
    """The struct of a source's records.

    Parameters
    ----------
    features
        Struct of the features where all records are of one model; None keeps them as bytes until the model is known.
    beside
        Top-level fields that segments are made of: ``s0``, ``s1`` ...
    """
    kind: Any = msgspec.Raw if features is None else features
    default = msgspec.Raw(b"{}") if features is None else msgspec.field(default_factory=features)
    fields: list[tuple[str, Any, Any]] = [(name, _TYPES[name], None) for name in ENVELOPE]
    fields.append(("features", kind, default))
    fields += [(f"s{i}", Name, None) for i in range(len(beside))]
    rename = {name: top_level(getattr(source.fields, name)) or f"/{name}/" for name in (*ENVELOPE, "features")}
    rename |= {f"s{i}": name for i, name in enumerate(beside)}
    if len(set(rename.values())) < len(rename):  # two fields read one key: only field by field
        rename = {}
    return msgspec.defstruct("Record", fields, rename=rename, gc=False)


def is_direct(source: SourcePlan, beside: Sequence[str]) -> bool:
    """Whether msgspec alone can read the source's records: each field at the top level, none read twice."""
    keys = [top_level(getattr(source.fields, name)) for name in (*ENVELOPE, "features")]
    return source.format in ("json", "jsonl") and None not in keys and len({*keys, *beside}) == len(keys) + len(beside)


def top_level(pointer: str) -> str | None:
    """Name of the top-level key that a pointer names, None for anything deeper.

    >>> top_level("/id"), top_level("id"), top_level("/request/id"), top_level("")
    ('id', 'id', None, None)
    """
    key = pointer.removeprefix("/")
    return None if not key or "/" in key else key.replace("~1", "/").replace("~0", "~")
