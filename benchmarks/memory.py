"""Whether the workers' memory stays where it is: 5 million records at a constant number of keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import configurations, processes, records
from benchmarks.cases import Case
from benchmarks.steady import WARM
from benchmarks.tidemark_job import tidemark
from jobs.broker import Broker

RECORDS = 5_000_000
CASE = Case(name="memory", text="", kind="tidemark", rate=0)
STEP = 500_000


def memory(folder: Path, tell: Callable[[str], object]) -> None:
    """Run the job and print what its Python workers and the JVM hold as it goes."""
    records.write_reference(folder / "reference.jsonl")
    configurations.write_profile(folder, folder / "reference.jsonl")
    with Broker(folder=folder / "kafka", tell=tell) as broker:
        tell(f"putting {RECORDS:,} records into a topic")
        records.publish_all(RECORDS, broker.client, str(CASE.topic))
        job = tidemark(CASE, folder, broker.bootstrap)
        print(f"{'records':>10}{'workers MB':>12}{'JVM MB':>10}")
        told, held = 0, []
        for sample in job.samples(RECORDS):
            if sample.records >= told + STEP:
                told = sample.records
                workers = sum(map(processes.resident_bytes, job.workers)) / 1e6
                print(f"{told:10,}{workers:12,.0f}{processes.resident_bytes(job.jvm) / 1e6:10,.0f}", flush=True)
                if told >= WARM * RECORDS:
                    held.append(workers)
    first, last, most = (f"{value:,.0f} MB" for value in (held[0], held[-1], max(held)))
    print(f"Python workers: {first} after warm-up, {last} at the end, {most} at most")
