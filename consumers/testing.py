"""Testing handlers without Kafka: a topic that is a list, a clock that nobody waits for, and events to order.

A test publishes events, runs the subscriber over them and looks at what the handlers did, what is a dead letter, and
how long it would have waited between attempts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from consumers.delivery import Failure, Message, Place
from consumers.memory import Memory
from consumers.subscriber import Counts, Subscriber
from schemas.events import Event, encode

FOREVER_S = 1e9


class Crash(BaseException):
    """Raised by a handler of a test: the process is killed at this point; `FakeTopic.run` then starts it again."""


class FakeTopic:
    """A topic of one partition that is a list, and all that a group keeps: its place, its memory, its dead letters.

    Parameters
    ----------
    messages : event, bytes or None
        What is on it; bytes may be anything, None is a tombstone.

    Attributes
    ----------
    dead : list of tuple
        The dead letters: each message as bytes, and the `Failure` (handler, error, attempts).
    waits : list of float
        Seconds that the subscriber would have waited before it tried again.

    Examples
    --------
    >>> from consumers.samples import drift_event
    >>> subscriber = Subscriber("", "drift-events", group="test")
    >>> @subscriber.on("io.tidemark.drift.opened")
    ... def retrain(event):
    ...     print(event.data.model)
    >>> topic = FakeTopic(drift_event(model="churn"), b"not an event")
    >>> topic.run(subscriber)
    churn
    Counts(handled=1, repeated=0, dead=0, muted=0, unwanted=0, unknown=0, malformed=1)
    """

    def __init__(self, *messages: Event | bytes | None) -> None:
        self.dead: list[tuple[bytes | None, Failure]] = []
        self.waits: list[float] = []
        self.ended = False
        self.revoked: Callable[[], Mapping[Place, int]] = dict
        self._messages: list[bytes | None] = []
        self._read = 0
        self._committed = 0
        self._memory = Memory(None, FOREVER_S)
        self.publish(*messages)

    def publish(self, *messages: Event | bytes | None) -> None:
        """Put messages behind those that are there; the same event again is what a restored job writes."""
        self._messages += [encode(each) if isinstance(each, msgspec.Struct) else each for each in messages]

    def run(self, subscriber: Subscriber, *, again: bool = False) -> Counts:
        """Handle what is new on the topic; a `Crash` is followed by a start with what was committed and remembered.

        Parameters
        ----------
        subscriber : Subscriber
            Its handlers, retries and time-out count; its brokers are not asked.
        again : bool
            Go back to the beginning and forget what was handled.
        """
        if again:
            self._committed = 0
        while True:
            self._read, self.ended = self._committed, False
            try:
                return subscriber.consume(self, self._memory, replay=again, again=again)
            except Crash:
                again = False

    def poll(self) -> list[Message]:
        """The next message."""
        if self._read == len(self._messages):
            self.ended = True
            return []
        self._read += 1
        return [Message(self._messages[self._read - 1], "drift-events", 0, self._read - 1)]

    def stay(self) -> None:
        """Nobody else is in the group."""

    def commit(self, places: Mapping[Place, int]) -> None:
        """Keep the place."""
        self._committed = max([self._committed, *places.values()])

    def bury(self, message: Message, failure: Failure) -> None:
        """Keep a dead letter."""
        self.dead.append((message.value, failure))

    def close(self, places: Mapping[Place, int]) -> None:
        """Keep the place."""
        self.commit(places)

    def now_s(self) -> float:
        """The time that has passed, with the waits that did not happen."""
        return time.monotonic() + sum(self.waits)

    def wait(self, seconds: float) -> bool:
        """Do not wait."""
        self.waits.append(seconds)
        return False
