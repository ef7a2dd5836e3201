"""Errors followed one by one: detectors of our own and river's, in the order in which labels come."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import (
    DetectorPlan,
    JobPlan,
    LabelsPlan,
    MetricPlan,
    Plan,
    PredictionPlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
)
from operators.decisions.outputs import SignalChange
from operators.encoding.keys import owner
from operators.labels.join_rows import Matches, by_key, label_data, prediction_data
from operators.metrics.baseline import BaselineBuilder, followed, stream_tests
from operators.monitoring.detection import Detection
from operators.performances import Performances
from operators.profiles.references import JobReferences, ModelSignals
from operators.reading.columns import Columns
from tests.operators.decoding import model, profile

PANE = 10_000
START = 1_767_225_600_000
BINARY = PredictionPlan(task="binary", positive="yes")
NUMBER = PredictionPlan(task="regression")


def drawn(rng: np.random.Generator, count: int, task: str, worse: float) -> np.ndarray:
    """Predicted, probability and outcome."""
    if task == "regression":
        true = rng.normal(50, 10, count)
        return np.column_stack([true + rng.normal(0, 1 + worse, count), np.full(count, np.nan), true])
    scores = rng.beta(1, 1, count)
    outcome = rng.random(count) < np.where(rng.random(count) < worse, 0.5, np.round(scores) * 0.8 + 0.1)
    return np.column_stack([scores >= 0.5, scores, outcome]).astype(np.float64)


def job(prediction: PredictionPlan, *names: str, seed: int = 1) -> JobReferences:
    """One model, whose errors these detectors follow."""
    alarms = msgspec.structs.replace(model().alarms, period_ms=30 * 86_400_000, confirm=2, recover=2)
    window = msgspec.structs.replace(
        model().window, size_ms=6 * PANE, slide_ms=PANE, min_count=200, grow_to_ms=6 * PANE
    )
    made = model(
        prediction=prediction, labels=LabelsPlan(within_ms=600_000), performance=(),
        errors=tuple(DetectorPlan(name=name, input="raw" if name.startswith("river") else "rank") for name in names),
        window=window, alarms=alarms, segments=(),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    baseline = BaselineBuilder(made, profile())
    values = drawn(rng, 10_000, prediction.task, 0.0)
    columns = Columns(np.arange(len(values)), {}, {}, {}, ())
    baseline.add(columns, values, START - 10_000_000 + np.arange(len(values)))
    known = msgspec.structs.replace(profile(), performance=baseline.build("r", trained=False))
    sources = (SourcePlan(name="labels", kind="labels", path="l.jsonl", format="jsonl"),)
    plan = Plan(job=JobPlan(), sources=sources, events=SinkPlan(path="e.jsonl"), models=(made,))
    return JobReferences(plan, {"churn": {"": known}})


def matched(values: np.ndarray, end_ms: int, waited_ms: int = 1_000) -> tuple[str, bytes]:
    """Labels that come in a pane, as the join gives them out; late ones had waited so long, or half of it more."""
    times = end_ms - PANE + np.linspace(0, PANE - 1, len(values)).astype(np.int64)
    hashes = np.random.default_rng(end_ms).integers(0, 2**63, len(values)).astype(np.uint64)
    data = prediction_data(np.ascontiguousarray(values[:, :2]), [np.zeros(len(values), np.int64)])
    waits = waited_ms + (hashes % 2).astype(np.int64) * (waited_ms // 2 if waited_ms > PANE else 0)
    matches = Matches(hashes, times - waits, times, data, label_data(np.ascontiguousarray(values[:, 2])))
    ((key, part),) = by_key("churn", matches, [owner("1", "champion")])
    return key, part


def run(
    about: JobReferences, panes: list[np.ndarray], waited_ms: int = 1_000, *, wakes_up: bool = True
) -> list[SignalChange]:
    """All that is said of panes of labels, state going through bytes."""
    performances = Performances(about)
    state, said = b"", []
    wakes: int | None = None
    for number, values in enumerate(panes):
        end_ms = START + (number + 1) * PANE
        if not len(values):
            continue
        key, part = matched(values, end_ms, waited_ms)
        while wakes_up and wakes is not None and wakes < end_ms:
            measured = performances.pass_time(key, state, wakes)
            state, wakes = measured.state, measured.next_ms
            said += measured.changes
        measured = performances.fold(key, state, [part], end_ms, end_ms)
        state, wakes = measured.state, measured.next_ms
        said += measured.changes
    return said


@pytest.mark.parametrize(
    ("prediction", "detector", "signal"),
    [
        (BINARY, "adwin", "performance.error"),
        (BINARY, "page_hinkley", "performance.error"),
        (BINARY, "psi", "performance.error"),
        (BINARY, "river:binary.DDM", "performance.error"),
        (NUMBER, "adwin", "performance.error"),
        (NUMBER, "page_hinkley", "performance.error"),
    ],
)
def test_a_rise_of_errors_is_found(prediction, detector, signal):
    """Within a few panes, from where it began; and without one nothing is said."""
    rng = np.random.default_rng(5)
    task = prediction.task
    calm = [drawn(rng, 300, task, 0.0) for _ in range(40)]
    assert run(job(prediction, detector), calm) == []
    found = run(job(prediction, detector), calm[:20] + [drawn(rng, 300, task, 0.8) for _ in range(10)])
    opened = [change for change in found if change.state == "opened" and change.evidence.signal == signal]
    assert [change.kind for change in opened] == ["performance"]
    assert opened[0].evidence.detector.startswith(detector)
    assert START + 20 * PANE < opened[0].time_ms <= START + 26 * PANE
    if not detector.startswith("river"):
        assert abs(opened[0].onset_ms - START - 20 * PANE) <= PANE
        assert opened[0].evidence.effect.direction == "up"


@pytest.mark.parametrize("seed", range(3))
def test_what_late_labels_show_began_when_they_were_predicted(seed):
    """Measures and errors alike, whether the key is woken at each slide or by labels alone, through gaps."""
    rng = np.random.default_rng(seed)
    about = job(BINARY, "adwin", "psi")
    (plan,) = about.plan.models
    slides = msgspec.structs.replace(plan.window, slide_ms=2 * PANE)
    both = msgspec.structs.replace(plan, performance=(MetricPlan(name="accuracy"),), window=slides)
    about = JobReferences(msgspec.structs.replace(about.plan, models=(both,)), about.profiles)
    none = np.empty((0, 3))
    panes = [drawn(rng, 300, "binary", 0.8 * (20 <= at < 30)) if rng.random() < 0.8 else none for at in range(50)]
    found = run(about, panes, 240_000)
    assert found == run(about, panes, 240_000, wakes_up=False)
    soon = run(about, panes)
    moved = {one.evidence.signal: (then.onset_ms - one.onset_ms) for one, then in zip(found, soon, strict=True)}
    assert {"performance.accuracy", "performance.error"} <= set(moved)
    assert all(200_000 <= by_ms <= 300_000 for by_ms in moved.values())


@pytest.mark.parametrize("detector", ["adwin", "page_hinkley", "psi"])
def test_fewer_errors_are_no_alarm(detector):
    """A model that has become better has lost nothing."""
    rng = np.random.default_rng(6)
    calm = [drawn(rng, 300, "binary", 0.0) for _ in range(20)]
    true = [values[:, 2] for values in calm]
    better = [np.column_stack([one, np.where(one == 1, 0.9, 0.1), one]) for one in true]
    assert run(job(BINARY, detector), [*calm, *better]) == []


def test_losses_are_followed_beside_errors():
    """Of probabilities also log losses; river's detectors of 0 and 1 look at errors alone."""
    made = job(BINARY, "adwin", "river:binary.DDM")
    plan, known = made.plan.models[0], made.profiles["churn"][""]
    assert {name: [one.name for one in plans] for name, plans in followed(plan, known).items()} == {
        "error": ["adwin", "river:binary.DDM"], "loss": ["adwin"]
    }  # fmt: skip
    assert stream_tests(plan, known) == 2
    without = msgspec.structs.replace(plan, errors=msgspec.UNSET)
    tests = [Detection(ModelSignals(one, known)).tests for one in (without, plan)]
    assert tests[1] - tests[0] == 2
    assert followed(plan, msgspec.structs.replace(known, performance=msgspec.UNSET)) == {}


def test_what_is_no_longer_followed_is_over():
    """When the configuration asks for it no more, or for nothing of the model."""
    rng = np.random.default_rng(7)
    about = job(BINARY, "page_hinkley")
    performances, state, said = Performances(about), b"", []
    for number in range(14):
        end_ms = START + (number + 1) * PANE
        values = drawn(rng, 300, "binary", 0.0 if number < 8 else 0.9)
        key, part = matched(values, end_ms)
        measured = performances.fold(key, state, [part], end_ms, end_ms)
        state, said = measured.state, said + measured.changes
    assert "opened" in [change.state for change in said]
    (made,) = about.plan.models
    for changed in ({"errors": msgspec.UNSET}, {"performance": msgspec.UNSET, "errors": msgspec.UNSET}):
        plan = msgspec.structs.replace(about.plan, models=(msgspec.structs.replace(made, **changed),))
        after = Performances(JobReferences(plan, about.profiles)).pass_time(key, state, end_ms)
        assert {(change.state, change.why) for change in after.changes} == {("recovered", "configuration")}


def by_country(about: JobReferences, shares: dict[str, float], seed: int = 2) -> JobReferences:
    """The same with a segment for each country, of which so large a part of the outcomes is anything."""
    (made,) = about.plan.models
    made = msgspec.structs.replace(made, segments=(SegmentPlan(fields=("country",)),))
    segments = {"country": tuple((f"country={name}", 4_000) for name in shares)}
    known = msgspec.structs.replace(about.profiles["churn"][""], segments=segments, performance=msgspec.UNSET)
    baseline, rng = BaselineBuilder(made, known), np.random.default_rng(seed)
    for number, (name, worse) in enumerate(shares.items()):
        count = 20 if name == "NO" else 4_000
        values = drawn(rng, count, made.prediction.task, worse)
        columns = Columns(np.arange(count), {}, {}, {"country": [name] * count}, ())
        baseline.add(columns, values, START - 10_000_000 + 2 * np.arange(count) + number)
    known = msgspec.structs.replace(known, performance=baseline.build("r", trained=False))
    return JobReferences(msgspec.structs.replace(about.plan, models=(made,)), {"churn": {"": known}})


def run_by_country(about: JobReferences, panes: list[dict[str, np.ndarray]]) -> list[SignalChange]:
    """All that is said of panes of labels by country."""
    performances = Performances(about)
    states: dict[str, bytes] = {}
    said = []
    for number, pane in enumerate(panes):
        end_ms = START + (number + 1) * PANE
        for at, (name, values) in enumerate(pane.items()):
            times = end_ms - PANE + np.linspace(0, PANE - 1, len(values)).astype(np.int64)
            hashes = np.random.default_rng([end_ms, at]).integers(0, 2**63, len(values)).astype(np.uint64)
            columns = [np.zeros(len(values), np.int64), np.ones(len(values), np.int64)]
            data = prediction_data(np.ascontiguousarray(values[:, :2]), columns)
            matches = Matches(hashes, times - 1_000, times, data, label_data(np.ascontiguousarray(values[:, 2])))
            for key, part in by_key("churn", matches, [owner("1", "champion"), f"country={name}"]):
                if not key.endswith("|all"):
                    measured = performances.fold(key, states.get(key, b""), [part], end_ms, end_ms)
                    states[key] = measured.state
                    said += measured.changes
    return said


@pytest.mark.parametrize("detector", ["adwin", "page_hinkley"])
@pytest.mark.parametrize("prediction", [BINARY, NUMBER], ids=["binary", "regression"])
def test_errors_of_segments(prediction, detector):
    """A rise is found in the segment that has it; one that has always had more errors is no alarm."""
    shares = {"DE": 0.0, "FR": 0.6}
    about = by_country(job(prediction, detector), shares)
    rng, task = np.random.default_rng(8), prediction.task
    calm = [{name: drawn(rng, 150, task, worse) for name, worse in shares.items()} for _ in range(40)]
    assert run_by_country(about, calm) == []
    moved = [{"DE": drawn(rng, 150, task, 0.8), "FR": drawn(rng, 150, task, 0.6)} for _ in range(20)]
    found = run_by_country(about, calm[:20] + moved)
    opened = [(change.segment, change.kind) for change in found if change.state == "opened"]
    assert set(opened) == {("country=DE", "performance")}


def test_segments_of_which_little_is_known():
    """One with few labels in the baseline, one that it has not, and all of an older profile are not followed."""
    about = by_country(job(BINARY, "page_hinkley"), {"DE": 0.0, "NO": 0.0})
    rng = np.random.default_rng(9)
    worse = [{name: drawn(rng, 150, "binary", 0.9) for name in ("NO", "SE")} for _ in range(20)]
    assert run_by_country(about, worse) == []
    known = about.profiles["churn"][""]
    older = msgspec.structs.replace(known, performance=msgspec.structs.replace(known.performance, slices=msgspec.UNSET))
    worse = [{"DE": drawn(rng, 150, "binary", 0.9)} for _ in range(20)]
    assert run_by_country(JobReferences(about.plan, {"churn": {"": older}}), worse) == []
    assert run_by_country(about, worse) != []
