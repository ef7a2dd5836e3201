"""An upgrade: what is sent from which savepoint, when it is refused, and the way back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import load
from config.load import Configuration
from jobs.cluster import submitted, upgrading
from jobs.cluster.about import About
from jobs.cluster.archives import PYTHON
from jobs.cluster.rest import Cluster
from jobs.cluster.sending import Apart, Sending
from jobs.cluster.upgrading import Upgraded, upgrade, wait_until_saved
from operators.profiles.profile_files import load_references
from schemas.errors import JobError, SetupError, UsageError
from tests.jobs.cluster.flink import JOB, RECORDED, WHY, FakeFlink
from tests.jobs.cluster.test_archives import WHOLE, packed

SAVEPOINT = RECORDED["savepoint"]["operation"]["location"]
CONFIG = """\
job: {name: shop, environment: prod}
sources: {predictions: {topic: predictions}}
kafka: {bootstrap: "localhost:9092"}
defaults: {reference: {learn: 1000}}
models:
  churn: {features: {age: numeric}}
"""
MORE = "  fraud: {features: {amount: numeric}}\n"


class Sent(Apart):
    """Stands for the process that sends: the job runs, or fails as often as it is told to."""

    def __init__(self, flink: FakeFlink, fail: int = 0) -> None:
        self.sendings: list[Sending] = []
        self._flink, self._fail = flink, fail

    def __call__(self) -> Sent:
        return self

    def make_ready(self, sending: Sending) -> None:
        """Nothing was stopped before."""
        assert sending.restore is None
        assert self.sendings or not self._flink.asked

    def send(self, sending: Sending) -> str:
        self.sendings.append(sending)
        self._flink.end("FAILED" if len(self.sendings) <= self._fail else "RUNNING")
        return JOB


def configured(tmp_path: Path, text: str) -> Configuration:
    path = tmp_path / "monitors.yaml"
    path.write_text(text)
    return load(path)


def upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, *, fail: int = 0, drop_state: bool = False
) -> tuple[Sent, list[str], Upgraded | Exception]:
    """Run an upgrade between two texts."""
    before = load_references(configured(tmp_path, old).plan)
    lines: list[str] = []
    monkeypatch.setattr(upgrading, "check_topics", lambda loaded: None)
    monkeypatch.setattr(upgrading, "LOOK_S", 0.01)
    submitted.keep_if_possible(before, JOB)
    with FakeFlink(About.of(before)) as flink:
        flink.answers[f"/jobs/{JOB}/exceptions"] = copy.deepcopy(RECORDED["failed"])
        sent = Sent(flink, fail)
        monkeypatch.setattr(upgrading, "Apart", sent)
        try:
            done: Upgraded | Exception = upgrade(
                configured(tmp_path, new),
                flink.address,
                drop_state=drop_state,
                within_ms=2_000,
                python=None,
                tell=lines.append,
            )
        except (JobError, UsageError) as error:
            done = error
        sent.asked = [path for _, path, _ in flink.asked]  # type: ignore[attr-defined]
    return sent, lines, done


def test_a_model_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new plan goes on from the savepoint, which stays for the way back."""
    sent, lines, done = upgraded(tmp_path, monkeypatch, CONFIG, CONFIG + MORE)
    assert isinstance(done, Upgraded)
    assert (done.job, done.savepoint) == (JOB, SAVEPOINT)
    [sending] = sent.sendings
    assert [model.name for model in sending.references.plan.models] == ["churn", "fraud"]
    assert (sending.restore, sending.claim) == (SAVEPOINT, False)
    assert lines[:3] == ["models.fraud: added", "all state is kept", f"stopped with the savepoint {SAVEPOINT}"]
    assert "nothing ran for" in lines[3]


def test_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is left alone."""
    sent, lines, done = upgraded(tmp_path, monkeypatch, CONFIG, CONFIG)
    assert isinstance(done, Upgraded)
    assert (done.job, sent.sendings, lines) == (None, [], ["nothing changes"])
    assert sent.asked == []  # type: ignore[attr-defined]


def test_state_is_not_lost_by_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which, and what allows it; nothing is stopped."""
    sent, _, done = upgraded(tmp_path, monkeypatch, CONFIG + MORE, CONFIG)
    assert str(done) == (
        "job prod/shop: state would be lost: models.fraud (episodes and requests, learned references, "
        "windows of learned versions); --drop-state allows that"
    )
    assert (sent.sendings, sent.asked) == ([], [])  # type: ignore[attr-defined]
    sent, _, done = upgraded(tmp_path, monkeypatch, CONFIG + MORE, CONFIG, drop_state=True)
    assert isinstance(done, Upgraded)
    assert sent.sendings[0].restore == SAVEPOINT


def test_another_pane_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The savepoint is for the way back alone."""
    new = CONFIG.replace("prod}", "prod, pane: 5 s}")
    sent, _, done = upgraded(tmp_path, monkeypatch, CONFIG, new, drop_state=True)
    assert isinstance(done, Upgraded)
    assert sent.sendings[0].restore is None


def test_back_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one that fails is cancelled, and the old one goes on from the savepoint with the profiles that it had."""
    sent, lines, done = upgraded(tmp_path, monkeypatch, CONFIG, CONFIG + MORE, fail=1)
    why = f"it is FAILED: {WHY}"
    assert str(done) == f"job prod/shop: {why}; the old configuration runs again, from {SAVEPOINT}"
    assert lines[-1] == f"the new configuration does not run ({why}); going back to the old one"
    new, old = sent.sendings
    assert [model.name for model in old.references.plan.models] == ["churn"]
    assert (old.restore, old.claim, old.kafka) == (SAVEPOINT, False, new.kafka)
    assert sent.asked == [f"/jobs/{JOB}/stop", f"/jobs/{JOB}?mode=cancel"]  # type: ignore[attr-defined]


def test_neither_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The savepoint is named."""
    _, _, done = upgraded(tmp_path, monkeypatch, CONFIG, CONFIG + MORE, fail=2)
    assert "the old configuration does not run either" in str(done)
    assert str(done).endswith(f"submit one of them with --from-savepoint {SAVEPOINT}")


@pytest.mark.parametrize(
    ("flink", "python", "message"),
    [
        ("2.0.1", None, r"is Flink 2\.0\.1 \(Tidemark's jobs are for 2\.3\)"),
        ("2.3.0", "3.9.2", r"job prod/shop: its workers have Python 3\.9\.2 \(.*\), this is Python .*--python$"),
    ],
)
def test_other_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: str, python: str | None, message: str
) -> None:
    """Of Flink, or of the Python of the workers: nothing is stopped."""
    about = About.of(load_references(configured(tmp_path, CONFIG).plan), "/opt/python")
    if python is not None:
        about = msgspec.structs.replace(about, python_version=python)
    with FakeFlink(about) as cluster:
        cluster.answers["/config"]["flink-version"] = flink
        loaded, asked = configured(tmp_path, CONFIG + MORE), {"drop_state": False, "within_ms": 1, "tell": print}
        with pytest.raises(SetupError, match=message):
            upgrade(loaded, cluster.address, python=None, **asked)
        assert cluster.asked == []


def test_the_archive_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the job that runs, unless another one is given; one that is gone is told before anything is stopped."""
    old, new = packed(tmp_path / "old.tgz", WHOLE), packed(tmp_path / "new.tgz", WHOLE)
    before = load_references(configured(tmp_path, CONFIG).plan)
    monkeypatch.setattr(upgrading, "check_topics", lambda loaded: None)
    monkeypatch.setattr(upgrading, "LOOK_S", 0.01)
    submitted.keep_if_possible(before, JOB)
    asked = {"drop_state": False, "within_ms": 2_000, "python": None, "tell": lambda line: None}
    for given, sent_with, python in ((None, old, PYTHON), (new, new, None)):
        with FakeFlink(About.of(before, PYTHON, old)) as flink:
            sent = Sent(flink)
            monkeypatch.setattr(upgrading, "Apart", sent)
            upgrade(configured(tmp_path, CONFIG + MORE), flink.address, archive=given, **asked)  # type: ignore[arg-type]
            [sending] = sent.sendings
            assert (sending.archive, sending.python) == (sent_with, python)
    Path(old).unlink()
    with FakeFlink(About.of(before, PYTHON, old)) as flink:
        with pytest.raises(UsageError, match="cannot be read"):
            upgrade(configured(tmp_path, CONFIG + MORE), flink.address, **asked)  # type: ignore[arg-type]
        assert flink.asked == []


def test_no_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was submitted is not known any more: nothing is stopped."""
    monkeypatch.setattr(submitted, "find", lambda about, job: None)
    sent, _, done = upgraded(tmp_path, monkeypatch, CONFIG, CONFIG + MORE)
    assert "there would be no way back" in str(done)
    assert sent.asked == []  # type: ignore[attr-defined]


def test_what_was_submitted(tmp_path: Path) -> None:
    """It is found in the folder of the state, or made of the same profiles again."""
    references = load_references(configured(tmp_path, CONFIG).plan)
    about = About.of(references)
    assert submitted.find(about, JOB) == references  # from the profiles that there are: none
    for number in range(5):
        submitted.keep_if_possible(references, f"job{number}")
    kept = sorted(path.name for path in (tmp_path / ".tidemark/checkpoints/prod/shop/submitted").iterdir())
    assert kept == ["job2", "job3", "job4"]
    assert submitted.find(about, "job4") == references
    other = msgspec.structs.replace(about, states={})
    assert submitted.find(other, "job0") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoints": 0}, r"no checkpoint within 50 ms$"),
        ({"checkpoints": 0, "SCHEDULED": 7}, r"no checkpoint within 50 ms; are there slots enough on the cluster\?"),
        ({"failures": 3}, "it is RUNNING: IOException"),
        ({"failures": 1, "text": "IOException: Cannot run program"}, "it is RUNNING: IOException.*have no such"),
        ({"state": "CANCELED"}, "it is CANCELED: no reason given"),
    ],
)
def test_what_does_not_run(change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint, no slots, failures again and again, one of the interpreter's, or an end."""
    monkeypatch.setattr(upgrading, "LOOK_S", 0.01)
    with FakeFlink() as flink:
        flink.answers[f"/jobs/{JOB}/checkpoints"]["counts"]["completed"] = change.get("checkpoints", 1)
        flink.job["state"] = change.get("state", "RUNNING")
        if "SCHEDULED" in change or "failures" in change:
            flink.job["status-counts"].update(RUNNING=0, SCHEDULED=7)
        if "failures" in change:
            entries = copy.deepcopy(RECORDED["failed"])
            entries["exceptionHistory"]["entries"] *= change["failures"]
            if "text" in change:
                entries["exceptionHistory"]["entries"][0]["stacktrace"] = change["text"]
            flink.answers[f"/jobs/{JOB}/exceptions"] = entries
        with pytest.raises(JobError, match=message):
            wait_until_saved(Cluster(flink.address), JOB, 50)
