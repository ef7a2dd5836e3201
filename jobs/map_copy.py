"""A map state as a worker has it at hand: to ask the JVM for one thing takes as long as to join a pane of labels.

Nobody but the worker of a key changes its state, so what was read or written is known from then on. A job that starts
again has new workers, which know nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

Name = TypeVar("Name", str, int)

CACHED_BYTES = 1 << 27  # of all keys of a worker: what some million predictions need that wait for their labels


class MapCopy(Generic[Name]):
    """Flink's map state of bytes: all names of a key, and of the bytes those that were used last.

    Parameters
    ----------
    state
        Flink's map state; it is that of the key at hand.
    most
        Bytes that are kept here at most.
    """

    def __init__(self, state: Any, most: int = CACHED_BYTES) -> None:
        self._state, self._most = state, most
        self._names: dict[str, set[Name]] = {}
        self._key = ""
        self._cached: OrderedDict[tuple[str, Name], bytes] = OrderedDict()
        self._cached_bytes = 0

    def of(self, key: str) -> MapCopy[Name]:
        """Take what is kept of a key, which Flink has made the current one."""
        self._key = key
        if key not in self._names:
            self._names[key] = set(self._state.keys())
        return self

    def __contains__(self, name: Name) -> bool:
        return name in self._names[self._key]

    def __getitem__(self, name: Name) -> bytes:
        found = self._cached.get((self._key, name))
        if found is None:
            found = bytes(self._state.get(name))
            self._cache(name, found)
        else:
            self._cached.move_to_end((self._key, name))
        return found

    def __setitem__(self, name: Name, data: bytes) -> None:
        self._state.put(name, data)
        self._names[self._key].add(name)
        self._cache(name, data)

    def __delitem__(self, name: Name) -> None:
        self._state.remove(name)
        self._names[self._key].discard(name)
        self._cached_bytes -= len(self._cached.pop((self._key, name), b""))

    def _cache(self, name: Name, data: bytes) -> None:
        self._cached_bytes += len(data) - len(self._cached.pop((self._key, name), b""))
        self._cached[self._key, name] = data
        while self._cached_bytes > self._most:
            _, oldest = self._cached.popitem(last=False)
            self._cached_bytes -= len(oldest)
