"""Drift events: what Tidemark tells the world, as CloudEvents on one topic.

Within a schema version fields are only ever added, so readers ignore what they do not know. Every `id` is a hash
of what the event is about: a replay gives the same ids.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import msgspec

from schemas.announcements import (
    PROFILE_SCHEMA,
    REFUSED_SCHEMA,
    STREAM_SCHEMA,
    Accepted,
    ProfileData,
    ProfileEvent,
    ProfileType,
    RefusedData,
    RefusedEvent,
    RefusedType,
    StreamData,
    StreamEvent,
    StreamType,
)
from schemas.cloudevents import MEDIA_TYPE, Time, encode
from schemas.control import Judgement
from schemas.errors import TidemarkError
from schemas.evidence import CategoryChange, Contribution, Example, FieldChange, Histogram, UnseenValues
from schemas.profile import Level
from schemas.retraining import RETRAIN_SCHEMA, RetrainData, RetrainEvent, RetrainType
from schemas.terms import Escalation, Kind, Role, Severity, Span

__all__ = [
    "DRIFT_SCHEMA",
    "PROFILE_SCHEMA",
    "REFUSED_SCHEMA",
    "RETRAIN_SCHEMA",
    "STREAM_SCHEMA",
    "Accepted",
    "Acknowledged",
    "Affected",
    "CategoryChange",
    "Contribution",
    "Direction",
    "DriftData",
    "DriftEvent",
    "DriftType",
    "Effect",
    "Event",
    "EventError",
    "Example",
    "FieldChange",
    "Histogram",
    "Kind",
    "Moments",
    "ProfileData",
    "ProfileEvent",
    "ProfileType",
    "Reference",
    "RefusedData",
    "RefusedEvent",
    "RefusedType",
    "RetrainData",
    "RetrainEvent",
    "RetrainType",
    "Returned",
    "Role",
    "Severity",
    "SignalEvidence",
    "SliceEvidence",
    "Span",
    "StreamData",
    "StreamEvent",
    "StreamType",
    "UnknownEventError",
    "UnseenValues",
    "Why",
    "Window",
    "decode",
    "encode",
    "key",
]

DRIFT_SCHEMA: Final = "urn:tidemark:drift:1"

DriftType = Literal["io.tidemark.drift.opened", "io.tidemark.drift.updated", "io.tidemark.drift.resolved"]
Direction = Literal["up", "down", "spread", "narrow", "mix"]
Why = Literal["recovered", "accepted", "new_version", "configuration"]  # an episode is over


class EventError(TidemarkError):
    """Bytes that are not an event as this module describes it; look at what else writes to the topic."""


class UnknownEventError(TidemarkError):
    """An event of a type or schema version that this release does not know; skip it, or upgrade tidemark.

    Attributes
    ----------
    type : str
        Its type, for example ``io.tidemark.drift.forecast``.
    """

    def __init__(self, type: str, dataschema: str | None) -> None:
        super().__init__(f"event: type '{type}' with schema '{dataschema}' is not known to this release; skip it")
        self.type = type


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The span of event time that was evaluated, `start` inclusive, `end` exclusive."""

    start: Time
    end: Time
    count: int  # records of the segment in it
    # Of the model version's records in the same span; 1.0 for the segment `all`; null in summaries of other segments.
    share: float | None


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the model's signals of this kind have changed."""

    signals: int
    of: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How large a change is; `level` means the same whatever the detector."""

    size: float  # in the detector's own unit
    level: Level
    direction: Direction


class Moments(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a signal's values look like; what does not apply is left out. Shares are of all records."""

    mean: float | None = None
    sd: float | None = None
    missing: float | None = None  # share
    invalid: float | None = None  # share
    unseen: float | None = None  # share
    outside: float | None = None  # share out of the feature's `range`
    # Of two features how closely they are related, one of the three: rank correlation (of normal scores) of numbers,
    # correlation ratio of a number by categories, Cramer's V of categories.
    correlation: float | None = None
    correlation_ratio: float | None = None
    cramers_v: float | None = None
    value: float | None = None  # of a measure of performance
    low: float | None = None  # it lies between these 95 times in 100
    high: float | None = None
    duplicates: float | None = None  # share whose id came shortly before
    stale: float | None = None  # share that arrived later after its own time than `freshness` allows
    records: float | None = None  # of a window, for the volume


class SignalEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a signal is said to have changed: the strongest alarm on it, and what the values look like.

    Numbers are finite.
    """

    signal: str
    onset: Time  # when the change began, as far as the detector can tell
    # Nine times in ten the change began between these; without `onset_from` it may have been before the window.
    onset_from: Time | None = None
    onset_to: Time | None = None
    detector: str
    statistic: float
    threshold: float
    p_value: float | None  # null where the detector has none
    effect: Effect
    reference: Moments
    current: Moments
    histogram: Histogram | None = None  # numeric signals
    categories: tuple[CategoryChange, ...] | None = None  # categorical signals: those that changed most, first the most
    unseen: tuple[UnseenValues, ...] | None = None  # categories and values of discrete signals, most first
    # `multivariate.` signals of the whole traffic: the features that explain it, those that do most first
    contributions: tuple[Contribution, ...] | None = None
    examples: tuple[Example, ...] | None = None  # expectations: the first records that do not keep to it, three at most
    fields: tuple[FieldChange, ...] | None = None  # `quality.schema`: those that changed most, ten at most
    more_fields: int = 0  # likewise: how many more changed


class SliceEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a segment's own window, or a slice that was found by a search, says of a signal of an episode."""

    segment: dict[str, str]
    count: int  # records of its window; of performance labels; of a slice with `share` those that were looked at
    signal: str  # that changed most there
    detector: str
    statistic: float
    threshold: float
    effect: Effect
    reference: Moments | None = None  # of measures of performance
    current: Moments | None = None  # likewise, with their interval
    share: float | None = None  # of a slice that was found by a search for drift: of all records
    reference_share: float | None = None  # likewise, in the reference


class Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the window was compared with."""

    id: str  # of the profile; of `previous` the one that its bins and categories are of
    kind: Literal["profile", "learned", "previous", "accepted"]  # `accepted`: in part a window that was accepted
    span: Span | None = None  # `previous` only: the time before the window


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, rename={"as_": "as"}):
    """What somebody has said of an episode."""

    as_: Judgement
    time: Time
    by: str
    why: str


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that a change leads back to."""

    version: str  # whose it was: an older one, or the episode's own until something was accepted
    reference: str  # id of the profile
    episode: str  # that differed from it


class DriftData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An episode: a drift of one kind in one segment of a model version."""

    episode: str  # the same in all events of an episode
    incident: str  # the same in all episodes of a model that began together
    model: str
    version: str
    role: Role
    segment: dict[str, str]  # empty: the whole traffic
    kind: Kind
    severity: Severity
    onset: Time  # the earliest of its signals
    detected: Time  # when the episode was opened
    window: Window
    predicted: Span  # when the records of the window were predicted
    affected: Affected
    signals: tuple[SignalEvidence, ...]  # strongest first; in `resolved` as last seen
    reference: Reference
    configuration: str
    info: dict[str, Any]  # the model's `info` of the configuration
    muted: bool
    message: str
    why: Why | None = None  # `resolved` only
    acknowledged: Acknowledged | None = None
    recurs: str | None = None  # the earlier episode of the same segment and kind that it is like
    returns: Returned | None = None  # what was normal before is there again, as far as histograms tell
    escalated: Escalation | None = None  # `updated` only: it is worse than when people were told
    # Of the whole traffic: the segments in which its signals changed most, strongest first, five at most.
    slices: tuple[SliceEvidence, ...] | None = None


class DriftEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An episode was opened, has changed, or is over."""

    specversion: Literal["1.0"] = "1.0"
    type: DriftType
    source: str  # tidemark/ENVIRONMENT/JOB
    id: str
    time: Time  # event time of the evaluation
    subject: str  # MODEL/VERSION/SEGMENT
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:drift:1"] = DRIFT_SCHEMA
    data: DriftData


Event = DriftEvent | StreamEvent | ProfileEvent | RetrainEvent | RefusedEvent

_READABLE: dict[str | None, tuple[type[Event], tuple[str, ...]]] = {
    DRIFT_SCHEMA: (DriftEvent, get_args(DriftType)),
    STREAM_SCHEMA: (StreamEvent, get_args(StreamType)),
    PROFILE_SCHEMA: (ProfileEvent, get_args(ProfileType)),
    RETRAIN_SCHEMA: (RetrainEvent, get_args(RetrainType)),
    REFUSED_SCHEMA: (RefusedEvent, get_args(RefusedType)),
}


class _Header(msgspec.Struct):
    specversion: Literal["1.0"]
    type: str
    id: str
    dataschema: str | None = None


def decode(data: bytes) -> Event:
    """Read one event.

    Raises
    ------
    UnknownEventError
        A CloudEvent of a type or schema version that this release does not know.
    EventError
        Not a CloudEvent, or one that does not keep to its schema.
    """
    try:
        header = msgspec.json.decode(data, type=_Header)
        struct, types = _READABLE.get(header.dataschema, (DriftEvent, ()))
        if header.type not in types:
            raise UnknownEventError(header.type, header.dataschema)
        return msgspec.json.decode(data, type=struct)
    except msgspec.DecodeError as error:
        message = f"event: {error}"
    except UnicodeDecodeError:
        message = "event: text that is not UTF-8"
    except RecursionError:
        message = "event: nested too deeply"
    raise EventError(message)


def key(event: Event) -> bytes:
    """The message key: events of one model stay in order."""
    return event.data.model.encode()
