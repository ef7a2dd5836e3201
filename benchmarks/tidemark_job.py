"""Tidemark's own job, as `tidemark run` builds it, but that decode tells its progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import configurations
from benchmarks.cases import Case
from benchmarks.flink import Job
from benchmarks.progress import Progress
from jobs import embedded
from jobs.monitor import Setting, build, slots
from operators.profiles.profile_files import load_references

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment


def tidemark(case: Case, folder: Path, bootstrap: str) -> Job:
    """Start the job of a case."""
    from_file = case.source == "file"
    loaded = configurations.configuration(
        folder,
        bootstrap=None if from_file else bootstrap,
        topic=case.topic or "",
        payload_time=case.payload_time,
        parallelism=case.parallelism,
        segmented=case.segmented,
        sample=case.sample,
    )
    embedded.check_topics(loaded)
    references = load_references(loaded.plan)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    setting = Setting(bounded=from_file, kafka=kafka, report=str(folder / "report.json"), slots=slots(references))

    def watched(env: StreamExecutionEnvironment, progress: str) -> None:
        _watch(progress)
        build(env, references, setting)

    more: dict[str, object] = {"state.backend.type": "rocksdb"} if case.rocksdb else {}
    return Job(loaded.plan.job, watched, folder, more, slots=slots(references))


def _watch(progress: str) -> None:
    """Let the two decoding operators tell how many records they have had."""
    from jobs import decoding, file_source
    from operators.reading.files import Block

    class WatchedRecords(decoding.DecodeRecords):  # type: ignore[misc]
        def open(self, function_context: Any) -> None:
            super().open(function_context)
            self._progress = Progress(progress)

        def eval(self, *columns: Any) -> Any:
            result = super().eval(*columns)
            if self._source.kind != "labels":
                self._progress.add(len(columns[0]))
            return result

    class WatchedBlocks(file_source.DecodeBlocks):  # type: ignore[misc]
        def open(self, runtime_context: Any) -> None:
            super().open(runtime_context)
            self._progress = Progress(progress)

        def process_element(self, value: str, ctx: Any) -> Iterator[Any]:
            yield from super().process_element(value, ctx)
            block: Block = self._blocks[int(value)]
            self._progress.add(block.rows)

    decoding.DecodeRecords = WatchedRecords  # type: ignore[misc]
    file_source.DecodeBlocks = WatchedBlocks  # type: ignore[misc]
