"""A stream of predictions that has everything in it, the same in every run of the tests.

Two models with slides of their own, two versions, segments, values that are missing or not valid, records without an
id, a little disorder; and from DRIFT_MS to DRIFT_END_MS a change that is found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

START_MS = int(datetime(2026, 1, 5, 10, tzinfo=timezone.utc).timestamp() * 1000)
EVERY_MS = 20
DRIFT_MS, DRIFT_END_MS = START_MS + 240_000, START_MS + 420_000
DISORDER_MS = 1_000  # less than half of the sources' out_of_orderness of 5 s: no record is late
COUNTRIES = ("DE", "FR", "IT", "rare")
PLANS = ("basic", "gold", "silver")

MODELS = """
models:
  churn:
    reference: "profiles/{model}-{version}.json"
    versions: {"1": {role: champion}, "2": {role: shadow}}
    window: {size: 2 min, slide: 1 min, min_count: 100}
    alarms: {budget: 1 per day, confirm: 1, recover: 2}
    prediction: {task: binary, positive: "yes"}
    features: {age: {type: numeric, range: [0, 75]}, income: numeric, plan: categorical, active: boolean}
    segments: [country]
    quality: {freshness: %(freshness)s}
  fraud:
    reference: profiles/fraud.json
    window: {size: 1 min, slide: 30 s, min_count: 100}
    alarms: {budget: 1 per day, confirm: 2, recover: 1}
    prediction: {task: regression}
    features:
      amount: {type: numeric, detectors: [psi, ks, wasserstein, adwin, page_hinkley]}
    quality: {freshness: %(freshness)s}
"""


@dataclass(frozen=True)
class Record:
    """A line, the time it is about, and where it goes."""

    time_ms: int
    partition: int
    line: bytes | None  # None is a tombstone


def stream(count: int = 30_000, *, seed: int = 1, drift: bool = True) -> list[Record]:
    """Records in the order in which they are sent, EVERY_MS apart but for some disorder."""
    random = np.random.default_rng(seed)
    disorder = random.integers(-DISORDER_MS, DISORDER_MS, count)
    times = START_MS + DISORDER_MS + np.arange(count) * EVERY_MS + disorder
    return [_record(random, number, int(time), drift) for number, time in enumerate(times)]


def flush(records: Sequence[Record]) -> list[Record]:
    """A record in each partition, half an hour later: the watermark passes everything before."""
    last = max(records, key=lambda record: record.time_ms)
    document = json.loads(last.line or b"") | {"timestamp": "2026-01-05T11:00:00.000Z"}
    return [Record(last.time_ms + 1_800_000, number, json.dumps(document).encode()) for number in (0, 1)]


def tardy(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """One in a hundred records of a stream some minutes late, among later ones; and the same stream without those."""
    later = {number: record for number, record in enumerate(records[: len(records) // 2]) if number % 50 == 25}
    without = [record for number, record in enumerate(records) if number not in later]
    mixed: list[Record] = []
    for number, record in enumerate(records):
        if number not in later:
            mixed.append(record)
        if (come := later.get(number - len(records) // 2)) is not None:
            mixed.append(come)
    return mixed, without


def _record(random: np.random.Generator, number: int, time_ms: int, drift: bool) -> Record:
    drifted = drift and DRIFT_MS <= time_ms < DRIFT_END_MS
    moment = datetime.fromtimestamp(time_ms / 1000, timezone.utc).isoformat(timespec="milliseconds")
    document: dict[str, object] = {"id": f"r{number}", "timestamp": moment.replace("+00:00", "Z")}
    if number % 20 == 7:
        del document["id"]
    if random.random() < 0.4:
        amount = float(random.lognormal(3.0, 1.0)) * (2.5 if drifted else 1.0)
        document |= {"model": "fraud", "features": {"amount": round(amount, 2)}, "prediction": amount / (amount + 50)}
    else:
        document |= {"model": "churn", "version": "2" if random.random() < 0.4 else "1", **_churn(random, drifted)}
    return Record(time_ms, int(random.integers(2)), json.dumps(document).encode())


def _churn(random: np.random.Generator, drifted: bool) -> dict[str, object]:
    country = COUNTRIES[int(random.choice(4, p=[0.5, 0.3, 0.19, 0.01]))]
    age = float(random.normal(60 if drifted and country == "DE" else 40, 12))
    features: dict[str, object] = {
        "age": round(age, 1),
        "income": round(float(random.lognormal(10, 0.5)), 2),
        "plan": PLANS[int(random.choice(3, p=[0.6, 0.1, 0.3]))],
        "active": bool(random.random() < 0.8),
        "country": country,
    }
    chance = random.random()
    if chance < 0.01:
        del features["income"]
    elif chance < 0.015:
        features["income"] = "a lot"
    elif chance < 0.02:
        features["plan"] = "platinum"
    yes = round(float(random.beta(2, 5)), 3)
    return {
        "features": features,
        "prediction": "yes" if yes > 0.5 else "no",
        "probabilities": {"yes": yes, "no": round(1 - yes, 3)},
    }


def write(path: Path, records: Sequence[Record]) -> Path:
    """A file of records, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(b"%s\n" % record.line for record in records))
    return path


def configure(
    folder: Path,
    sources: str,
    sinks: str,
    *,
    kafka: str | None = None,
    job: str = "checkpoints: {every: 1 s}",
    freshness: str = "10 min",
) -> Path:
    """A configuration of the two models; `sources` and `sinks` are what stands between the braces."""
    head = f"job: {{name: shop, environment: test, {job}}}\n"
    if kafka is not None:
        head += f'kafka: {{bootstrap: "{kafka}"}}\n'
    path = folder / "monitors.yaml"
    path.write_text(f"{head}sources: {{{sources}}}\nsinks: {{{sinks}}}\n{MODELS % {'freshness': freshness}}")
    return path
