"""What is measured, case by case, in the order of the table."""

from __future__ import annotations

from typing import Literal

import msgspec

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
    segmented: bool = False
    payload_time: bool = False
    newest: bool = False  # river's newest release, in an environment of its own

    def records(self, seconds: float) -> int:
        """How many records it gets to run for about so long."""
        return min(max(int(self.rate * seconds), self.least), MOST)

    @property
    def topic(self) -> str | None:
        """Where its records are; None for those that read the file."""
        if self.kind == "river" or self.source == "file":
            return None
        return "segmented" if self.segmented else "records"


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
        rate=150_000, segmented=True,
    ),
    Case(
        name="tidemark_payload_time", text="Tidemark, Kafka, time from the payload", kind="tidemark", rate=80_000,
        payload_time=True,
    ),
    Case(name="flink_count", text="PyFlink, Kafka, counting only", kind="flink_count", rate=150_000),
    Case(
        name="flink_naive", text="PyFlink, Kafka, a pickled river detector a feature", kind="flink_naive", rate=800,
        least=2_000,
    ),
    Case(name="river_0_23", text="plain loop, river 0.23", kind="river", rate=12_000, least=10_000),
    Case(name="river_newest", text="plain loop, river's newest", kind="river", rate=50_000, least=10_000, newest=True),
)  # fmt: skip
