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
    """It alarms above this, outside the budget."""


class Sequential(Section):
    """A detector that follows the values: on ranks it has its settings from the budget, on raw values river's."""

    noun = "an option"

    input: Annotated[Literal["rank", "raw"], OneOf("an input")] = "rank"
    """Whether it follows ranks, or the values themselves, outside the budget."""
    delta: Annotated[float, Within(above=0)] | None = None
    """River's option; with `input: raw` only."""


class Adwin(Sequential):
    """ADWIN, with river's names."""

    delta: Annotated[float, Within(above=0, below=1)] | None = None
    """River's: the confidence of a cut; with `input: raw` only."""
    reset: Annotated[Literal["paper", "river"], OneOf("a reset")] | None = None
    """After an alarm: keep the recent part (`paper`), or forget all (`river`); with `input: raw` only."""


class PageHinkley(Sequential):
    """Page-Hinkley, with river's names."""

    threshold: Annotated[float, Within(above=0)] | None = None
    """River's lambda; with `input: raw` only."""
    alpha: Annotated[float, Within(above=0, high=1)] | None = None
    """River's forgetting factor; with `input: raw` only."""
    min_instances: Annotated[int, Within(1)] | None = None
    """River's: values before it may alarm; with `input: raw` only."""


class Detector(Section):
    """One detector: its name, or a mapping of the name to its options."""

    noun = "a detector"

    psi: Test | None = None
    """Population stability index, on a calibrated test of shares."""
    jensen_shannon: Test | None = None
    """Jensen-Shannon distance, on the same test."""
    hellinger: Test | None = None
    """Hellinger distance, on the same test."""
    total_variation: Test | None = None
    """Total variation, on the same test."""
    l_infinity: Test | None = None
    """The share that changed most, on the same test."""
    ks: Test | None = None
    """Largest gap of the distribution functions; of numbers."""
    lepage: Test | None = None
    """Location and spread of ranks; of numbers."""
    wasserstein: Test | None = None
    """How far values moved; of numbers."""
    chi_squared: Test | None = None
    """The test of shares itself."""
    adwin: Adwin | None = None
    """A change of the mean, by adaptive windows."""
    page_hinkley: PageHinkley | None = None
    """A change of the mean, by cumulative sums."""
    river: dict[str, Free] | None = Field(None, alias="river:NAME")
    """Any detector of river, with its own options, outside the budget."""

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
