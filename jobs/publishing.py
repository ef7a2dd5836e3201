"""A stream of records put where a source reads it: into a topic, with its event times, or into a file."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from config import Configuration
from config.plan import Plan
from jobs.simulation import features
from jobs.topics import ensure_topic, partitions
from operators.reading.files import guess_format
from schemas.errors import BrokerError, DataError, UsageError

Stream = Iterable[tuple[int, bytes]]  # event time in milliseconds, record

SOME = 1000  # records between two reports of progress
QUEUE_S = 0.05  # a full queue of the client is looked at again after so long
DELIVERED_WITHIN_S = (
    60.0  # the client gives up on a record after 5 minutes; a broker on this machine takes milliseconds
)


def subject(plan: Plan, dataset: str) -> tuple[str, str]:
    """Give the model that a dataset is made for, the first of a plan, and its version.

    Raises
    ------
    UsageError
        The model has features that the dataset has not.
    """
    model = plan.models[0]
    there = features(dataset)
    wanted = dict.fromkeys(feature.field for feature in model.features)
    if lacking := [name for name in wanted if name not in there]:
        message = (
            f"--dataset: '{dataset}' has no {', '.join(lacking)}, features of model '{model.name}' "
            f"(it has {', '.join(there)})"
        )
        raise UsageError(message)
    return model.name, next(iter(model.versions), "1")


def to_source(
    stream: Stream, loaded: Configuration, count: int, advance: Callable[[int], object] = lambda _: None
) -> tuple[str, int]:
    """Put records where a configuration's predictions come from.

    Returns
    -------
    tuple
        The place, for people, and how many records.

    Raises
    ------
    UsageError
        There is no such source, or it is not a topic and not one file of JSON lines.
    """
    source = next((source for source in loaded.plan.sources if source.kind == "predictions"), None)
    if source is None:
        message = f"{loaded.path}: sources: there is no source of predictions to put a stream into"
        raise UsageError(message)
    if source.topic is not None and loaded.kafka is not None:
        return f"topic {source.topic}", to_topic(stream, loaded.kafka.client_settings(), source.topic, count, advance)
    path = source.path or ""
    if guess_format(path) != "jsonl" or "*" in path or "://" in path:
        message = f"{loaded.path}: sources.{source.name}: '{path}' is not one local file of JSON lines (as data.jsonl)"
        raise UsageError(message)
    return path, to_file(stream, Path(path), advance)


def to_topic(
    stream: Stream, client: Mapping[str, Any], topic: str, count: int, advance: Callable[[int], object] = lambda _: None
) -> int:
    """Produce records, each to the next partition and with its event time as Kafka's timestamp.

    Parameters
    ----------
    stream
        What to produce.
    client
        Settings for confluent_kafka.
    topic
        Made with `count` partitions if it is not there.
    count
        Of partitions.
    advance
        Is told how many more are on their way.

    Returns
    -------
    int
        Number of records.

    Raises
    ------
    BrokerError
        No broker answers, or not all were delivered.
    """
    from confluent_kafka import Producer

    ensure_topic(client, topic, count)
    count = partitions(client).get(topic, count)
    failures: list[Any] = []

    def note(error: Any, message: Any) -> None:
        if error is not None:
            failures.append(error)

    # Deep enough batches for 200,000 records a second; idempotent, or batches that are sent again come after later
    # ones and are late; the log is silent because failures are raised.
    settings = {
        "linger.ms": 20,
        "enable.idempotence": True,
        "queue.buffering.max.messages": 200_000,
        "compression.type": "lz4",
        "log_level": 0,
    }
    producer = Producer({**client, **settings, "on_delivery": note})
    sent = 0
    for record_ms, record in stream:
        while True:
            try:
                producer.produce(topic, record, partition=sent % count, timestamp=record_ms)
                break
            except BufferError:
                producer.poll(QUEUE_S)
        sent += 1
        if sent % SOME == 0:
            producer.poll(0)
            advance(SOME)
    left = producer.flush(DELIVERED_WITHIN_S)
    if left or failures:
        reason = failures[0].str() if failures else f"no answer within {DELIVERED_WITHIN_S:.0f} s"
        where = f"kafka {client['bootstrap.servers']}: topic '{topic}'"
        message = f"{where}: {left or len(failures)} of {sent} records were not delivered: {reason}"
        raise BrokerError(message)
    advance(sent % SOME)
    return sent


def to_file(stream: Stream, path: Path, advance: Callable[[int], object] = lambda _: None) -> int:
    """Write records to a file of JSON lines, compressed if its name ends with ``.gz``; give their number.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as file:
            records = (record for _, record in stream)
            while some := list(islice(records, SOME)):
                file.write(b"\n".join(some) + b"\n")
                written += len(some)
                advance(len(some))
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror})"
        raise DataError(message) from None
    return written


def paced(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """Give each record when its event time has come; one whose time has passed at once."""
    for record_ms, record in stream:
        if (ahead_s := record_ms / 1000 - time.time()) > 0:
            time.sleep(ahead_s)
        yield record_ms, record
