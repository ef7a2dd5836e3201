"""Brokers that do not answer, and those that do and refuse: what both readers of topics make of them."""

from __future__ import annotations

from confluent_kafka import KafkaError

from schemas.errors import BrokerError

ANSWER_WITHIN_S = 10  # a broker that is up answers in milliseconds; a name or a TLS handshake takes seconds

# What the client goes on trying by itself. Everything else it reports ends the subscription.
PASSING = (KafkaError._PARTITION_EOF, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT)


class Refusals:
    """Keeps what a broker that is there had against us; that one is not there, says nothing new.

    To be the client's ``error_cb``.
    """

    def __init__(self) -> None:
        self._last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take what the client reports."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL) or "handshake" in error.str():
            self._last = error

    def error(self, where: str, within_s: float) -> BrokerError:
        """What to raise when no broker has answered; `where` names them."""
        why = "is it running ('tidemark broker' starts one)?"
        if self._last is not None:
            why = f"the last one said: {self._last.str().partition(' (after ')[0]}"
        return BrokerError(f"{where}: no broker answered within {within_s} s; {why}")
