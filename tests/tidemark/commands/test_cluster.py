"""`tidemark list`, `status` and `stop`: what they print of a cluster that gives recorded answers."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.jobs.cluster.flink import JOB, RECORDED, WHY, FakeFlink
from tests.jobs.cluster.plans import about
from tidemark import cli


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a job; without those that have ended, unless they are asked for."""
    with FakeFlink(about()) as flink:
        assert cli.main(["list", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "job        state    since                     records/s  last checkpoint           configuration  models",
            "prod/shop  RUNNING  2026-11-23T22:03:31.407Z  250        2026-11-23T22:03:56.607Z  ef754aadcc93   "
            "churn fraud",
        ]
        assert cli.main(["list", "--cluster", flink.address, "--json"]) == 0
        [job] = json.loads(capsys.readouterr().out)
        assert (job["name"], job["id"], job["models"]) == ("shop", JOB, ["churn", "fraud"])
        flink.end("CANCELED")
        assert cli.main(["list", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out == f"no jobs of Tidemark's on {flink.address}\n"
        assert cli.main(["list", "--cluster", flink.address, "--all"]) == 0
        assert "CANCELED" in capsys.readouterr().out


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    """All that is known of a job; status 0 as it is healthy."""
    with FakeFlink(about()) as flink:
        assert cli.main(["status", "shop", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "prod/shop: healthy",
            "  state          RUNNING since 2026-11-23T22:03:31.407Z, parallelism 1",
            f"  job            {JOB} on {flink.address} (Flink 2.3.0), submitted by tidemark 0.1.0",
            "  configuration  sha256:ef754aadcc9304b5da9b3a772dfe39e50b9c92fd785a3620891a67588c8d99bf",
            "  models         churn, fraud",
            "  evaluated      up to 2026-01-05T10:04:56.556Z",
            "  checkpoints    12 completed, 0 failed; last 2026-11-23T22:03:56.607Z in 44 ms, 223,681 bytes",
            "  restarts       0",
            "  load           53% of the busiest operator's time, held back 0%",
            "  source         predictions (predictions): read 15,000, used 15,000, dead 0, late 0, 250 a second, "
            "0 behind",
        ]


def test_status_of_a_job_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and the problem on top; in JSON too."""
    with FakeFlink(about()) as flink:
        flink.end("RESTARTING")
        flink.answers[f"/jobs/{JOB}/exceptions"] = RECORDED["failed"]
        assert cli.main(["status", "shop", "--cluster", flink.address]) == 1
        out = capsys.readouterr().out.splitlines()
        assert out[:2] == [
            "prod/shop: NOT HEALTHY",
            f"  problem: is RESTARTING, not RUNNING: {WHY}",
        ]
        assert cli.main(["status", "shop", "--cluster", flink.address, "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert (told["healthy"], told["state"], len(told["problems"])) == (False, "RESTARTING", 1)


def test_by_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the job, and the cluster where nobody else does."""
    with FakeFlink(about()) as flink:
        path = tmp_path / "monitors.yaml"
        path.write_text(
            f'job: {{name: shop, environment: prod, cluster: "{flink.address}"}}\n'
            "sources: {predictions: {path: data.jsonl}}\n"
            "models: {churn: {features: {age: numeric}}}\n"
        )
        assert cli.main(["status", str(path)]) == 0
        assert "prod/shop: healthy" in capsys.readouterr().out


def test_stop(capsys: pytest.CaptureFixture[str]) -> None:
    """The savepoint, in the job's own folder, is the last line; what has ended cannot be stopped."""
    with FakeFlink(about()) as flink:
        assert cli.main(["stop", "shop", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "prod/shop is stopped; the next one goes on from",
            "file:/state/prod/shop/savepoint-ff83b2-c90c07f4722a",
        ]
        [(_, path, body)] = flink.asked
        assert (path, body["targetDirectory"]) == (f"/jobs/{JOB}/stop", "file:///state/prod/shop")
        assert cli.main(["stop", "shop", "--cluster", flink.address]) == 1
        assert capsys.readouterr().err == (
            f"flink {flink.address}: job prod/shop has ended (FINISHED); 'tidemark submit' starts it again\n"
        )


def test_stop_without_a_savepoint(capsys: pytest.CaptureFixture[str]) -> None:
    """It is cancelled where it is."""
    with FakeFlink(about()) as flink:
        assert cli.main(["stop", JOB, "--no-savepoint", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out == (
            "prod/shop is stopped, without a savepoint; the next one goes on from its last checkpoint\n"
        )
        assert flink.asked == [("PATCH", f"/jobs/{JOB}?mode=cancel", None)]


def test_stop_whose_savepoint_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Why, and that the job runs on."""
    with FakeFlink(about()) as flink:
        flink.savepoint = copy.deepcopy(RECORDED["savepoint failed"])
        assert cli.main(["stop", "shop", "--cluster", flink.address]) == 1
        assert "the job runs on" in capsys.readouterr().err
        assert flink.job["state"] == "RUNNING"


@pytest.mark.parametrize("words", [["list"], ["status", "shop"], ["stop", "shop"]])
def test_no_cluster(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and status 1."""
    assert cli.main([*words, "--cluster", "localhost:1"]) == 1
    assert capsys.readouterr().err == (
        "flink localhost:1: no JobManager answered (Connection refused); is the cluster running?\n"
    )
