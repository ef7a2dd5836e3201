"""What reporters are told, by a group that remembers."""

from __future__ import annotations

from collections.abc import Callable

from jobs.metrics import Metrics


class Counter:
    def __init__(self) -> None:
        self.value = 0

    def inc(self, number: int) -> None:
        self.value += number


class Group:
    """Flink's metric group and the context that has it: scopes with their counters and gauges."""

    def __init__(
        self, scope: tuple[str, ...] = (), found: dict[str, Counter | Callable[[], int]] | None = None
    ) -> None:
        self.scope = scope
        self.found = {} if found is None else found

    def get_metrics_group(self) -> Group:
        return self

    def add_group(self, name: str, value: str | None = None) -> Group:
        return Group((*self.scope, name) if value is None else (*self.scope, f"{name}={value}"), self.found)

    def counter(self, name: str) -> Counter:
        full = ".".join([*self.scope, name])
        assert full not in self.found, "a counter made twice would count half"
        counter = self.found[full] = Counter()
        return counter

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        full = ".".join([*self.scope, name])
        assert full not in self.found, "a gauge made twice is ignored"
        self.found[full] = read


def values(group: Group) -> dict[str, int]:
    return {name: one.value if isinstance(one, Counter) else one() for name, one in group.found.items()}


def test_counters_add_up_by_source_and_model() -> None:
    """Each has one counter, made when it first counts; nothing is made for zeros."""
    group = Group()
    metrics = Metrics(group)
    metrics.count_all("source", "predictions", {"read": 5, "used": 5, "dead": 0})
    metrics.count_all("source", "predictions", {"read": 2, "used": 1, "dead": 1})
    metrics.count("model", "predictions", "read")
    assert values(group) == {
        "tidemark.source=predictions.read": 7,
        "tidemark.source=predictions.used": 6,
        "tidemark.source=predictions.dead": 1,
        "tidemark.model=predictions.read": 1,
    }


def test_gauges_have_the_last_value() -> None:
    """Of each model its own."""
    group = Group()
    metrics = Metrics(group)
    metrics.set("a", "open_episodes", 1)
    metrics.set("b", "open_episodes", 4)
    metrics.set("a", "open_episodes", 2)
    assert values(group) == {"tidemark.model=a.open_episodes": 2, "tidemark.model=b.open_episodes": 4}


def test_what_is_newest_never_falls() -> None:
    """By model, and by model and source; a batch may have none but older records."""
    group = Group()
    metrics = Metrics(group)
    for value in (7, 9, 8):
        metrics.raise_to("a", "newest_ms", value, "predictions")
    metrics.raise_to("a", "evaluated_ms", 5)
    assert values(group) == {"tidemark.model=a.source=predictions.newest_ms": 9, "tidemark.model=a.evaluated_ms": 5}


def test_gauges_of_parts_add_up() -> None:
    """Each part has its last value."""
    group = Group()
    metrics = Metrics(group)
    for part, value in (("j|a|0", 5), ("j|a|1", 3), ("j|a|0", 2)):
        metrics.set_part("a", "label_join_predictions", part, value)
    assert values(group) == {"tidemark.model=a.label_join_predictions": 5}


def test_time_is_counted() -> None:
    """In whole microseconds, once for each block."""
    group = Group()
    metrics = Metrics(group)
    with metrics.timed("model", "a", "evaluation_us"):
        sum(range(10_000))
    assert values(group)["tidemark.model=a.evaluation_us"] > 0
