"""The baseline of a profile: what turned out of predictions, by labels that were given with reference data."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from config import Configuration
from config.plan import ModelPlan
from jobs.labelled import Labels, Progress, labelled
from jobs.pieces import TOPIC, Pieces, label_pieces
from operators.baseline import BaselineBuilder, can_be_measured
from schemas.errors import DataError, UsageError
from schemas.profile import Profile


def with_baseline(
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
    """A profile with its performance, if there are labels; and what there is to say of it.

    Parameters
    ----------
    plan
        The model, with its features.
    data
        Labelled reference data: their name as it was given, and they themselves.
    labels
        As given to ``tidemark profile``; None: they are in the records.
    trained
        The data are the profile's own, on which the model may have been trained.

    Raises
    ------
    UsageError
        It is not known what labels mean.
    DataError
        There are none, although they were given.
    """
    name, pieces = data
    given = labels is not None or not trained
    if not given and not isinstance(plan.performance, tuple):
        return made, []
    if not can_be_measured(plan.prediction):
        message = (
            f"models.{plan.name}.prediction: does not say what labels are of; give 'task', and 'positive' or 'classes'"
        )
        raise UsageError(message)
    joined = None if labels is None else Labels(plan, label_pieces(loaded, plan, labels), progress)
    builder = BaselineBuilder(plan, made)
    for part in labelled(plan, pieces, joined, version, progress):
        builder.add(part.columns, part.values, part.times_ms)
    found = builder.build(PurePosixPath(name.removeprefix(TOPIC)).name, trained=trained)
    if found is None and given:
        message = f"{name}: has no record of {plan.name} with a label that can be used"
        raise DataError(message if labels is None else f"{message} in {labels}")
    if found is None:
        return made, [
            "performance: no record has a label, so there is no baseline: measures are told, and none but limits of "
            "the configuration alarm; give --labels or --performance"
        ]
    remarks = []
    if trained:
        remarks.append(
            "performance: its baseline is of the profile's own data; a model does better on what it was trained on "
            "than it will do later: give labelled data that it has not seen with --performance"
        )
    return msgspec.structs.replace(made, performance=found), remarks
