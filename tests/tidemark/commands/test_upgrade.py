"""`tidemark upgrade --check`: what would change, with a cluster and without one, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import load
from jobs.cluster.about import About
from operators.profiles.profile_files import load_references
from tests.jobs.cluster.flink import FakeFlink
from tidemark import cli

OLD = """\
job: {name: shop, environment: prod}
sources: {predictions: {path: data.jsonl}}
defaults: {reference: {learn: 1000}}
models:
  churn: {features: {age: numeric}}
"""
MORE = "  fraud: {features: {amount: numeric}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "more.yaml").write_text(OLD + MORE)
    return tmp_path


def test_for_a_pull_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a cluster: what keeps all state is status 0, what loses some is 1."""
    assert cli.main(["upgrade", "old.yaml", "--check", "--against", "old.yaml"]) == 0
    assert capsys.readouterr().out == "nothing changes\n"
    assert cli.main(["upgrade", "more.yaml", "--check", "--against", "old.yaml"]) == 0
    assert capsys.readouterr().out == "models.fraud: added\nall state is kept\n"
    assert cli.main(["upgrade", "old.yaml", "--check", "--against", "more.yaml"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "models.fraud: removed",
        "models.fraud: IS LOST: episodes and requests, learned references, windows of learned versions",
    ]
    assert cli.main(["upgrade", "old.yaml", "--check", "--against", "more.yaml", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["harmless"], list(told["lost"]), told["changes"][0]["what"]) == (False, ["fraud"], "models.fraud")


def test_against_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The job on the cluster says what it was submitted under."""
    before = About.of(load_references(load("old.yaml").plan))
    with FakeFlink(before) as flink:
        assert cli.main(["upgrade", "more.yaml", "--check", "--cluster", flink.address]) == 0
        assert capsys.readouterr().out == "models.fraud: added\nall state is kept\n"
        assert flink.asked == []


def test_a_job_that_ends_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to upgrade about a job that reads files."""
    with FakeFlink(About.of(load_references(load("old.yaml").plan))) as flink:
        assert cli.main(["upgrade", "more.yaml", "--cluster", flink.address]) == 2
        assert "reads files and ends by itself" in capsys.readouterr().err


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Options that do not go together, and a duration that is none."""
    assert cli.main(["upgrade", "old.yaml", "--against", "old.yaml"]) == 2
    assert capsys.readouterr().err == (
        "--against: is for --check; a job is compared with what it was submitted under\n"
    )
    assert cli.main(["upgrade", "old.yaml", "--within", "soon"]) == 2
    assert capsys.readouterr().err.startswith("--within: 'soon' is not a duration")
