"""The subscriber, on a real broker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumers.subscriber import Counts
from jobs.topics import ensure_topic
from schemas.errors import BrokerError, UsageError
from schemas.events import encode
from tests.consumers.events import UNKNOWN, message
from tests.consumers.test_follower import transaction
from tidemark import Retries, Subscriber
from tidemark.testing import drift_event

pytestmark = pytest.mark.e2e


@pytest.fixture
def topic(broker):
    name = f"drift-events-{uuid.uuid4().hex[:8]}"
    ensure_topic(broker.client, name, 2)
    return name


def subscriber(broker, topic, tmp_path, **settings):
    settings = {"memory": tmp_path / "memory.db", **settings}
    return Subscriber(broker.client, topic, "group", **settings)


def collecting(reading, seen=None):
    seen = [] if seen is None else seen
    reading.on(name="collecting")(lambda event: seen.append(event.id))
    return seen


def test_a_group_goes_on_where_it_was(broker, topic, tmp_path):
    """Committed events only, each once; what failed is in its topic, as it was, and is tried again by a replay."""
    transaction(broker, topic, message("1"), UNKNOWN, b"?", None)
    transaction(broker, topic, message("aborted"), commit=False)
    transaction(broker, topic, message("bad"), message("2"), partition=1)
    reading, seen, broken = subscriber(broker, topic, tmp_path, retries=Retries(within_s=0)), [], True

    @reading.on()
    def handler(event):
        if event.id == "bad" and broken:
            raise ValueError("no such table")
        seen.append(event.id)

    assert reading.run(until_end=True) == Counts(handled=2, dead=1, unknown=1, malformed=2)
    assert sorted(seen) == ["1", "2"]
    dead = Consumer({**broker.client, "group.id": "x", "auto.offset.reset": "earliest"})
    dead.assign([TopicPartition(f"{topic}-failed", 0, 0)])
    letter = dead.poll(30)
    dead.close()
    assert letter.value() == message("bad")
    assert dict(letter.headers()) == {
        "tidemark-handler": b"handler",
        "tidemark-error": b"ValueError: no such table",
        "tidemark-attempts": b"1",
        "tidemark-place": f"{topic}[1]@0".encode(),
    }
    transaction(broker, topic, message("3"), message("1"))
    assert reading.run(until_end=True) == Counts(handled=1, repeated=1)
    broken = False
    assert reading.run(until_end=True, replay_from="2020-01-01T00:00:00Z") == Counts(
        handled=1, repeated=4, unknown=1, malformed=2
    )
    assert seen[2:] == ["3", "bad"]


def test_where_a_new_group_begins(broker, topic, tmp_path):
    """With latest too an event that comes while it is away is not lost; by time, that which came since."""
    producer = Producer(broker.client)
    for hour in (1, 2, 3):
        producer.produce(topic, message(str(hour)), timestamp=hour * 3_600_000, partition=0)
    producer.flush()
    late = Subscriber(broker.client, topic, "late", start="latest", memory=tmp_path / "a.db")
    timed = Subscriber(broker.client, topic, "timed", start="1970-01-01T02:00:00Z", memory=tmp_path / "b.db")
    latest, since = collecting(late), collecting(timed)
    assert late.run(until_end=True) == Counts()
    transaction(broker, topic, message("new"), partition=1)
    late.run(until_end=True)
    timed.run(until_end=True)
    assert latest == ["new"]
    assert sorted(since) == ["2", "3", "new"]


def test_two_members_share_the_partitions(broker, topic, tmp_path):
    """Each event is handled by one of them, also while the second joins and when the first leaves."""
    seen: list[str] = []
    ids = [f"{number}" for number in range(40)]
    sent = threading.Event()

    def send():
        for number, id in enumerate(ids):
            transaction(broker, topic, message(id), partition=number % 2)
            time.sleep(0.1)
        sent.set()

    # Each its own memory, as on two machines: only the group keeps them apart.
    one, other = (subscriber(broker, topic, tmp_path, memory=tmp_path / name) for name in ("one.db", "other.db"))
    collecting(one, seen)
    collecting(other, seen)
    sender = threading.Thread(target=send)
    with other:
        with one:
            sender.start()
            while len(seen) < 20:
                time.sleep(0.1)
        sent.wait(60)
        while len(seen) < len(ids):
            time.sleep(0.1)
    sender.join()
    assert sorted(seen, key=int) == ids


def test_the_end_is_that_of_all_partitions(broker, topic, tmp_path):
    """Partitions of a member that handles nothing and goes, as one that was killed, are read before it is the end."""
    transaction(broker, topic, message("1"), partition=0)
    transaction(broker, topic, message("2"), partition=1)
    gone, has = threading.Event(), threading.Event()

    def join():
        other = Consumer({**broker.client, "group.id": "group", "auto.offset.reset": "earliest"})
        other.subscribe([topic], on_assign=lambda _, places: has.set() if len(places) == 1 else None)
        while not gone.is_set():
            other.poll(0.1)
            other.pause(other.assignment())
        other.close()

    member = threading.Thread(target=join, daemon=True)
    member.start()
    reading = subscriber(broker, topic, tmp_path)
    seen = collecting(reading)
    with reading_until_end(reading) as run:
        assert has.wait(60), "the other has one partition, the subscriber the other"
        while not seen:
            time.sleep(0.1)
        time.sleep(2)
        assert run.is_alive(), "half of what is there was read"
        gone.set()
        member.join()
    assert sorted(seen) == ["1", "2"]


@contextlib.contextmanager
def reading_until_end(reading):
    run = threading.Thread(target=lambda: reading.run(until_end=True), daemon=True)
    run.start()
    yield run
    run.join()


PROGRAM = """
    import sys, time
    from tidemark import Subscriber

    subscriber = Subscriber(sys.argv[1], sys.argv[2], "group", memory=sys.argv[3])

    @subscriber.on()
    def slow(event):
        print("begun", event.id, flush=True)
        time.sleep(1)
        print("ended", event.id, flush=True)

    print(subscriber.run(), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "interrupt"])
def test_a_signal_lets_the_event_at_hand_finish(number, broker, topic, tmp_path):
    """The next is for the next start; the topic may come after the subscriber."""
    name = f"later-{uuid.uuid4().hex[:8]}" if number == signal.SIGTERM else topic
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), broker.bootstrap, name, tmp_path / "m.db"]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    ensure_topic(broker.client, name)
    transaction(broker, name, message("1"), message("2"))
    assert program.stdout is not None
    assert program.stdout.readline() == "begun 1\n"
    os.kill(program.pid, number)
    out, _ = program.communicate(timeout=30)
    assert out == f"ended 1\n{Counts(handled=1)}\n"
    assert program.returncode == 0


def test_a_broker_that_does_not_answer_is_an_error(monkeypatch, tmp_path):
    """Said after a stated time, before anything is handled."""
    monkeypatch.setattr("consumers.topic.ANSWER_WITHIN_S", 1)
    reading = Subscriber("localhost:1", "drift-events", "group", memory=tmp_path / "m.db")
    collecting(reading)
    with pytest.raises(BrokerError) as raised:
        reading.run()
    assert str(raised.value) == (
        "kafka localhost:1: no broker answered within 1 s; is it running ('tidemark broker' starts one)?"
    )


def test_a_configuration_names_brokers_and_topic(broker, tmp_path):
    """One that writes to a file cannot be subscribed to."""
    name = f"drift-events-{uuid.uuid4().hex[:8]}"
    text = (
        f"kafka: {{bootstrap: '{broker.bootstrap}'}}\nsources: {{predictions: {{topic: p}}}}\n"
        "sinks: {events: {%s}}\nmodels: {churn: {features: {age: numeric}}}\n"
    )
    (tmp_path / "c.yaml").write_text(text % f"topic: {name}")
    ensure_topic(broker.client, name)
    transaction(broker, name, encode(drift_event()))
    reading = Subscriber.of(tmp_path / "c.yaml", "group", memory=tmp_path / "m.db")
    seen = collecting(reading)
    reading.run(until_end=True)
    assert seen == [drift_event().id]
    (tmp_path / "c.yaml").write_text(text % "path: e.jsonl")
    with pytest.raises(UsageError) as raised:
        Subscriber.of(tmp_path / "c.yaml", "group")
    assert str(raised.value) == (
        f"{tmp_path / 'c.yaml'}: events go to a file, not to a topic; 'tidemark watch' reads those"
    )
