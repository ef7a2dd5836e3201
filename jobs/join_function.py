"""The monitor's operator where there are labels: the join's keys beside the monitor's.

Both in one operator, for they read the same panes: in two, each pane would go to the Python workers twice. What
records say of their own labels passes through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from jobs.functions import MonitorFunction, bytes_map
from jobs.map_copy import MapCopy
from operators.decisions import outputs
from operators.encoding.keys import JOIN, PERFORMANCE, joined_model
from operators.join import Joined
from operators.joins import Joins
from operators.labels.join_rows import matched


class JoiningMonitorFunction(MonitorFunction):
    """Panes of a join's key through `Joins`, all else as in `MonitorFunction`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        super().open(runtime_context)
        self._joins = Joins(self._plan)
        self._blocks: MapCopy[str] = MapCopy(bytes_map(runtime_context, "join"))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        """Take a pane, letters, or counts."""
        key = value[0]
        if key[0] == PERFORMANCE:
            for part in value[2]:
                yield Row("matches", key, bytes(part))
            return
        if key[0] != JOIN:
            yield from super().process_element(value, ctx)
            return
        with self._metrics.timed("model", joined_model(key), "label_join_us"):
            joined = self._joins.fold(key, self._blocks.of(key), list(map(bytes, value[2])))
        yield from self._joined(key, joined, ctx)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        """Let time pass for a key that got nothing."""
        key = ctx.get_current_key()
        if key[0] != JOIN:
            yield from super().on_timer(timestamp, ctx)
            return
        yield from self._joined(key, self._joins.pass_time(key, self._blocks.of(key), timestamp + 1), ctx)

    def _joined(self, key: str, joined: Joined, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        for next_ms in joined.next_ms:
            ctx.timer_service().register_event_time_timer(next_ms - 1)
        if joined.counts:
            counts = {f"labels_{fate}": many for fate, many in msgspec.structs.asdict(joined.counts).items()}
            self._metrics.count_all("model", joined_model(key), counts)
            yield Row("labels", key, msgspec.json.encode(joined.counts))
        self._metrics.set_part(joined_model(key), "label_join_predictions", key, joined.kept)
        for owner, matches in joined.matches:
            yield Row("matches", owner, matched(joined.pane_ms, matches))
        told = self._joins.told(key, joined)
        if told is not None:
            yield Row("output", told[0], outputs.encode(told[1]))
