"""Topics of a Kafka broker: which there are, and making one that keeps what is put into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.errors import BrokerError

Ends = dict[str, dict[int, int]]  # by topic and partition: the offset after the last committed record

ANSWER_WITHIN_S = 10.0  # a broker that is up answers in milliseconds; a name or a TLS handshake takes seconds


def partitions(client: Mapping[str, Any], answer_within_s: float = ANSWER_WITHIN_S) -> dict[str, int]:
    """Give each topic's number of partitions.

    Parameters
    ----------
    client : mapping
        Settings for confluent_kafka, ``bootstrap.servers`` among them.
    answer_within_s : float
        How long to wait for a broker.

    Raises
    ------
    BrokerError
        No broker answered.
    """
    from confluent_kafka import KafkaException

    try:
        listed = _admin(client).list_topics(timeout=answer_within_s)  # all: asking for one by name may create it
    except KafkaException as error:
        message = (
            f"kafka {client['bootstrap.servers']}: no broker answered within {answer_within_s:.0f} s; "
            "is it running ('tidemark broker' starts one)?"
        )
        raise BrokerError(message) from error
    return {name: len(topic.partitions) for name, topic in listed.topics.items()}


def ends(client: Mapping[str, Any], names: Iterable[str]) -> Ends:
    """Give where topics end now.

    Raises
    ------
    BrokerError
        No broker answered.
    """
    from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec

    admin = _admin(client)  # kept, as below
    counts = partitions(client)
    places = [TopicPartition(name, number) for name in names for number in range(counts[name])]
    found: Ends = {}
    try:
        answers = admin.list_offsets(
            dict.fromkeys(places, OffsetSpec.latest()),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=ANSWER_WITHIN_S,
        )
        for place, answer in answers.items():
            found.setdefault(place.topic, {})[place.partition] = answer.result().offset
    except KafkaException as error:
        message = f"kafka {client['bootstrap.servers']}: cannot tell where topics end: {error.args[0].str()}"
        raise BrokerError(message) from error
    return found


def ensure_topic(client: Mapping[str, Any], name: str, count: int = 1) -> None:
    """Create a topic with `count` partitions unless it is there.

    It keeps records for ever: retention counts from a record's own time, so historic ones would vanish at once.

    Raises
    ------
    BrokerError
        No broker answered, or it refused.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic

    if name in partitions(client):
        return
    topic = NewTopic(name, num_partitions=count, replication_factor=1, config={"retention.ms": "-1"})
    admin = _admin(client)  # kept: without it the request would end unanswered
    try:
        admin.create_topics([topic])[name].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            message = f"kafka {client['bootstrap.servers']}: topic '{name}' could not be created: {error.args[0].str()}"
            raise BrokerError(message) from error


def _admin(client: Mapping[str, Any]) -> Any:
    from confluent_kafka.admin import AdminClient

    quiet = {"log_level": 0, "reconnect.backoff.max.ms": 250}  # whoever waits is told by an exception, not by a log
    return AdminClient({**client, **quiet})
