"""NannyML 0.13.1: its default univariate method and threshold, on chunks as long as the others' windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nannyml
import pandas as pd

from benchmarks.quality.peers.protocol import Answer, Floats, Task, serve


def _watch(task: Task, _: Mapping[str, Any]) -> Answer:
    names = [f"f{number}" for number in range(len(task.named))]
    categories = [name for name, named in zip(names, task.named, strict=True) if named]
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=names, treat_as_categorical=categories or None, chunk_size=task.window
    )
    calculator.fit(_table(task.reference, names, categories))
    chunks = len(task.values) // task.window
    values = task.values[: chunks * task.window]
    answer = Answer(values=task.values.size, scores=[])
    assert answer.scores is not None
    if chunks:
        result = calculator.calculate(_table(values, names, categories)).filter(period="analysis").to_df()
        alerts, scores = (result.xs(what, axis=1, level=2) for what in ("alert", "value"))
        ends = [(number + 1) * task.window for number in range(len(result))]
        answer.positions = [end for end, alert in zip(ends, alerts.any(axis=1), strict=True) if alert]
        answer.scores = list(zip(ends, scores.max(axis=1).astype(float).tolist(), strict=True))
    return answer


def _table(rows: Floats, names: list[str], categories: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=names)
    for name in categories:
        table[name] = table[name].astype(int).astype(str)
    return table


if __name__ == "__main__":
    serve({"NannyML": _watch})
