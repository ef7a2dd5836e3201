"""State of a job with other sources: which of them are the same ones. What Flink makes of it is in tests/e2e."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config.plan import Plan, SourcePlan
from jobs.cluster import rewiring
from jobs.cluster.rewiring import BEFORE, added, check_owner, moved, undo
from schemas.errors import UsageError
from tests.jobs.cluster.plans import PLAN, PREDICTIONS

LABELS = SourcePlan(name="labels", kind="labels", topic="labels")
ELSEWHERE = msgspec.structs.replace(PREDICTIONS, topic="others")


def plan(*sources: SourcePlan) -> Plan:
    return msgspec.structs.replace(PLAN, sources=sources)


def test_a_source_is_found_wherever_it_stands() -> None:
    """By its name and topic; another topic has other offsets, and is another source."""
    before = plan(PREDICTIONS, LABELS)
    assert moved("source_0", before, plan(LABELS, PREDICTIONS)) == "source_1"
    assert moved("source_1", before, plan(PREDICTIONS)) is None
    assert moved("source_0", before, plan(ELSEWHERE, LABELS)) is None


def test_which_ones_join() -> None:
    """Those that were not read before."""
    assert added(plan(PREDICTIONS), plan(LABELS, PREDICTIONS)) == (0,)
    assert added(plan(PREDICTIONS, LABELS), plan(PREDICTIONS)) == ()
    assert added(plan(PREDICTIONS), plan(ELSEWHERE)) == (0,)


def test_the_way_back(tmp_path: Path) -> None:
    """The metadata that a savepoint was made with is there again; one that was not touched is left alone."""
    metadata = tmp_path / "_metadata"
    metadata.write_bytes(b"first")
    undo(tmp_path.as_uri())
    assert metadata.read_bytes() == b"first"
    Path(f"{metadata}{BEFORE}").write_bytes(b"first")
    metadata.write_bytes(b"rewired")
    undo(f"file:{tmp_path}")  # as Flink writes it
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("_metadata", b"first")]


class Named:
    """Stands for an operator's state."""

    def __init__(self, name: str) -> None:
        self.name = name

    def getOperatorStates(self) -> list[Named]:
        return [Named("monitor"), self]

    def getOperatorName(self) -> Named:
        return self

    def orElse(self, other: str) -> str:
        return self.name or other


def test_state_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of an older release does not, and that on machines of the cluster cannot be asked."""
    monkeypatch.setattr(rewiring, "_read", lambda state: Path(state).read_bytes())
    check_owner("/nowhere", PLAN)
    for name in ("policy of prod/shop", "policy"):
        monkeypatch.setattr(rewiring, "_read", lambda state, name=name: (None, Named(name)))
        check_owner("s3://moved/savepoint", PLAN)
    monkeypatch.setattr(rewiring, "_read", lambda state: (None, Named("policy of prod/other")))
    with pytest.raises(UsageError) as caught:
        check_owner("s3://moved/savepoint", PLAN)
    assert str(caught.value) == (
        "state s3://moved/savepoint: is of job prod/other, not of prod/shop; "
        "give a savepoint of this job, or begin anew with --fresh"
    )
