"""The control topic or file as a source of the job: what it says goes to the policies.

What it asks of monitors goes to them with the chunks of its pane (`asked`), through the statement that cuts panes: so
panes wait for it as they do for records, and a replay finds it in its place again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from pyflink.common import Duration, Row, WatermarkStrategy
from pyflink.common.serialization import ByteArraySchema
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import ProcessFunction, RuntimeContext
from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaSource, KafkaTopicPartition

from config.plan import Plan, read_plan
from jobs.file_source import chunk_rows, chunk_table, numbers
from jobs.functions import aside, tagged
from operators.decisions import control, outputs
from operators.decisions.control import Line
from schemas import cloudevents, dead_letters
from schemas.control import ControlError

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment, Table

    from jobs.monitor import Setting

# The policies wait for the slowest of their inputs, so for so long for messages after the last one, and when a run
# begins. Shorter than the brokers need to answer then, and messages of before would come too late for their time;
# longer, and events come later by so much.
IDLE_S = 10


class ControlFunction(ProcessFunction):  # type: ignore[misc]
    """Messages to the policies of their models; those that cannot be used to the dead letters."""

    def __init__(self, plan: bytes, lines: bytes = b"") -> None:
        self._packed, self._packed_lines = plan, lines

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make in the worker what is not sent to it."""
        plan = read_plan(self._packed)
        self._models = {model.name for model in plan.models}
        self._source = cloudevents.source(plan.job.environment, plan.job.name)
        assert plan.control is not None, "without control there is nothing to read"
        self._topic, self._path = plan.control.topic, plan.control.path
        self._lines = msgspec.msgpack.decode(self._packed_lines, type=list[Line]) if self._packed_lines else []
        self._letters = aside("letters")

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        """Take a message, or the number of a line."""
        place: dict[str, Any]
        if self._path is None:
            data, time_ms = bytes(value), int(ctx.timestamp())
            place = {"topic": self._topic, "time_ms": time_ms}
        elif int(value) < len(self._lines):  # there is a first number, but a file without lines has none
            line = self._lines[int(value)]
            data, time_ms, place = line.data, line.time_ms, {"path": self._path, "row": line.row}
        else:
            return
        try:
            model, told = control.read(data, time_ms, self._models)
        except ControlError as error:
            letter = dead_letters.encode(self._source, control.letter(error, **place))
            yield self._letters, Row(control.NAME.encode(), letter)
            return
        yield Row("output", model, outputs.encode(told))
        if (asked := control.asked(told)) is not None:
            yield Row("asked", *asked)


class _ToldAt(TimestampAssigner):  # type: ignore[misc]
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return control.time_of(bytes(value[2]))


def commands(env: StreamExecutionEnvironment, plan: Plan, setting: Setting) -> DataStream:
    """What the policies are told, as rows of the monitor's kind; letters on the side."""
    assert plan.control is not None, "without control there is nothing to read"
    packed = msgspec.msgpack.encode(plan)
    if plan.control.topic is not None:
        source = _topic(plan.control.topic, plan, setting)
        times = WatermarkStrategy.for_monotonous_timestamps()
        if not setting.bounded:
            times = times.with_idleness(Duration.of_seconds(IDLE_S))
        # Named as SQL names its sources: a bounded run looks for the positions of those in earlier state.
        read = env.from_source(source, times, f"KafkaSource-tidemark.{control.NAME}")
        function = ControlFunction(packed)
    else:
        assert plan.control.path is not None, "control has a topic or a path"
        lines = control.lines(plan.control.path)
        read = env.from_source(numbers(max(len(lines), 1)), WatermarkStrategy.no_watermarks(), "lines of control")
        function = ControlFunction(packed, msgspec.msgpack.encode(lines))
    return (
        read.uid("tidemark-control")
        .set_parallelism(1)
        .process(function, output_type=tagged())
        .uid("tidemark-commands")
        .name("commands")  # as many as there are policies: PyFlink allows no other number before a key
    )


def timed(told: DataStream, plan: Plan) -> DataStream:
    """Commands with their times: those of a file say them themselves."""
    if plan.control is None or plan.control.path is None:
        return told
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(_ToldAt())
    return told.assign_timestamps_and_watermarks(strategy)


def asked(told: DataStream, table_env: StreamTableEnvironment) -> Table:
    """What is asked of monitors as a table of event time, key and chunk; from `timed`."""
    rows = told.filter(lambda row: row[0] == "asked").map(_chunk, output_type=chunk_rows())
    return chunk_table(table_env, rows)


def _chunk(row: Row) -> Row:
    part = bytes(row[2])
    return Row(control.time_of(part), row[1], part)


def _topic(topic: str, plan: Plan, setting: Setting) -> KafkaSource:
    """All of the topic, also in a run that begins anew: records are read again then, and what was said of them."""
    group = f"tidemark-{plan.job.environment}-{plan.job.name}-{control.NAME}"
    start = KafkaOffsetsInitializer.earliest()
    if positions := setting.positions.get(control.NAME):
        start = KafkaOffsetsInitializer.offsets(_places(topic, positions))
    builder = (
        KafkaSource.builder()
        .set_bootstrap_servers(setting.kafka["bootstrap.servers"])
        .set_topics(topic)
        .set_group_id(group)
        .set_starting_offsets(start)
        .set_value_only_deserializer(ByteArraySchema())
    )
    for key, value in setting.kafka.items():
        builder = builder.set_property(key, value)
    builder = builder.set_property("isolation.level", "read_committed")
    if setting.bounded:
        builder = builder.set_bounded(KafkaOffsetsInitializer.offsets(_places(topic, setting.ends[topic])))
        builder = builder.set_property("commit.offsets.on.checkpoint", "false")
    return builder.build()


def _places(topic: str, offsets: dict[int, int]) -> dict[KafkaTopicPartition, int]:
    return {KafkaTopicPartition(topic, partition): offset for partition, offset in offsets.items()}
