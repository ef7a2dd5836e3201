"""Tidemark beside what else one could run, on the same records: ``python -m benchmarks.throughput``.

Figures are of the steady state: start-up and the first 25 % of the records are left out. Processor time is that of
the JVM and its Python workers, for plain loops of their process; Kafka's own is in neither.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks import configurations, newest_river, records, table
from benchmarks.cases import CASES, Case
from benchmarks.result import Result
from jobs.broker import Broker

FOLDER = Path(".tidemark")
SECONDS = 20.0  # a case: of less, the compilers of the JVM take a share that no long run has
GIVEN_UP_S = 600


def main() -> None:
    """Run the cases and print what they come to."""
    chosen = arguments()
    FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-", dir=FOLDER)).absolute()
    try:
        if chosen.memory:
            from benchmarks.memory import memory

            memory(folder, tell)
            return
        cases = [case for case in CASES if chosen.only is None or case.name in chosen.only]
        results = measure(folder, cases, chosen.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if chosen.json:
        print(msgspec.json.encode(results).decode())
    else:
        print(table.markdown(results) if chosen.markdown else table.text(results))


def arguments() -> argparse.Namespace:
    """Give what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print an object of JSON, not a table")
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/benchmarks.md")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="about how long each case runs (default: 20)")
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument("--memory", action="store_true", help="memory of the workers over 5 million records instead")
    return parser.parse_args()


def tell(line: str) -> None:
    """Say what is going on, beside the output."""
    print(line, file=sys.stderr, flush=True)


def measure(folder: Path, cases: Sequence[Case], seconds: float) -> dict[str, Result]:
    """Run cases one after the other, all on the same records."""
    count = max(case.records(seconds) for case in cases)
    tell(f"writing {count:,} records")
    records.write(folder / "records.jsonl", count)
    records.write_reference(folder / "reference.jsonl")
    configurations.write_profile(folder, folder / "reference.jsonl")
    results = {}
    with ExitStack() as stack:
        bootstrap = ""
        topics = sorted({case.topic for case in cases if case.reads_topic})
        if topics:
            broker = stack.enter_context(Broker(folder=folder / "kafka", tell=tell))
            bootstrap = broker.bootstrap
        for topic in topics:
            most = max(case.records(seconds) for case in cases if case.reads_topic and case.topic == topic)
            tell(f"putting {most:,} of them into the topic {topic}")
            records.publish(folder / "records.jsonl", most, broker.client, topic)
            if topic == "labelled":
                records.publish_labels(most, broker.client, "labels")
        os.sync()  # or the first case would share the machine with the system writing gigabytes to the disk
        for case in cases:
            tell(f"{case.name}: {case.records(seconds):,} records")
            results[case.name] = _run(case, case.records(seconds), folder, bootstrap)
    return results


def _run(case: Case, count: int, folder: Path, bootstrap: str) -> Result:
    """Run a case in a process of its own."""
    try:
        command = _command(case, count, folder, bootstrap)
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIVEN_UP_S, check=False)
    except newest_river.UnavailableError as error:
        return Result(note=f"not measured: {error}")
    except subprocess.TimeoutExpired:
        return Result(note=f"not measured: not done within {GIVEN_UP_S} s")
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return Result(note=f"not measured: {said[-1] if said else f'status {done.returncode}'}")
    result = msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)
    result.records = count
    return result


def _command(case: Case, count: int, folder: Path, bootstrap: str) -> list[str]:
    if case.kind == "river":
        python = newest_river.python(tell) if case.newest else Path(sys.executable)
        script = Path(__file__).with_name("river_loop.py")
        return [str(python), str(script), str(folder / "records.jsonl"), str(count)]
    return [sys.executable, "-m", "benchmarks.child", case.name, str(count), str(folder), bootstrap]


if __name__ == "__main__":
    main()
