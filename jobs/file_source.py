"""Files as a source of the job: a stream of block numbers, each read and decoded in order, at parallelism 1.

The numbers come paced: a worker's bundle takes all that there are, and checkpoints and watermarks wait for its end. It
can be restored between two blocks: the number of the next is the source's state, the newest event time the
operator's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from pyflink.common import Duration, Row, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.connectors.base import Source
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.java_gateway import get_gateway
from pyflink.table import DataTypes, Schema
from pyflink.util.java_utils import to_jarray

from operators.file_decode import NEVER, FileDecoder
from operators.profiles.references import JobReferences, read_job
from operators.reading.files import Block, list_blocks

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment, Table

BLOCKS_PER_S = 50.0  # handed on; less than decode could do would slow it down, more are more to hold in a bundle


class DecodeBlocks(KeyedProcessFunction):  # type: ignore[misc]
    """Blocks of one source through `FileDecoder`."""

    def __init__(self, job: bytes, source: int, blocks: bytes) -> None:
        self._job, self._index, self._packed = job, source, blocks

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make the decoder in the worker."""
        job = read_job(self._job)
        self._blocks = msgspec.msgpack.decode(self._packed, type=list[Block])
        self._decoder = FileDecoder(job, job.plan.sources[self._index])
        self._pane_ms = job.plan.job.pane_ms
        self._newest = runtime_context.get_state(ValueStateDescriptor("newest", Types.LONG()))

    def process_element(self, value: str, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Decode one block: event time, key and chunk."""
        number = int(value)
        if number >= len(self._blocks):  # there is a first number, but files without records have no block
            return
        before_ms = self._newest.value()
        before_ms = NEVER if before_ms is None else before_ms
        entries, newest_ms = self._decoder.decode(self._blocks[number], before_ms)
        self._newest.update(newest_ms)
        for entry in entries:
            if entry.pane_end_ms is None:
                yield Row(max(before_ms, 0), entry.key, entry.data)
            else:
                # Not beyond the newest record: the watermark follows these times, and must not pass the blocks'.
                yield Row(min(entry.pane_end_ms - 1, newest_ms), entry.key, entry.data)


class _FirstField(TimestampAssigner):  # type: ignore[misc]
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[0])


def chunk_stream(
    env: StreamExecutionEnvironment, table_env: StreamTableEnvironment, job: JobReferences, number: int, packed: bytes
) -> Table:
    """A file source as a table of event time, key and chunk.

    Raises
    ------
    DataError
        There is no such file, or it cannot be read.
    """
    source = job.plan.sources[number]
    blocks = list_blocks(source)
    out_of_orderness = Duration.of_millis(source.out_of_orderness_ms)
    watermarks = WatermarkStrategy.for_bounded_out_of_orderness(out_of_orderness)
    rows = (
        env.from_source(numbers(max(len(blocks), 1)), WatermarkStrategy.no_watermarks(), f"blocks of {source.name}")
        .uid(f"tidemark-blocks-{source.name}")
        .set_parallelism(1)
        .key_by(lambda block: 0, key_type=Types.INT())
        .process(DecodeBlocks(packed, number, msgspec.msgpack.encode(blocks)), output_type=chunk_rows())
        .uid(f"tidemark-decode-{source.name}")
        .name(f"decode {source.name}")
        .set_parallelism(1)
        .assign_timestamps_and_watermarks(watermarks.with_timestamp_assigner(_FirstField()))
        .set_parallelism(1)
    )
    return chunk_table(table_env, rows)


def chunk_rows() -> Any:
    """Type of rows of event time in ms, key and chunk."""
    return Types.ROW_NAMED(["et_ms", "k", "chunk"], [Types.LONG(), Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())])


def chunk_table(table_env: StreamTableEnvironment, rows: DataStream) -> Table:
    """Rows of `chunk_rows`, with timestamps and watermarks, as a table."""
    schema = (
        Schema.new_builder()
        .column("et_ms", DataTypes.BIGINT())
        .column("k", DataTypes.STRING())
        .column("chunk", DataTypes.BYTES())
        .column_by_metadata("et", DataTypes.TIMESTAMP_LTZ(3), "rowtime")
        .watermark("et", "SOURCE_WATERMARK()")
        .build()
    )
    return table_env.from_data_stream(rows, schema)


def numbers(count: int) -> Source:
    """So many numbers from 0, as texts, at a steady pace."""
    jvm = get_gateway().jvm
    datagen, text = jvm.org.apache.flink.connector.datagen, Types.STRING().get_java_type_info()
    numbers = to_jarray(jvm.Object, [str(number) for number in range(count)])
    generator = datagen.functions.FromElementsGeneratorFunction(text, numbers)
    pace = jvm.org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy.perSecond(BLOCKS_PER_S)
    return Source(datagen.source.DataGeneratorSource(generator, count, pace, text))
