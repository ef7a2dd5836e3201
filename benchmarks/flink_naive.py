"""What one writes first: each value of each record to a keyed operator that keeps river's detectors pickled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cases import Case
from benchmarks.flink import Job
from benchmarks.progress import Progress
from config.plan import JobPlan
from jobs import sinks

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment

DEFAULTS: dict[str, object] = {"python.fn-execution.bundle.size": 1000}  # Flink's, as one who writes this has it


def flink_naive(case: Case, folder: Path, bootstrap: str) -> Job:
    """Start the job."""

    def build(env: StreamExecutionEnvironment, progress: str) -> None:
        from pyflink.common import SimpleStringSchema, Types, WatermarkStrategy
        from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaSource
        from pyflink.datastream.functions import KeyedProcessFunction

        class Detect(KeyedProcessFunction):  # type: ignore[misc]
            def open(self, runtime_context: Any) -> None:
                from pyflink.datastream.state import ValueStateDescriptor

                descriptor = ValueStateDescriptor("detectors", Types.PICKLED_BYTE_ARRAY())
                self._state = runtime_context.get_state(descriptor)
                self._progress = Progress(progress)

            def process_element(self, value: tuple[str, float], ctx: Any) -> Iterator[str]:
                from river.drift import ADWIN, PageHinkley

                detectors = self._state.value() or [ADWIN(), PageHinkley()]
                for detector in detectors:
                    detector.update(value[1])
                    if detector.drift_detected:
                        yield f"{value[0]} {type(detector).__name__}"
                self._state.update(detectors)
                if value[0] == "confidence":  # the last of a record
                    self._progress.add(1)

        source = (
            KafkaSource.builder()
            .set_bootstrap_servers(bootstrap)
            .set_topics(str(case.topic))
            .set_group_id("naive")
            .set_starting_offsets(KafkaOffsetsInitializer.earliest())
            .set_value_only_deserializer(SimpleStringSchema())
            .build()
        )
        pair = Types.TUPLE([Types.STRING(), Types.DOUBLE()])
        records = env.from_source(source, WatermarkStrategy.no_watermarks(), "records")
        values = records.flat_map(_values, output_type=pair).key_by(lambda value: value[0], key_type=Types.STRING())
        sinks.discard(values.process(Detect(), output_type=Types.STRING()).name("detect"))

    job = JobPlan(name="naive", parallelism=case.parallelism)
    return Job(job, build, folder, DEFAULTS)


def _values(line: str) -> Iterator[tuple[str, float]]:
    import json

    record = json.loads(line)
    yield from record["features"].items()
    yield "prediction", float(record["prediction"] == "yes")
    yield "confidence", record["confidence"]
