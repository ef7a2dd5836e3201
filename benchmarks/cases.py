"""What is measured, case by case, in the order of the table."""

from __future__ import annotations

from typing import Literal

import msgspec

from benchmarks.steady import WARM

# Share of the records that is left out where there are labels, which come after half of them, an hour of their two: the
# JVM's compilers are busy with what labels need for some seconds more.
LABELLED_WARM = 0.7
MOST = 3_000_000  # records of a case: more make the whole longer than people wait
LEAST = 1_000_000  # records of a fast case: of fewer, most go by before the compilers of the JVM are done

Kind = Literal["tidemark", "flink_count", "flink_naive", "river"]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement."""

    name: str  # in the JSON object
    text: str  # in the table
    kind: Kind
    rate: int  # records a second that it may take, to choose their number
    least: int = LEAST
    source: Literal["topic", "file"] = "topic"
    parallelism: int = 1
    payload_time: bool = False
    newest: bool = False  # river's newest release, in an environment of its own
    sample: float | None = None  # of the ids that are joined with labels; None: there are none
    rocksdb: bool = False  # state there, and not on the heap
    topic: str = "records"
    warm: float = WARM

    def records(self, seconds: float) -> int:
        """How many records it gets to run for about so long."""
        return min(max(int(self.rate * seconds), self.least), MOST)

    @property
    def segmented(self) -> bool:
        """Whether its records are of segments."""
        return self.topic == "segmented"

    @property
    def reads_topic(self) -> bool:
        """Whether it reads a topic, and no file."""
        return self.kind != "river" and self.source == "topic"


CASES = (
    Case(name="tidemark_kafka", text="Tidemark, Kafka", kind="tidemark", rate=150_000),
    Case(name="tidemark_kafka_2", text="Tidemark, Kafka, parallelism 2", kind="tidemark", rate=150_000, parallelism=2),
    Case(name="tidemark_file", text="Tidemark, file", kind="tidemark", rate=150_000, source="file"),
    Case(
        name="tidemark_file_2", text="Tidemark, file, parallelism 2", kind="tidemark", rate=150_000, source="file",
        parallelism=2,
    ),
    Case(
        name="tidemark_segments", text="Tidemark, Kafka, 1,000 segments with 100 records a pane", kind="tidemark",
        rate=150_000, topic="segmented",
    ),
    Case(
        name="tidemark_payload_time", text="Tidemark, Kafka, time from the payload", kind="tidemark", rate=80_000,
        payload_time=True,
    ),
    Case(
        name="tidemark_unlabelled", text="Tidemark, Kafka, two hours of event time, no labels", kind="tidemark",
        rate=150_000, topic="labelled", least=MOST, warm=LABELLED_WARM,
    ),
    Case(
        name="tidemark_labels", text="the same, labels for half of them after an hour", kind="tidemark", rate=150_000,
        topic="labelled", sample=1.0, least=MOST, warm=LABELLED_WARM,
    ),
    Case(
        name="tidemark_labels_sample", text="the same, sample: 0.1", kind="tidemark", rate=150_000, topic="labelled",
        sample=0.1, least=MOST, warm=LABELLED_WARM,
    ),
    Case(
        name="tidemark_labels_rocksdb", text="all labels, state in RocksDB", kind="tidemark", rate=150_000,
        topic="labelled", sample=1.0, rocksdb=True, least=MOST, warm=LABELLED_WARM,
    ),
    Case(name="flink_count", text="PyFlink, Kafka, counting only", kind="flink_count", rate=150_000),
    Case(
        name="flink_naive", text="PyFlink, Kafka, a pickled river detector a feature", kind="flink_naive", rate=800,
        least=2_000,
    ),
    Case(name="river_0_23", text="plain loop, river 0.23", kind="river", rate=12_000, least=10_000),
    Case(name="river_newest", text="plain loop, river's newest", kind="river", rate=50_000, least=10_000, newest=True),
)  # fmt: skip
