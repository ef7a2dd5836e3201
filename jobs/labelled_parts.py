"""The parts of a profile that labels tell: the baseline of performance, and what performance is estimated from."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from config import Configuration
from config.plan import ModelPlan
from jobs.labelled import Labels, Progress, labelled
from jobs.pieces import TOPIC, Pieces, label_pieces
from operators.estimation.estimation_builder import EstimationBuilder
from operators.metrics.baseline import BaselineBuilder, can_be_measured
from operators.metrics.slice_cells import SliceSumsBuilder
from schemas.errors import DataError, UsageError
from schemas.profile import Profile


def with_labelled_parts(
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
    """A profile with those parts that there are labels for and that are wanted; and what there is to say of them.

    Parameters
    ----------
    plan
        The model, with its features.
    data
        Labelled reference data: their name as it was given, and they themselves. They are read once, for both.
    labels
        As given to ``tidemark profile``; None: they are in the records.
    trained
        The data are the profile's own, on which the model may have been trained.

    Raises
    ------
    UsageError
        It is not known what labels mean.
    DataError
        There are none, although they were given; or too few to estimate from, or nothing can be told from them.
    """
    name, pieces = data
    given = labels is not None or not trained
    baseline = BaselineBuilder(plan, made) if _is_measured(plan, given) else None
    estimation = EstimationBuilder(plan, made) if isinstance(plan.estimated, tuple) else None
    sliced = SliceSumsBuilder(plan, made) if baseline is not None and plan.searches_losses else None
    if baseline is None and estimation is None:
        return made, []
    joined = None if labels is None else Labels(plan, label_pieces(loaded, plan, labels), progress)
    for part in labelled(plan, pieces, joined, version, progress):
        if baseline is not None:
            baseline.add(part.columns, part.values, part.times_ms)
        if sliced is not None:
            sliced.add(part.columns, part.source, part.times_ms, part.values)
        if estimation is not None:
            estimation.add(part.columns, part.source, part.times_ms, part.values)
    remarks: list[str] = []
    if joined is not None and (came := joined.came.build(plan.window.slide_ms)) is not None:
        made = msgspec.structs.replace(made, labels=came)
    if baseline is not None:
        made, said = _with_baseline(plan, made, baseline, name, labels, given=given, trained=trained)
        remarks += said
    if sliced is not None and not isinstance(made.performance, msgspec.UnsetType):
        performance = msgspec.structs.replace(made.performance, sliced=sliced.build())
        made = msgspec.structs.replace(made, performance=performance)
    if estimation is not None:
        made, said = _with_estimation(plan, made, estimation, name, trained=trained)
        remarks += said
    return made, remarks


def _is_measured(plan: ModelPlan, given: bool) -> bool:
    """Whether there is to be a baseline."""
    if not given and not isinstance(plan.performance, tuple):
        return False
    if not can_be_measured(plan.prediction):
        message = (
            f"models.{plan.name}.prediction: does not say what labels are of; give 'task', and 'positive' or 'classes'"
        )
        raise UsageError(message)
    return True


def _with_baseline(
    plan: ModelPlan,
    made: Profile,
    builder: BaselineBuilder,
    name: str,
    labels: str | None,
    *,
    given: bool,
    trained: bool,
) -> tuple[Profile, list[str]]:
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


def _with_estimation(
    plan: ModelPlan, made: Profile, builder: EstimationBuilder, name: str, *, trained: bool
) -> tuple[Profile, list[str]]:
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
