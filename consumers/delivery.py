"""One message and what becomes of it: handled, repeated, skipped, or a dead letter. Knows no Kafka."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from consumers.memory import DEAD, DONE, Memory, key
from consumers.reading import Reader, UnknownEvent
from consumers.retries import GiveUp, Retries, RetryLater
from consumers.routing import Route
from schemas.events import DriftEvent, Event

# A handler that was begun so often and never came back ends the process. Fewer, and a few ends of the process for
# other reasons at unlucky moments make a good event a dead letter; more, and the others wait for as many restarts.
DEATHS = 5
CANCEL_S = 5.0  # an asynchronous handler that is cancelled may tidy up so long
ERROR_LENGTH = 1000  # characters of an error that are kept: enough for what a server says, not for a page of HTML


Place = tuple[str, int]  # name of a topic, number of a partition


class Message(NamedTuple):
    """What stands at a place of a topic."""

    value: bytes | None
    topic: str
    partition: int
    offset: int

    @property
    def place(self) -> str:
        """As messages for people show it."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Failure(NamedTuple):
    """Why a handler has not handled an event."""

    handler: str
    error: str
    attempts: int


class Outcome(NamedTuple):
    """What a handler came to, for whoever wants to tell people."""

    event: Event | UnknownEvent
    handler: str
    failure: Failure | None  # None: handled
    wait_s: float | None = None  # it is tried again after so long; None: it is a dead letter


class Topic(Protocol):
    """What a subscriber asks of a topic: Kafka's (`consumers.topic`), or a list (`consumers.testing`)."""

    ended: bool  # all that was there is read
    revoked: Callable[[], Mapping[Place, int]]  # it calls this before it loses partitions: returns what is done

    def poll(self) -> list[Message]:
        """The next messages; none after a short wait if there are none."""

    def stay(self) -> None:
        """Remain a member while a handler works; reads nothing."""

    def commit(self, places: Mapping[Place, int]) -> None:
        """Never give again what stands before these offsets."""

    def bury(self, message: Message, failure: Failure) -> None:
        """Put a message among the dead letters; it is safe when this returns."""

    def close(self, places: Mapping[Place, int]) -> None:
        """Commit and leave."""

    def now_s(self) -> float:
        """Seconds from some moment on."""

    def wait(self, seconds: float) -> bool:
        """Wait; True if the subscriber is to stop."""


class Stopped(BaseException):
    """The event is not handled now: the subscriber is to stop, or has gone on without this thread."""


@dataclass(eq=False)
class _Call:
    """An event that is with its handler."""

    message: Message
    event: Event | UnknownEvent
    name: bytes  # of the event, to the memory
    route: Route
    number: int  # of the handler, to the memory
    began_s: float = 0.0
    abandoned: bool = False


class Delivery:
    """Gives messages to handlers; `deliver` in one thread at a time, `abandon` from another.

    Parameters
    ----------
    routes : iterable of Route
        The handlers; those that want an event get it in this order.
    group : str
        Name of the group; with the name of the handler, by what its memory knows it.
    memory : Memory
        What was handled.
    topic : Topic
        Takes dead letters, and knows the time.
    retries : Retries
        How often a failing handler is tried.
    timeout_s : float
        Time that one attempt may take.
    muted : bool
        Whether events of models that people have muted are given as well.
    tell : callable
        Takes every `Outcome`.
    told : bool
        Whether it may take its time, as of who reads its output.

    Attributes
    ----------
    reader : Reader
        What was no event, and what is unknown and not wanted.
    counts : Counter of str
        ``handled``, ``repeated`` (was handled before), ``dead``, ``muted`` and ``unwanted`` events; of an event with
        several handlers each counts.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        group: str,
        memory: Memory,
        topic: Topic,
        *,
        retries: Retries,
        timeout_s: float,
        muted: bool,
        tell: Callable[[Outcome], None],
        told: bool,
    ) -> None:
        self._routes = [(route, memory.number(f"{group}/{route.name}")) for route in routes]
        self._wants_unknown = any(UnknownEvent in route.types for route, _ in self._routes)
        self._memory, self._topic, self._tell, self._told = memory, topic, tell, told
        self._retries, self._timeout_s, self._muted = retries, timeout_s, muted
        self._chance = random.Random()
        self._lock = threading.Lock()
        self._call: _Call | None = None
        self.reader = Reader()
        self.counts: Counter[str] = Counter()

    def forget(self, *, all: bool) -> None:
        """Let the handlers have dead events again, or all of them."""
        self._memory.forget([number for _, number in self._routes], all=all)

    def deliver(self, message: Message, loop: asyncio.AbstractEventLoop) -> None:
        """Give a message to all who want it; when this returns, it is handled or buried.

        Raises
        ------
        Stopped
            It is neither, and is to be given again.
        """
        read = self.reader.read_any if self._wants_unknown else self.reader.read
        event = read(message.value, message.place)
        if event is None:
            return
        if not self._muted and not isinstance(event, UnknownEvent) and event.data.muted:
            self.counts["muted"] += 1
            return
        wanted = False
        for route, number in self._routes:
            if route.wants(event):
                wanted = True
                name = self._name(event, route, number)
                if name is None:
                    self.counts["repeated"] += 1
                else:
                    self._give(_Call(message, event, name, route, number), loop)
        self.counts["unwanted"] += not wanted

    def _name(self, event: Event | UnknownEvent, route: Route, number: int) -> bytes | None:
        """What the memory knows the event by; None: its incident was called for, or is not over."""
        if not route.per_incident or not isinstance(event, DriftEvent):
            return key(event.source, event.id)
        incident, episode = event.data.incident, event.data.episode
        called = key("incident", event.source, incident)
        if event.type != "io.tidemark.drift.resolved":
            self._memory.open(number, incident, episode)
            if event.data.escalated is not None and self._memory.state(number, called) == DONE:
                return key("escalated", event.source, incident, event.data.escalated)
            return called
        left = self._memory.resolve(number, incident, episode)
        return (
            key("resolved", event.source, incident) if not left and self._memory.state(number, called) == DONE else None
        )

    def _give(self, call: _Call, loop: asyncio.AbstractEventLoop) -> None:
        begun = self._memory.begin(call.number, call.name)
        if begun < 0:
            self.counts["repeated"] += 1
        elif begun > DEATHS:
            self._end(call, Failure(call.route.name, f"the process ended {DEATHS} times in its handler", DEATHS))
        else:
            self._end(call, self._tried(call, loop))

    def _end(self, call: _Call, failure: Failure | None) -> None:
        if failure is not None:
            self._topic.bury(call.message, failure)
        self._memory.end(call.number, call.name, DEAD if failure else DONE)
        self.counts["dead" if failure else "handled"] += 1
        if self._told:
            self._memory.flush()  # others wait for the file
        self._tell(Outcome(call.event, call.route.name, failure))

    def _tried(self, call: _Call, loop: asyncio.AbstractEventLoop) -> Failure | None:
        """Call the handler until it has handled the event, None, or there is no use in trying."""
        waits = self._retries.waits(self._chance)
        until_s = self._topic.now_s() + self._retries.within_s
        attempts = 0
        while True:
            attempts += 1
            after_s = 0.0
            try:
                self._attempt(call, loop)
                return None
            except GiveUp as error:
                return Failure(call.route.name, str(error)[:ERROR_LENGTH], attempts)
            except RetryLater as error:
                told, after_s = str(error), error.after_s
            except (Exception, SystemExit) as error:  # noqa: BLE001  the outer edge of what others have written
                told = f"{type(error).__name__}: {error}"
            failure = Failure(call.route.name, told[:ERROR_LENGTH], attempts)
            self._memory.end(call.number, call.name, 0)
            self._memory.flush()
            wait_s = max(next(waits), after_s)
            if self._topic.now_s() + wait_s > until_s:
                return failure
            self._tell(Outcome(call.event, call.route.name, failure, wait_s))
            if self._topic.wait(wait_s):
                raise Stopped
            self._memory.begin(call.number, call.name)

    def _attempt(self, call: _Call, loop: asyncio.AbstractEventLoop) -> None:
        call.began_s = self._topic.now_s()
        self._call = call
        try:
            result = call.route.handler(call.event)
            if result is not None and inspect.isawaitable(result):
                loop.run_until_complete(asyncio.wait_for(result, self._timeout_s))
        except asyncio.TimeoutError as error:
            message = f"did not return within {self._timeout_s:g} s"
            raise TimeoutError(message) from error
        finally:
            with self._lock:
                self._call = None if self._call is call else self._call
                if call.abandoned:
                    raise Stopped

    def flush(self) -> None:
        """Write down what is done; no message follows at once."""
        self._memory.flush()

    def abandon(self) -> bool:
        """Make a dead letter of an event whose handler does not return; True if there was one.

        A thread cannot be ended from outside, and a second attempt beside the first could act twice, so there is no
        second one. `deliver` raises `Stopped` if the handler ever returns.
        """
        with self._lock:
            call = self._call
            if call is None:
                return False
            limit_s = self._timeout_s + CANCEL_S * inspect.iscoroutinefunction(call.route.handler)
            if self._topic.now_s() - call.began_s < limit_s:
                return False
            call.abandoned, self._call = True, None
        self.counts["repeated"] -= 1  # the message is given again, for its other handlers
        error = f"did not return within {self._timeout_s:g} s and still runs, so it was not tried again"
        self._end(call, Failure(call.route.name, error, 1))
        return True

    def leave(self) -> None:
        """Note that the process ends on purpose: an event that is still with its handler is not at fault."""
        with self._lock:
            call = self._call
            if call is None:
                return
            call.abandoned, self._call = True, None
        self._memory.end(call.number, call.name, 0)
        self._memory.flush()
