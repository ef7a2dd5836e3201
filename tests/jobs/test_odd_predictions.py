"""Predictions that are not as they should be: each has one outcome in performance, and is counted."""

from __future__ import annotations

import math
from typing import Any

from config.plan import MetricPlan
from tests.jobs.test_backtest import START_MS, run, write
from tests.jobs.test_performance import BINARY, labels_source, plan

EACH = 100
KINDS: dict[str, dict[str, Any]] = {
    "sound": {"prediction": "yes", "probabilities": {"yes": 0.8, "no": 0.2}},
    "probabilities add up to 1.6": {"prediction": "yes", "probabilities": {"yes": 0.9, "no": 0.7}},
    "a probability above 1": {"prediction": "yes", "probabilities": {"yes": 1.8, "no": 0.2}},
    "a probability that is no number": {"prediction": "yes", "probabilities": {"yes": "high", "no": 0.2}},
    "no confidence": {"prediction": "yes"},
    "an unknown class": {"prediction": "perhaps", "confidence": 0.8},
    "no prediction": {"confidence": 0.8},
}
WITH_CLASS, WITH_PROBABILITY = 5, 2  # kinds that have one, the first of them


def test_each_has_an_outcome(tmp_path):
    """What has a class counts in measures of classes, what has a probability in those of probabilities; no others.

    The largest probability is taken as it is, whatever the others are, if it is one.
    """
    records, labels = [], []
    for number in range(EACH * len(KINDS)):
        kind = list(KINDS.values())[number % len(KINDS)]
        record = {"id": f"r{number}", "timestamp": START_MS + number * 100, "model": "churn", "version": "1"}
        records.append(record | {"features": {"age": 1.0, "country": "DE"}} | kind)
        labels.append({"id": f"r{number}", "timestamp": START_MS + number * 100 + 5_000, "label": "yes"})
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    names = ("accuracy", "recall", "mcc", "log_loss", "roc_auc", "average_precision")
    made = plan(BINARY, *(MetricPlan(name=name) for name in names))
    summaries: list[Any] = []
    result = run(
        tmp_path, "all.jsonl", models=(made,), more_sources=(labels_source(tmp_path),), on_summary=summaries.append
    )
    assert (result.records.dead, result.labels.matched) == (0, len(labels))
    found = next(one for one in summaries if one.about == "performance" and one.segment == "all")
    assert found.window.count == len(labels)
    values = {one.signal.removeprefix("performance."): (one.count, one.statistic) for one in found.evaluations}
    assert values["accuracy"] == values["recall"] == (WITH_CLASS * EACH, 1.0)
    assert values["log_loss"] == (WITH_PROBABILITY * EACH, float(f"{-(math.log(0.8) + math.log(0.9)) / 2:.9g}"))
    # All labels are of one class: nothing is said of what needs both.
    assert values["mcc"] == (WITH_CLASS * EACH, None)
    assert values["roc_auc"] == (WITH_PROBABILITY * EACH, None)
    assert values["average_precision"] == (WITH_PROBABILITY * EACH, 1.0)
