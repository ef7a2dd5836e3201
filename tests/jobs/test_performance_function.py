"""Performance as Flink sees it: matches wait for the end of their pane, whichever way they came."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from config.plan import LabelsPlan, MetricPlan
from jobs.performance_function import PerformanceFunction
from operators.labels.join_rows import Matches, by_key, label_data, matched, prediction_data
from operators.performances import Performances
from operators.profiles.references import JobReferences, read_job
from tests.jobs.test_metrics import Group
from tests.operators.decoding import job, model

PANE_MS = 10_000


class _Value:
    def __init__(self) -> None:
        self.data: Any = None

    def value(self):
        return self.data

    def update(self, data):
        self.data = data

    def clear(self):
        self.data = None


class _Map(dict):
    def put(self, name, data):
        self[name] = data

    def remove(self, name):
        del self[name]


class _Context(Group):
    """Of one key: its states, the timers that it sets, and its metrics."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key, self.value, self.map, self.timers = key, _Value(), _Map(), set()

    def get_state(self, _):
        return self.value

    def get_map_state(self, _):
        return self.map

    def get_current_key(self):
        return self.key

    def timer_service(self):
        return self

    def register_event_time_timer(self, time_ms):
        self.timers.add(time_ms)


def made() -> JobReferences:
    changes = {"labels": LabelsPlan(within_ms=600_000), "performance": (MetricPlan(name="accuracy"),)}
    return job(models=(model(**changes),))


def matches(first: int, count: int, end_ms: int) -> tuple[str, bytes]:
    """Some matches of a pane, and their key."""
    times = np.full(count, end_ms - 5)
    data = prediction_data(np.tile([1.0, 0.75], (count, 1)), [np.zeros(count, np.int64)])
    hashes = np.arange(first, first + count, dtype=np.uint64)
    ((key, rows),) = by_key("churn", Matches(hashes, times, times, data, label_data(np.ones(count))), ["1|champion"])
    return key, rows


def test_matches_wait_for_the_end_of_their_pane():
    """Those of the next pane may come before it; what is folded is what `Performances` gets at once."""
    packed = msgspec.msgpack.encode(made())
    panes = [(1 * PANE_MS, 0, 3), (2 * PANE_MS, 10, 2), (1 * PANE_MS, 20, 4)]
    parts = [(end_ms, *matches(first, count, end_ms)) for end_ms, first, count in panes]
    key = parts[0][1]
    context = _Context(key)
    function = PerformanceFunction(packed)
    function.open(context)
    for end_ms, _, rows in parts:
        assert function.process_element(("matches", key, matched(end_ms, rows)), context) == []
        function = PerformanceFunction(packed)  # another worker: it knows what Flink has
        function.open(context)
    assert context.timers == {PANE_MS - 1, 2 * PANE_MS - 1}
    expected = Performances(read_job(packed))
    state = b""
    for end_ms in (PANE_MS, 2 * PANE_MS):
        list(function.on_timer(end_ms - 1, context))
        state = expected.fold(key, state, [rows for end, _, rows in parts if end == end_ms], end_ms, end_ms).state
        assert context.value.data == state
    assert context.map == {}
    list(function.on_timer(3 * PANE_MS - 1, context))
    assert context.value.data == expected.pass_time(key, state, 3 * PANE_MS).state
    assert list(context.found) == ["tidemark.model=churn.performance_us"]
