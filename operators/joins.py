"""Joins: from the chunks of a key's pane to the join's step, for all models that have labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from config.plan import LabelsPlan, MetricPlan, ModelPlan, Plan, RetrainPlan
from operators import join
from operators.decisions.outputs import LabelsCame
from operators.encoding.keys import joined_model
from operators.join import Joined
from operators.labels import join_chunks, join_settling, join_state
from operators.labels.join_chunks import JoinPane
from operators.labels.join_settling import Settling
from operators.labels.join_state import Kept
from operators.metrics.outcomes import label_outcome
from operators.quality.signals import watches_labels


def labelled(plan: Plan) -> dict[str, LabelsPlan]:
    """Models whose labels are read, from a source of labels or from the records themselves."""
    return {model.name: model.labels for model in plan.models if isinstance(model.labels, LabelsPlan)}


def joined(plan: Plan) -> dict[str, LabelsPlan]:
    """Models whose labels come from a source of labels of the plan; of rankings also from their records.

    What turns out is told of whole groups, whose items come one by one.
    """
    sources = [source for source in plan.sources if source.kind == "labels"]
    anybody, named = any(source.model is None for source in sources), {source.model for source in sources}
    named |= {model.name for model in plan.models if model.is_ranking}
    return {name: labels for name, labels in labelled(plan).items() if anybody or name in named}


def is_measured(model: ModelPlan) -> bool:
    """Whether anything is made of what turned out."""
    return isinstance(model.performance, tuple)


def performance_of(model: ModelPlan) -> tuple[MetricPlan, ...]:
    """What is computed of a model's labels."""
    return model.performance if isinstance(model.performance, tuple) else ()


def settling_of(model: ModelPlan) -> Settling | None:
    """How outcomes of a model's predictions are settled; None where the first label is the outcome."""
    labels = model.labels
    if not isinstance(labels, LabelsPlan) or not labels.settles:
        return None
    return Settling(labels.mature_ms, labels.keep == "last", absent_outcome(model), grouped=labels.grouped)


def absent_outcome(model: ModelPlan) -> float | None:
    """Outcome of predictions without a label; None: they have none."""
    labels = model.labels
    if not isinstance(labels, LabelsPlan) or labels.absent is None or model.prediction is None:
        return None
    return label_outcome(labels.absent, model.prediction, texts=True)


class Joins:
    """The joins of all keys of a worker."""

    def __init__(self, plan: Plan) -> None:
        self._labels = joined(plan)
        self._settling = {model.name: settling_of(model) for model in plan.models}
        self._watched = {model.name for model in plan.models if watches_labels(model)}
        self._pane_ms = plan.job.pane_ms
        self._asking = {m.name: m.window.slide_ms for m in plan.models if isinstance(m.retrain, RetrainPlan)}

    def fold(self, key: str, kept: Kept, parts: Sequence[bytes]) -> Joined:
        """Take the chunks of a key's pane."""
        if joined_model(key) not in self._labels:
            return Joined()  # of an earlier configuration
        pane = join_chunks.decode(parts, self._pane_ms)
        return self._step(joined_model(key), kept, pane, pane.end_ms)

    def told(self, key: str, joined: Joined) -> tuple[str, LabelsCame] | None:
        """What the policy of the model is told of a step; nothing if it asks for no retraining."""
        model = joined_model(key)
        if model not in self._asking or not len(joined.predicted_ms):
            return None
        slide_ms = self._asking[model]
        ends, labels = np.unique(joined.predicted_ms // slide_ms * slide_ms + slide_ms, return_counts=True)
        predicted = dict(zip(ends.tolist(), labels.tolist(), strict=True))
        return model, LabelsCame(time_ms=-(-joined.pane_ms // slide_ms) * slide_ms, predicted=predicted)

    def pass_time(self, key: str, kept: Kept, until_ms: int) -> Joined:
        """Let time pass for a key that got nothing."""
        if joined_model(key) in self._labels:
            return self._step(joined_model(key), kept, None, until_ms)
        head = join_state.read_head(kept)
        if head is not None:
            join_state.clear(kept, head)
            join_settling.clear(kept)
        return Joined()

    def _step(self, model: str, kept: Kept, pane: JoinPane | None, until_ms: int) -> Joined:
        within_ms = self._labels[model].within_ms
        how = self._settling[model]
        return join.step(model, within_ms, self._pane_ms, kept, pane, until_ms, how, watched=model in self._watched)
