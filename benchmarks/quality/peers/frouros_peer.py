"""Frouros 0.9.0: its detectors that follow values and have default thresholds, one a column, on raw values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from frouros.detectors import concept_drift

from benchmarks.quality.peers.protocol import Answer, Task, followed, serve


def _watch(name: str, task: Task, options: Mapping[str, Any]) -> Answer:
    def make() -> Callable[[float], bool]:
        configured = getattr(concept_drift, f"{name}Config")(**options)
        detector = getattr(concept_drift, name)(config=configured)

        def alarms(value: float) -> bool:
            detector.update(value=value)
            if not detector.drift:
                return False
            detector.reset()
            return True

        return alarms

    return followed(task, make)


if __name__ == "__main__":
    serve({f"Frouros {name}": partial(_watch, name) for name in ("CUSUM", "PageHinkley")})
