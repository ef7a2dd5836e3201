"""Evidently 0.7.23: the test that it picks by default for a column, with its default threshold, each window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType

from benchmarks.quality.peers.protocol import Answer, Floats, Task, compared, serve


def _watch(task: Task, _: Mapping[str, Any]) -> Answer:
    columns = [pd.Series(task.reference[:, column]) for column in range(task.reference.shape[1])]

    def judge(column: int, window: Floats) -> tuple[float, bool]:
        kind = ColumnType.Categorical if task.named[column] else ColumnType.Numerical
        current = pd.Series(window)
        test = get_stattest(columns[column], current, kind, None)
        result = test(columns[column], current, kind, None)
        is_p_value = "p_value" in (test.display_name or "")
        return (-1.0 if is_p_value else 1.0) * float(result.drift_score), bool(result.drifted)

    return compared(task, judge)


if __name__ == "__main__":
    serve({"Evidently": _watch})
