"""What a profile of many features and rows costs: ``python -m benchmarks.profile_cost``.

A Parquet file of numbers with their times is profiled by `tidemark profile`, dependence and thresholds' calibration
included, in a process of its own, whose time and largest memory are printed. Half of the columns are independent, half
follow their own past, which takes longer.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.signal import lfilter

ROWS, FEATURES = 1_000_000, 100
GROUP = 50_000  # rows of a row group
RHO = 0.9
PROMISED_S, PROMISED_MB = 60, 1_000  # of a million rows of a hundred numbers

TEXT = """\
sources: {{predictions: {{path: reference.parquet, model: wide, version: "1"}}}}
sinks: {{events: {{path: events.jsonl}}}}
models: {{wide: {{features: {{{features}}}}}}}
"""


def write(path: Path, rows: int, features: int, seed: int) -> None:
    """Write the rows, a second from each to the next."""
    rng = np.random.default_rng(seed)
    names = [f"f{number}" for number in range(features)]
    first = np.datetime64("2026-01-01T00:00:00", "ms")
    schema = pa.schema([("timestamp", pa.timestamp("ms", "UTC")), *((name, pa.float64()) for name in names)])
    with pq.ParquetWriter(path, schema) as writer:
        for done in range(0, rows, GROUP):
            many = min(GROUP, rows - done)
            values = rng.normal(size=(features, many))
            values[1::2] = lfilter([np.sqrt(1 - RHO**2)], [1, -RHO], values[1::2])
            times = first + np.arange(done, done + many) * np.timedelta64(1_000, "ms")
            writer.write_table(pa.table([pa.array(times, schema.field(0).type), *values], schema=schema))


def main() -> None:
    """Print seconds and megabytes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_cost", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as name:
        folder = Path(name)
        write(folder / "reference.parquet", given.rows, given.features, 1)
        features = ", ".join(f"f{number}: numeric" for number in range(given.features))
        (folder / "wide.yaml").write_text(TEXT.format(features=features))
        data, configuration = folder / "reference.parquet", folder / "wide.yaml"
        began = time.monotonic()
        command = [
            "-m",
            "tidemark",
            "profile",
            configuration,
            "--model",
            "wide",
            "--data",
            data,
            "-o",
            folder / "p.json",
        ]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = (folder / "p.json").stat().st_size
    found = {
        "rows": given.rows, "features": given.features, "seconds": round(seconds, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1), "memory_mb": round(used.ru_maxrss * 1024 / 1e6),
        "profile_mb": round(size / 1e6, 1),
    }  # fmt: skip
    if given.json:
        print(json.dumps(found))
        return
    print(
        f"{found['rows']:,} rows of {found['features']} numbers: {found['seconds']} s, {found['cpu_s']} s of processor "
        f"time, {found['memory_mb']:,} MB at most; a profile of {found['profile_mb']} MB"
    )
    if (given.rows, given.features) == (ROWS, FEATURES):
        print(f"promised: under {PROMISED_S} s and {PROMISED_MB:,} MB")


if __name__ == "__main__":
    main()
