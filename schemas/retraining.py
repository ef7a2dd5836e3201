"""Retrain requests: which model to retrain, on which data, why, and what became of it."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from schemas.cloudevents import MEDIA_TYPE, Time
from schemas.terms import Kind, Severity

RETRAIN_SCHEMA: Final = "urn:tidemark:retrain:1"

RetrainType = Literal[
    "io.tidemark.retrain.requested",
    "io.tidemark.retrain.waiting",
    "io.tidemark.retrain.blocked",
    "io.tidemark.retrain.withdrawn",
    "io.tidemark.retrain.overdue",
    "io.tidemark.retrain.completed",
]
Trigger = Literal["drift", "schedule"]
Answer = Literal["accepted", "rejected", "failed"]
Withdrawn = Literal["recovered", "acknowledged", "accepted", "rejected", "failed", "new_version", "configuration"]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """An episode because of which to retrain, or because of which the data are unfit for it."""

    episode: str
    incident: str
    kind: Kind
    severity: Severity  # the highest that it was
    segment: dict[str, str]  # empty: the whole traffic
    signals: tuple[str, ...]
    onset: Time


class Excluded(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A span of data that is not to be trained on, `from` inclusive, `to` exclusive."""

    start: Time
    end: Time
    why: str


class Offsets(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Where in a partition the records of the span stand; between them may be other models' and other times'."""

    topic: str
    partition: int
    start: int  # offset of the first
    end: int  # one more than that of the last


class TrainOn(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """The data to train on: by when they were predicted, `from` inclusive, `to` exclusive."""

    start: Time
    end: Time
    exclude: tuple[Excluded, ...]  # in order, apart from each other
    samples: int  # records of champions in the span, but for those in `exclude`
    labelled: int | None  # of their ids, how many have labels by now; null: the model has no source of labels
    offsets: tuple[Offsets, ...]  # of topics of predictions; none where records come from files


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """What there is too little of, and until when it is waited for."""

    samples: int  # missing: labelled ones, where the model has a source of labels
    per_hour: float  # that come at the present rate
    forecast: Time | None  # when there will be enough at that rate; null: none come
    until: Time  # when a request is made with what there is then


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What it has cost not to retrain, against what it costs to; in the unit of the configuration's `cost`."""

    cost: float
    lost: float  # since the onset of the earliest reason, by the accuracy that was lost, estimated
    per_hour: float  # that are lost at the present rate
    forecast: Time | None  # when as much will be lost at that rate; null: not at all, or it is already


class Sufficiency(msgspec.Struct, frozen=True, kw_only=True):
    """How well a measure will be known by the labelled records, 95 times in 100: half the width of its interval."""

    metric: str
    segment: dict[str, str]  # empty: the whole traffic
    half_width: float | None  # with those that there are; null: there are none
    wanted: float  # half of the loss, so that it shows whether that is made good; of accuracy without one 0.01
    labelled: int  # labelled records that are needed for it
    forecast: Time | None  # when there will be as many at the present rate; null: there are, or none come


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to update the model with the new data, beside a part of the old, or to train it from scratch."""

    how: Literal["update", "scratch"]
    why: str
    overlap: float | None  # least share of a drifted input's values where the reference has its own; null: none drifted


class MetricLoss(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A measure of performance against what it was."""

    metric: str
    segment: dict[str, str]  # empty: the whole traffic
    baseline: float | None
    current: float
    loss: float | None  # by how much it is worse than the baseline; negative: better
    low: float | None = None  # `current` lies between these 95 times in 100, where that is known
    high: float | None = None
    labels: int | None = None  # that it rests on


class MetricGain(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of performance of the old and of the new version, each on its own newest window with labels."""

    metric: str
    old: float | None
    new: float | None
    gain: float | None  # by how much the new one is better; negative: worse


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline that trains has answered, on the control topic."""

    answer: Answer
    time: Time
    by: str
    why: str


class RetrainData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request to retrain a model, from the first reason to the new version."""

    request: str  # the same in all events of a request
    model: str
    version: str  # the champion that is to be replaced
    trigger: Trigger
    severity: Severity | None  # the highest of the reasons; null without any
    reasons: tuple[Reason, ...]  # earliest onset first; none where the schedule is the reason
    scope: tuple[dict[str, str], ...]  # segments of the reasons; an empty one is the whole traffic
    train_on: TrainOn
    enough: bool  # whether there are `min_samples`
    performance: tuple[MetricLoss, ...]  # where an episode of the reasons tells it
    configuration: str
    info: dict[str, Any]  # the model's `info` of the configuration
    muted: bool
    message: str
    expires: Time | None = None  # from `requested` on: by when an answer or a new version is expected
    supersedes: str | None = None  # the open request that this one takes the place of
    waiting: Missing | None = None  # `waiting` only
    sufficiency: Sufficiency | None = None  # `waiting` and `requested`, where a measure is known
    advice: Advice | None = None  # `waiting` and `requested`
    costs: Costs | None = None  # where `cost` is configured, and accuracy known
    blocked_by: tuple[Reason, ...] | None = None  # `blocked` only: episodes that make the data unfit
    why: Withdrawn | None = None  # `withdrawn` only
    answer: Answered | None = None  # from the pipeline, once there is one
    new_version: str | None = None  # `completed` only: the champion that came
    compared: tuple[MetricGain, ...] | None = None  # `completed` only, where performance is known


class RetrainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A model should be retrained, or that has come to an end."""

    specversion: Literal["1.0"] = "1.0"
    type: RetrainType
    source: str
    id: str
    time: Time  # event time
    subject: str  # MODEL/VERSION/all
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:retrain:1"] = RETRAIN_SCHEMA
    data: RetrainData
