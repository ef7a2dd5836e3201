"""Two versions of a model on the records that both have predicted and that have a label."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from config.load import Configuration
from config.plan import ModelPlan
from jobs.labelled import Labels, labelled
from jobs.over_time import Interval, intervals
from jobs.pieces import Pieces, label_pieces, reference_pieces
from jobs.reference import model_plan
from operators.metrics.outcomes import classes_of
from operators.metrics.paired import FEWEST, Paired, losses, shares, worse_slices
from operators.profiles.signal_values import segment_column
from operators.reading.columns import names
from operators.reading.plain_times import NO_TIME
from schemas.cloudevents import significant
from schemas.errors import DataError, UsageError

Progress = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]
Floats = npt.NDArray[np.float64]
Judge = Callable[[npt.NDArray[Any], npt.NDArray[Any], str, str], Paired]
OTHER = "other classes"  # of two where only the positive one has a name


class Comparison(msgspec.Struct, frozen=True):
    """What a comparison comes to."""

    model: str
    old: str
    new: str
    records: int  # that both have predicted, with a label
    only_old: int  # labelled records that the other has not predicted
    only_new: int
    overlap: int  # records that both have predicted, whether they have a label or not
    agree: float | None  # share of these on which both predict the same class; null where numbers are predicted
    differ: float | None  # how far the two numbers are apart, on average; null where classes are predicted
    margin: float
    measures: tuple[Paired, ...]  # on all of them; the first decides
    slices: tuple[Paired, ...]  # of the first measure
    worse: tuple[str, ...]  # slices in which the new one is worse, beyond chance
    verdict: str  # better, as good, unclear or worse
    accepted: bool  # better, or as good within the margin, and worse in no slice; not worse on the reference either
    reference: Comparison | None = None  # the same two on records of the reference
    over_time: tuple[Interval, ...] = ()  # by the first measure, where intervals are asked for


@dataclass
class _Version:
    """What a version predicted, by id."""

    values: dict[str, tuple[float, float, float]]  # predicted, probability, outcome; of labelled records
    others: dict[str, float]  # predicted, of those without a label
    slices: dict[str, tuple[str, ...]]
    times: dict[str, int]  # when they were made, of labelled records that have a time


def compare(
    loaded: Configuration,
    model: str,
    old: str,
    new: str,
    *,
    data: str | None = None,
    labels: str | None = None,
    start: str | None = None,
    end: str | None = None,
    margin: float = 0.0,
    reference: str | None = None,
    reference_margin: float | None = None,
    every_ms: int = 0,
    progress: Progress,
) -> Comparison:
    """Compare.

    Parameters
    ----------
    loaded : Configuration
        Says where records and labels are, and what the model predicts.
    model, old, new : str
        The model and two of its versions.
    data, labels, start, end : str, optional
        Where records and labels are instead of in the sources; of a topic from when to when.
    margin : float
        By how much the new version may be worse, in the unit of the measure.
    reference : str, optional
        Where there are records of the reference that both have predicted; their labels are in them, or with the
        others. On these the new version must not be worse.
    reference_margin : float, optional
        By how much it may be there; the same as elsewhere if not given.
    every_ms : int
        Tell how both do over time, in intervals so long; 0: do not.
    progress : callable
        Is told of records that were read.

    Raises
    ------
    UsageError
        The model says nothing about its prediction, or has no source of labels.
    DataError
        The two have not predicted enough of the same records.
    """
    plan = model_plan(loaded, model)
    if plan.prediction is None or plan.prediction.task == "ranking":
        what = "is a ranking" if plan.prediction else "is not given"
        message = f"models.{model}.prediction: {what}, and versions are compared by it (binary, multiclass, regression)"
        raise UsageError(message)
    where = labels or _source(loaded, plan, "labels")
    known = Labels(plan, label_pieces(loaded, plan, where), progress) if where is not None else None

    def judged(pieces: Pieces, found: Labels | None, margin: float, option: str) -> Comparison:
        before, after = (_version(plan, pieces, found, version, progress) for version in (old, new))
        if found is None and not before.values and not after.values and known is not None:
            return judged(pieces, known, margin, option)  # labels are not in the records
        both = sorted(before.values.keys() & after.values.keys())
        if len(both) < FEWEST:
            message = (
                f"{model}: {len(both)} labelled records have a prediction of both versions "
                f"({len(before.values):,} of {old}, {len(after.values):,} of {new}); run them side by side for a "
                f"while, or name data with predictions of both by {option}"
            )
            raise DataError(message)
        made = _compared(plan, (old, new), before, after, both, margin)
        if not every_ms or option != "--data":
            return made
        return msgspec.structs.replace(made, over_time=_over_time(plan, before, after, every_ms))

    recent = reference_pieces(loaded, plan, data or _source(loaded, plan, "predictions") or "", start, end)
    found = judged(recent, known, margin, "--data")
    if reference is None:
        return found
    allowed = margin if reference_margin is None else reference_margin
    kept = judged(reference_pieces(loaded, plan, reference), None, allowed, "--reference")
    lost = kept.verdict == "worse" or kept.worse
    return msgspec.structs.replace(found, reference=kept, accepted=found.accepted and not lost)


def _source(loaded: Configuration, plan: ModelPlan, kind: str) -> str | None:
    found = [source for source in loaded.plan.sources if source.kind == kind and source.model in (None, plan.name)]
    if not found:
        return None
    return f"topic:{found[0].topic}" if found[0].topic else found[0].path


def _version(plan: ModelPlan, pieces: Pieces, labels: Labels | None, version: str, progress: Progress) -> _Version:
    """The first prediction of each id."""
    found = _Version({}, {}, {}, {})
    for piece in labelled(plan, pieces, labels, version, progress, unlabelled=True):
        ids = names(piece.columns.fields.get("id", [None] * len(piece.values)))
        fields = [name for segment in plan.segments if len(segment.fields) == 1 for name in segment.fields]
        columns = {name: names(segment_column(name, piece.columns, len(piece.values))) for name in fields}
        times = [NO_TIME] * len(ids) if piece.times_ms is None else piece.times_ms.tolist()
        for at, (id, values) in enumerate(zip(ids, piece.values.tolist(), strict=True)):
            if not isinstance(id, str) or id in found.values or np.isnan(values[0]):
                continue
            if np.isnan(values[2]):
                found.others.setdefault(id, values[0])
            else:
                found.values[id] = (values[0], values[1], values[2])
                if times[at] != NO_TIME:
                    found.times[id] = times[at]
                found.slices[id] = tuple(
                    f"{name}={column[at]}" for name, column in columns.items() if isinstance(column[at], str)
                )
    return found


def _compared(
    plan: ModelPlan, versions: tuple[str, str], before: _Version, after: _Version, both: list[str], margin: float
) -> Comparison:
    assert plan.prediction is not None
    old = np.array([before.values[id] for id in both])
    new = np.array([after.values[id] for id in both])
    outcome = old[:, 2]
    groups: dict[str, list[int]] = {}
    for at, id in enumerate(both):
        for name in before.slices[id]:
            groups.setdefault(name, []).append(at)
    if plan.prediction.task == "regression":
        worth, worth_new = np.abs(old[:, 0] - outcome), np.abs(new[:, 0] - outcome)
        judge: Judge = losses
        what = "mae"
        measures = [judge(worth, worth_new, what, "all"), losses(worth**2, worth_new**2, "mse", "all")]
    else:
        worth, worth_new = old[:, 0] == outcome, new[:, 0] == outcome
        judge, what = shares, "accuracy"
        measures = [judge(worth, worth_new, what, "all")]
        if plan.prediction.task == "binary" and not np.isnan([old[:, 1], new[:, 1]]).any():
            brier = (old[:, 1] - outcome) ** 2, (new[:, 1] - outcome) ** 2
            measures.append(losses(*brier, what="brier", where="all"))
        classes = classes_of(plan.prediction) or (OTHER, str(plan.prediction.positive))
        for at, name in enumerate(outcome.astype(int).tolist()):
            groups.setdefault(f"class={classes[name]}", []).append(at)
    large = {name: rows for name, rows in sorted(groups.items()) if len(rows) >= max(plan.disclose, FEWEST)}
    slices = [judge(worth[rows], worth_new[rows], what, name) for name, rows in large.items()]
    worse = tuple(each.slice for each in worse_slices(slices))
    verdict = _verdict(measures[0], margin)
    told = [known.others | {id: values[0] for id, values in known.values.items()} for known in (before, after)]
    apart = np.abs([told[0][id] - told[1][id] for id in told[0].keys() & told[1].keys()])
    numbers = plan.prediction.task == "regression"
    return Comparison(
        model=plan.name,
        old=versions[0],
        new=versions[1],
        records=len(both),
        only_old=len(before.values) - len(both),
        only_new=len(after.values) - len(both),
        overlap=len(apart),
        agree=None if numbers else significant(float((apart == 0).mean())),
        differ=significant(math.fsum(apart) / len(apart)) if numbers else None,
        margin=margin,
        measures=tuple(measures),
        slices=tuple(slices),
        worse=worse,
        verdict=verdict,
        accepted=verdict in ("better", "as good") and not worse,
    )


def _over_time(plan: ModelPlan, before: _Version, after: _Version, every_ms: int) -> tuple[Interval, ...]:
    """By the first measure."""
    assert plan.prediction is not None
    numbers = plan.prediction.task == "regression"

    def worth(known: _Version) -> dict[str, tuple[int, float]]:
        told = {id: known.values[id] for id in known.times}
        return {
            id: (known.times[id], abs(values[0] - values[2]) if numbers else float(values[0] == values[2]))
            for id, values in told.items()
        }

    def judge(old: Floats, new: Floats) -> Paired:
        return losses(old, new, "mae", "all") if numbers else shares(old == 1, new == 1, "accuracy", "all")

    found = intervals(worth(before), worth(after), every_ms, plan.disclose, judge)
    if found:
        return found
    message = "--every: records have no times; compare those of a topic, or give their source 'time: payload'"
    raise UsageError(message)


def _verdict(found: Paired, margin: float) -> str:
    if found.low > 0:
        return "better"
    if found.high < 0 and found.gain < -margin:
        return "worse"
    return "as good" if found.low >= -margin and margin > 0 else "unclear"
