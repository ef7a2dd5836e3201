"""State is not gone on from under other panes or sources."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config.plan import AlarmsPlan, ControlPlan, FeaturePlan, JobPlan, ModelPlan, Plan, SinkPlan, SourcePlan, WindowPlan
from jobs.resume import check, note
from schemas.errors import UsageError

PREDICTIONS = SourcePlan(name="predictions", kind="predictions", topic="predictions")
MODEL = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=0),
    alarms=AlarmsPlan(budget=1, period_ms=1, confirm=2, recover=3, min_effect="small", critical="large"),
    features=(FeaturePlan(name="age", type="numeric"),),
)
PLAN = Plan(job=JobPlan(), sources=(PREDICTIONS,), events=SinkPlan(topic="events"), models=(MODEL,))


def test_the_same_plan_goes_on(tmp_path: Path) -> None:
    """Also with other models, features and parallelism: the operators' own state copes with those."""
    note(str(tmp_path), PLAN, None)
    job = msgspec.structs.replace(PLAN.job, parallelism=2)
    check(str(tmp_path), msgspec.structs.replace(PLAN, job=job, models=()), bounded=False)


def test_state_without_a_note_is_taken(tmp_path: Path) -> None:
    """A folder that nobody ran in before has none."""
    assert check(str(tmp_path), PLAN, bounded=True) is None


def test_another_pane_is_refused(tmp_path: Path) -> None:
    """Flink would accept the state and emit overlapping panes."""
    note(str(tmp_path), PLAN, None)
    job = msgspec.structs.replace(PLAN.job, pane_ms=20_000)
    with pytest.raises(UsageError) as caught:
        check(str(tmp_path), msgspec.structs.replace(PLAN, job=job), bounded=False)
    assert str(caught.value) == (
        "job.pane: was 10 s in the run to go on from, is 20 s; put it back, or begin anew with --fresh"
    )


def test_other_sources_are_refused(tmp_path: Path) -> None:
    """They change the ids of Flink's own operators."""
    note(str(tmp_path), PLAN, None)
    more = SourcePlan(name="features", kind="features", path="features.jsonl")
    with pytest.raises(UsageError) as caught:
        check(str(tmp_path), msgspec.structs.replace(PLAN, sources=(PREDICTIONS, more)), bounded=False)
    assert str(caught.value) == (
        "sources: were predictions from predictions in the run to go on from, "
        "are predictions from predictions, features from features.jsonl; put it back, or begin anew with --fresh"
    )


def test_control_is_put_in_or_taken_out_by_beginning_anew(tmp_path: Path) -> None:
    """What it asks of monitors comes with the records: it is a part of the statement that cuts panes."""
    with_control = msgspec.structs.replace(PLAN, control=ControlPlan(topic="drift-control"))
    for kept, now, was, is_ in (
        (PLAN, with_control, "not there", "drift-control"),
        (with_control, PLAN, "drift-control", "not there"),
    ):
        note(str(tmp_path), kept, None)
        with pytest.raises(UsageError) as caught:
            check(str(tmp_path), now, bounded=False)
        assert str(caught.value) == (
            f"control: was {was} in the run to go on from, is {is_}; put it back, or begin anew with --fresh"
        )
        check(str(tmp_path), kept, bounded=False)


def test_a_checkpoint_is_in_the_form_of_what_held_the_state(tmp_path: Path) -> None:
    """A savepoint is not, and leads from one to the other."""
    note(str(tmp_path), PLAN, None)
    rocksdb = msgspec.structs.replace(PLAN, job=msgspec.structs.replace(PLAN.job, state="rocksdb"))
    check(str(tmp_path), rocksdb, bounded=False, restore="file:/state/default/tidemark/savepoint-1-2")
    check(str(tmp_path), PLAN, bounded=False, restore="file:/state/default/tidemark/8d2f/chk-7")
    with pytest.raises(UsageError) as caught:
        check(str(tmp_path), rocksdb, bounded=False, restore="file:/state/default/tidemark/8d2f/chk-7")
    assert str(caught.value) == (
        "job.state: was memory in the run to go on from, which left a checkpoint but no savepoint, is rocksdb; "
        "put it back and end that run with a savepoint first, or begin anew with --fresh"
    )


def test_a_bounded_run_goes_on_to_its_own_end(tmp_path: Path) -> None:
    """It ends where its topics ended when it began; a run without an end does not go on from it."""
    ends = {"predictions": {0: 42, 1: 0}}
    note(str(tmp_path), PLAN, ends)
    assert check(str(tmp_path), PLAN, bounded=True) == ends
    with pytest.raises(UsageError) as caught:
        check(str(tmp_path), PLAN, bounded=False)
    assert str(caught.value) == (
        "the run to go on from ends where its topics ended when it began; "
        "let it end with --bounded, or begin anew with --fresh"
    )


def test_state_of_another_release_is_refused(tmp_path: Path) -> None:
    """Where its job was put together otherwise, Flink would find nobody for it."""
    (tmp_path / "made-under.json").write_bytes(b'{"pane_ms": 10000, "sources": [["predictions", "predictions"]]}')
    with pytest.raises(UsageError) as caught:
        check(str(tmp_path), PLAN, bounded=True)
    assert str(caught.value) == (
        f"state in {tmp_path}: was kept by an older release, whose job is put together otherwise; "
        "go on with that release, or begin anew with --fresh"
    )
