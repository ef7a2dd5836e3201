"""Silence: a model's stream that stands still, and one that goes on; by the wall clock, which is an argument."""

from __future__ import annotations

import msgspec

from config.plan import ModelPlan, Plan
from schemas.cloudevents import identity, source, timestamp
from schemas.errors import StateVersionError
from schemas.events import StreamData, StreamEvent

FORMAT = 1

# How much later than asked for a look may be made; a later one shows that the job itself stood still, and says nothing
# of the stream. Less: a busy machine hides a silence; more: a restart of the job is taken for one.
TARDY_MS = 60_000


class _State(msgspec.Struct, array_like=True):
    format: int = FORMAT
    newest_ms: int = 0  # event time of the newest record
    came_ms: int = 0  # wall clock at which records last came
    silent: bool = False


def arrived(state: bytes, model: ModelPlan, plan: Plan, newest_ms: int, now_ms: int) -> tuple[bytes, list[StreamEvent]]:
    """Records of the model came; after a silence that is an event."""
    known = _read(state)
    events = []
    if known.silent:
        stood_ms = now_ms - known.came_ms
        text = f"{model.name}: records come again after {_minutes(stood_ms)}"
        events.append(_event("io.tidemark.stream.resumed", model, plan, known, now_ms, text))
    newest_ms = max(known.newest_ms, newest_ms)
    return msgspec.msgpack.encode(_State(newest_ms=newest_ms, came_ms=now_ms)), events


def looked(
    state: bytes, model: ModelPlan, plan: Plan, due_ms: int, now_ms: int
) -> tuple[bytes, list[StreamEvent], int | None]:
    """Time has passed; if nothing came for the model's ``freshness``, that is an event, once.

    Parameters
    ----------
    due_ms
        When this look was asked for.

    Returns
    -------
    state : bytes
    events : list of StreamEvent
    next_ms : int or None
        When to look again, whatever comes; None: when records have come.
    """
    known = _read(state)
    if known.silent or now_ms - known.came_ms < model.freshness_ms:
        return state, [], None
    if now_ms - due_ms > TARDY_MS:
        known.came_ms = now_ms
        return msgspec.msgpack.encode(known), [], now_ms + model.freshness_ms
    known.silent = True
    newest = timestamp(known.newest_ms)
    text = f"{model.name}: no record for {_minutes(now_ms - known.came_ms)}; the newest is from {newest}"
    event = _event("io.tidemark.stream.silent", model, plan, known, now_ms, text)
    return msgspec.msgpack.encode(known), [event], None


def _event(kind: str, model: ModelPlan, plan: Plan, known: _State, now_ms: int, text: str) -> StreamEvent:
    job_source = source(plan.job.environment, plan.job.name)
    return StreamEvent(
        type=kind,  # type: ignore[arg-type]  # one of its two literals
        source=job_source,
        # By what stood still, not by when it was noticed: a job that restarts says the same thing again.
        id=identity(job_source, kind, model.name, known.newest_ms),
        time=timestamp(now_ms),
        subject=model.name,
        data=StreamData(
            model=model.name,
            last_record=timestamp(known.newest_ms),
            freshness_ms=model.freshness_ms,
            configuration=plan.configuration_id,
            info=model.info,
            muted=False,
            message=text,
        ),
    )


def _read(state: bytes) -> _State:
    if not state:
        return _State()
    known = msgspec.msgpack.decode(state, type=_State)
    if known.format != FORMAT:
        message = (
            f"state of the silence of a stream: format {known.format} is not one that this release reads ({FORMAT}); "
            "upgrade tidemark or restore an older savepoint"
        )
        raise StateVersionError(message)
    return known


def _minutes(milliseconds: int) -> str:
    return f"{milliseconds // 1000} s" if milliseconds < 120_000 else f"{milliseconds // 60_000} min"
