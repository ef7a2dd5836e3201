"""Wake times of the keys of a bucket, kept across a restart."""

from __future__ import annotations

from jobs.wakes import BUCKETS, Wakes, bucket


class _State:
    """Flink's state of one bucket, and how often it was written."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.writes = 0

    def value(self) -> bytes | None:
        return self.data

    def update(self, data: bytes) -> None:
        self.data, self.writes = data, self.writes + 1

    def clear(self) -> None:
        self.data, self.writes = None, self.writes + 1


def test_keys_are_due_in_the_order_of_their_times() -> None:
    """A timer of the bucket wakes those whose time has come, and no others."""
    wakes = Wakes(_State())
    for key, time_ms in (("a", 300), ("b", 100), ("c", 200), ("d", 100)):
        assert wakes.put("1", key, time_ms)
    assert wakes.due("1", 99) == []
    assert wakes.due("1", 200) == ["b", "d", "c"]


def test_the_same_time_again_is_no_news() -> None:
    """Each pane of a slide says when the slide ends: that is written once, and sets one timer."""
    state = _State()
    wakes = Wakes(state)
    assert [wakes.put("1", "a", 60_000) for _ in range(6)] == [True] + 5 * [False]
    assert state.writes == 1
    assert wakes.put("1", "a", 120_000)
    assert wakes.due("1", 119_999) == []


def test_a_key_that_sleeps_for_good_is_forgotten() -> None:
    """Nothing is kept of a bucket without keys, and to forget what is not there changes nothing."""
    state = _State()
    wakes = Wakes(state)
    wakes.put("1", "a", 100)
    assert wakes.put("1", "a", None)
    assert not wakes.put("1", "a", None)
    assert state.data is None
    assert wakes.due("1", 1_000) == []


def test_times_survive_a_restart() -> None:
    """What another worker finds in the state wakes the same keys."""
    state = _State()
    Wakes(state).put("1", "a", 100)
    restored = Wakes(state)
    assert restored.due("1", 100) == ["a"]
    assert not restored.put("1", "a", 100)


def test_buckets_share_a_thousand_keys_evenly() -> None:
    """A bucket with many of them would be written at once whenever one of them changes."""
    sizes = [0] * BUCKETS
    for number in range(1_000):
        sizes[int(bucket(f"m|fraud|7|champion|country={number}")[1:])] += 1
    assert 0 < min(sizes)
    assert max(sizes) <= 20
