"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from jobs.broker import Broker
from tests.postgres import Server

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Runs of seconds end before the JVM's second compiler has done anything but take their time.
os.environ.setdefault("JVM_ARGS", "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC")

# How long an example takes says nothing where other work runs, and the first ones may wait for the compiler.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One broker for all tests: each has topics of its own, and who stops a broker has one of its own."""
    with Broker() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One PostgreSQL server for all tests: each has a database of its own, and leaves the server running."""
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.remove()
