"""When keys want to be woken: times by key, for the keys that share a bucket and its timers."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from operators.encoding.keys import MONITOR

BUCKETS = 128  # as many as the highest parallelism

_decoder = msgspec.msgpack.Decoder(dict[str, int])


def bucket(key: str) -> str:
    """The bucket of a monitor's key, the same in every release; other keys are by themselves.

    >>> bucket("m|churn|3|champion|all"), bucket("d|predictions")
    ('m123', 'd|predictions')
    """
    return f"{MONITOR}{zlib.crc32(key.encode()) % BUCKETS}" if key[0] == MONITOR else key


class Wakes:
    """Wake times of the keys of each bucket, in a state of the bucket and ready for use.

    Parameters
    ----------
    state
        Flink's state of the bucket at hand: its value is bytes, or None.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._times: dict[str, dict[str, int]] = {}

    def put(self, bucket: str, key: str, time_ms: int | None) -> bool:
        """Note when a key wants to be woken; None: not at all. Tells whether that is news."""
        times = self._of(bucket)
        if times.get(key) == time_ms:
            return False
        if time_ms is None:
            del times[key]
        else:
            times[key] = time_ms
        if times:
            self._state.update(msgspec.msgpack.encode(times))
        else:
            self._state.clear()
        return True

    def due(self, bucket: str, until_ms: int) -> list[str]:
        """Keys that want to be woken by then, the earliest first."""
        found = [(time_ms, key) for key, time_ms in self._of(bucket).items() if time_ms <= until_ms]
        return [key for _, key in sorted(found)]

    def _of(self, bucket: str) -> dict[str, int]:
        times = self._times.get(bucket)
        if times is None:
            kept = self._state.value()
            times = self._times[bucket] = {} if kept is None else _decoder.decode(bytes(kept))
        return times
