import os
import signal
import socket
import subprocess
import sys

import pytest
from confluent_kafka.admin import AdminClient

from jobs.jars import kafka_broker_classpath
from tidemark import cli


@pytest.mark.e2e
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_runs_until_told(ending, tmp_path):
    """It says when and where clients can connect, keeps its data where it is told, and ends quietly when asked."""
    kafka_broker_classpath()  # what is fetched is said
    command = [sys.executable, "-m", "tidemark", "broker", "--port", "0", "--dir", tmp_path / "kafka"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        word, address = process.stdout.readline().split()
        assert (word, address.partition(":")[0]) == ("ready", "localhost")
        assert AdminClient({"bootstrap.servers": address}).list_topics(timeout=60).brokers
        process.send_signal(ending)
        assert process.communicate(timeout=120) == ("", "")
    assert process.returncode == 0
    assert sorted(os.listdir(tmp_path / "kafka")) == ["broker.log", "data", "log4j2.properties", "server.properties"]


def test_port_taken(capsys):
    """A port in use is one line and status 1."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["broker", "--port", str(port)]) == 1
    assert capsys.readouterr() == (
        "",
        f"kafka localhost:{port}: the port is taken; stop what uses it, or choose another with --port\n",
    )
