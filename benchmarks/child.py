"""One case in a process of its own: ``python -m benchmarks.child CASE RECORDS FOLDER BOOTSTRAP`` prints its result."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from benchmarks.cases import CASES, Case
from benchmarks.flink_count import flink_count
from benchmarks.flink_naive import flink_naive
from benchmarks.result import Result
from benchmarks.steady import steady
from benchmarks.tidemark_job import tidemark
from schemas.errors import TidemarkError

STARTS = {"tidemark": tidemark, "flink_count": flink_count, "flink_naive": flink_naive}


def main() -> None:
    """Run it."""
    name, records, folder, bootstrap = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    print(msgspec.json.encode(_measure(case, int(records), Path(folder), bootstrap)).decode(), flush=True)


def _measure(case: Case, records: int, folder: Path, bootstrap: str) -> Result:
    try:
        job = STARTS[case.kind](case, folder, bootstrap)
        found = steady(list(job.samples(records)), records, case.warm)
    except (TidemarkError, TimeoutError) as error:
        return Result(note=f"not measured: {error}")
    if found is None:
        return Result(note="too few steps to tell; give it more seconds")
    note = ""
    if case.sample is not None and job.state is not None:
        taken_in, size = job.state
        note = f"{size / (taken_in * case.sample):.0f} bytes of state a prediction that waits, {size / 1e6:.0f} MB"
    return Result(records_per_s=found.records_per_s, cpu_us_per_record=found.cpu_us_per_record, note=note)


if __name__ == "__main__":
    main()
