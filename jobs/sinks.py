"""Where messages go: Kafka topics, by transactions or at least once, and folders of committed files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from config.plan import Plan, SinkPlan

if TYPE_CHECKING:
    from pyflink.datastream import DataStream

# Below the broker's 15 minutes: a transaction must outlive a checkpoint and a restart, and readers of committed
# messages wait for an abandoned one for so long.
TRANSACTION_MS = 600_000


def attach(rows: DataStream, sink: SinkPlan, name: str, plan: Plan, kafka: Mapping[str, str]) -> None:
    """Send messages to a sink of the configuration."""
    if sink.topic is not None:
        _to_topic(rows, sink.topic, name, plan, kafka)
    else:
        assert sink.path is not None, "a sink has a topic or a path"
        _to_files(rows, parts_of(sink.path), name)


def _to_topic(rows: DataStream, topic: str, name: str, plan: Plan, kafka: Mapping[str, str]) -> None:
    from pyflink.common.serialization import RowFieldExtractorSchema
    from pyflink.datastream.connectors.base import DeliveryGuarantee
    from pyflink.datastream.connectors.kafka import KafkaRecordSerializationSchema, KafkaSink

    serializer = (
        KafkaRecordSerializationSchema.builder()
        .set_topic(topic)
        .set_key_serialization_schema(RowFieldExtractorSchema(0))
        .set_value_serialization_schema(RowFieldExtractorSchema(1))
        .build()
    )
    once = plan.job.delivery == "exactly-once"
    builder = (
        KafkaSink.builder()
        .set_bootstrap_servers(kafka["bootstrap.servers"])
        .set_record_serializer(serializer)
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE if once else DeliveryGuarantee.AT_LEAST_ONCE)
        .set_property("transaction.timeout.ms", str(TRANSACTION_MS))
    )
    if once:
        # The same in every run of the job: what an earlier one left open is ended by the next.
        builder = builder.set_transactional_id_prefix(f"tidemark-{plan.job.environment}-{plan.job.name}-{name}")
    for key, value in kafka.items():
        builder = builder.set_property(key, value)
    rows.sink_to(builder.build()).uid(f"tidemark-sink-{name}").name(name)


def _to_files(rows: DataStream, folder: Path, name: str) -> None:
    from pyflink.common import Types
    from pyflink.common.serialization import Encoder
    from pyflink.datastream.connectors.file_system import FileSink, RollingPolicy

    sink = (
        FileSink.for_row_format(folder.absolute().as_uri(), Encoder.simple_string_encoder())
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
        .build()
    )
    lines = rows.map(lambda row: bytes(row[1]).decode(), output_type=Types.STRING())
    lines.sink_to(sink).uid(f"tidemark-sink-{name}").name(name)


def discard(rows: DataStream) -> None:
    """End a stream whose rows nobody reads."""
    from pyflink.java_gateway import get_gateway

    sink = get_gateway().jvm.org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink()
    rows._j_data_stream.sinkTo(sink)


def parts_of(path: str) -> Path:
    """Folder of the committed parts of a file sink."""
    return Path(path + ".parts")


def gather(path: str) -> None:
    """Make the one sorted file of a sink's committed parts, when the job has ended, and remove the parts."""
    lines: list[bytes] = []
    for part in parts_of(path).rglob("part-*"):
        lines += part.read_bytes().splitlines()
    write_sorted(path, lines)
    remove_parts(path)


def remove_parts(path: str) -> None:
    """Remove what a run has committed, and what it left uncommitted."""
    shutil.rmtree(parts_of(path), ignore_errors=True)


def write_sorted(path: str, lines: list[bytes]) -> None:
    """Write messages ordered by time and id: the same file whatever order they came in."""

    def order(line: bytes) -> tuple[str, str]:
        event = json.loads(line)
        return str(event.get("time", "")), str(event["id"])

    target, aside = Path(path), Path(f"{path}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside.write_bytes(b"".join(line + b"\n" for line in sorted(lines, key=order)))
    aside.replace(target)  # whole or not at all
