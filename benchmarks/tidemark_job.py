"""Tidemark's own job, as `tidemark run` builds it."""

from __future__ import annotations

from pathlib import Path

from benchmarks import configurations
from benchmarks.cases import Case
from benchmarks.flink import Counter, Job
from jobs import embedded
from jobs.monitor import Setting, build
from operators.profile_files import load_references

DECODED = Counter("PythonCalc", "numRecordsOut")  # a row for each record leaves the vectorised decoder
# A block of 10,000 records is one pane of the stream: a chunk and the counts leave the decoder of files for each.
BLOCKS = Counter("decode_predictions", "numRecordsOut", each=5_000)


def tidemark(case: Case, folder: Path, bootstrap: str) -> tuple[Job, Counter]:
    """Start the job of a case."""
    from_file = case.source == "file"
    loaded = configurations.configuration(
        folder,
        bootstrap=None if from_file else bootstrap,
        topic=case.topic or "",
        payload_time=case.payload_time,
        parallelism=case.parallelism,
        segmented=case.segmented,
    )
    embedded.check_topics(loaded)
    references = load_references(loaded.plan)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    setting = Setting(bounded=from_file, kafka=kafka, report=str(folder / "report.json"))
    job = Job(loaded.plan.job, lambda env: build(env, references, setting), folder)
    return job, BLOCKS if from_file else DECODED
