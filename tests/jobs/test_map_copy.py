"""What the worker has at hand of a state: always what Flink has, and rarely asked for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jobs.map_copy import MapCopy


class _State:
    """Flink's map state of the key at hand."""

    def __init__(self) -> None:
        self.by_key: dict[str, dict[str, bytes]] = {}
        self.key = ""
        self.asked: Counter[str] = Counter()

    @property
    def _here(self) -> dict[str, bytes]:
        return self.by_key.setdefault(self.key, {})

    def keys(self):
        self.asked["keys"] += 1
        return iter(self._here)

    def get(self, name):
        self.asked["get"] += 1
        return bytearray(self._here[name])

    def put(self, name, data):
        self._here[name] = data

    def remove(self, name):
        del self._here[name]


def of(blocks: MapCopy, state: _State, key: str) -> MapCopy:
    """What is kept of a key, which is the current one."""
    state.key = key
    return blocks.of(key)


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.none() | st.binary(max_size=8)), max_size=40
)


@given(steps, st.integers(0, 30))
def test_it_is_the_state(taken, most):
    """However much is kept at hand, and when workers are new."""
    state = _State()
    blocks = MapCopy(state, most)
    for key, name, data in taken:
        kept = of(blocks, state, key)
        if data is not None:
            kept[name] = data
        elif name in kept:
            del kept[name]
        for known in (blocks, MapCopy(state)):
            kept = of(known, state, key)
            assert {one: kept[one] for one in "xyz" if one in kept} == state.by_key[key]
        assert blocks._cached_bytes == sum(map(len, blocks._cached.values())) <= most


def test_it_is_asked_once():
    """For names when a key is first seen, for bytes when they are first read."""
    state = _State()
    state.by_key = {"a": {"x": b"1", "y": b"2"}, "b": {}}
    blocks = MapCopy(state)
    for _ in range(3):
        assert [of(blocks, state, "a")[name] for name in "xy"] == [b"1", b"2"]
        assert "x" not in of(blocks, state, "b")
    assert state.asked == {"keys": 2, "get": 2}
    of(blocks, state, "b")["z"] = b"3"
    assert blocks["z"] == b"3"
    del blocks["z"]
    assert "z" not in blocks
    assert state.asked == {"keys": 2, "get": 2}


def test_what_was_not_used_for_longest_goes():
    """Of more than there is room for the rest is asked for again."""
    state = _State()
    kept = of(MapCopy(state, 2), state, "a")
    for name in "xyz":
        kept[name] = name.encode()
    assert [kept["y"], kept["z"], kept["x"]] == [b"y", b"z", b"x"]
    assert state.asked["get"] == 1
