"""Detectors by name, with their options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from config.scalars import Free, OneOf, Within
from config.section import Section


class Test(Section):
    """A windowed detector; an own threshold takes it out of the budget."""

    noun = "an option"

    threshold: Annotated[float, Within(above=0)] | None = None


class Sequential(Section):
    """A detector that follows the values: on ranks it has its settings from the budget, on raw values river's."""

    noun = "an option"

    input: Annotated[Literal["rank", "raw"], OneOf("an input")] = "rank"
    delta: Annotated[float, Within(above=0)] | None = None


class Adwin(Sequential):
    """ADWIN, with river's names."""

    delta: Annotated[float, Within(above=0, below=1)] | None = None
    reset: Annotated[Literal["paper", "river"], OneOf("a reset")] | None = None


class PageHinkley(Sequential):
    """Page-Hinkley, with river's names."""

    threshold: Annotated[float, Within(above=0)] | None = None
    alpha: Annotated[float, Within(above=0, high=1)] | None = None
    min_instances: Annotated[int, Within(1)] | None = None


class Detector(Section):
    """One detector: its name, or a mapping of the name to its options."""

    noun = "a detector"

    psi: Test | None = None
    jensen_shannon: Test | None = None
    hellinger: Test | None = None
    total_variation: Test | None = None
    l_infinity: Test | None = None
    ks: Test | None = None
    lepage: Test | None = None
    wasserstein: Test | None = None
    chi_squared: Test | None = None
    adwin: Adwin | None = None
    page_hinkley: PageHinkley | None = None
    river: dict[str, Free] | None = Field(None, alias="river:NAME")

    @classmethod
    def arrange(cls, value: Any) -> Any:
        """Give a name alone no options, and gather river's detectors under one key."""
        if isinstance(value, str):
            value = {value: {}}
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            msg = f"has {len(value)} names; give one detector an item, as in '- ks: {{threshold: 0.2}}'"
            raise ValueError(msg)
        name, options = next(iter(value.items()))
        options = {} if options is None else options
        if name.startswith("river:") and len(name) > len("river:"):
            return {"river:NAME": {name: options}}
        return {name: options}

    @classmethod
    def other_forms(cls, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """A name alone, or a detector of river with its options."""
        river = {"propertyNames": {"pattern": "^river:."}, "additionalProperties": {"type": "object"}}
        names = [name for name in properties if ":" not in name]
        return [{"enum": names}, {"type": "string", "pattern": "^river:."}, {"type": "object", **river}]

    @property
    def name(self) -> str:
        """The detector's name; river's with ``river:`` before it."""
        return next(iter(self.river)) if self.river else next(iter(self.model_fields_set))

    @property
    def options(self) -> dict[str, Any]:
        """What the file says about it; nothing of what holds without a word."""
        if self.river:
            return next(iter(self.river.values()))
        return dict(getattr(self, self.name).model_dump(exclude_unset=True))
