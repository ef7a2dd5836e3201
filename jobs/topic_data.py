"""A topic's records between two times, as data: from all partitions, committed ones only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.topics import ANSWER_WITHIN_S, partitions
from schemas.errors import BrokerError

POLL_S = 0.2  # the client waits so long to fill a batch
SILENCE_S = 30.0  # without a record while some must be there: the broker has gone, or sends nothing that is committed


class TopicData:
    """The records that a topic has now.

    Parameters
    ----------
    client
        Settings for confluent_kafka, ``bootstrap.servers`` among them.
    topic
        Its name.
    start_ms, end_ms
        First event time and the one before which it ends; by the broker's timestamps. None: all there is.
    offsets
        First offset of each partition and the one before which it ends, in the place of all that; no other partitions.

    Attributes
    ----------
    records : int
        How many offsets are in that span: at least as many as records.
    spans : dict of int to (int, int)
        Of each partition the first offset and the one before which it ends.
    gone : dict of int to int
        Of each partition how many of the `offsets` the topic does not keep any more.

    Raises
    ------
    BrokerError
        No broker answered, or the topic is not there.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        offsets: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        from confluent_kafka import Consumer, KafkaException, TopicPartition

        self._where = f"kafka {client['bootstrap.servers']}"
        self._topic, self._start_ms, self._end_ms = topic, start_ms, end_ms
        known = partitions(client)
        if topic not in known:
            message = f"{self._where}: topic '{topic}' is not there ({', '.join(sorted(known)) or 'it has none'})"
            raise BrokerError(message)
        self._consumer = Consumer(
            {
                **client,
                "group.id": "tidemark-profile",  # the client wants one; nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "allow.auto.create.topics": False,
                "log_level": 0,
            }
        )
        try:
            spans = [self._span(TopicPartition, number) for number in range(known[topic])]
        except KafkaException as error:
            message = f"{self._where}: topic '{topic}' cannot be read: {error.args[0].str()}"
            raise BrokerError(message) from error
        there = dict(enumerate(spans))
        self.spans, self.gone = there, dict.fromkeys(there, 0)
        if offsets is not None:
            # Not beyond what is there: a topic may have been made anew.
            self.spans = {
                number: (max(first, there[number][0]), min(end, there[number][1]))
                for number, (first, end) in offsets.items()
                if number in there
            }
            self.gone = {
                number: end - first - max(0, self.spans[number][1] - self.spans[number][0])
                if number in there
                else end - first
                for number, (first, end) in offsets.items()
            }
        self._ends = {number: end for number, (start, end) in self.spans.items() if start < end}
        self.records = sum(max(0, end - start) for start, end in self.spans.values())
        self._places = [TopicPartition(topic, number, self.spans[number][0]) for number in self._ends]

    def _span(self, place_of: Any, number: int) -> tuple[int, int]:
        """First offset of a partition that is read, and the one where it ends."""
        first, last = self._consumer.get_watermark_offsets(place_of(self._topic, number), timeout=ANSWER_WITHIN_S)
        if self._start_ms is not None:
            place = place_of(self._topic, number, self._start_ms)
            found = self._consumer.offsets_for_times([place], timeout=ANSWER_WITHIN_S)[0].offset
            first = last if found < 0 else max(first, found)
        return first, last

    def pieces(self, size: int = 10_000) -> Iterator[tuple[list[bytes], list[int]]]:
        """Records and their timestamps; those of different partitions come as they come. It can be asked again.

        Raises
        ------
        BrokerError
            The broker refuses, or has gone.
        """
        from confluent_kafka import KafkaError

        self._consumer.assign(self._places)
        open_ends, heard = dict(self._ends), time.monotonic()
        while open_ends:
            messages = self._consumer.consume(size, timeout=POLL_S)
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > SILENCE_S:
                message = f"{self._where}: topic '{self._topic}' gave nothing for {SILENCE_S:.0f} s; is the broker up?"
                raise BrokerError(message)
            values, times_ms = [], []
            for record in messages:
                error, number = record.error(), record.partition()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    message = f"{self._where}: topic '{self._topic}': {error.str()}"
                    raise BrokerError(message)
                if error is not None or record.offset() + 1 >= open_ends.get(number, 0):
                    open_ends.pop(number, None)
                if error is None and record.offset() < self._ends[number]:
                    time_ms = record.timestamp()[1]
                    if self._end_ms is None or time_ms < self._end_ms:
                        values.append(record.value() or b"")  # a tombstone is an empty record
                        times_ms.append(time_ms)
            if values:
                yield values, times_ms
        self._consumer.unassign()
