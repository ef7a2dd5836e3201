"""How a job is: counts from the recorded answers, and each thing that can be wrong."""

from __future__ import annotations

import copy
import json

import msgspec
import pytest

from jobs.cluster.health import Health, look
from jobs.cluster.rest import Cluster
from jobs.cluster.running import find
from tests.jobs.cluster.flink import JOB, NOW_MS, RECORDED, WHY, FakeFlink
from tests.jobs.cluster.plans import PLAN, about

CHECKPOINTS = f"/jobs/{JOB}/checkpoints"


def seen(flink: FakeFlink, *, briefly: bool = False) -> Health:
    with flink:
        cluster = Cluster(flink.address)
        return look(cluster, find(cluster, "shop"), briefly=briefly)


def test_healthy() -> None:
    """What Flink told of 15,000 records that were all used."""
    found = seen(FakeFlink(about()))
    assert (found.healthy, found.problems, found.notes) == (True, [], [])
    [source] = found.sources
    assert (source.name, source.of, source.read, source.used, source.dead) == (
        "predictions", "predictions", 15_000, 15_000, 0
    )  # fmt: skip
    assert (source.records_per_s, source.behind, found.records_per_s) == (250.0, 0, 250.0)
    assert (found.evaluated, found.since) == ("2026-01-05T10:04:56.556Z", "2026-11-23T22:03:31.407Z")
    assert (found.busy, found.held_back, found.restarts) == (0.527, 0.0, 0)
    told = found.checkpoints
    assert (told.completed, told.failed, told.took_ms, told.bytes) == (12, 0, 44, 223_681)


def test_names_as_flink_writes_them() -> None:
    """In the names of metrics some characters of a source's are underscores; others, a hyphen too, stay."""
    [source] = PLAN.sources
    flink = FakeFlink(about(msgspec.structs.replace(PLAN, sources=(msgspec.structs.replace(source, name="a-b.c d"),))))
    flink.answers = json.loads(json.dumps(flink.answers).replace(".source.predictions.", ".source.a-b_c_d."))
    assert [(one.name, one.read) for one in seen(flink).sources] == [("a-b.c d", 15_000)]


def test_briefly() -> None:
    """For a list, without what each operator counts."""
    found = seen(FakeFlink(about()), briefly=True)
    assert (found.healthy, found.records_per_s, found.sources[0].read) == (True, 250.0, 0)


@pytest.mark.parametrize("state", ["RESTARTING", "FAILED", "FINISHED", "CANCELED"])
def test_not_running(state: str) -> None:
    """Whatever else it is, with the reason where there is one."""
    flink = FakeFlink(about())
    flink.end(state)
    flink.answers[f"/jobs/{JOB}/exceptions"] = copy.deepcopy(RECORDED["failed"])
    because = "" if state == "FINISHED" else f": {WHY}"
    assert seen(flink).problems == [f"is {state}, not RUNNING{because}"]


def test_tasks_that_wait_for_slots() -> None:
    """A job is RUNNING though nothing of it runs."""
    flink = FakeFlink(about())
    flink.job["status-counts"].update(RUNNING=0, SCHEDULED=7)
    assert seen(flink).problems == ["7 of 7 tasks do not run; are there slots enough on the cluster?"]


def test_checkpoints_that_fail() -> None:
    """Only a failure after the last one that was completed is a problem."""
    flink = FakeFlink(about())
    latest = flink.answers[CHECKPOINTS]["latest"]
    failed = {"trigger_timestamp": latest["completed"]["trigger_timestamp"] + 1, "failure_message": "no space left"}
    latest["failed"] = {**failed, "status": "FAILED"}
    flink.answers[CHECKPOINTS]["history"].append({"status": "FAILED"})
    found = seen(flink)
    assert found.problems == ["the last checkpoint failed: no space left"]
    assert found.checkpoints.failed == 1
    latest["failed"]["trigger_timestamp"] -= 2
    assert seen(flink).healthy


def test_no_checkpoint_for_long() -> None:
    """Whether there was one before or not."""
    flink = FakeFlink(about())
    flink.job["now"] = NOW_MS + 120_000
    assert seen(flink).problems == ["no checkpoint for 2 min (one every 1 s is asked for)"]


def test_what_may_pass() -> None:
    """A failure a minute ago, a lag, and an operator that waits for others: notes."""
    flink = FakeFlink(about())
    failures = flink.answers[f"/jobs/{JOB}/exceptions"] = copy.deepcopy(RECORDED["failed"])
    failures["exceptionHistory"]["entries"][0]["timestamp"] = NOW_MS - 60_000
    metrics = flink.answers[f"/jobs/{JOB}/vertices/{flink.job['vertices'][0]['id']}/subtasks/metrics"]
    values = {metric["id"].rpartition(".")[2]: metric for metric in metrics}
    values["pendingRecords"]["sum"] = 30_000.0
    values["backPressuredTimeMsPerSecond"]["max"] = 700.0
    found = seen(flink)
    assert found.healthy
    assert found.notes == [
        f"failed 1 min ago, and went on: {WHY}",
        "predictions is 30,000 records behind, 2 min at the present rate",
        "held back 70% of the time (back-pressure): give it more parallelism",
    ]
