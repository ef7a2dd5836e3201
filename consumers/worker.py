"""The thread in which handlers run, so that the one that talks to Kafka always answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from queue import SimpleQueue

from consumers.delivery import Delivery, Message, Place, Stopped


class Worker(threading.Thread):
    """Delivers messages in their order.

    A daemon: a handler that hangs does not keep the process alive.

    Parameters
    ----------
    delivery : Delivery
        What is done with each.
    done : mapping
        What a worker before it has done.

    Attributes
    ----------
    idle : threading.Event
        Set while there is nothing to do: all that was taken is done, dropped, or has failed.
    error : BaseException or None
        What ended it.
    """

    def __init__(self, delivery: Delivery, done: Mapping[Place, int] | None = None) -> None:
        super().__init__(name="tidemark-handlers", daemon=True)
        self._delivery = delivery
        self._taken: SimpleQueue[Sequence[Message] | None] = SimpleQueue()
        self._dropped = threading.Event()
        self.idle = threading.Event()
        self.idle.set()
        self.error: BaseException | None = None
        self._messages: Sequence[Message] = ()
        self._at = 0
        self._done = dict(done or {})
        self.start()

    def take(self, messages: Sequence[Message]) -> None:
        """Begin with messages; `idle` before."""
        self.idle.clear()
        self._dropped.clear()
        self._messages, self._at = messages, 0
        self._taken.put(messages)

    def drop(self) -> None:
        """Begin with no other message than the one at hand."""
        self._dropped.set()

    def end(self) -> None:
        """End after what was taken."""
        self._taken.put(None)

    @property
    def done(self) -> dict[Place, int]:
        """By topic and partition the offset after the last message that is done."""
        return dict(self._done)

    @property
    def left(self) -> Sequence[Message]:
        """What is not done of that which was taken last."""
        return self._messages[self._at :]

    def run(self) -> None:
        """Work until `end`."""
        loop = asyncio.new_event_loop()
        try:
            while (messages := self._taken.get()) is not None:
                self._work(messages, loop)
                self._delivery.flush()
                self.idle.set()
        except Stopped:
            pass  # whoever asked for it knows
        except BaseException as error:  # noqa: BLE001  told by whoever waits for us
            self.error = error
        finally:
            loop.close()
            self.idle.set()

    def _work(self, messages: Sequence[Message], loop: asyncio.AbstractEventLoop) -> None:
        for message in messages:
            if self._dropped.is_set():
                return
            self._delivery.deliver(message, loop)
            self._at += 1
            self._done[message.topic, message.partition] = message.offset + 1
