"""A model whose inputs drift and whose performance falls: what its job says, by a real backtest of a small stream."""

from __future__ import annotations

import json
import math
import random
from datetime import datetime, timedelta, timezone

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
EVERY = timedelta(minutes=5)
LIVE, REFERENCE = 1_500, 2_000  # records
CONFIGURATION = """
job: {name: churn-monitor, pane: 10 min}
sources: {predictions: {path: live.jsonl, time: payload}, labels: {path: labels.jsonl, time: payload}}
sinks: {events: {path: events.jsonl}, summaries: {path: summaries.jsonl}}
models:
  churn:
    info: {owner: growth, runbook: "https://example.org/churn"}
    reference: churn.json
    window: {size: 12 h, slide: 4 h, min_count: 100}
    prediction: {task: binary, positive: "yes", classes: ["yes", "no"]}
    features: {age: numeric, plan: categorical}
    segments: [country]
    by_class: true
    labels: {within: 2 days, mature: 1 day}
    performance: [accuracy]
    estimated_performance: true
    retrain: {when: [feature, performance], severity: warning, min_samples: 100, cost: 500}
"""


def records(count, start, drifts):
    """Records with their labels; from the middle on, if they drift, of older people."""
    chance = random.Random(count)
    for number in range(count):
        older = drifts and number > count / 2
        age = round(chance.gauss(48 if older else 41, 11), 1)
        p = round(1 / (1 + math.exp(-(age - 41) / 8)), 3)
        features = {"age": age, "plan": chance.choice(["gold", "basic", "basic"]), "country": chance.choice("DF")}
        if older and number % 10 == 0:
            features["plan"] = "student"
        record = {"id": f"{count}-{number}", "timestamp": _text(start + number * EVERY),
                  "model": "churn", "version": "3",
                  "features": features, "prediction": "yes" if p > 0.5 else "no",
                  "probabilities": {"yes": p, "no": round(1 - p, 3)}}  # fmt: skip
        right = chance.random() < (0.5 if older else 0.9)
        truth = record["prediction"] if right else {"yes": "no", "no": "yes"}[record["prediction"]]
        label = {"id": record["id"], "timestamp": _text(start + number * EVERY + timedelta(hours=6)), "model": "churn",
                 "label": truth}  # fmt: skip
        yield record, label


def run(folder, main):
    """Write data, profile and configuration into a folder, and what the job says of them."""
    for name, count, drifts in (("train", REFERENCE, False), ("live", LIVE, True)):
        both = list(records(count, START - (REFERENCE * EVERY if name == "train" else 0 * EVERY), drifts))
        for what, rows in ((name, [record for record, _ in both]), (f"{name}-labels", [label for _, label in both])):
            (folder / f"{what}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "live-labels.jsonl").rename(folder / "labels.jsonl")
    config = folder / "monitors.yaml"
    config.write_text(CONFIGURATION)
    labels, reference = folder / "train-labels.jsonl", folder / "churn.json"
    profile = ["--data", folder / "train.jsonl", "--labels", labels, "-o", reference]
    assert main(list(map(str, ["profile", config, "--model", "churn", *profile]))) == 0
    said = ["--events", folder / "events.jsonl", "--scores", folder / "summaries.jsonl"]
    assert main(list(map(str, ["backtest", config, *said]))) == 0


def _text(time):
    return time.isoformat().replace("+00:00", "Z")
