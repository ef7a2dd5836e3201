"""Retraining: when to ask for a new version of a model, on which data, and what became of it.

A reason is an open episode of the champion, of a kind and severity that the configuration names, or the schedule. It
leads to a request once no open episode makes the data unfit, the last request is long enough ago, and there are
enough data since the onset of the newest reason, or they were waited for long enough. All of it is decided at the
ends of slides in which the model had records, in the order of event time.
"""

from __future__ import annotations

import msgspec

from config.plan import ModelPlan, RetrainPlan
from operators.decisions import ledger
from operators.decisions.asking import Cause, Completing, Request, Retraining, Said, Spoiled
from operators.decisions.episodes import Turn
from operators.decisions.gains import gains, losses
from operators.decisions.outputs import LabelsCame, Measures, Places, Progress
from operators.decisions.sufficiency import sufficiency
from operators.decisions.training_data import costs, missing, per_hour, sample_of, train_on
from schemas.cloudevents import identity
from schemas.control import Judgement
from schemas.retraining import Answered

SPOILED = 200  # spans of unfit data that are remembered; of more, the oldest are trained on
MEASURED = 8  # versions whose performance is remembered: champion, shadows, and those before
_OPEN = 2**63 - 1


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
    on = train_on(state, from_ms, time_ms, sample_of(model))
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
        blocked = ",".join(sorted(cause.episode for cause in blocking))
        if pending.told != blocked:
            pending.told = blocked
            said.append(Said("io.tidemark.retrain.blocked", pending, blocking=blocking))
        return said
    late, cost = time_ms >= pending.since_ms + plan.max_wait_ms, costs(state, model, plan, pending, time_ms)
    worth = due or cost is None or cost.lost >= cost.cost
    asks, now = worth and (pending.enough or late), "waiting" if worth else "costly"
    if not asks and pending.told == now:
        return said
    rate, known = per_hour(state, model, time_ms), None
    if on.labelled is not None:
        told = [loss for cause in reasons for loss in cause.losses]
        known = sufficiency(told, state.measures.get(pending.version, {}), on.labelled, rate, time_ms)
    if asks:
        _ask(state, plan, pending, time_ms)
        said.append(Said("io.tidemark.retrain.requested", pending, costs=cost, sufficiency=known))
    else:
        pending.told, short = now, plan.min_samples - have
        lacks = None if short <= 0 else missing(plan, pending, short, rate, time_ms)
        said.append(Said("io.tidemark.retrain.waiting", pending, missing=lacks, costs=cost, sufficiency=known))
    return said


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
