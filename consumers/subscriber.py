"""The subscriber: gives drift events to handlers, each once."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from consumers.delivery import Delivery, Outcome, Topic
from consumers.memory import Memory
from consumers.pump import Pump
from consumers.reading import Reader
from consumers.retries import Retries
from consumers.routing import Handler, Route, checked_types
from consumers.topic import GroupTopic
from schemas.errors import UsageError
from schemas.logs import about

KEEP_S = 90 * 86_400.0  # longer than topics of events are usually kept
MEMORY = ".tidemark/handled-{group}.db"

log = logging.getLogger("tidemark.subscriber")
Function = TypeVar("Function", bound=Handler)


@dataclass(frozen=True)
class Counts:
    """What a run of a subscriber came to."""

    handled: int = 0  # by a handler, which counts each of several
    repeated: int = 0  # were handled before and came again
    dead: int = 0  # failed for good and are in the topic of dead letters
    muted: int = 0  # of models that people have muted
    unwanted: int = 0  # for which there is no handler
    unknown: int = 0  # of a type or schema version that this release does not know
    malformed: int = 0  # are no events


class Subscriber:
    """Gives the events of a topic to handlers; each handler acts on each event once.

    An event is handled when its handler returns. Its id is remembered in a file then, and its place in the topic
    committed after that, so what is given again, after a crash or to another member of the group, does nothing. Only
    a handler that was at work in the very moment of a crash gets its event again; hand ``event.id`` on as idempotency
    key where that matters. A handler that raises is tried again, later and later; what keeps failing goes to the
    topic of dead letters, and the next event follows.

    Parameters
    ----------
    client : str or mapping
        ``HOST:PORT`` of the brokers, or settings of the Kafka client (confluent-kafka), for TLS and passwords.
    topic : str
        The topic of the event sink.
    group : str
        Name of what subscribes. Members of one group share the partitions; each group gets all events.
    start : str
        Where a group begins that was never there: ``earliest``, ``latest`` or a time, ``2026-01-31T12:00:00Z``.
    memory : Path or str, optional
        File of the ids of handled events, by default ``.tidemark/handled-GROUP.db``; members on one machine may
        share it.
    keep_s : float
        For how long ids are remembered.
    retries : Retries
        How often a failing handler is tried; by default for five minutes.
    timeout_s : float
        Time that one attempt may take. An asynchronous handler is cancelled then and tried again; a function cannot
        be stopped from outside, so its event goes to the dead letters.
    dead_letters : str, optional
        Topic of what failed, by default ``TOPIC-failed``: the messages as they were, with headers that say why.
    muted : bool
        Whether events of models that people have muted are given as well.
    tell : callable, optional
        Gets every `Outcome`, also before an attempt is repeated; by default what failed is logged.

    Examples
    --------
    >>> subscriber = Subscriber("localhost:9092", "drift-events", group="retraining")
    >>> @subscriber.on("io.tidemark.drift.opened", models=["churn"], severity="critical")
    ... def retrain(event):
    ...     print(event.data.message)
    >>> subscriber.run()  # doctest: +SKIP
    """

    def __init__(
        self,
        client: str | Mapping[str, Any],
        topic: str,
        group: str,
        *,
        start: str = "earliest",
        memory: Path | str | None = None,
        keep_s: float = KEEP_S,
        retries: Retries | None = None,
        timeout_s: float = 300.0,
        dead_letters: str | None = None,
        muted: bool = False,
        tell: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.reader = Reader()
        self._client = {"bootstrap.servers": client} if isinstance(client, str) else dict(client)
        self._topic, self._group, self._start = topic, group, _checked_start(start)
        self._memory_path = Path(memory) if memory is not None else Path(MEMORY.format(group=group))
        self._keep_s, self._retries, self._timeout_s = keep_s, retries or Retries(), timeout_s
        self._dead_letters, self._muted = dead_letters or f"{topic}-failed", muted
        self._routes: list[Route] = []
        self._stop = threading.Event()
        self._background: _Background | None = None
        self._tell = tell

    @classmethod
    def of(cls, configuration: Path | str, group: str, **settings: Any) -> Subscriber:
        """Make the subscriber of the events of a configuration file: its brokers, its security, its topic.

        Raises
        ------
        ConfigurationError
            The file is wrong.
        UsageError
            Its events go to no topic.
        """
        from config.load import load

        loaded = load(configuration)
        if loaded.plan.events.topic is None or loaded.kafka is None:
            message = f"{configuration}: events go to a file, not to a topic; 'tidemark watch' reads those"
            raise UsageError(message)
        return cls(loaded.kafka.client_settings(), loaded.plan.events.topic, group, **settings)

    def on(
        self,
        *types: str | type,
        models: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        severity: str | None = None,
        name: str | None = None,
        per_incident: bool = False,
    ) -> Callable[[Function], Function]:
        """Make a function, asynchronous or not, the handler of events.

        Parameters
        ----------
        types : str or type
            Types as events name them, patterns (``io.tidemark.retrain.*``) or classes (`DriftEvent`); `UnknownEvent`
            for those that this release does not know. None: all that it knows.
        models : sequence of str, optional
            Names or patterns of models.
        kinds : sequence of str, optional
            Kinds of episodes, ``performance``; events without a kind are given as well.
        severity : str, optional
            ``critical``: no warnings; events without a severity are given as well.
        name : str, optional
            By what its memory knows the handler, by default the function's name: under another it has handled nothing.
        per_incident : bool
            For handlers that call people: of the episodes of an incident only the first to come is given, and, where
            `types` say so, the last to be resolved.

        Raises
        ------
        UsageError
            A type is not known, or two handlers have one name.
        """
        if severity not in (None, "warning", "critical"):
            message = f"subscriber: '{severity}' is not a severity (warning, critical)"
            raise UsageError(message)

        def add(handler: Function) -> Function:
            called = name or _name(handler)
            if any(route.name == called for route in self._routes):
                message = f"subscriber: two handlers are called '{called}'; give one a 'name'"
                raise UsageError(message)
            given = Route(called, handler, checked_types(types), _tuple(models), _tuple(kinds), severity, per_incident)
            self._routes.append(given)
            return handler

        return add

    def handle(self, handlers: Mapping[str | type, Handler]) -> None:
        """Add handlers by type, as `on` does one by one."""
        for wanted, handler in handlers.items():
            self.on(wanted, name=f"{_name(handler)} {wanted if isinstance(wanted, str) else wanted.__name__}")(handler)

    def run(self, *, replay_from: str | None = None, again: bool = False, until_end: bool = False) -> Counts:
        """Handle events until `stop`, SIGTERM or Ctrl-C; the event at hand is finished.

        Parameters
        ----------
        replay_from : str, optional
            ``earliest`` or a time: go back there. What was handled is remembered; what failed is tried once more.
        again : bool
            With `replay_from`: also what was handled.
        until_end : bool
            End when all is handled that is there.

        Raises
        ------
        UsageError
            There are no handlers, or the time is none.
        BrokerError
            No broker answers at the start, or one refuses. One that goes away later is waited for.
        SetupError
            The memory cannot be used.
        HandlerError
            Too many handlers hang.
        """
        replay = replay_from is not None
        with contextlib.closing(Memory(self._memory_path, self._keep_s)) as memory, orderly(self.stop):
            topic = GroupTopic(
                self._client,
                self._topic,
                self._group,
                dead_letters=self._dead_letters,
                start=self._start if replay_from is None else _checked_start(replay_from),
                replay=replay,
                until_end=until_end,
                stop=self._stop,
                timeout_s=self._timeout_s,
                tell=log.warning,
            )
            return self.consume(topic, memory, replay=replay, again=again)

    def consume(self, topic: Topic, memory: Memory, *, replay: bool = False, again: bool = False) -> Counts:
        """Handle what a topic gives: what `run` does with one of Kafka, and tests with one that is a list.

        Parameters
        ----------
        topic : Topic
            Where messages come from; it is closed at the end.
        memory : Memory
            What was handled.
        replay, again : bool
            Forget what has failed; forget all.
        """
        if not self._routes:
            message = "subscriber: has no handlers; decorate a function with 'on'"
            raise UsageError(message)
        delivery = Delivery(
            self._routes,
            self._group,
            memory,
            topic,
            retries=self._retries,
            timeout_s=self._timeout_s,
            muted=self._muted,
            tell=self._tell or _log,
            told=self._tell is not None,
        )
        self.reader = delivery.reader
        if replay:
            delivery.forget(all=again)
        try:
            Pump(delivery, topic, self._stop).run()
        finally:
            self._stop.clear()
        read = delivery.reader
        return Counts(**delivery.counts, unknown=sum(read.unknown.values()), malformed=read.malformed)

    def stop(self) -> None:
        """End `run` after the event at hand; from any thread, or a handler."""
        self._stop.set()

    def __enter__(self) -> Subscriber:
        """Run in the background until the end of the block."""
        self._background = _Background(self.run)
        return self

    def __exit__(self, *_: object) -> None:
        background, self._background = self._background, None
        if background is not None:
            self.stop()
            background.join()
            if background.error is not None:
                raise background.error


class _Background(threading.Thread):
    """A run beside the caller's work."""

    def __init__(self, run: Callable[[], Counts]) -> None:
        super().__init__(name="tidemark-subscriber")
        self._work = run
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  raised where the block ends
            self.error = error


@contextlib.contextmanager
def orderly(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C stop in an orderly way, a second one at once; other threads than the main one get none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        restore()
        stop()

    before = {number: signal.signal(number, first) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: not one of Python's

    try:
        yield
    finally:
        restore()


def _checked_start(start: str) -> str:
    if start not in ("earliest", "latest"):
        try:
            datetime.fromisoformat(start.replace("Z", "+00:00"))
        except ValueError:
            message = f"subscriber: '{start}' is not a start (earliest, latest or a time as in '2026-01-31T12:00:00Z')"
            raise UsageError(message) from None
    return start


def _name(handler: Handler) -> str:
    return str(getattr(handler, "__name__", type(handler).__name__))


def _tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(names, str):
        message = f"subscriber: '{names}' is a text, not a list of texts"
        raise UsageError(message)
    return None if names is None else tuple(names)


def _log(outcome: Outcome) -> None:
    """Say what failed, and of the event no more than what it is about."""
    if outcome.failure is not None:
        name, error, attempts = outcome.failure
        then = "a dead letter" if outcome.wait_s is None else f"again in {outcome.wait_s:.0f} s"
        told = {"about": about(outcome.event)}
        log.warning("%s: %s (attempt %d, event %s, %s)", name, error, attempts, outcome.event.id, then, extra=told)
