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
from tests.e2e.comparing import assert_same, comparable
from tests.e2e.conftest import Known
from tests.e2e.running import WITHIN_S, tidemark
from tests.e2e.standalone import HOME, Standalone
from tests.e2e.stream import DRIFT_MS, Record, configure, write
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
    """Submitted, listed, looked at, given a feature and a second model with a source of its own, and stopped.

    What cannot start goes back. The first model's events are those of one run with all of it: no pane loses a record,
    none is read twice, and what was there before the feature goes on.
    """
    topics = {"churn": "operated", "fraud": "operated-more"}
    early = [record.time_ms < DRIFT_MS - 30_000 for record in flushed.records].index(False)  # nothing is told yet

    def send(records: list[Record]) -> dict[str, int]:
        """To the topic of its model."""
        counts = {}
        for model, topic in topics.items():
            own = [record for record in records if json.loads(record.line or b"")["model"] == model]
            produce(broker, topic, own)
            counts[model] = len(own)
        return counts

    for topic in topics.values():
        create(broker, topic)
    sinks = "events: {topic: operated-events}, dead_letters: {topic: operated-dead}"
    one = configure(folder, "predictions: {topic: operated}", sinks, kafka=broker.bootstrap)
    one = one.rename(folder / "one.yaml")
    one.write_text(one.read_text().split("  fraud:")[0].replace(", active: boolean", ""))
    more = "more: {topic: operated-more, kind: predictions, model: fraud}, predictions: {topic: operated}"
    configure(folder, more, sinks, kafka=broker.bootstrap)
    (folder / "cluster").mkdir()
    with Standalone(folder / "cluster") as cluster:
        at = ["--cluster", cluster.address]
        asked = Cluster(cluster.address)

        def used_all(source: str, records: int) -> int:
            """Wait until a source has used so many, and give how many it has used."""
            deadline = time.monotonic() + WITHIN_S
            while True:
                found = look(asked, find(asked, "shop"))
                [used] = [known.used for known in found.sources if known.name == source]
                if used >= records:
                    return used
                assert time.monotonic() < deadline, found
                time.sleep(0.5)

        first = send(flushed.records[:early])
        job = tidemark(folder, "submit", "one.yaml", *at).out.strip()
        used_all("predictions", first["churn"])
        found = json.loads(tidemark(folder, "status", "shop", *at, "--json").out)
        assert (found["id"], found["state"], found["models"]) == (job, "RUNNING", ["churn"])
        listed = tidemark(folder, "list", *at).out.splitlines()
        assert listed[1].split()[:2] == ["test/shop", "RUNNING"]

        failed = tidemark(folder, "upgrade", "monitors.yaml", *at, "--python", "/nowhere/python", status=1)
        assert "the old configuration runs again, from " in failed.err
        ended = tidemark(folder, "upgrade", "monitors.yaml", *at)
        assert "sources.more: added\nmodels.churn.features.active: added\nmodels.fraud: added\n" in ended.err
        assert "\nmodels.churn: windows of version 1: go on: feature.age, " in ended.err
        assert "begins anew" not in ended.err
        second = send(flushed.records[early:-2])
        for topic in topics.values():
            produce(broker, topic, flushed.records[-2:])
        used_all("predictions", second["churn"] + 2)
        # From the oldest open pane on.
        assert used_all("more", second["fraud"] + 2) < first["fraud"] // 2 + second["fraud"]
        tidemark(folder, "stop", "monitors.yaml", *at)

    def of_churn(messages: list[bytes]) -> list[bytes]:
        return comparable(line for line in messages if json.loads(line)["data"]["model"] == "churn")

    assert_same(of_churn(committed(broker, "operated-events")), of_churn(flushed.events))
    assert all(json.loads(line)["data"]["source"] == "more" for line in committed(broker, "operated-dead"))


def test_no_cluster_is_one_line(folder: Path) -> None:
    """With the address, and a status that says it failed."""
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: events.jsonl}")
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost:1", status=1)
    assert ended.err == "flink localhost:1: no JobManager answered (Connection refused); is the cluster running?\n"
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost", status=2)
    assert ended.err == ("--cluster: 'localhost' is not HOST:PORT, the JobManager's REST address (as localhost:8081)\n")
