"""Topics for tests: records put in with times and partitions of our choosing, committed messages taken out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from jobs.broker import Broker
from jobs.topics import partitions
from tests.e2e.stream import Record


def create(broker: Broker, topic: str, count: int = 2) -> None:
    """A topic that takes records of any time, and of up to 16 MB."""
    settings = {
        "retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1), "max.message.bytes": str(16 << 20)
    }  # fmt: skip
    admin = AdminClient(broker.client)  # kept: without it the request would end unanswered
    admin.create_topics([NewTopic(topic, count, config=settings)])[topic].result()


def produce(broker: Broker, topic: str, records: Iterable[Record], only: int | None = None) -> None:
    """Send records at their event times to their partitions, or all to one."""
    # Idempotent: else a batch that is sent again comes after later ones, and its records are late.
    producer = Producer({**broker.client, "enable.idempotence": True, "message.max.bytes": 16 << 20})
    for record in records:
        partition = record.partition if only is None else only
        producer.produce(topic, record.line, timestamp=record.time_ms, partition=partition)
        producer.poll(0)
    assert producer.flush(120) == 0


def send(broker: Broker, topic: str, records: list[Record], over_s: int = 10) -> None:
    """Produce evenly over some seconds, several checkpoints."""
    step = -(-len(records) // (10 * over_s))
    for start in range(0, len(records), step):
        produce(broker, topic, records[start : start + step])
        time.sleep(0.1)


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
            message = consumer.poll(60)
            assert message is not None, f"{topic}: a transaction is open, or the broker does not answer"
            if message.error() is not None:
                ended += 1
            else:
                found.append(message.value())
        return found
    finally:
        consumer.close()
