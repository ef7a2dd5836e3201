"""What a job is submitted from: the newest state that its folder or the cluster knows of, or what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import load
from jobs import resume, submission
from jobs.cluster.about import About
from jobs.cluster.sending import Sending
from jobs.submission import submit
from operators.profiles.profile_files import load_references
from schemas.errors import SetupError, UsageError
from tests.jobs.cluster.flink import JOB, FakeFlink
from tests.jobs.cluster.test_archives import WHOLE, packed

CONFIG = """\
job: {name: shop, environment: prod}
sources: {predictions: {topic: predictions}}
kafka: {bootstrap: "localhost:9092"}
models:
  churn: {reference: {learn: 1000}, features: {age: numeric}}
"""


def submitted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flink: FakeFlink, **settings: Any
) -> tuple[list[Sending], list[str]]:
    """What is sent, and said."""
    (folder / "monitors.yaml").write_text(CONFIG)
    loaded = load(folder / "monitors.yaml")
    sent: list[Sending] = []
    lines: list[str] = []
    monkeypatch.setattr(submission, "check_topics", lambda loaded: None)
    monkeypatch.setattr(submission, "send", lambda sending: sent.append(sending) or JOB)
    asked = {"savepoint": None, "fresh": False, "python": None, "archive": None, "bounded": False, **settings}
    flink.answers[f"/jobs/{JOB}/config"]["execution-config"]["user-config"] = About.of(
        load_references(loaded.plan)
    ).parameters()
    with flink:
        assert submit(loaded, flink.address, tell=lines.append, **asked) == JOB
    return sent, lines


def ended(state: str = "CANCELED") -> FakeFlink:
    flink = FakeFlink()
    flink.end(state)
    return flink


def test_from_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest state there; what the cluster remembers may be older."""
    where = tmp_path / ".tidemark/checkpoints/prod/shop"
    state = where / "savepoint-1"
    state.mkdir(parents=True)
    (state / "_metadata").write_bytes(b"")
    [sending], lines = submitted(tmp_path, monkeypatch, ended())
    assert (sending.restore, lines) == (state.as_uri(), [f"goes on from {state.as_uri()}"])
    assert (where / "made-under.json").exists()
    assert [path.name for path in (where / "submitted").iterdir()] == [JOB]


def test_from_what_the_cluster_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder is on other machines."""
    [sending], _ = submitted(tmp_path, monkeypatch, ended())
    assert sending.restore == f"file:/state/prod/shop/{JOB}/chk-12"


def test_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a savepoint, or anew."""
    [sending], _ = submitted(tmp_path, monkeypatch, ended(), savepoint="s3://bucket/s")
    assert sending.restore == "s3://bucket/s"
    [sending], lines = submitted(tmp_path, monkeypatch, ended(), fresh=True)
    assert (sending.restore, sending.fresh, lines) == (None, True, [])


def test_a_savepoint_of_another_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flink would take it: its panes, and windows and episodes of models of the same name."""
    other = tmp_path / "prod/orders"
    (tmp_path / "monitors.yaml").write_text(CONFIG.replace("shop", "orders"))
    resume.note(str(other), load(tmp_path / "monitors.yaml").plan, None)
    for state in ("savepoint-1", "8d2f/chk-7"):
        with pytest.raises(UsageError) as raised:
            submitted(tmp_path, monkeypatch, ended(), savepoint=f"{other.as_uri()}/{state}")
        assert str(raised.value) == (
            f"state in {other.as_uri()}: is of job prod/orders, not of prod/shop; "
            "give a savepoint of this job, or begin anew with --fresh"
        )


def test_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at before anything is asked, and sent by its whole path."""
    archive = packed(tmp_path / "e.tar.gz", WHOLE)
    monkeypatch.chdir(tmp_path)
    [sending], _ = submitted(tmp_path, monkeypatch, ended(), archive="e.tar.gz")
    assert (sending.archive, sending.python) == (archive, None)
    with pytest.raises(UsageError, match="not an archive"):
        submitted(tmp_path, monkeypatch, FakeFlink(), archive="e.tar.zst")


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would write the same events; the same one again changes nothing."""
    with pytest.raises(UsageError, match=f"job prod/shop runs there already \\({JOB}\\)"):
        submitted(tmp_path, monkeypatch, FakeFlink(), fresh=True)
    assert submitted(tmp_path, monkeypatch, FakeFlink()) == (
        [],
        ["job prod/shop runs there already, under the same configuration"],
    )


def test_another_flink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to it."""
    flink = ended()
    flink.answers["/config"]["flink-version"] = "2.0.1"
    with pytest.raises(SetupError, match=r"is Flink 2\.0\.1"):
        submitted(tmp_path, monkeypatch, flink)
