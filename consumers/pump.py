"""From a topic to handlers: messages go to the worker, places that are done go back to the group."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from consumers.delivery import Delivery, Message, Place, Stopped, Topic
from consumers.worker import Worker
from schemas.errors import TidemarkError

STAY_S = 0.1  # how late a time-out or a signal is seen while a handler works
LEAVE_S = 20.0  # an event at hand may take so long once it is told to stop: orchestrators kill after 30
HANGING = 8  # handlers left behind that still run, each a thread that cannot be ended


class HandlerError(TidemarkError):
    """Handlers hang, more than can be left behind; look at what they wait for, give them time-outs, start again."""


class Pump:
    """Moves messages from a topic to a worker until it is told to stop.

    Parameters
    ----------
    delivery : Delivery
        What is done with each message.
    topic : Topic
        Where messages come from; closed at the end.
    stop : threading.Event
        Ends it.
    """

    def __init__(self, delivery: Delivery, topic: Topic, stop: threading.Event) -> None:
        self._delivery, self._topic, self._stop = delivery, topic, stop
        topic.revoked = self.revoked
        self._worker = Worker(delivery)
        self._hanging: list[Worker] = []

    def run(self) -> None:
        """Handle what the topic has and will have.

        Raises
        ------
        HandlerError
            Too many handlers hang.
        """
        try:
            while not self._stop.is_set():
                messages = self._topic.poll()
                if messages:
                    self._work(messages)
                elif self._topic.ended:
                    break
                self._topic.commit(self._worker.done)
        except Stopped:
            pass  # while it waited for the topic
        except Exception:
            self._leave(0)
            raise
        except BaseException:
            self._topic.close({})  # killed in tests, or in a hurry: nothing is said any more
            raise
        self._leave(LEAVE_S)

    def revoked(self) -> Mapping[Place, int]:
        """Finish the message at hand and drop the rest; return what is done. In the thread of `run`."""
        self._worker.drop()
        while not self._worker.idle.wait(STAY_S) and not self._stop.is_set():
            self._look(())
        return self._worker.done

    def _work(self, messages: Sequence[Message]) -> None:
        self._worker.take(messages)
        while not self._worker.idle.wait(STAY_S) and not self._stop.is_set():
            self._topic.stay()
            self._topic.commit(self._worker.done)
            self._look(self._worker.left)
        if self._worker.error is not None:
            raise self._worker.error

    def _look(self, left: Sequence[Message]) -> None:
        """Go on with another thread if the handler hangs; the message at hand again, for its other handlers."""
        if not self._delivery.abandon():
            return
        self._hanging = [each for each in (*self._hanging, self._worker) if each.is_alive()]
        if len(self._hanging) >= HANGING:
            message = f"subscriber: {HANGING} handlers hang; find out what they wait for, give them time-outs"
            raise HandlerError(message)
        self._worker = Worker(self._delivery, self._worker.done)
        if left:
            self._worker.take(left)

    def _leave(self, within_s: float) -> None:
        self._worker.drop()
        if not self._worker.idle.wait(within_s):
            self._delivery.leave()
        self._worker.end()
        self._topic.close(self._worker.done)
