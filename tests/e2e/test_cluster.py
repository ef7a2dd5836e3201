"""The job on a cluster that is not inside the command: submitted by `tidemark submit`, and by `flink run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.cluster.health import look
from jobs.cluster.rest import Cluster
from jobs.cluster.running import find
from jobs.java import java_home
from tests.e2e.comparing import assert_same, comparable
from tests.e2e.conftest import Known
from tests.e2e.running import WITHIN_S, command, tidemark
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
        words = [str(HOME / "bin" / "flink"), "run", "-d", "-m", cluster.address, "-pyclientexec", sys.executable]
        words += ["-pyexec", sys.executable, "-pym", "jobs.monitor", "--config", "monitors.yaml"]
        environment = {**os.environ, "FLINK_CONF_DIR": str(cluster.folder / "conf"), "JAVA_HOME": str(java_home())}
        ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=WITHIN_S)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        [job] = [line.split()[-1] for line in ran.stdout.splitlines() if "JobID" in line]
        finished(cluster, job)
        assert_same(parts(folder / "run" / "events.jsonl.parts"), known.events)


# What the upgrade adds to the first model, and takes away from it.
ADDED = {
    ", active: boolean": "",
    "plan: categorical": "plan: {type: categorical, detectors: [psi]}",
    "segments: [country, {plan: [gold, silver]}]": "segments: [country, {active: ['true']}]",
    "income: {type: numeric, detectors: [psi, lepage, page_hinkley]}": "income: numeric",
}


def whole(folder: Path, sources: str, sinks: str, kafka: str | None = None) -> Path:
    """The configuration of the other tests with a segment more and a detector less."""
    job = "parallelism: 4, state: rocksdb, checkpoints: {every: 1 s}"
    path = configure(folder, sources, sinks, kafka=kafka, job=job)
    text = path.read_text().replace("segments: [country]", "segments: [country, {plan: [gold, silver]}]")
    text = text.replace("income: numeric", "income: {type: numeric, detectors: [psi, lepage, page_hinkley]}")
    path.write_text(text)
    return path


def before(path: Path) -> Path:
    """What runs before the upgrade, on half as many slots."""
    text = path.read_text().split("  fraud:")[0].replace("parallelism: 4", "parallelism: 2")
    for new, old in ADDED.items():
        assert new in text
        text = text.replace(new, old)
    one = path.with_name("one.yaml")
    one.write_text(text)
    return one


def test_operated(folder: Path, flushed: Known, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Submitted, listed, looked at, given more parallelism, a feature, a segment, detectors and a model, and stopped.

    Two TaskManagers with state in RocksDB. The first model's events are those of one run with all of it: no pane loses
    a record, none is read twice, and what was there before goes on.
    """
    monkeypatch.chdir(folder)
    write(folder / "data.jsonl", flushed.records)
    config = whole(folder, "predictions: {path: data.jsonl}", "events: {path: unused.jsonl}")
    command("backtest", config, "--events", "expected.jsonl")
    expected = of_churn((folder / "expected.jsonl").read_bytes().splitlines())
    records = [replace(record, partition=number % 4) for number, record in enumerate(flushed.records[:-2])]
    last = [replace(flushed.records[-1], partition=number) for number in range(4)]  # of which no window comes
    early = [record.time_ms < DRIFT_MS - 30_000 for record in records].index(False)  # nothing is told yet
    topics = {"churn": "operated", "fraud": "operated-more"}

    def send(records: list[Record]) -> dict[str, int]:
        """To the topic of its model."""
        counts = {}
        for model, topic in topics.items():
            own = [record for record in records if json.loads(record.line or b"")["model"] == model]
            produce(broker, topic, own)
            counts[model] = len(own)
        return counts

    for topic in topics.values():
        create(broker, topic, 4)
    sinks = "events: {topic: operated-events}, dead_letters: {topic: operated-dead}"
    before(whole(folder, "predictions: {topic: operated}", sinks, broker.bootstrap))
    more = "more: {topic: operated-more, kind: predictions, model: fraud}, predictions: {topic: operated}"
    whole(folder, more, sinks, broker.bootstrap)
    (folder / "cluster").mkdir()
    with Standalone(folder / "cluster", managers=2, slots=2) as cluster:
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

        first = send(records[:early])
        job = tidemark(folder, "submit", "one.yaml", *at).out.strip()
        used_all("predictions", first["churn"])
        found = json.loads(command("status", "shop", *at, "--json").out)
        assert (found["id"], found["state"], found["models"]) == (job, "RUNNING", ["churn"])
        listed = command("list", *at).out.splitlines()
        assert listed[1].split()[:2] == ["test/shop", "RUNNING"]

        ended = tidemark(folder, "upgrade", "monitors.yaml", *at)
        for said in (
            "job.parallelism: 2 -> 4\nsources.more: added\n",
            "\nmodels.churn.segments.active: removed\nmodels.churn.segments.plan: added\nmodels.fraud: added\n",
            "\nmodels.churn: windows of version 1: go on: feature.age, ",
            "\nmodels.churn: windows of version 1: are new: feature.active, page_hinkley on feature.plan, ",
            "\nmodels.churn: windows of version 1: end: adwin on feature.income, adwin:spread on feature.income\n",
        ):
            assert said in ended.err
        assert "begins anew" not in ended.err
        job = find(asked, "shop").id
        [task] = [one["id"] for one in cluster.get(f"/jobs/{job}")["vertices"] if "monitor" in one["name"]]
        assert len(cluster.get(f"/jobs/{job}/vertices/{task}/taskmanagers")["taskmanagers"]) == 2
        assert cluster.get(f"/jobs/{job}/checkpoints/config")["state_backend"] == "EmbeddedRocksDBStateBackend"
        second = send(records[early:])
        for topic in topics.values():
            produce(broker, topic, last)
        used_all("predictions", second["churn"] + len(last))
        # From the oldest open pane on.
        assert used_all("more", second["fraud"] + len(last)) < first["fraud"] // 2 + second["fraud"]
        command("stop", "monitors.yaml", *at)
    assert_same(of_churn(committed(broker, "operated-events")), expected)
    assert all(json.loads(line)["data"]["source"] == "more" for line in committed(broker, "operated-dead"))


@pytest.mark.soak
def test_what_does_not_start_goes_back(folder: Path, broker: Broker) -> None:
    """The old configuration runs again from the savepoint, and can be upgraded once more."""
    create(broker, "back")
    config = configure(folder, "predictions: {topic: back}", "events: {topic: back-events}", kafka=broker.bootstrap)
    (folder / "cluster").mkdir()
    with Standalone(folder / "cluster") as cluster:
        at = ["--cluster", cluster.address]
        tidemark(folder, "submit", "monitors.yaml", *at)
        config.write_text(config.read_text().replace(", active: boolean", ""))
        failed = tidemark(folder, "upgrade", "monitors.yaml", *at, "--python", "/nowhere/python", status=1)
        assert "the old configuration runs again, from " in failed.err
        found = find(Cluster(cluster.address), "shop")
        assert (found.state, [len(model.features) for model in found.about.plan.models]) == ("RUNNING", [4, 1])
        tidemark(folder, "upgrade", "monitors.yaml", *at)


def of_churn(messages: list[bytes]) -> list[bytes]:
    """The first model's drift events without what depends on when a segment was added: all of that segment."""
    events = [json.loads(message) for message in comparable(messages)]
    own = [event for event in events if event["data"]["model"] == "churn" and "plan" not in event["data"]["segment"]]
    for event in own:
        told = event["data"].pop("slices", [])
        event["data"]["slices"] = [one for one in told if "plan" not in one["segment"]]
    return [json.dumps(event).encode() for event in own]


def test_no_cluster_is_one_line(folder: Path) -> None:
    """With the address, and a status that says it failed."""
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: events.jsonl}")
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost:1", status=1)
    assert ended.err == "flink localhost:1: no JobManager answered (Connection refused); is the cluster running?\n"
    ended = tidemark(folder, "submit", "monitors.yaml", "--cluster", "localhost", status=2)
    assert ended.err == ("--cluster: 'localhost' is not HOST:PORT, the JobManager's REST address (as localhost:8081)\n")
