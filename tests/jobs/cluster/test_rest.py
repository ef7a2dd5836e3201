"""A cluster over REST: what it is told, and errors that say what to do."""

from __future__ import annotations

import copy
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jobs.cluster.rest import Cluster
from schemas.errors import JobError, SetupError, UsageError
from tests.jobs.cluster.flink import JOB, RECORDED, FakeFlink


def test_nobody_answers() -> None:
    """The address, the reason and a question."""
    with pytest.raises(JobError) as caught:
        Cluster("localhost:1").get("/config")
    assert str(caught.value) == (
        "flink localhost:1: no JobManager answered (Connection refused); is the cluster running?"
    )


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8081", "http://localhost"])
def test_no_address(address: str) -> None:
    """What is no address is told before anything is asked."""
    with pytest.raises(UsageError, match="is not HOST:PORT"):
        Cluster(address)


def test_somebody_else_answers() -> None:
    """A server that is not Flink."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(JobError, match="what answered is not Flink"):
            Cluster(f"localhost:{server.server_port}").get("/config")
    finally:
        server.shutdown()
        server.server_close()


def test_another_flink() -> None:
    """Jobs are made for one release of Flink."""
    with FakeFlink() as flink:
        Cluster(flink.address).check_version()
        flink.answers["/config"]["flink-version"] = "1.20.1"
        with pytest.raises(SetupError) as caught:
            Cluster(flink.address).check_version()
    assert str(caught.value) == (
        f"flink {flink.address}: is Flink 1.20.1 (Tidemark's jobs are for 2.3); "
        "give the cluster Flink 2.3, as docker/ has it"
    )


def test_stopped_with_a_savepoint() -> None:
    """Flink is asked for it in a format that every later release reads, and without draining windows."""
    with FakeFlink() as flink:
        assert Cluster(flink.address).stop(JOB, "file:///state") == RECORDED["savepoint"]["operation"]["location"]
    body = {"targetDirectory": "file:///state", "drain": False, "formatType": "CANONICAL"}
    assert flink.asked == [("POST", f"/jobs/{JOB}/stop", body)]


def test_a_savepoint_that_fails() -> None:
    """The innermost reason of Java's; the job runs on."""
    with FakeFlink() as flink:
        flink.savepoint = copy.deepcopy(RECORDED["savepoint failed"])
        with pytest.raises(JobError) as caught:
            Cluster(flink.address).stop(JOB, "nofs://x/y")
    assert str(caught.value) == (
        "savepoint in nofs://x/y: UnsupportedFileSystemSchemeException: Hadoop is not in the classpath/dependencies.; "
        "the job runs on, see the JobManager's log"
    )


def test_cancelled() -> None:
    """One that has gone meanwhile is left alone."""
    with FakeFlink() as flink:
        Cluster(flink.address).cancel(JOB)
        Cluster(flink.address).cancel(JOB)
    assert [path for _, path, _ in flink.asked] == [f"/jobs/{JOB}?mode=cancel"] * 2
