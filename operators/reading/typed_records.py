"""Records as typed structs: made from the plan, so that one call of msgspec reads all of a record that is used.

The same struct is filled field by field where a record does not fit it; there `inf` stands for a number that is
not valid, and `Gap.INVALID` for a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from config.plan import SourcePlan
from operators.encoding.letters import UnusableError
from operators.reading.columns import steps
from operators.reading.records import Layout
from operators.reading.values import Gap, numeric

Name = str | int | float | bool | None  # where a category is expected; the coder makes text of it
INVALID = float("inf")  # stands for a number that is none
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


class FeatureReader:
    """Reads the features of one model: all at once, or one by one.

    Attributes
    ----------
    struct : type
        Of the features: numbers first, so that a slice of its tuple is a row of an array.
    slots : dict
        Positions of its fields by name.
    beside : list of str
        Fields of segments that may stand beside the features.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.struct = _struct(layout)
        self.read = msgspec.json.Decoder(self.struct).decode
        self.beside = [field for field in layout.segments if field not in layout.numbers]
        self.slots = {name: slot for slot, name in enumerate((*layout.numbers, *layout.names, *layout.vectors))}

    def convert(self, features: Mapping[str, Any], place: str) -> Any:
        """The features field by field; what is not valid is marked so."""
        values: list[Any] = []
        for name in self.layout.numbers:
            value = features.get(name)
            number = numeric(value)
            if number is Gap.INVALID and type(value) in (int, float):
                raise UnusableError(beyond_floats(f"{place.rstrip('/')}/{name}"))
            values.append(None if number is Gap.MISSING else INVALID if isinstance(number, Gap) else number)
        for name in self.layout.names:
            value = features.get(name)
            if is_beyond_floats(value):
                raise UnusableError(beyond_floats(f"{place.rstrip('/')}/{name}"))
            values.append(name_of(value))
        values += [features.get(name) for name in self.layout.vectors]
        return self.struct(*values)


def _struct(layout: Layout) -> type[Any]:
    """The struct of a model's features: numbers first, so that a slice of its tuple is a row of an array."""
    keys = {f"n{i}": name for i, name in enumerate(layout.numbers)}
    keys |= {f"c{i}": name for i, name in enumerate(layout.names)}
    keys |= {f"v{i}": name for i, name in enumerate(layout.vectors)}
    kinds: dict[str, Any] = {"n": float | None, "c": Name, "v": msgspec.Raw}  # vectors are read all at once
    fields = [(field, kinds[field[0]], None) for field in keys]
    return msgspec.defstruct("Features", fields, rename=keys, gc=False)


def record_struct(source: SourcePlan, features: type[Any] | None, beside: Sequence[str]) -> type[Any]:
    """The struct of a source's records.

    Parameters
    ----------
    features
        Struct of the features where all records are of one model; None keeps them as bytes until the model is known.
    beside
        Places beside the features that segments are made of: ``s0``, ``s1`` ...
    """
    kind: Any = msgspec.Raw if features is None else features
    default = msgspec.Raw(b"{}") if features is None else msgspec.field(default_factory=features)
    fields: list[tuple[str, Any, Any]] = [(name, _TYPES[name], None) for name in ENVELOPE]
    fields.append(("features", kind, default))
    fields += [(f"s{i}", Name, None) for i in range(len(beside))]
    rename = {}
    if is_direct(source, beside):
        rename = {name: steps(getattr(source.fields, name))[0] for name in (*ENVELOPE, "features")}
        rename |= {f"s{i}": steps(place)[0] for i, place in enumerate(beside)}
    return msgspec.defstruct("Record", fields, rename=rename, gc=False)


def is_direct(source: SourcePlan, beside: Sequence[str]) -> bool:
    """Whether msgspec alone can read the source's records: each field at the top level, none read twice.

    >>> is_direct(SourcePlan(name="p", kind="predictions"), ["country"])
    True
    >>> is_direct(SourcePlan(name="p", kind="predictions"), ["/geo/country"])
    False
    """
    places = [*(getattr(source.fields, name) for name in (*ENVELOPE, "features")), *beside]
    paths = [steps(place) for place in places]
    return all(len(path) == 1 for path in paths) and len(set(paths)) == len(paths)


def is_beyond_floats(value: Any) -> bool:
    """Whether a JSON number, read into an infinity, was too large."""
    return type(value) is float and value in (INVALID, -INVALID)


def beyond_floats(place: str) -> str:
    """What is wrong with such a number."""
    return f"a number beyond the range of floats at {place}"


def name_of(value: Any) -> Any:
    """The value as a typed name, `Gap.INVALID` for what is none."""
    return value if value is None or isinstance(value, (str, int, float)) else Gap.INVALID
