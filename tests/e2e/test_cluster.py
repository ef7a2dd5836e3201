"""The job on a cluster that is not inside the command: submitted by `tidemark submit`, and by `flink run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.cluster.health import look
from jobs.cluster.rest import Cluster
from jobs.cluster.running import find
from jobs.java import java_home
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import WITHIN_S, tidemark
from tests.e2e.standalone import HOME, Standalone
from tests.e2e.stream import configure, write
from tests.e2e.topics import committed, create, produce

pytestmark = pytest.mark.e2e


def finished(cluster: Standalone, job: str, within_s: float = WITHIN_S) -> None:
    """Wait for a job's end."""
    deadline = time.monotonic() + within_s
    while (state := cluster.get(f"/jobs/{job}")["state"]) != "FINISHED":
        assert state in ("CREATED", "INITIALIZING", "RUNNING"), cluster.get(f"/jobs/{job}/exceptions")
        assert time.monotonic() < deadline, f"{state} after {within_s} s"
        time.sleep(0.5)


def parts(path: Path) -> list[bytes]:
    """Events in the committed files of a sink."""
    return [line for part in path.rglob("part-*") for line in part.read_bytes().splitlines()]


def test_submitted_to_a_running_cluster(folder: Path, known: Known) -> None:
    """The events are those of a backtest, from the command and from Flink's own."""
    write(folder / "data.jsonl", known.records)
    (folder / "cluster").mkdir()
    with Standalone(folder / "cluster") as cluster:
        configure(folder, "predictions: {path: data.jsonl}", "events: {path: submitted/events.jsonl}")
        ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", cluster.address)
        finished(cluster, ended.out.split()[-1])
        assert_same(parts(folder / "submitted" / "events.jsonl.parts"), known.events)

        configure(folder, "predictions: {path: data.jsonl}", "events: {path: run/events.jsonl}")
        command = [str(HOME / "bin" / "flink"), "run", "-d", "-m", cluster.address, "-pyclientexec", sys.executable]
        command += ["-pyexec", sys.executable, "-pym", "jobs.monitor", "--config", "monitors.yaml"]
        environment = {**os.environ, "FLINK_CONF_DIR": str(cluster.folder / "conf"), "JAVA_HOME": str(java_home())}
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=WITHIN_S)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        [job] = [line.split()[-1] for line in ran.stdout.splitlines() if "JobID" in line]
        finished(cluster, job)
        assert_same(parts(folder / "run" / "events.jsonl.parts"), known.events)


def test_operated(folder: Path, flushed: Known, broker: Broker) -> None:
    """Submitted, listed, looked at, stopped and submitted again: the events are those of one run."""
    half = len(flushed.records) // 2
    create(broker, "operated")
    produce(broker, "operated", flushed.records[:half])
    configure(folder, "predictions: {topic: operated}", "events: {topic: operated-events}", kafka=broker.bootstrap)
    (folder / "cluster").mkdir()
    with Standalone(folder / "cluster") as cluster:
        at = ["--cluster", cluster.address]

        def used_all(records: int) -> None:
            deadline = time.monotonic() + WITHIN_S
            asked = Cluster(cluster.address)
            while (found := look(asked, find(asked, "shop"))).sources[0].used < records:
                assert time.monotonic() < deadline, found
                time.sleep(0.5)

        job = tidemark(folder, "submit", "monitors.yaml", *at).out.strip()
        again = tidemark(folder, "submit", "monitors.yaml", *at, status=2)
        assert f"job test/shop runs there already ({job})" in again.err
        used_all(half)
        found = json.loads(tidemark(folder, "status", "shop", *at, "--json").out)
        assert (found["id"], found["state"], found["models"]) == (job, "RUNNING", ["churn", "fraud"])
        assert found["sources"][0]["read"] == half
        listed = tidemark(folder, "list", *at).out.splitlines()
        assert listed[1].split()[:2] == ["test/shop", "RUNNING"]

        savepoint = tidemark(folder, "stop", "monitors.yaml", *at).out.splitlines()[-1]
        tidemark(folder, "status", "shop", *at, status=1)
        produce(broker, "operated", flushed.records[half:])
        ended = tidemark(folder, "submit", "monitors.yaml", *at)
        assert savepoint.removeprefix("file:").lstrip("/") in ended.err
        used_all(len(flushed.records) - half)
        tidemark(folder, "stop", "shop", *at)
    assert_same(committed(broker, "operated-events"), flushed.events)


def test_no_cluster_is_one_line(folder: Path) -> None:
    """With the address, and a status that says it failed."""
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: events.jsonl}")
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost:1", status=1)
    assert ended.err == "flink localhost:1: no JobManager answered (Connection refused); is the cluster running?\n"
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost", status=2)
    assert ended.err == ("--cluster: 'localhost' is not HOST:PORT, the JobManager's REST address (as localhost:8081)\n")
