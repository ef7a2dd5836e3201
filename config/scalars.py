"""The kinds of scalars that a configuration has, each with its one message: types for the fields of the models.

Each reads the text of the file itself, so pydantic never guesses (``yes`` is a text where a text is expected and
true where a truth value is). Each also says what an editor may offer: the JSON Schema of what may be written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, SecretStr, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from config import durations
from config.errors import did_you_mean
from config.section import Also
from config.texts import Text, native, quote, shape

TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
ANY_SCALAR = {"type": ["string", "number", "boolean"]}  # a text of ours is a number or truth value to editors


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow ``${NAME}`` as well, which stands for any scalar."""
    return {"anyOf": [schema, {"type": "string", "pattern": r"\$\{"}]}


@dataclass(frozen=True)
class OneOf:
    """A word of a ``Literal``; `what` completes "is not ..."."""

    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the word first, with our message."""
        allowed = get_args(source)

        def check(value: Any) -> str:
            word = text(value)
            if word not in allowed:
                near = did_you_mean(word, allowed)
                msg = f"{quote(value)} is not {self.what} ({', '.join(allowed)}){near}"
                raise ValueError(msg)
            return word

        return core_schema.no_info_before_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Offer the words."""
        return _or_reference(handler(schema))


@dataclass(frozen=True)
class Within:
    """A number from `low` to `high`, both allowed unless `above` or `below` says that the border itself is not."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the number first, with our message."""
        return core_schema.no_info_before_validator_function(lambda value: self._read(value, source), handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """State the borders."""
        names = {"low": "minimum", "high": "maximum", "above": "exclusiveMinimum", "below": "exclusiveMaximum"}
        borders = {name: value for key, name in names.items() if (value := getattr(self, key)) is not None}
        return _or_reference({**handler(schema), **borders})

    def _read(self, value: Any, kind: type[int] | type[float]) -> float:
        try:
            number = kind(value) if isinstance(value, (int, float)) else kind(text(value))
        except (ValueError, OverflowError) as error:
            if not isinstance(value, str):
                raise
            msg = f"{quote(value)} is not {self._what(kind)}"
            raise ValueError(msg) from error
        inside = (
            math.isfinite(number)
            and (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )
        if not inside:
            msg = f"{quote(str(value) if not isinstance(value, Text) else value)} is not {self._what(kind)}"
            raise ValueError(msg)
        return number

    def _what(self, kind: type) -> str:
        noun = "a whole number" if kind is int else "a number"
        words = {"low": "at least", "above": "above", "high": "at most", "below": "below"}
        borders = [f"{word} {value:g}" for key, word in words.items() if (value := getattr(self, key)) is not None]
        return f"{noun} ({' and '.join(borders)})" if borders else noun


def text(value: Any) -> str:
    """Return a scalar's text, never empty."""
    if isinstance(value, str) and value.strip():
        return str(value)
    if isinstance(value, str):
        msg = "is empty, not a text"
        raise ValueError(msg)
    msg = f"is {shape(value)}, not a text"
    raise ValueError(msg)


def flag(value: Any) -> bool:
    """Return a truth value."""
    if isinstance(value, bool):
        return value
    if text(value).lower() not in TRUTH:
        msg = f"{quote(value)} is neither true nor false"
        raise ValueError(msg)
    return TRUTH[value.lower()]


def texts(value: Any) -> list[Any]:
    """Return a list; one text alone is a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, (list, tuple)):
        msg = f"is {shape(value)}, not a list"
        raise ValueError(msg)
    return list(value)


def not_empty(value: Any) -> Any:
    """Refuse a list or mapping with nothing in it."""
    if isinstance(value, (list, dict)) and not value:
        msg = "has nothing in it"
        raise ValueError(msg)
    return value


def pair(value: Any) -> Any:
    """Refuse a list of other than two."""
    if isinstance(value, list) and len(value) != 2:
        msg = f"has {len(value)} item{'s' * (len(value) != 1)}, not 2 (as in [0, 100])"
        raise ValueError(msg)
    return value


def _read(parse: Callable[[str], Any]) -> BeforeValidator:
    """Give the text to `parse`, as it is in the file, so that messages can show it."""

    def read(value: Any) -> Any:
        text(value)
        return parse(value)

    return BeforeValidator(read)


def _positive(value: str) -> int:
    ms = durations.milliseconds(value)
    if ms == 0:
        msg = f"{quote(value)} is too short (at least 1 ms)"
        raise ValueError(msg)
    return ms


def _time(value: str) -> str:
    durations.time_ms(value)
    return str(value)


_DURATION = _or_reference(
    {"type": "string", "pattern": r"^\s*[0-9][0-9_]*(\.[0-9]+)?\s*[a-z]+\s*$", "examples": ["5 min", "14 days"]}
)
String = Annotated[str, BeforeValidator(text), WithJsonSchema(ANY_SCALAR)]
Strings = Annotated[tuple[String, ...], BeforeValidator(texts), Also(ANY_SCALAR)]
TRUTH_FORM = _or_reference({"type": "boolean"})
Flag = Annotated[bool, BeforeValidator(flag), WithJsonSchema(TRUTH_FORM)]
Duration = Annotated[int, _read(_positive), WithJsonSchema(_DURATION)]  # milliseconds, at least one
DurationOrZero = Annotated[int, _read(durations.milliseconds), WithJsonSchema(_DURATION)]
Microseconds = Annotated[int, _read(durations.microseconds), WithJsonSchema(_DURATION)]
Budget = Annotated[
    tuple[float, int],
    _read(durations.budget),
    WithJsonSchema(
        _or_reference({"type": "string", "pattern": r"^\s*\S+\s+per\s+\S.*$", "examples": ["1 per 30 days"]})
    ),
]
Time = Annotated[str, _read(_time), WithJsonSchema({"type": "string"})]
Secret = Annotated[SecretStr, BeforeValidator(text), WithJsonSchema({"type": "string"})]
Free = Annotated[dict[str, Any], BeforeValidator(native)]  # content that is passed on as it is
