"""Finding a job by its configuration, its name or its id."""

from __future__ import annotations

import pytest

from config.plan import JobPlan
from jobs.cluster.rest import Cluster
from jobs.cluster.running import find, jobs, left_behind, running
from schemas.errors import JobError
from tests.jobs.cluster.flink import JOB, FakeFlink
from tests.jobs.cluster.plans import PLAN, about


@pytest.mark.parametrize("wanted", ["shop", "prod/shop", JOB, JOB[:4], JobPlan(name="shop", environment="prod")])
def test_each_way_to_say_it(wanted: str | JobPlan) -> None:
    """All of them mean the one job, and it says under which plan it was submitted."""
    with FakeFlink(about()) as flink:
        found = find(Cluster(flink.address), wanted)
    assert (found.id, found.name, found.about.plan) == (JOB, "prod/shop", PLAN)


@pytest.mark.parametrize("wanted", ["other", JOB[:3], JobPlan(name="shop", environment="test")])
def test_there_is_none(wanted: str | JobPlan) -> None:
    """Those that there are are named."""
    with FakeFlink(about()) as flink, pytest.raises(JobError, match=r"there is no job .* \(running: prod/shop\)"):
        find(Cluster(flink.address), wanted)


def test_jobs_of_others_are_passed_over() -> None:
    """What has none of our parameters is no job of ours."""
    with FakeFlink() as flink:
        assert jobs(Cluster(flink.address)) == []


def test_one_that_has_ended() -> None:
    """It is found, but does not run."""
    with FakeFlink(about()) as flink:
        flink.end("FAILED")
        assert find(Cluster(flink.address), "shop").ended
        with pytest.raises(JobError, match=r"job prod/shop has ended \(FAILED\)"):
            running(Cluster(flink.address), "shop")


@pytest.mark.parametrize(
    ("state", "savepoint", "left"),
    [
        ("CANCELED", None, f"file:/state/prod/shop/{JOB}/chk-12"),
        ("FAILED", None, f"file:/state/prod/shop/{JOB}/chk-12"),
        ("FINISHED", {"trigger_timestamp": 9e12, "external_path": "file:/state/s"}, "file:/state/s"),
        ("FINISHED", None, None),
    ],
)
def test_what_a_job_leaves(state: str, savepoint: dict[str, object] | None, left: str | None) -> None:
    """Its savepoint or its last checkpoint; nothing when it came to the end of its input."""
    with FakeFlink(about()) as flink:
        flink.end(state)
        flink.answers[f"/jobs/{JOB}/checkpoints"]["latest"]["savepoint"] = savepoint
        cluster = Cluster(flink.address)
        assert left_behind(cluster, find(cluster, "shop")) == left
