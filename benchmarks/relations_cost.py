"""What watching relations costs with a hundred features: ``python -m benchmarks.relations_cost``.

The same records go through the operators of the job, decode and monitor, in one process and without Flink: with
neither, with `correlation`, with `multivariate`, and with both. Each is measured in turn, `--rounds` times; the fastest
counts. Under Flink the share is smaller, as the JVM and Kafka cost the same in all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from config import load
from jobs import profiles, reference
from jobs.backtest import Backtest
from operators.profiles.profile_files import load_references
from operators.profiles.references import JobReferences

FEATURES = 100
GROUP = 5  # features that follow a common one
REFERENCE = 20_000
SETTINGS = {
    "neither": "correlation: false",
    "correlation": "correlation: true",
    "multivariate": "correlation: false, multivariate: true",
    "both": "correlation: true, multivariate: true",
}

TEXT = """\
sources: {{predictions: {{path: records.jsonl, model: wide, version: "1", time: {{every: 1 ms, from: 2026-01-01}}}}}}
sinks: {{events: {{path: events.jsonl}}}}
models:
  wide: {{reference: {name}.json, window: {{size: 10 min, slide: 1 min}}, features: {{{features}}}{more}}}
"""


def write(path: Path, count: int, seed: int) -> None:
    """Write records to a file."""
    rng = np.random.default_rng(seed)
    names = [f"f{n}" for n in range(FEATURES)]
    with path.open("w") as file:
        for _ in range(0, count, 1_000):
            common = np.repeat(rng.normal(size=(1_000, FEATURES // GROUP)), GROUP, axis=1)
            values = (0.7 * common + 0.7 * rng.normal(size=(1_000, FEATURES))).round(4).tolist()
            for row in values:
                file.write(json.dumps({"features": dict(zip(names, row, strict=True))}) + "\n")


def prepared(folder: Path, name: str) -> JobReferences:
    """The job of a setting, with its profile."""
    features = ", ".join(f"f{n}: numeric" for n in range(FEATURES))
    more = f", {SETTINGS[name]}"
    path = folder / f"{name}.yaml"
    path.write_text(TEXT.format(name=name, features=features, more=more))
    loaded = load(path)
    data = str(folder / "reference.jsonl")
    made = reference.make_profile(
        loaded, "wide", data, version="1", start=None, end=None, output=None,
        progress=lambda total: nullcontext(lambda more: None),
    )  # fmt: skip
    profiles.write(made.path, made.profile)
    return load_references(loaded.plan)


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relations_cost", description=main.__doc__)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as name:
        folder = Path(name)
        write(folder / "records.jsonl", given.records, 1)
        write(folder / "reference.jsonl", REFERENCE, 2)
        jobs = {setting: prepared(folder, setting) for setting in SETTINGS}
        best = dict.fromkeys(SETTINGS, float("inf"))
        for _ in range(given.rounds):
            for setting, job in jobs.items():
                start = time.process_time()
                result = Backtest(job).run()
                assert result.records.used == given.records, "all of them are counted"
                best[setting] = min(best[setting], time.process_time() - start)
    micros = {setting: 1e6 * seconds / given.records for setting, seconds in best.items()}
    cost = {setting: 1 - micros["neither"] / one for setting, one in micros.items()}
    if given.json:
        print(json.dumps({"us_per_record": micros, "share_of_throughput": cost}, indent=1))
        return
    print(f"{'':14}{'us a record':>12}{'of throughput':>15}")
    for setting in SETTINGS:
        print(f"{setting:14}{micros[setting]:12.1f}{-cost[setting]:15.0%}")


if __name__ == "__main__":
    main()
