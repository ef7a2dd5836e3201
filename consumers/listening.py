"""`tidemark listen`: the actions of a configuration, each a subscriber of its own, and its store."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from config.actions import Action, names
from config.load import Configuration
from consumers.action import PEOPLE, Performer
from consumers.delivery import Outcome
from consumers.retries import GiveUp, Retries
from consumers.samples import drift_event, profile_event, refused_event, retrain_event, stream_event
from consumers.storing import Storing
from consumers.subscriber import Counts, Subscriber, orderly
from schemas.errors import ConfigurationError, UsageError
from schemas.events import Event

log = logging.getLogger("tidemark.listen")

LOOK_S = 0.5  # how late it is seen that an action's subscriber has failed
LONGEST_WAIT_S = 300.0  # between two attempts: an endpoint that is back waits so long for its events


class Listening:
    """Runs the actions of a configuration, and writes its store.

    Each is a member of a group of its own, ``GROUP-ACTION``: one whose endpoint is down keeps no other waiting.

    Parameters
    ----------
    configuration : Configuration
        With actions, and a topic of events.
    group : str, optional
        Begins the names of the groups, by default ``tidemark-JOB``.
    start : str
        Where what was never run begins: ``earliest``, ``latest`` or a time.
    memory : Path
        File of what was handled, by all actions.
    say : callable
        Gets lines for people: what the store waits for; logged by default.

    Raises
    ------
    UsageError
        There are neither actions nor a store, the events go to a file, or SQLAlchemy is not installed.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        group: str | None,
        start: str,
        memory: Path,
        say: Callable[[str], None] = log.warning,
    ) -> None:
        where = configuration.path
        if not configuration.actions and configuration.store is None:
            message = f"{where}: has neither 'actions' nor a 'store'; docs/retraining.md says what there is"
            raise UsageError(message)
        if configuration.plan.events.topic is None or configuration.kafka is None:
            message = f"{where}: events go to a file; actions and a store need a topic; 'tidemark watch' reads files"
            raise UsageError(message)
        self._configuration = configuration
        self._group = group or f"tidemark-{configuration.plan.job.name}"
        self._start, self._memory = start, memory
        self._topic, self._client = configuration.plan.events.topic, configuration.kafka.client_settings()
        called = names(configuration.actions)
        self._performers = {
            name: Performer(action, configuration.directory)
            for name, action in zip(called, configuration.actions, strict=True)
        }
        self._storing = None
        if configuration.store is not None:
            summaries, letters = configuration.plan.summaries, configuration.plan.dead_letters
            self._storing = Storing(
                self._client,
                events=self._topic,
                summaries=summaries.topic if summaries is not None else None,
                letters=letters.topic if letters is not None else None,
                address=configuration.store,
                group=f"{self._group}-store",
                tell=say,
            )

    def rehearse(self) -> list[tuple[str, str, str]]:
        """Fill every action with an event of each type that it is for.

        Returns
        -------
        list of tuple
            Action, type of event, and what would be done; without secrets.

        Raises
        ------
        ConfigurationError
            With everything that cannot be done: templates that fail, addresses and programs that are none.
        """
        found: list[tuple[str, str, str]] = []
        problems = []
        for number, (name, performer) in enumerate(self._performers.items()):
            for event in self._samples(performer.action):
                try:
                    found += [(name, event.type, line) for line in performer.rehearse(event)]
                except GiveUp as error:
                    place = f"{self._configuration.path}: actions[{number}] ({name})"
                    problems.append(f"{place}: with an event of type {event.type}: {error}")
        if problems:
            raise ConfigurationError(problems)
        return found

    def _samples(self, action: Action) -> Iterator[Event]:
        models = self._configuration.plan.models
        patterns = action.models or ("*",)
        model = next(model for model in models if any(fnmatchcase(model.name, pattern) for pattern in patterns))
        about: dict[str, Any] = {"model": model.name, "info": model.info}
        for type in action.on:
            family, what = type.removeprefix("io.tidemark.").split(".")
            if family == "drift":
                yield drift_event(what, kind=(action.kinds or ("feature",))[0], **about)  # type: ignore[arg-type]
            elif family == "retrain":
                yield retrain_event(what, **about)  # type: ignore[arg-type]
            elif family == "stream":
                yield stream_event(what, **about)  # type: ignore[arg-type]
            elif family == "profile":
                yield profile_event(what, **about)  # type: ignore[arg-type]
            else:
                yield refused_event(**about)

    def run(
        self,
        tell: Callable[[str, Outcome], None],
        *,
        replay_from: str | None = None,
        until_end: bool = False,
    ) -> dict[str, Counts]:
        """Act on events until SIGTERM or Ctrl-C; what is being done is finished.

        Parameters
        ----------
        tell : callable
            Gets each action's name with what became of an event.
        replay_from : str, optional
            Go back there; what was handled is remembered, what failed is tried once more.
        until_end : bool
            End when all is handled that is there.

        Returns
        -------
        dict of str to Counts
            What each action came to, and ``store ADDRESS``.

        Raises
        ------
        BrokerError
            No broker answers at the start, or one refuses.
        SetupError
            The memory cannot be used.
        """
        lock = threading.Lock()  # one line at a time
        subscribers = {name: self._subscriber(name, each, tell, lock) for name, each in self._performers.items()}

        def stop() -> None:
            for subscriber in subscribers.values():
                subscriber.stop()
            if self._storing is not None:
                self._storing.stop()

        with concurrent.futures.ThreadPoolExecutor(len(subscribers) + 1) as pool, orderly(stop):
            runs = {
                name: pool.submit(subscriber.run, replay_from=replay_from, until_end=until_end)
                for name, subscriber in subscribers.items()
            }
            if self._storing is not None:
                runs[self._storing.name] = pool.submit(self._store, self._storing, replay_from, until_end)
            while not _over(list(runs.values())):
                pass
            stop()
            return {name: run.result() for name, run in runs.items()}

    def _store(self, storing: Storing, replay_from: str | None, until_end: bool) -> Counts:
        stored = storing.run(start=replay_from or self._start, replay=replay_from is not None, until_end=until_end)
        return Counts(handled=stored.new, repeated=stored.repeated, unknown=stored.unknown, malformed=stored.malformed)

    def _subscriber(
        self, name: str, performer: Performer, tell: Callable[[str, Outcome], None], lock: threading.Lock
    ) -> Subscriber:
        action = performer.action

        def told(outcome: Outcome) -> None:
            with lock:
                tell(name, outcome)

        subscriber = Subscriber(
            self._client,
            self._topic,
            f"{self._group}-{name}",
            start=self._start,
            memory=self._memory,
            retries=Retries(within_s=action.retry / 1000, longest_s=LONGEST_WAIT_S),
            timeout_s=performer.timeout_s,
            dead_letters=f"{self._topic}-failed",
            tell=told,
        )
        subscriber.on(
            *action.on,
            models=action.models,
            kinds=action.kinds,
            severity=action.severity,
            name=name,
            per_incident=action.kind in PEOPLE,
        )(performer)
        return subscriber

    def close(self) -> None:
        """Close connections."""
        for performer in self._performers.values():
            performer.close()


def _over(runs: Sequence[concurrent.futures.Future[Counts]]) -> bool:
    """Wait a little; true when all have ended, or one has failed."""
    ended, going = concurrent.futures.wait(runs, LOOK_S, concurrent.futures.FIRST_EXCEPTION)
    return not going or any(run.exception() is not None for run in ended)
