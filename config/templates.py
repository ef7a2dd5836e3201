"""Texts of actions with something of the event in them: ``retrain {{ event.data.model }}`` (Jinja, sandboxed).

What ``${NAME}`` stands for is put in after the template was filled, so no secret is ever read as a template and no
message about a template shows one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from config.interpolate import REFERENCE
from config.scalars import ANY_SCALAR, text
from config.texts import Text, native, quote
from schemas.errors import TidemarkError

# Private characters around a word that no event can know: nothing that comes from outside is taken for a secret.
OPEN, CLOSE = f"\ue000{secrets.token_hex(8)}.", "\ue001"
WHOLE = re.compile(r"\{\{[^-](?:(?!\{\{|\}\}).)*(?<!-)\}\}", re.DOTALL)  # one expression and nothing else
SHORTEST = 4  # characters of what is hidden in messages: shorter ones are ports and names, and would spoil every line


class TemplateError(TidemarkError):
    """A template names something that the event does not have, or fails; correct it in the configuration."""


class Template:
    """A text to be filled from an event.

    Parameters
    ----------
    source : str
        As it stands in the file; shown in messages.
    filled : tuple of str
        What its ``${...}`` stand for.

    Raises
    ------
    ValueError
        It is not a template.

    Examples
    --------
    >>> template = Template("retrain {{ event.data.model }} by ${TOKEN}", ("secret",))
    >>> template.text({"event": {"data": {"model": "churn"}}})
    'retrain churn by secret'
    >>> template
    'retrain {{ event.data.model }} by ${TOKEN}'
    """

    def __init__(self, source: str, filled: tuple[str, ...] = ()) -> None:
        self.source, self.filled = source, filled
        numbers = iter(range(len(filled)))  # fewer than references where one could not be put in, which is told already
        self._pattern = REFERENCE.sub(lambda m: "${" if m[1] is None else f"{OPEN}{next(numbers, 0)}{CLOSE}", source)
        self._compiled = self._expression = None
        if any(sign in source for sign in ("{{", "{%", "{#")):
            self._compile()

    def _compile(self) -> None:
        from jinja2 import TemplateSyntaxError

        try:
            self._compiled = _environment().from_string(self._pattern)
            inside = self._pattern.strip()
            if WHOLE.fullmatch(inside):
                self._expression = _environment().compile_expression(inside[2:-2], undefined_to_none=False)
        except TemplateSyntaxError as error:
            msg = f"{quote(self.source)} is not a template (line {error.lineno}: {error.message})"
            raise ValueError(msg) from None

    def text(self, scope: Mapping[str, Any]) -> str:
        """Fill it.

        Raises
        ------
        TemplateError
            It names something that is not there, or fails.
        """
        filled = self._pattern if self._compiled is None else str(self._rendered(self._compiled.render, scope))
        for number, secret in enumerate(self.filled):
            filled = filled.replace(f"{OPEN}{number}{CLOSE}", secret)
        return filled

    def value(self, scope: Mapping[str, Any]) -> Any:
        """Fill it; a template that is one expression and nothing else keeps its type: a number, a list, an object."""
        if self._expression is None or self.filled:
            return self.text(scope)
        from jinja2 import Undefined

        value = self._rendered(self._expression, scope)
        return self.text(scope) if isinstance(value, Undefined) else value

    def _rendered(self, render: Any, scope: Mapping[str, Any]) -> Any:
        try:
            return render(scope)
        except Exception as error:  # noqa: BLE001  whatever a template does wrong, by its own or by a filter
            message = f"template {quote(self.source)}: {error}"
            raise TemplateError(message) from None

    def __repr__(self) -> str:
        return repr(self.source)

    @classmethod
    def read(cls, value: Any) -> Template:
        """Make one of what a file says."""
        if isinstance(value, Template):
            return value
        text(value)
        return cls(value.source, value.filled) if isinstance(value, Text) else cls(str(value))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read it from the text of the file."""
        return core_schema.no_info_plain_validator_function(cls.read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Offer any scalar."""
        return dict(ANY_SCALAR)


def _referred(template: Template) -> Template:
    if not template.filled:
        msg = "is written out; secrets come from the environment or a file ('${NAME}', '${file:/path}')"
        raise ValueError(msg)
    return template


Secret = Annotated[Template, AfterValidator(_referred)]


def _tree(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _tree(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tree(item) for item in value]
    if isinstance(value, Text) and (value.filled or "{" in value):
        return Template.read(value)
    return native(value)


Tree = Annotated[Any, BeforeValidator(_tree)]  # JSON with templates in it


def values(tree: Any, scope: Mapping[str, Any]) -> Any:
    """Fill the templates of a tree."""
    if isinstance(tree, Mapping):
        return {key: values(item, scope) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [values(item, scope) for item in tree]
    return tree.value(scope) if isinstance(tree, Template) else tree


def secrets_of(tree: Any) -> Iterator[str]:
    """What was put into the templates of a tree and is not to be seen anywhere."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from secrets_of(item)
    elif isinstance(tree, Template):
        yield from (secret for secret in tree.filled if len(secret) >= SHORTEST)


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
