"""Alibi-Detect 0.13.0: its online detector for numbers (Cramer-von Mises), with the budget as its expected run time.

What it costs grows with the square of its windows and with its reference, and the simulation of its thresholds with
both: its reference is the latest 500 values (or 250, 100, 50), its windows are 20 and 100 values long. Thresholds do
not depend on the reference's values, so each size is simulated once, and kept beside the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from alibi_detect.cd import CVMDriftOnline

from benchmarks.quality.peers.protocol import Answer, Floats, Task, serve

SIZES = (500, 250, 100, 50)  # of references
WINDOWS = (20, 100)
RUN_TIME = 28_800.0
BOOTSTRAPS = 30_000  # fewer than the run time it refuses; its default is 10,000
SEED = 1


class _Configured(CVMDriftOnline):  # type: ignore[misc]
    def _configure_thresholds(self) -> None:
        sizes = "-".join(map(str, self.window_sizes))
        path = Path(sys.prefix) / f"thresholds-{self.n}-{sizes}-{1 / self.fpr:.0f}-{self.n_bootstraps}.npy"
        if path.exists():
            self.thresholds = np.load(path)
            return
        np.random.seed(SEED)
        super()._configure_thresholds()
        np.save(path, self.thresholds)


def _watch(task: Task, options: Mapping[str, Any]) -> Answer:
    if all(task.named):
        msg = "it is for numbers"
        raise ValueError(msg)
    size = next(size for size in SIZES if size <= len(task.reference))
    reference = task.reference[-size:]
    positions: list[int] = []
    numbers = [column for column, named in enumerate(task.named) if not named]
    for column in numbers:
        positions += _follow(reference[:, [column]], task.values[:, column], options.get("ert", RUN_TIME))
    return Answer(sorted(positions), (len(task.values) + len(reference)) * len(numbers))


def _follow(reference: Floats, values: Floats, run_time: float) -> list[int]:
    detector = _Configured(reference, run_time, list(WINDOWS), n_bootstraps=BOOTSTRAPS, verbose=False)
    found = []
    for position, value in enumerate(values.tolist(), 1):
        if detector.predict(np.array([value]))["data"]["is_drift"]:
            found.append(position)
            detector.reset_state()
    return found


if __name__ == "__main__":
    serve({"Alibi-Detect CVM online": _watch})
