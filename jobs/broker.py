"""A real Apache Kafka in one process (KRaft), for trying things, demonstrations and tests: this machine only.

Its folder holds ``data/``, ``server.properties`` and ``broker.log``; a folder that was used before goes on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from jobs.guard import start_guarded
from jobs.jars import kafka_broker_classpath
from jobs.java import java_home
from jobs.ports import free_port, is_free
from jobs.topics import partitions
from schemas.errors import BrokerError

READY_WITHIN_S = 120  # it takes 3-6 s; a loaded machine several times that, and a broker that is stuck for ever
GRACE_S = 10  # to write what is in memory and close the logs; a restart repairs what a kill leaves behind
HEAP = "-Xmx512m"  # fetches go from the page cache to the socket; more heap has no use on one node

PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
# one node holds every copy there is
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Kafka's 50 partitions each cost a second at the first group and the first transaction
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
# a first consumer need not wait for others
group.initial.rebalance.delay.ms=0
# age counts from a record's own time: historic records would be deleted at once
log.retention.ms=-1
# a line of 10 MB is bad input that must arrive, to end as a dead letter
message.max.bytes=33554432
"""

LOG4J = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
"""


class Broker:
    """A broker on this machine's loopback address; as a context manager it runs inside the block.

    It ends with the process that started it, even if that is killed.

    Parameters
    ----------
    port : int
        Where clients connect; 0 takes a free one.
    folder : Path, optional
        Where its data are kept; without it they are thrown away at the end.
    tell : callable, optional
        Gets a line when jars have to be fetched.

    Examples
    --------
    >>> with Broker() as broker:                                  # doctest: +SKIP
    ...     ensure_topic(broker.client, "predictions")
    """

    def __init__(self, port: int = 0, folder: Path | None = None, tell: Callable[[str], object] | None = None) -> None:
        self.port = port
        self._kept = folder is not None
        self.folder = (folder or Path(tempfile.gettempdir(), f"tidemark-broker-{uuid.uuid4().hex}")).absolute()
        self._tell = tell
        self._said_before = 0  # bytes of the log that an earlier start wrote
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients: in numbers, as Kafka's C client resolves no name where loopback is all there is."""
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> dict[str, str]:
        """Settings for confluent_kafka."""
        return {"bootstrap.servers": self.bootstrap}

    @property
    def log(self) -> Path:
        """What it had to say."""
        return self.folder / "broker.log"

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises
        ------
        BrokerError
            The port is taken, or the broker ended or did not answer; the message has the log's last error.
        SetupError
            There is no Java, or the jars cannot be had.
        """
        self.port = self.port or free_port()
        if not is_free(self.port):
            message = (
                f"kafka localhost:{self.port}: the port is taken; stop what uses it, or choose another with --port"
            )
            raise BrokerError(message)
        java = str(java_home() / "bin" / "java")
        jars = os.pathsep.join(map(str, kafka_broker_classpath(self._tell)))
        data, properties, log4j = (self.folder / name for name in ("data", "server.properties", "log4j2.properties"))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # for its user alone: a name in /tmp can be guessed
        data.mkdir(exist_ok=True)
        properties.write_text(PROPERTIES.format(port=self.port, controller=free_port(), data=data))
        log4j.write_text(LOG4J)
        command = [java, HEAP, "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={log4j}", "-cp", jars]
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            if not (data / "meta.properties").exists():
                cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
                tool = ["kafka.tools.StorageTool", "format", "--cluster-id", f"t{cluster[1:]}", "--config"]
                if subprocess.run([*command, *tool, properties], stdout=log, stderr=log, check=False).returncode:
                    raise BrokerError(self._failure("could not format its folder"))
            folder = "" if self._kept else self.folder
            self._process = start_guarded([*command, "kafka.Kafka", properties], log, GRACE_S, folder)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while self.running and time.monotonic() < end:
            try:
                partitions(self.client, answer_within_s=1)
            except BrokerError:
                continue
            return
        message = self._failure("ended at its start" if not self.running else f"not ready within {READY_WITHIN_S} s")
        self.kill()
        raise BrokerError(message)

    def _failure(self, what: str) -> str:
        lines = self.log.read_bytes()[self._said_before :].decode(errors="replace").splitlines()
        errors = [line for line in lines if "ERROR" in line or "Error" in line]
        last = f": {errors[-1][:300]}" if errors else ""
        return f"kafka {self.bootstrap}: the broker {what}{last}; its log is {self.log}"

    def wait(self) -> None:
        """Wait for its end, which nobody asked for.

        Raises
        ------
        BrokerError
            It ended; the message has the log's last error.
        """
        assert self._process is not None
        status = self._process.wait()
        raise BrokerError(self._failure(f"ended with status {status}"))

    def stop(self) -> None:
        """End it in order, or at once where its data are thrown away. The log of one that failed is kept."""
        if self._process is None or not self.running:
            return
        if not self._kept:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def kill(self) -> None:
        """End it as a crash would; `start` brings it back with what its folder holds."""
        if self._process is not None:
            self._process.terminate()  # of the guard, which ends when the broker has
            self._process.wait()

    def __enter__(self) -> Broker:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.stop()
