"""The estimation part of a profile: what performance is estimated from before labels come, from labelled data."""

from __future__ import annotations

import msgspec

from config import Configuration
from config.plan import ModelPlan
from jobs.labelled import Labels, Progress, labelled
from jobs.pieces import Pieces, label_pieces
from operators.estimation_builder import EstimationBuilder
from schemas.errors import DataError
from schemas.profile import Profile


def with_estimation(
    loaded: Configuration,
    plan: ModelPlan,
    made: Profile,
    data: tuple[str, Pieces],
    *,
    labels: str | None,
    trained: bool,
    version: str | None,
    progress: Progress,
) -> tuple[Profile, list[str]]:
    """A profile with what performance is estimated from, where the model wants it; and what there is to say of it.

    Parameters as of `baselines.with_baseline`.

    Raises
    ------
    DataError
        There are too few labelled records, or nothing can be told from them.
    """
    if not isinstance(plan.estimated, tuple):
        return made, []
    name, pieces = data
    joined = None if labels is None else Labels(plan, label_pieces(loaded, plan, labels), progress)
    builder = EstimationBuilder(plan, made)
    for part in labelled(plan, pieces, joined, version, progress):
        builder.add(part.columns, part.source, part.times_ms, part.values)
    try:
        found = builder.build(trained=trained)
    except DataError as error:
        more = "give labelled data that the model was not trained on with --performance" if trained else "give more"
        message = f"{name}: {error}, as models.{plan.name}.estimated_performance asks for; {more}, or switch it off"
        raise DataError(message) from None
    remarks = []
    if trained:
        remarks.append(
            "estimated_performance: from the profile's own data; a model is surer of what it was trained on, and right "
            "more often, than it will be later, so that estimates are too good: give labelled data that it has not "
            "seen with --performance"
        )
    return msgspec.structs.replace(made, estimation=found), remarks
