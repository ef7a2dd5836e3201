"""Causes: which of inputs, performance and the relation of labels to predictions have changed, when one of them has.

Inputs that drift without a loss, a loss without a drift of inputs, and both are three stories with three remedies: the
first may need nothing, the second labels of today, the third data of today.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.metrics import CONCEPT
from config.plan import ALL, ModelPlan
from operators.decisions.episodes import Episode
from schemas.events import Kind

INPUTS: tuple[Kind, ...] = ("feature", "prediction", "confidence", "correlation", "multivariate")
SIGNAL = f"performance.{CONCEPT}"


def context(plan: ModelPlan, episodes: Sequence[Episode], episode: Episode) -> str:
    """What is said of the others in the message of an episode that is open; nothing where nothing is known of them.

    Parameters
    ----------
    episodes
        All open ones of the model.
    """
    if not isinstance(plan.performance, tuple):
        return ""
    others = {one.kind for one in episodes if one.version == episode.version and one.segment in (ALL, episode.segment)}
    if episode.kind in INPUTS:
        return "performance has fallen, too" if "performance" in others else "without loss of performance so far"
    if episode.kind != "performance":
        return ""
    inputs = not others.isdisjoint(INPUTS)
    if any(change.evidence.signal == SIGNAL for change in episode.open):
        if inputs:
            return "both: inputs have drifted, and labels depend on predictions otherwise than they did"
        return "concept drift: labels depend on predictions otherwise than they did, and inputs have not drifted"
    as_before = any(SIGNAL == f"performance.{metric.name}" for metric in plan.performance)
    if inputs:
        return "inputs have drifted" + (", and labels depend on predictions as they did" if as_before else "")
    return "inputs have not drifted"
