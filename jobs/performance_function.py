"""Performance as Flink sees it: matches wait for the end of their pane, and are folded then, all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor

from jobs.functions import aside, bytes_state
from jobs.map_copy import MapCopy
from jobs.metrics import Metrics
from operators.decisions import outputs
from operators.encoding.keys import split_key
from operators.labels.join_rows import pane_of
from operators.performance import Measured
from operators.performances import Performances
from operators.profiles.references import read_job
from schemas import cloudevents, summaries


class PerformanceFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Matches of a key through `Performances`."""

    def __init__(self, job: bytes) -> None:
        self._packed = job

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        job = read_job(self._packed)
        self._source = cloudevents.source(job.plan.job.environment, job.plan.job.name)
        self._performances = Performances(job)
        self._summaries = aside("summaries")
        self._metrics = Metrics(runtime_context.get_metrics_group())
        data = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._state = bytes_state(runtime_context, "performance")
        # By the end of the pane: those of the next one come before the timer of this one, as watermarks come late.
        waiting = runtime_context.get_map_state(MapStateDescriptor("matches", Types.LONG(), data))
        self._waiting: MapCopy[int] = MapCopy(waiting)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> list[Row]:
        """Keep matches until all of their pane have come."""
        end_ms, matches = pane_of(bytes(value[2]))
        waiting = self._waiting.of(ctx.get_current_key())
        waiting[end_ms] = waiting[end_ms] + matches if end_ms in waiting else matches
        ctx.timer_service().register_event_time_timer(end_ms - 1)
        return []

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        """Fold the pane that ends now, if there is one, and evaluate what is complete."""
        key, end_ms = ctx.get_current_key(), timestamp + 1
        state = bytes(self._state.value() or b"")
        waiting = self._waiting.of(key)
        with self._metrics.timed("model", split_key(key)[0], "performance_us"):
            if end_ms in waiting:
                measured = self._performances.fold(key, state, [waiting[end_ms]], end_ms, end_ms)
                del waiting[end_ms]
            else:
                measured = self._performances.pass_time(key, state, end_ms)
        yield from self._said(measured, ctx)

    def _said(self, measured: Measured, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        if measured.state:
            self._state.update(measured.state)
        else:
            self._state.clear()
        if measured.next_ms is not None:
            ctx.timer_service().register_event_time_timer(measured.next_ms - 1)
        for change in measured.changes:
            yield Row("output", change.model, outputs.encode(change))
        for told in measured.beside:
            yield Row("output", told.model, outputs.encode(told))
        for summary in measured.summaries:
            yield self._summaries, Row(summary.model.encode(), summaries.encode(self._source, summary))
