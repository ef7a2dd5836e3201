"""The base of all sections of the configuration: what every mapping of the file has in common."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from config.errors import did_you_mean
from config.texts import shape


class Section(BaseModel):
    """A mapping with known keys.

    Unknown keys are errors with a suggestion, reported together with whatever else is wrong in the mapping.
    A key without a value is a key that is not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    noun: ClassVar[str] = "a key"  # what the keys are, for messages: "'budgt' is not a key (...)"
    short: ClassVar[str | None] = None  # the key that a text instead of a mapping stands for

    @classmethod
    def arrange(cls, value: Any) -> Any:
        """Bring other ways to write the section into the form of its keys."""
        if cls.short and isinstance(value, str):
            return {cls.short: value}
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _known_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        if isinstance(value, cls):  # a default
            return value
        value = cls.arrange(value)
        known = {field.alias or name for name, field in cls.model_fields.items()}
        if not isinstance(value, dict):
            wanted = f"; give a {cls.short} or a mapping" if cls.short else ", not a mapping"
            msg = f"is {shape(value)}{wanted} ({', '.join(sorted(known))})"
            raise ValueError(msg)
        given = {key: item for key, item in value.items() if item is not None}
        open_ended = cls.model_config.get("extra") == "allow"
        unknown = [] if open_ended else [key for key in value if key not in known]
        try:
            section = handler({key: item for key, item in given.items() if key not in unknown})
            details = []
        except ValidationError as error:
            if not unknown:
                raise
            details = [
                InitErrorDetails(
                    type=PydanticCustomError(_literal(detail["type"]), _literal(detail["msg"])),
                    loc=detail["loc"],
                    input=None,
                )
                for detail in error.errors(include_url=False, include_input=False)
            ]
        if unknown:
            details += [_unknown(cls.noun, key, known) for key in unknown]
            raise ValidationError.from_exception_data(cls.__name__, details)
        return section

    @classmethod
    def other_forms(cls, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the JSON Schemas of other ways to write the section, given those of its keys."""
        return [properties[cls.short]] if cls.short else []

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Offer the other forms beside the mapping."""
        mapping = handler.resolve_ref_schema(handler(schema))
        forms = cls.other_forms(mapping["properties"])
        texts = described(cls)
        told = {field.alias or name: texts[name] for name, field in cls.model_fields.items()}
        mapping["properties"] = {
            key: {**value, "description": told[key]} for key, value in mapping["properties"].items()
        }
        return {"anyOf": [*forms, dict(mapping)]} if forms else mapping


def described(section: type[Section]) -> dict[str, str]:
    """What the text below each key of a section says; read from the source, which only documentation needs."""
    told: dict[str, str] = {}
    for cls in reversed(section.__mro__):
        if issubclass(cls, Section):
            body = ast.parse(inspect.getsource(cls)).body[0].body  # type: ignore[attr-defined]
            for key, text in pairwise(body):
                if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name) and isinstance(text, ast.Expr):
                    told[key.target.id] = ast.literal_eval(text.value)
    return told


@dataclass(frozen=True, eq=False)  # a schema is no key, and annotations have to be hashable
class Also:
    """A type that may be written in another way too: `form` is its JSON Schema."""

    form: dict[str, Any]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Offer both."""
        return {"anyOf": [self.form, handler(schema)]}


def written(text: str, alias: str | None = None) -> Any:
    """Make a default that is written and read as in the file, ``5 min``; editors and documentation show it so."""
    return Field(text, alias=alias)


def _unknown(noun: str, key: str, known: set[str]) -> InitErrorDetails:
    message = f"'{key}' is not {noun} ({', '.join(sorted(known))}){did_you_mean(key, sorted(known))}"
    return InitErrorDetails(type=PydanticCustomError("unknown", _literal(message)), loc=(key,), input=None)


def _literal(message: str) -> Any:
    """Return `message`: pydantic asks for literal strings, as templates; ours have no context to be filled with."""
    return message
