"""Reference data of a model, from files or a topic, piece by piece and as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa

from config import Configuration
from config.durations import option, time_ms
from config.plan import ModelPlan, SourcePlan
from operators.profiles.reference_data import check_columns, file_source, label_source, topic_source
from operators.reading.block_reader import BlockReader
from operators.reading.csv_rows import Malformed
from operators.reading.files import list_blocks
from schemas.errors import UsageError

TOPIC = "topic:"


class Piece(msgspec.Struct, frozen=True):
    """Some records of the data."""

    records: Sequence[bytes] | pa.Table
    malformed: tuple[Malformed, ...] = ()
    times_ms: Sequence[int] | None = None  # a topic's; files have the records' own
    first_row: int = 0  # of files: how many records of them came before


class Pieces(msgspec.Struct, frozen=True):
    """How the data are read, the data, as often as they are wanted, and how many records they are."""

    source: SourcePlan
    read: Callable[[], Iterator[Piece]]
    total: int | None
    offsets: dict[int, tuple[int, int]] = {}  # of a topic's partitions: the first, and the one before which it ends
    gone: dict[int, int] = {}  # of a topic's partitions: how many of those asked for it does not keep any more


def reference_pieces(
    loaded: Configuration,
    plan: ModelPlan,
    data: str,
    start: str | None = None,
    end: str | None = None,
    offsets: Mapping[int, tuple[int, int]] | None = None,
) -> Pieces:
    """Records of a model.

    Parameters
    ----------
    data, start, end
        As given to ``tidemark profile``.
    offsets
        Of a topic: by partition the first, and the one before which it ends.

    Raises
    ------
    UsageError
        The arguments do not fit together.
    DataError
        The data cannot be read, or have nothing to do with the model.
    BrokerError
        The broker does not answer, or the topic is not there.
    """
    if data.startswith(TOPIC):
        source = topic_source(loaded.plan, plan.name, data.removeprefix(TOPIC))
        return _of_topic(loaded, source, data, start, end, offsets)
    if start is not None or end is not None:
        message = f"--from and --to are for topics, and {data} is none (topic:NAME)"
        raise UsageError(message)
    source = file_source(loaded.plan, plan.name, data)
    found = _of_files(source)
    if source.format in ("csv", "parquet"):
        reader = BlockReader(source)
        for path in dict.fromkeys(block.path for block in list_blocks(source)):
            check_columns(path, reader.columns(path), plan)
    return found


def label_pieces(loaded: Configuration, plan: ModelPlan, labels: str) -> Pieces:
    """Labels of a model, as given to ``tidemark profile``; raises as `reference_pieces`."""
    if labels.startswith(TOPIC):
        source = label_source(loaded.plan, plan.name, None)
        return _of_topic(loaded, msgspec.structs.replace(source, topic=labels.removeprefix(TOPIC)), labels, None, None)
    return _of_files(label_source(loaded.plan, plan.name, labels))


def _of_topic(
    loaded: Configuration,
    source: SourcePlan,
    data: str,
    start: str | None,
    end: str | None,
    offsets: Mapping[int, tuple[int, int]] | None = None,
) -> Pieces:
    from jobs.topic_data import TopicData

    if loaded.kafka is None:
        message = f"{data}: the configuration names no brokers; add 'kafka: {{bootstrap: HOST:PORT}}'"
        raise UsageError(message)
    start_ms = None if start is None else option("--from", time_ms, start)
    end_ms = None if end is None else option("--to", time_ms, end)
    topic = TopicData(loaded.kafka.client_settings(), data.removeprefix(TOPIC), start_ms, end_ms, offsets)

    def pieces() -> Iterator[Piece]:
        return (Piece(values, (), times) for values, times in topic.pieces())

    return Pieces(source, pieces, topic.records, topic.spans, topic.gone)


def _of_files(source: SourcePlan) -> Pieces:
    blocks = list_blocks(source)

    def pieces() -> Iterator[Piece]:
        reader = BlockReader(source)
        for block in blocks:
            rows = reader.read(block)
            yield Piece(rows.records, rows.malformed, first_row=block.first_row)

    return Pieces(source, pieces, sum(block.rows for block in blocks))
