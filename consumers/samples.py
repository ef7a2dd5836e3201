"""Samples: events to order, for tests of handlers and to try actions with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from schemas import cloudevents
from schemas.events import (
    Accepted,
    Affected,
    DriftData,
    DriftEvent,
    Effect,
    Kind,
    Moments,
    ProfileData,
    ProfileEvent,
    Reference,
    RefusedData,
    RefusedEvent,
    RetrainData,
    RetrainEvent,
    Severity,
    SignalEvidence,
    Span,
    StreamData,
    StreamEvent,
    Window,
)
from schemas.retraining import Reason, TrainOn
from schemas.terms import Escalation

SOURCE = cloudevents.source("test", "tidemark")
TIME = "2026-01-05T10:05:00.000Z"
ONSET = "2026-01-05T09:40:00.000Z"
START = "2026-01-05T09:05:00.000Z"
PROFILE = "sha256:" + 64 * "0"


def drift_event(
    what: Literal["opened", "updated", "resolved"] = "opened",
    *,
    model: str = "churn",
    version: str = "3",
    segment: Mapping[str, str] | None = None,
    kind: Kind = "feature",
    severity: Severity = "critical",
    signal: str = "feature.age",
    incident: str | None = None,
    escalated: Escalation | None = None,
    time: str = TIME,
    info: Mapping[str, Any] | None = None,
    muted: bool = False,
) -> DriftEvent:
    """Make a drift event; equal arguments make the same event, with the same id.

    Parameters
    ----------
    what : "opened", "updated" or "resolved"
        What is said of the episode.
    model, version : str
        What has drifted.
    segment : mapping, optional
        Fields and values of the slice; by default the whole traffic.
    kind, severity, signal : str
        What kind of drift, how bad, and which signal shows it.
    incident : str, optional
        By default that of the model and the version, so that their episodes are one incident.
    escalated : str, optional
        What is worse than when people were told.
    time : str
        Event time, RFC 3339 in UTC with milliseconds.
    info : mapping, optional
        The model's ``info`` of the configuration.
    muted : bool
        Whether people have muted the model.
    """
    place = ",".join(f"{name}={value}" for name, value in sorted((segment or {}).items())) or "all"
    where = "" if place == "all" else f" in {place}"
    message = f"{signal} is back to its reference" if what == "resolved" else f"{signal} moved up{where}: PSI 0.41"
    evidence = SignalEvidence(
        signal=signal,
        onset=ONSET,
        detector="psi",
        statistic=0.41,
        threshold=0.03,
        p_value=1e-40,
        effect=Effect(size=0.41, level="large", direction="up"),
        reference=Moments(mean=41.2, missing=0.01),
        current=Moments(mean=48.9, missing=0.01),
    )
    data = DriftData(
        episode=cloudevents.identity(model, version, place, kind),
        incident=incident or cloudevents.identity(model, version),
        model=model,
        version=version,
        role="champion",
        segment=dict(segment or {}),
        kind=kind,
        severity=severity,
        onset=ONSET,
        detected=TIME,
        window=Window(start=START, end=TIME, count=5210, share=1.0 if place == "all" else 0.12),
        predicted=Span(start=START, end=TIME),
        affected=Affected(signals=1, of=20),
        signals=(evidence,),
        reference=Reference(id=PROFILE, kind="profile"),
        configuration=PROFILE,
        info=dict(info or {}),
        muted=muted,
        message=message,
        why="recovered" if what == "resolved" else None,
        escalated=escalated,
    )
    return DriftEvent(
        type=msgspec.convert(f"io.tidemark.drift.{what}", _type(DriftEvent)),
        source=SOURCE,
        id=cloudevents.identity(what, data.episode, severity, time),
        time=time,
        subject=cloudevents.subject(model, version, place),
        data=data,
    )


def stream_event(
    what: Literal["silent", "resumed"] = "silent",
    *,
    model: str = "churn",
    time: str = TIME,
    info: Mapping[str, Any] | None = None,
    muted: bool = False,
) -> StreamEvent:
    """Make an event about a model's stream; equal arguments make the same event."""
    said = "no records for 10 min, the last" if what == "silent" else "records again after 10 min, the last before"
    data = StreamData(
        model=model,
        last_record=START,
        freshness_ms=600_000,
        info=dict(info or {}),
        muted=muted,
        message=f"{model}: {said} at {START}",
    )
    return StreamEvent(
        type=msgspec.convert(f"io.tidemark.stream.{what}", _type(StreamEvent)),
        source=SOURCE,
        id=cloudevents.identity(what, model, time),
        time=time,
        subject=model,
        data=data,
    )


def profile_event(
    what: Literal["learned", "rebased", "restored"] = "learned",
    *,
    model: str = "churn",
    version: str = "4",
    time: str = TIME,
    info: Mapping[str, Any] | None = None,
    muted: bool = False,
) -> ProfileEvent:
    """Make an event about a reference; equal arguments make the same event."""
    episode = cloudevents.identity(model, version, "all", "feature")
    accepted = Accepted(episode=episode, signals=("feature.age",), by="ann", why="new prices")
    said = f"the first 10,000 records of version {version} are its reference now"
    if what != "learned":
        than = "the profile again" if what == "restored" else "10,000 records that were accepted"
        said = f"feature.age of version {version} is compared with {than}"
    data = ProfileData(
        model=model,
        version=version,
        role="champion",
        segment={},
        profile=PROFILE,
        records=10_000,
        signals=23 if what == "learned" else 1,
        start=START,
        end=TIME,
        info=dict(info or {}),
        muted=muted,
        message=said,
        accepted=None if what == "learned" else accepted,
    )
    return ProfileEvent(
        type=msgspec.convert(f"io.tidemark.profile.{what}", _type(ProfileEvent)),
        source=SOURCE,
        id=cloudevents.identity(what, model, version, time),
        time=time,
        subject=cloudevents.subject(model, version, "all"),
        data=data,
    )


def refused_event(
    *, model: str = "churn", time: str = TIME, info: Mapping[str, Any] | None = None, muted: bool = False
) -> RefusedEvent:
    """Make an event about a message that nothing follows from; equal arguments make the same event."""
    why = "there is no such open episode"
    data = RefusedData(
        model=model,
        control=cloudevents.identity("control", model, time),
        what="accept",
        about=cloudevents.identity(model, "3", "all", "feature"),
        refused=why,
        by="ann",
        configuration=PROFILE,
        info=dict(info or {}),
        muted=muted,
        message=f"accept of ann is refused: {why}",
    )
    return RefusedEvent(
        type="io.tidemark.control.refused",
        source=SOURCE,
        id=cloudevents.identity("refused", model, time),
        time=time,
        subject=model,
        data=data,
    )


def retrain_event(
    what: Literal["requested", "waiting", "blocked", "withdrawn", "overdue", "completed"] = "requested",
    *,
    model: str = "churn",
    version: str = "3",
    severity: Severity | None = "critical",
    request: str | None = None,
    train_on: TrainOn | None = None,
    time: str = TIME,
    info: Mapping[str, Any] | None = None,
    muted: bool = False,
) -> RetrainEvent:
    """Make an event about a retrain request; equal arguments make the same event.

    Parameters
    ----------
    what : str
        What has become of the request.
    model, version : str
        What is to be trained anew.
    severity : str, optional
        The highest of its reasons; None: it was asked for by the schedule.
    request : str, optional
        Id of the request; by default that of the model and the version.
    train_on : TrainOn, optional
        The data to train on; by default 25 minutes with 12,000 records, of which 10,400 have labels.
    time : str
        Event time, RFC 3339 in UTC with milliseconds.
    info : mapping, optional
        The model's ``info`` of the configuration.
    muted : bool
        Whether people have muted the model.
    """
    reason = Reason(
        episode=cloudevents.identity(model, version, "all", "performance"),
        incident=cloudevents.identity(model, version),
        kind="performance",
        severity=severity or "warning",
        segment={},
        signals=("performance.accuracy",),
        onset=ONSET,
    )
    scheduled = severity is None
    data = RetrainData(
        request=request or cloudevents.identity("request", model, version),
        model=model,
        version=version,
        trigger="schedule" if scheduled else "drift",
        severity=severity,
        reasons=() if scheduled else (reason,),
        scope=({},),
        train_on=train_on or TrainOn(start=ONSET, end=TIME, exclude=(), samples=12_000, labelled=10_400, offsets=()),
        enough=True,
        performance=(),
        configuration=PROFILE,
        info=dict(info or {}),
        muted=muted,
        message=f"train {model} {version} anew" + ("" if scheduled else " because of performance.accuracy"),
    )
    return RetrainEvent(
        type=msgspec.convert(f"io.tidemark.retrain.{what}", _type(RetrainEvent)),
        source=SOURCE,
        id=cloudevents.identity(what, data.request, time),
        time=time,
        subject=cloudevents.subject(model, version, "all"),
        data=data,
    )


def _type(struct: type[msgspec.Struct]) -> Any:
    return next(field.type for field in msgspec.structs.fields(struct) if field.name == "type")
