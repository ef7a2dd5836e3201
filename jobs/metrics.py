"""Metrics: what the operators tell Flink's reporters (Prometheus and others), by source and by model.

Counters begin at zero in each worker, as reporters expect of them; counts that survive restarts are in `totals`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyflink.metrics import MetricGroup

GROUP = "tidemark"


class Metrics:
    """Counters and gauges of an operator, each made when it is first used.

    In Prometheus a counter `used` of the source `predictions` is
    ``flink_taskmanager_job_task_operator_tidemark_source_used{source="predictions", ...}``.
    """

    def __init__(self, group: MetricGroup) -> None:
        self._group = group.add_group(GROUP)
        self._counters: dict[tuple[str, str, str], Any] = {}
        self._gauges: dict[tuple[str, str, str], int] = {}
        self._parts: dict[tuple[str, str, str], int] = {}

    def count(self, by: str, name: str, what: str, number: int = 1) -> None:
        """Add to the counter `what` of the source or model `name`."""
        counter = self._counters.get((by, name, what))
        if counter is None:
            counter = self._counters[by, name, what] = self._group.add_group(by, name).counter(what)
        counter.inc(number)

    def count_all(self, by: str, name: str, numbers: Mapping[str, int]) -> None:
        """Add to several counters; those that get nothing are not made."""
        for what, number in numbers.items():
            if number:
                self.count(by, name, what, number)

    def set(self, model: str, what: str, value: int, source: str = "") -> None:
        """Let the gauge `what` of a model, or of what one source has of it, have a value."""
        if (model, what, source) not in self._gauges:
            group = self._group.add_group("model", model)
            group = group.add_group("source", source) if source else group
            group.gauge(what, lambda: self._gauges[model, what, source])
        self._gauges[model, what, source] = value

    def raise_to(self, model: str, what: str, value: int, source: str = "") -> None:
        """Likewise, of a gauge that never falls."""
        if value > self._gauges.get((model, what, source), 0):
            self.set(model, what, value, source)

    def set_part(self, model: str, what: str, part: str, value: int) -> None:
        """Likewise of a gauge that is the sum of parts, of those that this worker has."""
        before = self._parts.get((model, what, part), 0)
        self._parts[model, what, part] = value
        self.set(model, what, self._gauges.get((model, what, ""), 0) + value - before)

    @contextmanager
    def timed(self, by: str, name: str, what: str) -> Iterator[None]:
        """Add the microseconds that the block takes to the counter `what` of the source or model `name`."""
        begun_ns = time.perf_counter_ns()
        yield
        self.count(by, name, what, (time.perf_counter_ns() - begun_ns) // 1000)
