"""A topic as a group reads it: each partition by one member, committed events only, and a topic for what failed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from consumers.connection import ANSWER_WITHIN_S, PASSING, Refusals
from consumers.delivery import Failure, Message, Place, Stopped
from schemas.errors import BrokerError

POLL_S = 0.2  # how long a signal may wait: it is seen between polls
BATCH = 500  # messages taken at once: more, and a rebalance drops more; fewer, and taking them costs what handling does
SESSION_MS = 10_000  # after a kill the others wait so long; less, and a short stall of the network costs a rebalance
EXPELLED_S = SESSION_MS / 1000 + 5  # a member that is dead has lost its partitions by then, and we have heard of it
COMMIT_EVERY_S = 0.2  # what a killed member has handled since is given again, to another memory perhaps
METADATA_MS = 5_000  # how long a topic that was made while we waited for it is not seen


class GroupTopic:
    """A Kafka topic, read as a member of a group.

    Parameters
    ----------
    client : mapping
        Settings of the Kafka client, at least ``bootstrap.servers``.
    topic, group : str
        What is read, and as whom.
    dead_letters : str or None
        Topic of what failed; made where it is not there. None: of who buries nothing.
    start : str
        Where a group begins that has read nothing yet: ``earliest``, ``latest`` or a time (RFC 3339).
    replay : bool
        Whether it begins there though it has read more already.
    until_end : bool
        Whether to be `ended` when all is read that is there.
    stop : threading.Event
        Ends every wait.
    timeout_s : float
        How long an event may be with its handler.
    tell : callable
        Gets a line for people when there is something to wait for.

    Raises
    ------
    BrokerError
        No broker answers, or the topic of dead letters cannot be made.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic: str,
        group: str,
        *,
        dead_letters: str | None,
        start: str,
        replay: bool,
        until_end: bool,
        stop: threading.Event,
        timeout_s: float,
        tell: Callable[[str], None],
    ) -> None:
        self.ended = False
        self._client, self._topic, self._dead_letters = dict(client), topic, dead_letters
        self._start, self._replay, self._until_end = start, replay, until_end
        self._stop, self._tell = stop, tell
        self.revoked: Callable[[], Mapping[Place, int]] = dict
        self._where = f"kafka {client.get('bootstrap.servers')}"
        self._refusals = Refusals()
        self._producer: Producer | None = None
        self._paused: list[TopicPartition] = []
        self._held: list[Message] = []  # that came while we stayed: a pause does not take back what is on its way
        self._at_end: set[int] = set()
        self._assigned_s = 0.0
        self._shared = False  # others have partitions, too
        self._ours: set[Place] = set()
        self._committed: dict[Place, int] = {}
        self._committed_s = 0.0
        self._missing = False
        self._consumer = Consumer(
            {
                **client,
                "error_cb": self._refusals,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",  # where retention has overtaken us
                "allow.auto.create.topics": False,
                "enable.partition.eof": until_end,
                "session.timeout.ms": SESSION_MS,
                # A rebalance waits for the event at hand, which takes as long as a handler may.
                "max.poll.interval.ms": int(1000 * timeout_s) + 300_000,
                "topic.metadata.refresh.interval.ms": METADATA_MS,
                "log_level": 0,
            }
        )
        try:
            self._look()
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._taken, on_lost=self._lost)

    def _look(self) -> None:
        """See that brokers answer and the topics are there."""
        try:
            topics = self._consumer.list_topics(timeout=ANSWER_WITHIN_S).topics  # of all: asking by name may create it
        except KafkaException as error:
            self._consumer.poll(0)  # what the client has to say is told between polls only
            raise self._refusals.error(self._where, ANSWER_WITHIN_S) from error
        if self._topic not in topics:
            self._missing = True
            self._tell(f"{self._where}: topic '{self._topic}' is not there yet; waiting for the job to make it")
        if self._dead_letters is not None and self._dead_letters not in topics:
            self._make_dead_letters(self._dead_letters)

    def _make_dead_letters(self, topic: str) -> None:
        admin = AdminClient({**self._client, "log_level": 0})  # kept: without it the request would end unanswered
        # Retention counts from a record's time, which is that of its failure; 30 days to look at it.
        made = admin.create_topics([NewTopic(topic, 1, config={"retention.ms": str(30 * 86_400_000)})])
        try:
            made[topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                message = (
                    f"{self._where}: topic '{topic}' for what fails could not be made "
                    f"({error.args[0].str()}); make it, or name another"
                )
                raise BrokerError(message) from error

    def now_s(self) -> float:
        """Seconds from some moment on."""
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait; True if the subscriber is to stop."""
        return self._stop.wait(seconds)

    def poll(self) -> list[Message]:
        """The next messages; none after a short wait if there are none."""
        if self._paused:
            self._consumer.resume(self._paused)
            self._paused = []
        if self._held:
            held, self._held = self._held, []
            return held
        first = self._consumer.poll(POLL_S)
        if first is None:
            return []
        return self._good([first, *self._consumer.consume(BATCH - 1, 0)])

    def stay(self) -> None:
        """Remain a member while a handler works; what comes nevertheless is kept for the next `poll`."""
        if not self._paused:
            self._paused = self._consumer.assignment()
            self._consumer.pause(self._paused)
        self._held += self._good([each for each in [self._consumer.poll(0)] if each is not None])

    def _good(self, polled: Iterable[Any]) -> list[Message]:
        messages = []
        for each in polled:
            error = each.error()
            if error is None:
                messages.append(Message(each.value(), each.topic(), each.partition(), each.offset()))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(each.partition())
            elif error.code() not in (*PASSING, KafkaError.UNKNOWN_TOPIC_OR_PART) and not error.retriable():
                message = f"{self._where}: {error.str()}"
                raise BrokerError(message)
        self.ended = self._until_end and self._read_all()
        return messages

    def _read_all(self) -> bool:
        """Whether all is read that is there, or in the hands of a member that lives.

        One that was killed as it joined has partitions until its session is over, which then come to us.
        """
        ours = {each.partition for each in self._consumer.assignment()}
        waited_s = time.monotonic() - self._assigned_s
        return self._at_end >= ours != set() and (not self._shared or waited_s > EXPELLED_S)

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Begin where the group was; where it has not been, at `start`, and commit that: no event may come for days."""
        known = places
        if not self._missing:
            known = self._patiently(lambda: consumer.committed(places, timeout=ANSWER_WITHIN_S))
        first = [each for each in known if self._replay or each.offset < 0]
        if self._missing:
            for place in first:
                place.offset = 0  # all of it is news
        else:
            self._patiently(lambda: self._place(consumer, first))
        self._missing = self._replay = False
        self._at_end.clear()
        self._assigned_s = time.monotonic()
        if self._until_end:
            there = self._patiently(lambda: consumer.list_topics(timeout=ANSWER_WITHIN_S)).topics[self._topic]
            self._shared = len(there.partitions) > len(places)
        self._paused = []
        self._ours = {(each.topic, each.partition) for each in known}
        consumer.assign(known)
        if first:
            self._patiently(lambda: consumer.commit(offsets=first, asynchronous=False))

    def _place(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        if self._start not in ("earliest", "latest"):
            moment = datetime.fromisoformat(self._start.replace("Z", "+00:00"))
            moment_ms = int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() * 1000)
            asked = [TopicPartition(each.topic, each.partition, moment_ms) for each in places]
            found = consumer.offsets_for_times(asked, timeout=ANSWER_WITHIN_S)
        for number, place in enumerate(places):
            low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_WITHIN_S)
            if self._start == "earliest":
                place.offset = low
            elif self._start == "latest":
                place.offset = high
            else:
                place.offset = found[number].offset if found[number].offset >= 0 else high

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask until there is an answer: brokers come and go, and a group must not begin at the wrong place."""
        while True:
            try:
                return ask()
            except KafkaException as error:
                if self._stop.wait(1):
                    raise Stopped from error
                if not error.args[0].retriable() and error.args[0].code() not in PASSING:
                    message = f"{self._where}: {error.args[0].str()}"
                    raise BrokerError(message) from error

    def _taken(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._commit(self.revoked(), wait=True)
        self._ours.clear()
        self._held.clear()  # whoever has the partition next begins at what is committed

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._ours.clear()  # others have them already
        self._held.clear()
        self.revoked()

    def commit(self, places: Mapping[Place, int]) -> None:
        """Never give again what stands before these offsets; not at each call."""
        if time.monotonic() - self._committed_s >= COMMIT_EVERY_S:
            self._commit(places, wait=False)

    def _commit(self, places: Mapping[Place, int], *, wait: bool) -> None:
        new = {place: at for place, at in places.items() if place in self._ours and self._committed.get(place) != at}
        if not new:
            return
        offsets = [TopicPartition(*place, offset) for place, offset in new.items()]
        # What is not committed is given again and found in the memory.
        with contextlib.suppress(KafkaException):
            self._consumer.commit(offsets=offsets, asynchronous=not wait)
            self._committed.update(new)
            self._committed_s = time.monotonic()

    def bury(self, message: Message, failure: Failure) -> None:
        """Put a message in the topic of dead letters, as it was, with headers that say why.

        Tried until it is there: an event that failed and is in no topic would be lost.
        """
        assert self._dead_letters is not None
        if self._producer is None:
            self._producer = Producer({**self._client, "enable.idempotence": True, "log_level": 0})
        headers = {
            "tidemark-handler": failure.handler,
            "tidemark-error": failure.error,
            "tidemark-attempts": str(failure.attempts),
            "tidemark-place": message.place,
        }
        failed: list[Any] = []
        while True:
            failed.clear()
            self._producer.produce(
                self._dead_letters,
                message.value,
                headers=list(headers.items()),
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
            while self._producer.flush(1):
                if self._stop.is_set():
                    raise Stopped
            if not failed:
                return
            if failed[0].code() not in (*PASSING, KafkaError._MSG_TIMED_OUT) and not failed[0].retriable():
                text = f"{self._where}: topic '{self._dead_letters}': {failed[0].str()}"
                raise BrokerError(text)

    def close(self, places: Mapping[Place, int]) -> None:
        """Commit and leave the group."""
        try:
            self._commit(places, wait=True)
        finally:
            self._consumer.close()
