"""Following a topic without being a group: typed drift events from a Kafka topic, committed ones only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.connection import ANSWER_WITHIN_S, PASSING, Refusals
from consumers.reading import Reader
from schemas.errors import BrokerError
from schemas.events import Event

POLL_S = 0.2  # how long Ctrl-C may wait: signals are seen between polls


class Follower:
    """Reads all partitions of a topic, as part of no group: it commits nothing and keeps nobody waiting.

    What is not an event, or of a type that this release does not know, is skipped and counted in `reader`.

    Parameters
    ----------
    client : mapping
        Settings of the Kafka client, at least ``bootstrap.servers``.
    topic : str
        The topic of the event sink.
    start : "earliest" or "latest"
        Whether events that were there before are read; with "latest", all that are committed from now on.

    Raises
    ------
    BrokerError
        No broker answers, or the topic is not there.

    Examples
    --------
    >>> with Follower({"bootstrap.servers": "localhost:9092"}, "drift-events") as follower:  # doctest: +SKIP
    ...     for event in follower.events():
    ...         print(event.data.message)
    """

    def __init__(
        self, client: Mapping[str, Any], topic: str, start: Literal["earliest", "latest"] = "earliest"
    ) -> None:
        self.reader = Reader()
        self._where = f"kafka {client.get('bootstrap.servers')}"
        self._refusals = Refusals()
        self._consumer = Consumer(
            {
                **client,
                "error_cb": self._refusals,
                "group.id": "tidemark-follower",  # the client wants one; without subscribe() no group is joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",  # where retention has overtaken us
                "allow.auto.create.topics": False,
                "log_level": 0,  # whoever waits is told by an exception, not by a log
            }
        )
        try:
            self._consumer.assign(self._places(topic, start))
        except BaseException:
            self.close()
            raise

    def _places(self, topic: str, start: str) -> list[TopicPartition]:
        try:
            # Of all topics: asking for one by name may create it.
            topics = self._consumer.list_topics(timeout=ANSWER_WITHIN_S).topics
            if topic not in topics:
                message = f"{self._where}: topic '{topic}' is not there; the job makes it when it starts"
                raise BrokerError(message)
            places = [TopicPartition(topic, partition) for partition in sorted(topics[topic].partitions)]
            for place in places:
                earliest, latest = self._consumer.get_watermark_offsets(place, timeout=ANSWER_WITHIN_S)
                place.offset = earliest if start == "earliest" else latest
        except KafkaException as error:
            self._consumer.poll(0)  # what the client has to say is told between polls only
            raise self._refusals.error(self._where, ANSWER_WITHIN_S) from error
        return places

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Events as they come.

        Parameters
        ----------
        timeout_s : float, optional
            Ends when no message came for so long; without it, goes on for ever.

        Raises
        ------
        BrokerError
            The broker refuses, or the topic is gone. A broker that does not answer is waited for.
        """
        heard = time.monotonic()
        while timeout_s is None or time.monotonic() - heard < timeout_s:
            message = self._consumer.poll(POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                self._check(error)
                continue
            place = f"{message.topic()}[{message.partition()}]@{message.offset()}"
            event = self.reader.read(message.value(), place)
            if event is not None:
                yield event
            heard = time.monotonic()

    def _check(self, error: KafkaError) -> None:
        if error.code() not in PASSING and not error.retriable():
            message = f"{self._where}: {error.str()}"
            raise BrokerError(message)

    def close(self) -> None:
        """Leave; may be called again."""
        self._consumer.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
