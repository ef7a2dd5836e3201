"""Retraining: when to ask for a new version of a model, on which data, and what became of it.

A reason is an open episode of the champion, of a kind and severity that the configuration names, or the schedule. It
leads to a request once no open episode makes the data unfit, the last request is long enough ago, and there are
enough data since the onset of the newest reason, or they were waited for long enough. All of it is decided at the
ends of slides in which the model had records, in the order of event time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from config.plan import LabelsPlan, ModelPlan, RetrainPlan
from operators.decisions import ledger
from operators.decisions.episodes import Turn
from operators.decisions.gains import gains, losses
from operators.decisions.ledger import Ledger, Page
from operators.decisions.outputs import LabelsCame, Measures, Places, Progress
from schemas.cloudevents import identity, significant, timestamp
from schemas.control import Judgement
from schemas.retraining import (
    Answered,
    Costs,
    Excluded,
    MetricGain,
    MetricLoss,
    Missing,
    Offsets,
    RetrainType,
    TrainOn,
    Trigger,
    Withdrawn,
)
from schemas.terms import Kind, Severity

SPOILED = 200  # spans of unfit data that are remembered; of more, the oldest are trained on
RATE_MS = 3_600_000  # the present rate is that of the last hour, or of a window where that is longer
MEASURED = 8  # versions whose performance is remembered: champion, shadows, and those before
_OPEN = 2**63 - 1
_HOUR_MS = 3_600_000


class Cause(msgspec.Struct, kw_only=True):
    """An open episode that counts: as a reason, or against the data."""

    episode: str
    incident: str
    kind: Kind
    severity: Severity  # the highest that it was
    segment: str  # canonical text
    signals: list[str]
    onset_ms: int
    losses: list[MetricLoss] = []  # of episodes of performance
    asked: bool = False  # a request was made because of it
    harmless: bool = False  # somebody has said so, or that it is false: it counts no more


class Spoiled(msgspec.Struct, array_like=True):
    """A span of data that an episode made unfit; one that goes on has no end yet."""

    from_ms: int
    to_ms: int
    episode: str
    why: str


class Request(msgspec.Struct, kw_only=True):
    """A request that is being prepared, or was made."""

    id: str
    version: str
    trigger: Trigger
    since_ms: int  # when there first was a reason
    train_on: TrainOn
    enough: bool = False
    told: str = ""  # before it is made: waiting, or which episodes block it
    causes: list[Cause] = []  # earliest onset first
    expires_ms: int | None = None  # None: it was not made yet
    overdue: bool = False
    supersedes: str | None = None
    answer: Answered | None = None


class Completing(msgspec.Struct, kw_only=True):
    """A request that a new champion has ended, while it is not known yet how that one does."""

    request: Request
    version: str
    since_ms: int
    old: dict[str, float]  # measures of the version before


class Retraining(msgspec.Struct, kw_only=True):
    """What a model's policy knows about retraining."""

    champion: str | None = None
    schedule_ms: int = 0  # since when the schedule counts: the last request, or the champion's first records
    asked_ms: int | None = None  # when the last request was made
    pages: Ledger = []
    causes: list[Cause] = []  # in the order of their opening
    spoiled: list[Spoiled] = []
    ended: Withdrawn = "recovered"  # how the last reason that there was came to an end
    pending: Request | None = None
    request: Request | None = None
    measures: dict[str, dict[str, float]] = {}  # newest ones by version, the newest version last
    completing: Completing | None = None


@dataclass(frozen=True)
class Said:
    """Something to tell about a request."""

    type: RetrainType
    request: Request
    missing: Missing | None = None
    costs: Costs | None = None
    blocking: Sequence[Cause] = ()
    why: Withdrawn | None = None
    new_version: str | None = None
    compared: tuple[MetricGain, ...] | None = None


def noted(state: Retraining, plan: ModelPlan, output: Progress | Places | LabelsCame | Measures) -> None:
    """Enter data into the ledger, and what was measured of a version."""
    if isinstance(output, Measures):
        others = {version: values for version, values in state.measures.items() if version != output.version}
        state.measures = dict([*others.items(), (output.version, output.values)][-MEASURED:])
        return
    slide_ms = plan.window.slide_ms
    found = ledger.page(state.pages, output.time_ms, slide_ms)
    if isinstance(output, Progress):
        found.records += output.records
    elif isinstance(output, Places):
        ledger.place(found, output.topic, output.offsets)
    else:
        found.arrived += sum(output.predicted.values())
        for end_ms, labels in sorted(output.predicted.items()):
            ledger.page(state.pages, end_ms, slide_ms).labelled += labels


def heard(state: Retraining, plan: RetrainPlan, turn: Turn, time_ms: int, why: str | None) -> None:
    """Take what happened to an episode of the champion."""
    episode = turn.episode
    spoils, counts = episode.kind in plan.blocked_by, episode.kind in plan.when
    if not spoils and not counts:
        return
    known = next((cause for cause in state.causes if cause.episode == episode.id), None)
    signals = sorted(change.evidence.signal for change in episode.open) or sorted(episode.members)
    if turn.type == "resolved":
        state.causes = [cause for cause in state.causes if cause is not known]
        if counts:
            state.ended = why if why in ("accepted", "new_version", "configuration") else "recovered"  # type: ignore[assignment]
        for span in state.spoiled:
            if span.episode == episode.id:
                span.to_ms = time_ms
        return
    if known is None:
        known = Cause(
            episode=episode.id,
            incident=episode.incident,
            kind=episode.kind,
            severity=episode.peak,
            segment=episode.segment,
            signals=signals,
            onset_ms=episode.first_ms,
        )
        state.causes.append(known)
    known.severity, known.signals, known.onset_ms = episode.peak, signals, episode.first_ms
    known.losses = losses(episode)
    if spoils:
        state.spoiled = [span for span in state.spoiled if span.episode != episode.id]
        told = f"{episode.kind}: {', '.join(signals)}"
        state.spoiled.append(Spoiled(episode.first_ms, _OPEN, episode.id, told))
        del state.spoiled[:-SPOILED]


def judged(state: Retraining, episode: str, judgement: Judgement) -> None:
    """Take what somebody says of an episode: what is harmless or false counts no more, what is real does again."""
    for cause in state.causes:
        if cause.episode == episode:
            cause.harmless = judgement != "real"
            if cause.harmless:
                state.ended = "acknowledged"
                state.spoiled = [span for span in state.spoiled if span.episode != episode]


def answered(state: Retraining, id: str, answer: Answered) -> list[Said]:
    """Take the answer to a request: one that is rejected or has failed is closed."""
    request = state.request
    if request is None or request.id != id:
        return []
    request.answer = answer
    if answer.answer == "accepted":
        return []
    state.request = None
    if answer.answer == "failed":
        again = {cause.episode for cause in request.causes}
        for cause in state.causes:
            cause.asked = cause.asked and cause.episode not in again
    return [Said("io.tidemark.retrain.withdrawn", request, why=answer.answer)]


def came(state: Retraining, version: str, time_ms: int) -> list[Said]:
    """Take that a new champion has come, after its predecessor's episodes are over: the request is, too."""
    state.champion, state.schedule_ms = version, time_ms
    said: list[Said] = []
    if state.pending is not None and state.pending.told:
        said.append(Said("io.tidemark.retrain.withdrawn", state.pending, why="new_version"))
    if state.completing is not None:
        said.append(_completed(state.completing, None))
        state.completing = None
    if state.request is not None:
        old = state.measures.get(state.request.version, {})
        state.completing = Completing(request=state.request, version=version, since_ms=time_ms, old=old)
    state.pending = state.request = None
    return said


def looked(
    state: Retraining, model: ModelPlan, plan: RetrainPlan, scope: tuple[str, ...], time_ms: int, *, muted: bool
) -> list[Said]:
    """What there is to say at the end of a slide, after everything that happened by then.

    Parameters
    ----------
    state : Retraining
        Changed in place.
    model, plan
        The model, and what is said about retraining it.
    scope : tuple of str
        What makes ids of this model differ from others': environment and job.
    time_ms : int
        End of the slide.
    muted : bool
        Then nothing new is asked for.
    """
    said = [*_of_request(state, time_ms), *_of_completed(state, model, plan, time_ms)]
    reasons = [cause for cause in state.causes if _is_reason(cause, plan)]
    due = plan.every_ms is not None and time_ms >= state.schedule_ms + plan.every_ms
    if not reasons and not due:
        pending, state.pending = state.pending, None
        if pending is not None and pending.told:
            said.append(Said("io.tidemark.retrain.withdrawn", pending, why=state.ended))
        return said
    if muted or state.champion is None or (state.asked_ms is not None and time_ms < state.asked_ms + plan.cooldown_ms):
        return said
    from_ms = max(cause.onset_ms for cause in reasons) if reasons else time_ms - (plan.every_ms or 0)
    on = _train_on(state, from_ms, time_ms, _sample(model))
    have = on.samples if on.labelled is None else on.labelled
    pending = state.pending
    if pending is None:
        id = identity(*scope, "request", model.name, state.champion, time_ms)
        pending = Request(id=id, version=state.champion, trigger="drift", since_ms=time_ms, train_on=on)
    pending.trigger = "drift" if reasons else "schedule"
    pending.causes = sorted(reasons, key=lambda cause: (cause.onset_ms, cause.episode))
    pending.train_on, pending.enough = on, have >= plan.min_samples
    state.pending = pending
    blocking = [cause for cause in state.causes if cause.kind in plan.blocked_by and not cause.harmless]
    if blocking:
        told = ",".join(sorted(cause.episode for cause in blocking))
        if pending.told != told:
            pending.told = told
            said.append(Said("io.tidemark.retrain.blocked", pending, blocking=blocking))
        return said
    late, costs = time_ms >= pending.since_ms + plan.max_wait_ms, _costs(state, model, plan, pending, time_ms)
    worth = due or costs is None or costs.lost >= costs.cost
    if worth and (pending.enough or late):
        _ask(state, plan, pending, time_ms)
        said.append(Said("io.tidemark.retrain.requested", pending, costs=costs))
    elif pending.told != (now := "waiting" if worth else "costly"):
        pending.told = now
        short = plan.min_samples - have
        missing = None if short <= 0 else _missing(state, model, plan, pending, short, time_ms)
        said.append(Said("io.tidemark.retrain.waiting", pending, missing=missing, costs=costs))
    return said


def _costs(state: Retraining, model: ModelPlan, plan: RetrainPlan, pending: Request, time_ms: int) -> Costs | None:
    """What was lost since the earliest onset, had all its records the newest accuracy; None where nobody knows."""
    losses = [loss for cause in pending.causes for loss in cause.losses if loss.metric == "accuracy" and loss.loss]
    if plan.cost is None or not losses:
        return None
    most = max(losses, key=lambda loss: loss.loss or 0.0)
    now = state.measures.get(pending.version, {}).get("accuracy", most.current)
    rate = max(0.0, (most.baseline or 0.0) - (now if not most.segment else most.current)) * plan.value_per_correct
    since = ledger.pages(state.pages, min(cause.onset_ms for cause in pending.causes), time_ms)
    recent = _recent(state, model, time_ms)
    lost = significant(rate * sum(page.records for page in since))
    per_hour = significant(rate * sum(page.records for page in recent) / _hours(recent, time_ms))
    left = plan.cost - lost
    forecast = timestamp(time_ms + round(left / per_hour * _HOUR_MS)) if left > 0 and per_hour > 0 else None
    return Costs(cost=plan.cost, lost=lost, per_hour=per_hour, forecast=forecast)


def _of_request(state: Retraining, time_ms: int) -> list[Said]:
    """The drift passed, or nobody answers."""
    request = state.request
    if request is None or request.expires_ms is None:
        return []
    going_on = {cause.episode for cause in state.causes if not cause.harmless}
    taken_up = request.answer is not None
    if request.causes and not taken_up and not any(cause.episode in going_on for cause in request.causes):
        state.request = None
        return [Said("io.tidemark.retrain.withdrawn", request, why=state.ended)]
    if not taken_up and not request.overdue and time_ms >= request.expires_ms:
        request.overdue = True
        return [Said("io.tidemark.retrain.overdue", request)]
    return []


def _of_completed(state: Retraining, model: ModelPlan, plan: RetrainPlan, time_ms: int) -> list[Said]:
    """The new champion is compared with the old one once it is measured; for `max_wait` that is waited for."""
    completing = state.completing
    if completing is None:
        return []
    new = state.measures.get(completing.version)
    measured = isinstance(model.performance, tuple)
    if measured and new is None and time_ms < completing.since_ms + plan.max_wait_ms:
        return []
    state.completing = None
    return [_completed(completing, new)]


def _completed(completing: Completing, new: dict[str, float] | None) -> Said:
    compared = None if new is None else gains(completing.old, new)
    return Said("io.tidemark.retrain.completed", completing.request, new_version=completing.version, compared=compared)


def _is_reason(cause: Cause, plan: RetrainPlan) -> bool:
    severe = plan.severity == "warning" or cause.severity == "critical"
    return severe and not cause.asked and not cause.harmless and cause.kind in plan.when


def _ask(state: Retraining, plan: RetrainPlan, pending: Request, time_ms: int) -> None:
    for cause in pending.causes:
        cause.asked = True
    pending.causes = [msgspec.structs.replace(cause) for cause in pending.causes]
    pending.expires_ms = time_ms + plan.expires_ms
    pending.supersedes = None if state.request is None else state.request.id
    state.request, state.pending = pending, None
    state.asked_ms = state.schedule_ms = time_ms


def _train_on(state: Retraining, from_ms: int, to_ms: int, sample: float | None) -> TrainOn:
    """The whole pages since then, but for those that are spoiled; ``sample`` is the share of ids that are joined."""
    there = ledger.pages(state.pages, from_ms, to_ms)
    if not there:
        now = timestamp(to_ms)
        return TrainOn(start=now, end=now, exclude=(), samples=0, labelled=None if sample is None else 0, offsets=())
    whole = ledger.total(there)
    bad = [(page, why) for page in there if (why := _spoiled_by(state.spoiled, page))]
    samples = whole.records - sum(page.records for page, _ in bad)
    labelled = whole.labelled - sum(page.labelled for page, _ in bad)
    return TrainOn(
        start=timestamp(whole.start_ms),
        end=timestamp(to_ms),
        exclude=_joined(bad),
        samples=samples,
        labelled=None if sample is None else round(labelled / sample),
        offsets=tuple(
            Offsets(topic=topic, partition=partition, start=start, end=end)
            for topic, partitions in sorted(whole.offsets.items())
            for partition, (start, end) in sorted(partitions.items())
        ),
    )


def _spoiled_by(spoiled: Sequence[Spoiled], page: Page) -> str:
    whys = {span.why for span in spoiled if span.from_ms < page.end_ms and span.to_ms > page.start_ms}
    return "; ".join(sorted(whys))


def _joined(bad: Sequence[tuple[Page, str]]) -> tuple[Excluded, ...]:
    """Spoiled pages that follow each other for one reason as one span."""
    spans: list[Excluded] = []
    for page, why in bad:
        start, end = timestamp(page.start_ms), timestamp(page.end_ms)
        if spans and spans[-1].end == start and spans[-1].why == why:
            start = spans.pop().start
        spans.append(Excluded(start=start, end=end, why=why))
    return tuple(spans)


def _recent(state: Retraining, model: ModelPlan, time_ms: int) -> Ledger:
    return ledger.pages(state.pages, time_ms - max(RATE_MS, model.window.size_ms), time_ms)


def _hours(recent: Ledger, time_ms: int) -> float:
    return (time_ms - recent[0].start_ms) / _HOUR_MS if recent else 1.0


def _sample(model: ModelPlan) -> float | None:
    """The share of ids whose labels are looked for; None without a source of labels."""
    return model.labels.sample if isinstance(model.labels, LabelsPlan) else None


def _missing(
    state: Retraining, model: ModelPlan, plan: RetrainPlan, pending: Request, samples: int, time_ms: int
) -> Missing:
    """How much longer it takes at the present rate."""
    recent = _recent(state, model, time_ms)
    sample = _sample(model)
    count = sum(page.records if sample is None else page.arrived / sample for page in recent)
    rate = significant(count / _hours(recent, time_ms))
    return Missing(
        samples=samples,
        per_hour=rate,
        forecast=timestamp(time_ms + round(samples / rate * _HOUR_MS)) if rate else None,
        until=timestamp(pending.since_ms + plan.max_wait_ms),
    )
