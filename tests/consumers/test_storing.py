"""The store's writer, on a real broker."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from confluent_kafka import Producer, TopicPartition
from pydantic import SecretStr

from config.store import StoreAddress
from consumers.storing import Stored, Storing
from consumers.topic import GroupTopic
from jobs.topics import ensure_topic
from schemas import dead_letters
from store import Database, Reader
from tests.consumers.events import UNKNOWN
from tests.store.messages import drift, window
from tests.store.test_letters import letter

pytestmark = pytest.mark.e2e
DAY_MS = 86_400_000


@pytest.fixture
def topics(broker):
    names = [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("drift-events", "drift-summaries", "drift-dead-letters")]
    for name in names:
        ensure_topic(broker.client, name, 2)
    return names


def send(broker, topic, *bodies):
    producer = Producer(broker.client)
    for body in bodies:
        producer.produce(topic, body, partition=0)
    producer.flush()


def storing(broker, topics, url, said=None):
    address = StoreAddress(SecretStr(url), "mine", 400 * 365 * DAY_MS, 400 * 365 * DAY_MS)
    tell = [].append if said is None else said.append
    events, summaries, letters = topics
    return Storing(
        broker.client, events=events, summaries=summaries, letters=letters, address=address, group="g", tell=tell
    )


def test_each_message_once(broker, topics, tmp_path):
    """What is no message is counted; what is given again changes nothing."""
    url = f"sqlite:///{tmp_path}/a.db"
    letters = [dead_letters.encode("tidemark/prod/job", letter(number).read.data) for number in range(2)]
    send(broker, topics[0], drift("opened", 1).body, UNKNOWN, b"?", drift("resolved", 3).body)
    send(broker, topics[1], window(0).body, b"{}", window(5).body)
    send(broker, topics[2], *letters, b"[]", letters[0])
    assert storing(broker, topics, url).run(until_end=True) == Stored(new=7, repeated=0, unknown=1, malformed=3)
    assert storing(broker, topics, url).run(until_end=True) == Stored()
    again = storing(broker, topics, url).run(until_end=True, replay=True)
    assert again == Stored(new=0, repeated=7, unknown=1, malformed=3)
    with Database(url) as database:
        assert [episode.why for episode in Reader(database).episodes()] == ["recovered"]
        assert Reader(database).held().windows == 2
        assert [found.number for found in Reader(database).letters()] == [3]


def test_what_comes_while_one_waits_is_not_lost(broker, topics):
    """A pause does not take back what is on its way: the next poll gives it."""
    bodies = [window(5 * number).body for number in range(3)]
    send(broker, topics[1], *bodies)
    topic = GroupTopic(
        broker.client, topics[1], "g", dead_letters=None, start="earliest", replay=False, until_end=False,
        stop=threading.Event(), timeout_s=60.0, tell=[].append,
    )  # fmt: skip

    def held():
        topic._paused = [TopicPartition(topics[1], 0)]  # as if the pause were too late
        topic.stay()
        return topic._held

    until(held)
    topic._paused = []
    found = []
    until(lambda: found.extend(each.value for each in topic.poll()) or len(found) == len(bodies))
    topic.close({})
    assert found == bodies


def test_a_database_that_is_down(broker, topics, postgres):
    """Waits for it, and then nothing is lost: at the start, and in the middle."""
    url, said, found = postgres.fresh("storing"), [], []
    writing = storing(broker, topics, url, said)
    send(broker, topics[1], *(window(5 * number).body for number in range(10)))
    postgres.stop()
    thread = threading.Thread(target=lambda: found.append(writing.run()), daemon=True)
    thread.start()
    until(lambda: said)
    assert "waiting for it, nothing is lost" in said[0]
    postgres.start()
    with Database(url) as database:
        until(lambda: Reader(database).held().windows == 10)
        assert said[1:] == ["store mine: is there again"]
        postgres.stop()
        send(broker, topics[1], *(window(5 * number).body for number in range(10, 20)))
        until(lambda: len(said) == 3)
        postgres.start()
        until(lambda: Reader(database).held().windows == 20)
    writing.stop()
    thread.join()
    assert found == [Stored(new=20)]


def until(true, within_s=120.0):
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.1)
