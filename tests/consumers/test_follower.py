"""The follower, on a real broker."""

from __future__ import annotations

import socket
import uuid

import pytest
from confluent_kafka import Producer

from consumers import follower
from consumers.follower import Follower
from jobs.broker import Broker
from jobs.topics import ensure_topic
from schemas.errors import BrokerError
from tests.consumers.events import UNKNOWN, message

pytestmark = pytest.mark.e2e


@pytest.fixture
def topic(broker):
    name = f"drift-events-{uuid.uuid4().hex[:8]}"
    ensure_topic(broker.client, name, 2)
    return name


def transaction(broker, topic, *messages, commit=True, partition=0):
    producer = Producer({**broker.client, "transactional.id": uuid.uuid4().hex})
    producer.init_transactions()
    producer.begin_transaction()
    for data in messages:
        producer.produce(topic, data, partition=partition)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


def ids(reading, count):
    """Give so many, after which there is none."""
    events = reading.events(60)
    found = [next(events).id for _ in range(count)]
    assert list(reading.events(0.5)) == []
    return found


def test_only_committed_events_of_known_types_are_given(broker, topic):
    """Aborted ones never were; unknown types, garbage and tombstones are counted and stop nothing."""
    transaction(broker, topic, message("1"))
    transaction(broker, topic, message("aborted"), commit=False)
    transaction(broker, topic, UNKNOWN, b"not an event", None, message("2"))
    with Follower(broker.client, topic) as reading:
        assert ids(reading, 2) == ["1", "2"]
        assert reading.reader.unknown == {"io.tidemark.forecast.made": 1}
        assert reading.reader.malformed == 2
        assert reading.reader.last_malformed.startswith(f"{topic}[0]@")


def test_all_partitions_are_read(broker, topic):
    """Each in its order."""
    transaction(broker, topic, message("a1"), message("a2"))
    transaction(broker, topic, message("b1"), message("b2"), partition=1)
    with Follower(broker.client, topic) as reading:
        found = ids(reading, 4)
    assert [id for id in found if id[0] == "a"] == ["a1", "a2"]
    assert [id for id in found if id[0] == "b"] == ["b1", "b2"]


def test_latest_begins_at_the_moment_of_its_making(broker, topic):
    """What is committed between the making and the first look is not lost."""
    transaction(broker, topic, message("before"))
    with Follower(broker.client, topic, start="latest") as reading:
        transaction(broker, topic, message("after"))
        assert ids(reading, 1) == ["after"]


def test_the_timeout_counts_from_the_last_message(broker, topic):
    """An iteration that ended can be taken up again."""
    with Follower(broker.client, topic) as reading:
        assert ids(reading, 0) == []
        transaction(broker, topic, message("1"))
        assert ids(reading, 1) == ["1"]


def test_nothing_is_committed_for_a_group(broker, topic):
    """A second one sees all of it again."""
    transaction(broker, topic, message("1"))
    for _ in range(2):
        with Follower(broker.client, topic) as reading:
            assert ids(reading, 1) == ["1"]


def test_a_topic_that_is_not_there_is_an_error_and_is_not_made(broker):
    """Asking for it twice gives the same answer."""
    for _ in range(2):
        with pytest.raises(BrokerError) as raised:
            Follower(broker.client, "none")
        assert str(raised.value) == (
            f"kafka {broker.bootstrap}: topic 'none' is not there; the job makes it when it starts"
        )


def test_a_broker_that_does_not_answer_is_an_error(monkeypatch):
    """After a stated time, with what to do."""
    monkeypatch.setattr(follower, "ANSWER_WITHIN_S", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"localhost:{taken.getsockname()[1]}"
        with pytest.raises(BrokerError) as raised:
            Follower({"bootstrap.servers": address}, "drift-events")
    assert str(raised.value) == (
        f"kafka {address}: no broker answered within 1 s; is it running ('tidemark broker' starts one)?"
    )


@pytest.mark.parametrize(
    ("security", "said"),
    [
        (
            {"security.protocol": "SSL"},
            "ssl://{}/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: "
            "connecting to a PLAINTEXT broker listener?",
        ),
        (
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "user",
                "sasl.password": "secret",
            },
            "sasl_plaintext://{}/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in "
            "current SASL state: broker's supported mechanisms: ",
        ),
    ],
    ids=["ssl", "sasl"],
)
def test_a_broker_that_refuses_is_quoted(security, said, broker, monkeypatch):
    """Wrong security settings are told from a broker that is not there."""
    monkeypatch.setattr(follower, "ANSWER_WITHIN_S", 2)
    with pytest.raises(BrokerError) as raised:
        Follower({**broker.client, **security}, "drift-events")
    assert str(raised.value) == (
        f"kafka {broker.bootstrap}: no broker answered within 2 s; the last one said: {said.format(broker.bootstrap)}"
    )


def test_a_broker_that_comes_back_is_waited_for():
    """A restart of the broker costs time, no event, and gives none twice."""
    topic = "drift-events"
    with Broker() as broker:
        ensure_topic(broker.client, topic)
        transaction(broker, topic, message("1"))
        with Follower(broker.client, topic) as reading:
            events = reading.events(120)
            assert next(events).id == "1"
            broker.kill()
            broker.start()
            transaction(broker, topic, message("2"))
            assert next(events).id == "2"
