"""Requests: what retraining has to say, as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.plan import ALL, JobPlan, ModelPlan
from operators.decisions import messages
from operators.decisions.advice import advice
from operators.decisions.asking import Cause, Said
from operators.decisions.episodes import Episode
from schemas import segments
from schemas.cloudevents import identity, milliseconds, source, subject, timestamp
from schemas.events import RetrainData, RetrainEvent
from schemas.retraining import Advice, Reason, Sufficiency, TrainOn


def event(
    plan: ModelPlan,
    job: JobPlan,
    configuration_id: str,
    said: Said,
    episodes: Sequence[Episode],
    time_ms: int,
    *,
    muted: bool,
) -> RetrainEvent:
    """The event of what was said at a time, when these episodes of the model were open."""
    request, job_source = said.request, source(job.environment, job.name)
    scope = sorted({cause.segment for cause in request.causes})
    severities = {cause.severity for cause in request.causes}
    asks = said.type in ("io.tidemark.retrain.waiting", "io.tidemark.retrain.requested")
    advised = advice(episodes, request.version) if asks else None
    return RetrainEvent(
        type=said.type,
        source=job_source,
        id=identity(job_source, request.id, said.type, time_ms),
        time=timestamp(time_ms),
        subject=subject(plan.name, request.version, ALL),
        data=RetrainData(
            request=request.id,
            model=plan.name,
            version=request.version,
            trigger=request.trigger,
            severity="critical" if "critical" in severities else "warning" if severities else None,
            reasons=tuple(map(_reason, request.causes)),
            scope=tuple(map(segments.parse, scope)) or ({},),
            train_on=request.train_on,
            enough=request.enough,
            performance=tuple(loss for cause in request.causes for loss in cause.losses),
            configuration=configuration_id,
            info=plan.info,
            muted=muted,
            message="; ".join([_message(plan, said, time_ms), *_beside(said.sufficiency, advised)]),
            expires=None if request.expires_ms is None else timestamp(request.expires_ms),
            supersedes=request.supersedes,
            waiting=said.missing,
            sufficiency=said.sufficiency,
            advice=advised,
            costs=said.costs,
            blocked_by=tuple(map(_reason, said.blocking)) or None,
            why=said.why,
            answer=request.answer,
            new_version=said.new_version,
            compared=said.compared,
        ),
    )


def _reason(cause: Cause) -> Reason:
    return Reason(
        episode=cause.episode,
        incident=cause.incident,
        kind=cause.kind,
        severity=cause.severity,
        segment=segments.parse(cause.segment),
        signals=tuple(cause.signals),
        onset=timestamp(cause.onset_ms),
    )


def _message(plan: ModelPlan, said: Said, time_ms: int) -> str:
    request, on = said.request, said.request.train_on
    name, what = f"{plan.name} {request.version}", said.type.rpartition(".")[2]
    worth = said.costs is None or said.costs.lost >= said.costs.cost
    if what == "waiting" and said.missing is not None and worth:
        missing = said.missing
        kind = "records" if on.labelled is None else "labelled records"
        soon = "none are coming" if missing.forecast is None else f"there will be enough at {_minute(missing.forecast)}"
        until = f"it is waited for until {_minute(missing.until)}"
        return f"{missing.samples:,} more {kind} are needed to retrain {name} because of {_why(said)}: {soon}, {until}"
    if what == "waiting" and said.costs is not None:
        costs = said.costs
        soon = "" if costs.forecast is None else f"; it will be at {_minute(costs.forecast)}"
        return (
            f"to retrain {name} is not worth it yet: {_why(said)} has cost {costs.lost:.3g} of {costs.cost:.3g}{soon}"
        )
    if what == "blocked":
        return f"data to retrain {name} with are unfit: {_listed(said.blocking)}"
    if what == "overdue":
        return f"no answer to the request to retrain {name} within {_since(request.expires_ms, said, time_ms)}"
    if what == "withdrawn":
        return f"{name} need not be retrained: {_ended(said)}"
    if what == "completed":
        text = f"{plan.name} {said.new_version} has taken the place of {request.version}, which was to be retrained"
        known = [one for one in said.compared or () if one.old is not None and one.new is not None]
        told = messages.listed([f"{one.metric} {one.old:.3g} -> {one.new:.3g}" for one in known]) if known else ""
        return f"{text}: {told}" if told else text
    short = "" if request.enough else "only "
    more = f", in place of request {request.supersedes[:8]}" if request.supersedes else ""
    return f"retrain {name} because of {_why(said)}: {short}{_amount(on)}{more}"


def _beside(known: Sufficiency | None, advised: Advice | None) -> Iterator[str]:
    """How well a measure will be known, and what the new version is best made from."""
    if known is not None:
        now = "" if known.half_width is None else f"{known.metric} will be known to ± {known.half_width:.2g}, "
        when = "" if known.forecast is None else f" (at {_minute(known.forecast)})"
        yield f"{now}to ± {known.wanted:.2g} by {known.labelled:,} labelled records{when}"
    if advised is not None:
        what = "update the model" if advised.how == "update" else "train from scratch"
        yield f"{what}: {advised.why}"


def _why(said: Said) -> str:
    return _listed(said.request.causes) if said.request.causes else "the schedule"


def _listed(causes: Sequence[Cause]) -> str:
    named = []
    for cause in causes:
        place = "" if cause.segment == ALL else f" in {cause.segment}"
        named += [signal + place for signal in cause.signals]
    return messages.listed(named)


def _amount(on: TrainOn) -> str:
    kind = "records" if on.labelled is None else "labelled records"
    count = on.samples if on.labelled is None else on.labelled
    return f"{count:,} {kind} since {_minute(on.start)}"


def _ended(said: Said) -> str:
    what = _why(said)
    return {
        "recovered": f"{what} {'are' if ' and ' in what else 'is'} as before",
        "acknowledged": f"{what} was said to be harmless or false",
        "accepted": f"{what} was accepted as the new normal",
        "rejected": "the request was rejected",
        "failed": "training failed",
        "new_version": "a new version has come",
        "configuration": f"{what} is watched anew, by another profile or configuration",
    }[said.why or "recovered"]


def _since(expires_ms: int | None, said: Said, time_ms: int) -> str:
    asked_ms = milliseconds(said.request.train_on.end)
    return messages.duration((expires_ms or time_ms) - asked_ms)


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")
