"""Small plans for jobs on a cluster."""

from __future__ import annotations

from typing import Any

import msgspec

from config.plan import AlarmsPlan, FeaturePlan, JobPlan, ModelPlan, Plan, SinkPlan, SourcePlan, WindowPlan
from jobs.cluster.about import About
from jobs.cluster.states import ModelState

PREDICTIONS = SourcePlan(name="predictions", kind="predictions", topic="predictions")


def model(name: str, *features: str, **settings: Any) -> ModelPlan:
    """A model of numeric features."""
    return ModelPlan(
        name=name,
        window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=0),
        alarms=AlarmsPlan(budget=1, period_ms=1, confirm=2, recover=3, min_effect="small", critical="large"),
        features=tuple(FeaturePlan(name=feature, type="numeric") for feature in features),
        **settings,
    )


PLAN = Plan(
    job=JobPlan(name="shop", environment="prod", checkpoint_dir="/state", checkpoint_every_ms=1_000),
    sources=(PREDICTIONS,),
    events=SinkPlan(topic="drift-events"),
    models=(model("churn", "age"), model("fraud", "amount")),
    configuration_id="sha256:ef754aadcc9304b5da9b3a772dfe39e50b9c92fd785a3620891a67588c8d99bf",
)


def about(plan: Plan = PLAN, **settings: Any) -> About:
    """What a job of a plan says of itself."""
    states = {
        one.name: ModelState({"windows": one.features[0].name, "episodes and requests": ""}) for one in plan.models
    }
    return msgspec.structs.replace(About(plan=plan, states=states, release="0.1.0", graph=1), **settings)
