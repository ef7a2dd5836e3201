"""``python -m tidemark.warm``: what a first run would wait for, done beforehand: kernels compiled, jars fetched.

Kernels are compiled at their first call and kept on disk beside the code, so a small backtest with every detector
over a simulated stream does for all processes to come.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
import tempfile
from pathlib import Path

from jobs.jars import kafka_broker_classpath, kafka_connector
from operators.estimation import loss_trees
from operators.labels import join_search
from operators.metrics import slice_cells
from operators.sketches import octaves, share_octaves
from tidemark import cli

CONFIG = """
sources: {predictions: {path: stream.jsonl}}
sinks: {events: {path: events.jsonl}}
models:
  churn:
    reference: profile.json
    window: {size: 1 min, slide: 10 s, min_count: 100}
    prediction: {task: binary, positive: "yes"}
    features:
      age: {type: numeric, detectors: [psi, hellinger, ks, lepage, wasserstein, chi_squared, adwin, page_hinkley]}
      plan: categorical
      autopay: boolean
    segments: [country]
    multivariate: {classifier: true}
"""
MEASURED = """
sources: {predictions: {path: measured.jsonl, model: churn, version: "1", time: {every: 1 s}}}
sinks: {events: {path: measured.events.jsonl}}
models:
  churn:
    reference: measured.json
    features: {title: text, vector: {type: embedding, dim: 8}}
"""
COMMANDS = (
    "simulate --to warm.yaml --records 12000 --drift feature.age:shift:2@6000 --reference reference.jsonl",
    "profile warm.yaml --model churn --data reference.jsonl -o profile.json",
    "backtest warm.yaml --scores scores.csv",
    "profile measured.yaml --model churn --data measured.jsonl",
    "backtest measured.yaml",
)


def _measured(number: int) -> str:
    """A record with features that are measured."""
    vector = [round(math.sin(number * place), 3) for place in range(1, 9)]
    return json.dumps({"features": {"title": f"title {number % 7}", "vector": vector}}) + "\n"


def main() -> int:
    """Do it; give the exit status of the first command that fails, and print what was said until then."""
    said = io.StringIO()
    back = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as folder:
        os.chdir(folder)
        try:
            Path("warm.yaml").write_text(CONFIG)
            Path("measured.yaml").write_text(MEASURED)
            Path("measured.jsonl").write_text("".join(map(_measured, range(600))))
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                status = next(filter(None, (cli.main(command.split()) for command in COMMANDS)), 0)
        finally:
            os.chdir(back)
    if status:
        sys.stderr.write(said.getvalue())
        return status
    octaves.warm()  # a stream with times does not come to it
    share_octaves.warm()
    loss_trees.warm()
    join_search.warm()  # it has no labels
    slice_cells.warm()
    kafka_connector(print)
    kafka_broker_classpath(print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
