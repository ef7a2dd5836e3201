"""The operators as Flink sees them: they keep state and set timers, and decide nothing."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

from config.plan import ALL, read_plan
from jobs import profiles, versions
from jobs.metrics import Metrics
from jobs.wakes import Wakes
from operators import policy
from operators.decisions import offsets, outputs, silence
from operators.decisions.outputs import SignalChange
from operators.encoding.entries import Batch
from operators.encoding.keys import LABELS, LETTER, MONITOR, source_of
from operators.monitor import Step
from operators.monitoring.state import Key
from operators.monitors import Kept, Monitors
from operators.profiles.references import read_job
from schemas import cloudevents, events, logs, summaries
from schemas.errors import ProfileError
from schemas.profile import Profile

log = logging.getLogger("tidemark")

FINAL = 2**63 - 1  # the watermark after the last record of bounded input


def tagged() -> Any:
    """Type of what the monitor says to operators: kind, key, payload."""
    return Types.ROW([Types.STRING(), Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())])


def message() -> Any:
    """Type of a message: key and value."""
    return Types.ROW([Types.PRIMITIVE_ARRAY(Types.BYTE()), Types.PRIMITIVE_ARRAY(Types.BYTE())])


def aside(name: str) -> Any:
    """What the monitor says to a sink: beside the rest, or each that picks its own would be sent all of it."""
    return OutputTag(name, message())


def told(row: Row) -> Row:
    """What the report needs of an event: its type."""
    kind = msgspec.json.decode(bytes(row[1]))["type"]
    return Row("event", kind, b"")


def bytes_state(context: RuntimeContext, name: str) -> Any:
    """A state of one value of bytes."""
    return context.get_state(ValueStateDescriptor(name, Types.PRIMITIVE_ARRAY(Types.BYTE())))


def bytes_map(context: RuntimeContext, name: str) -> Any:
    """A state of bytes by name."""
    return context.get_map_state(MapStateDescriptor(name, Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())))


def _value(state: Any) -> bytes:
    value = state.value()
    return b"" if value is None else bytes(value)


def _entry(states: Any, key: str) -> bytes:
    value = states.get(key)
    return b"" if value is None else bytes(value)


def _put(states: Any, key: str, value: bytes) -> None:
    if value:
        states.put(key, value)
    else:
        states.remove(key)


class MonitorFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Panes through `Monitors`, letters and counts as they are, by bucket of their keys.

    What a bundle changes of a state is one message to the JVM and a wait for its answer: of a bucket, not of each key.
    """

    def __init__(self, job: bytes) -> None:
        self._job, self._submitted = job, versions.here()

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        versions.check(self._submitted)
        job = read_job(self._job)
        self._plan = job.plan
        self._source = cloudevents.source(job.plan.job.environment, job.plan.job.name)
        self._models = {model.name: model for model in job.plan.models}
        self._topics = {source.name: source.topic for source in job.plan.sources}
        self._monitors = Monitors(job, scores=job.plan.summaries is not None)
        self._states = bytes_map(runtime_context, "key")
        self._rings = bytes_map(runtime_context, "ring")
        self._learned = bytes_map(runtime_context, "learned")
        self._accepted = bytes_map(runtime_context, "accepted")
        self._summaries, self._letters = aside("summaries"), aside("letters")
        self._wants_letters = job.plan.dead_letters is not None
        self._metrics = Metrics(runtime_context.get_metrics_group())
        self._wakes = Wakes(bytes_state(runtime_context, "wakes"))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        """Take a pane, letters, or counts."""
        key, _, parts = value
        if key[0] == MONITOR:
            before, model = _entry(self._states, key), self._monitors.key(key).model
            with self._metrics.timed("model", model, "evaluation_us"):
                result = self._monitors.fold(key, self._kept(key, before), [bytes(part) for part in parts])
            self._metrics.count("model", model, "panes")
            self._metrics.raise_to(model, "evaluated_ms", ctx.timestamp() + 1)
            if result is None:
                return
            self._keep(key, before, result)
            if result.next_ms is not None:
                self._wake(key, result.next_ms, ctx)
            yield from self._said(key, result)
            if result.counted and self._monitors.key(key).segment == ALL:
                self._metrics.count("model", model, "records", result.counted)
                yield Row("counted", key, b"%d" % result.counted)
            return
        source = source_of(key)
        for part in parts:
            if key[0] == LETTER:
                if self._wants_letters:
                    yield self._letters, Row(source.encode(), bytes(part))
                continue
            if key[0] == LABELS:
                self._metrics.count_all("source", source, json.loads(bytes(part)))
                yield Row("labels", source, bytes(part))
                continue
            batch = msgspec.json.decode(bytes(part), type=Batch)
            self._metrics.count_all("source", source, msgspec.structs.asdict(batch.counts))
            yield Row("count", source, msgspec.json.encode(batch.counts))
            for model, newest_ms in batch.newest_ms.items():
                self._metrics.raise_to(model, "newest_ms", newest_ms, source)
                yield Row("newest", model, b"%d" % newest_ms)
            for model, told in offsets.told(batch, self._topics[source]):
                yield Row("output", model, outputs.encode(told))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        """Let time pass for the keys that want to be told."""
        for key in self._wakes.due(ctx.get_current_key(), timestamp + 1):
            before = _entry(self._states, key)
            with self._metrics.timed("model", self._monitors.key(key).model, "evaluation_us"):
                result = self._monitors.pass_time(key, self._kept(key, before), timestamp + 1)
            self._keep(key, before, result)
            # After the last record of bounded input nobody hears what slides without records say.
            if ctx.timer_service().current_watermark() < FINAL:
                self._wake(key, result.next_ms, ctx)
            yield from self._said(key, result)

    def _wake(self, key: str, next_ms: int | None, ctx: KeyedProcessFunction.Context) -> None:
        # Not at each pane, which would say the same: to set a timer crosses to the JVM.
        if self._wakes.put(ctx.get_current_key(), key, next_ms) and next_ms is not None:
            ctx.timer_service().register_event_time_timer(next_ms - 1)

    def _kept(self, key: str, state: bytes) -> Kept:
        rings, learned, accepted = self._rings, self._learned, self._accepted
        return Kept(
            lambda: state, lambda: _entry(rings, key), lambda: _entry(learned, key), lambda: _entry(accepted, key)
        )

    def _keep(self, key: str, before: bytes, result: Step) -> None:
        if result.state is not before:
            _put(self._states, key, result.state)
        told = ((self._rings, result.ring), (self._learned, result.learned), (self._accepted, result.accepted))
        for kept, value in told:
            if value is not None:
                _put(kept, key, value)

    def _said(self, key: str, result: Step) -> Iterator[Any]:
        model = self._monitors.key(key).model
        if result.profile is not None:
            self._save(self._monitors.key(key), result.profile)
        for output in result.outputs:
            yield Row("output", model, outputs.encode(output))
        for summary in result.summaries:
            yield self._summaries, Row(model.encode(), summaries.encode(self._source, summary))

    def _save(self, key: Key, profile: Profile) -> None:
        try:
            profiles.save(self._models[key.model], key, profile)
        except ProfileError as error:  # the job has what it learned: a copy is no reason to stop
            log.warning("%s", error)


class PolicyFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Outputs of a model's monitors through `policy`, in the order of event time."""

    def __init__(self, plan: bytes) -> None:
        self._packed = plan

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        self._plan = read_plan(self._packed)
        self._models = {model.name: model for model in self._plan.models}
        self._metrics = Metrics(runtime_context.get_metrics_group())
        self._state = bytes_state(runtime_context, "policy")
        kind = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._waiting = runtime_context.get_list_state(ListStateDescriptor("waiting", kind))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> list[Row]:
        """Keep an output until the watermark has passed it: added to the state at once, each would copy it."""
        self._waiting.add(value[2])
        ctx.timer_service().register_event_time_timer(outputs.decode(bytes(value[2])).time_ms - 1)
        return []

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Take what the watermark has passed."""
        model, before = ctx.get_current_key(), _value(self._state)
        if model not in self._models:
            self._state.clear()
            self._waiting.clear()
            return
        waiting = [outputs.decode(bytes(data)) for data in self._waiting.get() or ()]
        self._waiting.clear()
        alarms = [one for one in waiting if isinstance(one, SignalChange) and one.state != "recovered"]
        self._metrics.count_all("model", model, {"alarms": len(alarms)})
        plan = self._plan
        state = policy.add(before, waiting) if waiting else before
        state, told = policy.advance(self._models[model], plan.job, plan.configuration_id, state, timestamp + 1)
        if state is not before:
            self._state.update(state)
            self._wake(state, ctx)
            self._metrics.set(model, "open_episodes", policy.open_episodes(state))
        for event in told:
            self._metrics.count("model", model, event.type.removeprefix("io.tidemark.").replace(".", "_"))
            log.info("%s", logs.told(event, json=plan.job.logs == "json"))
            yield Row(events.key(event), events.encode(event))

    def _wake(self, state: bytes, ctx: KeyedProcessFunction.Context) -> None:
        time_ms = policy.next_time(state)
        if time_ms is not None:
            ctx.timer_service().register_event_time_timer(time_ms - 1)


class SilenceFunction(KeyedProcessFunction):  # type: ignore[misc]
    """A model's stream that stands still, by the wall clock: a stopped stream has no event time."""

    def __init__(self, plan: bytes, *, bounded: bool) -> None:
        self._packed, self._bounded = plan, bounded

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        self._plan = read_plan(self._packed)
        self._models = {model.name: model for model in self._plan.models}
        self._state = bytes_state(runtime_context, "silence")

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Records have come."""
        if self._bounded:
            return
        now_ms = ctx.timer_service().current_processing_time()
        model = self._models[value[1]]
        state, said = silence.arrived(_value(self._state), model, self._plan, int(bytes(value[2])), now_ms)
        self._state.update(state)
        # To the second: a timer for each batch would be thousands.
        ctx.timer_service().register_processing_time_timer(-(-(now_ms + model.freshness_ms) // 1000) * 1000)
        for event in said:
            yield Row(events.key(event), events.encode(event))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Look whether any have come since."""
        model = self._models.get(ctx.get_current_key())
        if model is None:
            self._state.clear()
        if model is None or self._bounded:
            return
        now_ms = ctx.timer_service().current_processing_time()
        state, said, next_ms = silence.looked(_value(self._state), model, self._plan, timestamp, now_ms)
        self._state.update(state)
        if next_ms is not None:
            ctx.timer_service().register_processing_time_timer(next_ms)
        for event in said:
            yield Row(events.key(event), events.encode(event))


class ReportFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Totals of a run in a file: records by fate, events by type. They are kept in state and go on after a restart."""

    def __init__(self, path: str) -> None:
        self._path = path

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        self._state = bytes_state(runtime_context, "report")

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> list[Row]:
        """Add a fact."""
        totals = json.loads(_value(self._state) or b"{}")
        kind, key, payload = value
        if kind in ("count", "labels"):
            into = totals.setdefault("records" if kind == "count" else "labels", {})
            for name, number in json.loads(bytes(payload)).items():
                into[name] = into.get(name, 0) + number
        elif kind == "counted":
            totals["counted"] = totals.get("counted", 0) + int(bytes(payload))
        else:
            into = totals.setdefault("events", {})
            into[key] = into.get(key, 0) + 1
        self._state.update(json.dumps(totals).encode())
        service = ctx.timer_service()
        service.register_event_time_timer(FINAL - 1)
        now_ms = service.current_processing_time()
        service.register_processing_time_timer(now_ms - now_ms % 1000 + 1000)
        return []

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> list[Row]:
        """Write the file, whole or not at all."""
        aside = f"{self._path}.{os.getpid()}"
        with open(aside, "wb") as file:
            file.write(_value(self._state))
        os.replace(aside, self._path)
        return []
