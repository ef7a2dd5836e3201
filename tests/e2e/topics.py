"""Topics for tests: records put in with times and partitions of our choosing, committed messages taken out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from jobs.broker import Broker
from jobs.topics import partitions
from tests.e2e.stream import Record


def produce(broker: Broker, topic: str, records: Iterable[Record], only: int | None = None) -> None:
    """Send records at their event times to their partitions, or all to one."""
    # Idempotent: else a batch that is sent again comes after later ones, and its records are late.
    producer = Producer({**broker.client, "enable.idempotence": True})
    for record in records:
        partition = record.partition if only is None else only
        producer.produce(topic, record.line, timestamp=record.time_ms, partition=partition)
        producer.poll(0)
    assert producer.flush(30) == 0


def committed(broker: Broker, topic: str) -> list[bytes]:
    """All committed messages of a topic: up to what was there when asked, none of open or aborted transactions."""
    settings: dict[str, Any] = {
        **broker.client,
        "group.id": "tests",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(settings)
    try:
        count = partitions(broker.client)[topic]
        consumer.assign([TopicPartition(topic, number, 0) for number in range(count)])
        found: list[bytes] = []
        ended = 0
        while ended < count:
            message = consumer.poll(10)
            assert message is not None, f"{topic}: a transaction is open, or the broker does not answer"
            if message.error() is not None:
                ended += 1
            else:
                found.append(message.value())
        return found
    finally:
        consumer.close()
