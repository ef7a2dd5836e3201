"""``python -m tidemark.warm``: what a first run would wait for, done beforehand: kernels compiled, jars fetched.

Kernels are compiled at their first call and kept on disk beside the code, so a small backtest with every detector
over a simulated stream does for all processes to come.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

from jobs.jars import kafka_broker_classpath, kafka_connector
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
"""
COMMANDS = (
    "simulate --to warm.yaml --records 12000 --drift feature.age:shift:2@6000 --reference reference.jsonl",
    "profile warm.yaml --model churn --data reference.jsonl -o profile.json",
    "backtest warm.yaml",
)


def main() -> int:
    """Do it; give the exit status of the first command that fails."""
    said = io.StringIO()
    back = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as folder:
        os.chdir(folder)
        try:
            Path("warm.yaml").write_text(CONFIG)
            with contextlib.redirect_stdout(said):
                for command in COMMANDS:
                    if status := cli.main(command.split()):
                        return status
        finally:
            os.chdir(back)
    kafka_connector(print)
    kafka_broker_classpath(print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
