"""Performances: from the matches of a key's pane to the step of its performance, for all models that have labels."""

from __future__ import annotations

from collections.abc import Sequence

from config.plan import Plan
from operators import performance
from operators.join_rows import unpack
from operators.joins import labelled, performance_of
from operators.keys import split_key
from operators.performance import Measured
from operators.state import Key


class Performances:
    """The performance of all keys of a worker."""

    def __init__(self, plan: Plan) -> None:
        there = labelled(plan)
        models = [model for model in plan.models if model.name in there and performance_of(model)]
        self._models = {model.name: (model, performance_of(model)) for model in models}

    def __bool__(self) -> bool:
        """Whether any is to be computed."""
        return bool(self._models)

    def fold(self, text: str, state: bytes, parts: Sequence[bytes], pane_ms: int, until_ms: int) -> Measured:
        """Fold all matches of a key's pane."""
        key = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        if key.model not in self._models:
            return Measured(b"")  # of an earlier configuration
        return performance.step(*self._models[key.model], key, state, pane_ms, unpack(parts), until_ms)

    def pass_time(self, text: str, state: bytes, until_ms: int) -> Measured:
        """Let time pass for a key that got nothing."""
        key = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        if key.model not in self._models:
            return Measured(b"")
        return performance.step(*self._models[key.model], key, state, None, None, until_ms)
