"""river 0.26.1: ADWIN, PageHinkley and KSWIN on raw values, one a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from river import drift

from benchmarks.quality.peers.protocol import Answer, Task, followed, serve

WARM = {"KSWIN": 200}  # its window has 100 values, and each takes it a quarter of a millisecond


def _watch(name: str, task: Task, options: Mapping[str, Any]) -> Answer:
    settings = {"seed": 1, **options} if name == "KSWIN" else options

    def make() -> Callable[[float], bool]:
        detector = getattr(drift, name)(**settings)

        def alarms(value: float) -> bool:
            detector.update(value)
            return bool(detector.drift_detected)

        return alarms

    return followed(task, make, WARM.get(name))


if __name__ == "__main__":
    serve({f"river {name}": partial(_watch, name) for name in ("ADWIN", "PageHinkley", "KSWIN")})
