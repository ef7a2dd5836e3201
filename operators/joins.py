"""Joins: from the chunks of a key's pane to the join's step, for all models that have labels."""

from __future__ import annotations

from collections.abc import Sequence

from config.plan import LabelsPlan, MetricPlan, ModelPlan, Plan
from operators import join, join_chunks, join_state
from operators.join import Joined
from operators.join_state import Kept
from operators.keys import joined_model


def labelled(plan: Plan) -> dict[str, LabelsPlan]:
    """Models whose labels are read, from a source of labels or from the records themselves."""
    return {model.name: model.labels for model in plan.models if isinstance(model.labels, LabelsPlan)}


def joined(plan: Plan) -> dict[str, LabelsPlan]:
    """Models whose labels come from a source of labels of the plan."""
    sources = [source for source in plan.sources if source.kind == "labels"]
    anybody, named = any(source.model is None for source in sources), {source.model for source in sources}
    return {name: labels for name, labels in labelled(plan).items() if anybody or name in named}


def performance_of(model: ModelPlan) -> tuple[MetricPlan, ...]:
    """What is computed of a model's labels."""
    return model.performance if isinstance(model.performance, tuple) else ()


class Joins:
    """The joins of all keys of a worker."""

    def __init__(self, plan: Plan) -> None:
        self._labels = joined(plan)
        self._pane_ms = plan.job.pane_ms

    def fold(self, key: str, kept: Kept, parts: Sequence[bytes]) -> Joined:
        """Take the chunks of a key's pane."""
        labels = self._labels.get(joined_model(key))
        if labels is None:
            return Joined()  # of an earlier configuration
        pane = join_chunks.decode(parts, self._pane_ms)
        return join.step(joined_model(key), labels.within_ms, self._pane_ms, kept, pane, pane.end_ms)

    def pass_time(self, key: str, kept: Kept, until_ms: int) -> Joined:
        """Let time pass for a key that got nothing."""
        labels = self._labels.get(joined_model(key))
        if labels is not None:
            return join.step(joined_model(key), labels.within_ms, self._pane_ms, kept, None, until_ms)
        head = join_state.read_head(kept)
        if head is not None:
            join_state.clear(kept, head)
        return Joined()
