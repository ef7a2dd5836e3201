"""Rules of thumb, without any library's defaults: PSI of at least 0.1, and KS with p below 0.05."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from benchmarks.quality.peers.protocol import Answer, Floats, Task, compared, serve

PSI, P_VALUE = 0.1, 0.05
TENTHS = 10
LEAST = 1e-4  # share of an empty cell, as is customary


def _psi(task: Task, _: Mapping[str, Any]) -> Answer:
    edges, shares = [], []
    for column, named in enumerate(task.named):
        values = task.reference[:, column]
        inner = np.unique(values)[:-1] if named else np.unique(np.quantile(values, np.arange(1, TENTHS) / TENTHS))
        edges.append(inner)
        shares.append(_shares(values, inner))

    def judge(column: int, window: Floats) -> tuple[float, bool]:
        expected, seen = shares[column], _shares(window, edges[column])
        psi = float(((seen - expected) * np.log(seen / expected)).sum())
        return psi, psi >= PSI

    return compared(task, judge)


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return np.asarray(np.maximum(counts / len(values), LEAST), np.float64)


def _ks(task: Task, _: Mapping[str, Any]) -> Answer:
    def judge(column: int, window: Floats) -> tuple[float, bool]:
        p_value = float(ks_2samp(task.reference[:, column], window, method="asymp").pvalue)
        return -p_value, p_value < P_VALUE

    return compared(task, judge)


if __name__ == "__main__":
    serve({"PSI 0.1": _psi, "KS p < 0.05": _ks})
