import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from jobs import broker as broker_module
from jobs.broker import Broker
from jobs.topics import ensure_topic, partitions
from schemas.errors import BrokerError


def read(client, topic, count):
    """Give the first records of a topic, or as many as come within a minute."""
    consumer = Consumer({**client, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        return [(m.timestamp()[1], m.value()) for m in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


@pytest.mark.e2e
def test_clients_need_no_names(broker):
    """Without a network, on loopback alone, the client's resolver knows no `localhost`."""
    assert broker.client["bootstrap.servers"] == f"127.0.0.1:{broker.port}"


def test_historic_records_stay(broker):
    """A record from 1970 is still there for who reads the topic later."""
    ensure_topic(broker.client, "historic", 3)
    producer = Producer(broker.client)
    producer.produce("historic", b"old", timestamp=1000)
    assert producer.flush(60) == 0
    assert read(broker.client, "historic", 1) == [(1000, b"old")]


@pytest.mark.e2e
def test_topic_is_made_once(broker):
    """Asking again for a topic changes nothing, and looking at topics makes none."""
    ensure_topic(broker.client, "thrice", 3)
    ensure_topic(broker.client, "thrice", 5)
    assert partitions(broker.client)["thrice"] == 3
    assert "never" not in partitions(broker.client)


@pytest.mark.e2e
def test_refused_topic(broker):
    """A topic that the broker refuses is a message with the broker's reason."""
    with pytest.raises(BrokerError, match=rf"^kafka {broker.bootstrap}: topic 'a/b' could not be created: .*'/'|Topic"):
        ensure_topic(broker.client, "a/b")


@pytest.mark.e2e
def test_crash_and_restart(tmp_path):
    """After a crash a broker on the same folder and port has what it had."""
    with Broker(folder=tmp_path / "kafka") as broker:
        producer = Producer(broker.client)
        ensure_topic(broker.client, "kept")
        producer.produce("kept", b"before", timestamp=1)
        assert producer.flush(60) == 0
        broker.kill()
        assert not broker.running
        broker.start()
        assert read(broker.client, "kept", 1) == [(1, b"before")]
    assert not broker.running


@pytest.mark.e2e
def test_ends_with_whoever_started_it(tmp_path):
    """The broker of a process that is killed by -9 ends too."""
    code = f"""
import sys
from pathlib import Path
from jobs.broker import Broker
broker = Broker(folder=Path({str(tmp_path)!r}))
broker.start()
print(broker.port, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as client:
        port = int(client.stdout.readline())
        client.send_signal(signal.SIGKILL)
    end = time.monotonic() + 60 + broker_module.GRACE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("the broker still answers")


def test_port_taken():
    """A port in use is said in one line, before anything is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerError) as error:
            Broker(port).start()
    expected = f"kafka localhost:{port}: the port is taken; stop what uses it, or choose another with --port"
    assert str(error.value) == expected


def test_no_answer():
    """Where no broker is, the message says how to start one."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"localhost:{unused.getsockname()[1]}"
        with pytest.raises(BrokerError) as error:
            partitions({"bootstrap.servers": address}, answer_within_s=1)
    assert str(error.value) == (
        f"kafka {address}: no broker answered within 1 s; is it running ('tidemark broker' starts one)?"
    )


def test_failed_start(tmp_path, monkeypatch):
    """A broker that ends at its start leaves its last error in the message and its log in the folder."""
    script = tmp_path / "bin" / "java"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\ncase "$*" in *format*) ;; *) echo ERROR no space left; exit 1;; esac\n')
    script.chmod(0o755)
    monkeypatch.setattr(broker_module, "java_home", lambda: tmp_path)
    monkeypatch.setattr(broker_module, "kafka_broker_classpath", lambda tell: [Path("a.jar")])
    broker = Broker(folder=tmp_path / "kafka")
    with pytest.raises(BrokerError) as error:
        broker.start()
    assert str(error.value) == (
        f"kafka {broker.bootstrap}: the broker ended at its start: ERROR no space left; "
        f"its log is {tmp_path / 'kafka' / 'broker.log'}"
    )
    assert os.listdir(tmp_path / "kafka" / "data") == []
