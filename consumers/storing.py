"""Storing: what a job says on its topics, written to its store, each message once; dead letters are counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from config.store import StoreAddress
from consumers.delivery import Message, Place, Stopped
from consumers.reading import Reader
from consumers.topic import GroupTopic
from schemas import dead_letters, summaries
from schemas.cloudevents import milliseconds
from schemas.errors import UsageError

if TYPE_CHECKING:
    import store

WAIT_S, LONGEST_WAIT_S = 1.0, 60.0  # for a database that is down
PRUNE_EVERY_S = 3600.0  # what is kept an hour too long harms nobody
STAY_S = 300.0  # how long a batch may be with the database before the group takes its partitions away
Result = TypeVar("Result")


@dataclass(frozen=True)
class Stored:
    """What a run came to."""

    new: int = 0
    repeated: int = 0  # were in the store before
    unknown: int = 0  # events of types that this release does not know
    malformed: int = 0  # no messages of a job


class Storing:
    """Writes the events and summaries of a job to a database, and counts its dead letters there.

    A message's place in its topic is committed after the transaction that wrote it, and what is written again changes
    nothing: after any crash the store holds each message once. While the database is down nothing is read.

    Parameters
    ----------
    client : mapping
        Settings of the Kafka client.
    events, summaries, letters : str or None
        Topics of the job; `letters` is that of its dead letters.
    address : StoreAddress
        Where to write, and for how long to keep it.
    group : str
        Begins the names of the groups as which topics are read.
    tell : callable
        Gets lines for people: that something is waited for, and that it is there again.

    Raises
    ------
    UsageError
        SQLAlchemy is not installed, or no topic is given.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        events: str | None,
        summaries: str | None,
        letters: str | None = None,
        address: StoreAddress,
        group: str,
        tell: Callable[[str], None],
    ) -> None:
        try:
            import sqlalchemy  # noqa: F401  # says at once what is missing
        except ImportError:
            message = "store: SQLAlchemy is not installed; pip install 'tidemark[store]'"
            raise UsageError(message) from None
        self._client, self._events, self._summaries, self._letters = client, events, summaries, letters
        self._address, self._group, self._tell = address, group, tell
        self._stop = threading.Event()
        self._reader = Reader()
        self._malformed = 0

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"store {self._address.name}"

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stop.set()

    def run(self, *, start: str = "earliest", replay: bool = False, until_end: bool = False) -> Stored:
        """Write what comes until `stop`.

        Parameters
        ----------
        start : str
            Where to begin that was never run: ``earliest``, ``latest`` or a time.
        replay : bool
            Go back there although more was written already.
        until_end : bool
            End when all is written that is there.

        Raises
        ------
        BrokerError
            No broker answers at the start, or one refuses.
        StoreError
            The database cannot be used.
        """
        from store import Database, Writer

        new = repeated = 0
        with ExitStack() as stack:
            names = {"events": self._events, "summaries": self._summaries, "dead-letters": self._letters}
            topics = [
                self._topic(stack, name, f"{self._group}-{what}", start, replay, until_end)
                for what, name in names.items()
                if name is not None
            ]
            try:
                database = stack.enter_context(
                    self._patiently(topics, lambda: Database(self._address.url.get_secret_value(), self._address.name))
                )
                writer, pruned_s = Writer(database), 0.0
                while not self._stop.is_set() and not all(topic.ended for topic, _ in topics):
                    if time.monotonic() - pruned_s > PRUNE_EVERY_S:
                        self._patiently(topics, lambda: self._prune(writer))
                        pruned_s = time.monotonic()
                    for topic, places in topics:
                        polled = topic.poll()
                        written = self._write(topics, writer, polled)
                        new, repeated = new + written.new, repeated + written.repeated
                        places.update({(each.topic, each.partition): each.offset + 1 for each in polled})
                        topic.commit(places)
            except Stopped:
                pass
        unknown = sum(self._reader.unknown.values())
        return Stored(new, repeated, unknown, self._malformed + self._reader.malformed)

    def _topic(
        self, stack: ExitStack, name: str, group: str, start: str, replay: bool, until_end: bool
    ) -> tuple[GroupTopic, dict[Place, int]]:
        topic = GroupTopic(
            self._client,
            name,
            group,
            dead_letters=None,
            start=start,
            replay=replay,
            until_end=until_end,
            stop=self._stop,
            timeout_s=STAY_S,
            tell=self._tell,
        )
        places: dict[Place, int] = {}
        stack.callback(topic.close, places)
        topic.revoked = lambda: places
        return topic, places

    def _write(
        self, topics: list[tuple[GroupTopic, dict[Place, int]]], writer: store.Writer, polled: Sequence[Message]
    ) -> store.Written:
        """Write what was read of one topic."""
        from store import Written

        if polled and polled[0].topic == self._letters:
            letters = [letter for letter in map(self._letter, polled) if letter is not None]
            new = self._patiently(topics, lambda: writer.count(letters))
            return Written(new, len(letters) - new)
        batch = [read for read in map(self._read, polled) if read is not None]
        return self._patiently(topics, lambda: writer.write(batch)) if batch else Written(0, 0)

    def _letter(self, message: Message) -> store.Letter | None:
        from store import Letter

        try:
            read = dead_letters.decode(message.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._malformed += 1
            return None
        time_ms = int(time.time() * 1000) if read.time is None else milliseconds(read.time)
        return Letter(message.topic, message.partition, message.offset, time_ms, read)

    def _read(self, message: Message) -> store.Message | None:
        from store import Message as Kept

        if message.topic == self._events:
            event = self._reader.read(message.value, message.place)
            return None if event is None else Kept(message.value or b"", event)
        try:
            return Kept(message.value or b"", summaries.decode(message.value or b""))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._malformed += 1
            return None

    def _prune(self, writer: store.Writer) -> int:
        now_ms = int(time.time() * 1000)
        return writer.prune(
            events_before_ms=now_ms - self._address.keep_ms,
            summaries_before_ms=now_ms - self._address.keep_summaries_ms,
        )

    def _patiently(self, topics: list[tuple[GroupTopic, dict[Place, int]]], do: Callable[[], Result]) -> Result:
        """Do it as soon as the database answers; members of the group meanwhile, reading nothing."""
        from store import StoreDown

        wait_s, told = WAIT_S, False
        while True:
            try:
                result = do()
            except StoreDown as error:
                if not told:
                    self._tell(f"{error}; waiting for it, nothing is lost")
                told = True
            else:
                if told:
                    self._tell(f"{self.name}: is there again")
                return result
            until_s = time.monotonic() + wait_s
            while time.monotonic() < until_s:
                for topic, _ in topics:
                    topic.stay()
                if self._stop.wait(min(WAIT_S, wait_s)):
                    raise Stopped
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
