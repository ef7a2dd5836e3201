"""Performance in a backtest: of each window the measures of the labels that came in it, computed again from scratch."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config.plan import LabelsPlan, MetricPlan, ModelPlan, PredictionPlan, QualityPlan, SourcePlan, TimePlan
from jobs import backtest
from operators.metrics.baseline import BaselineBuilder
from operators.metrics.outcomes import label_outcomes, predicted_outcomes
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.signal_values import confidences
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from schemas.cloudevents import milliseconds, significant
from schemas.profile import Profile, Provenance
from schemas.summaries import Summary
from tests.jobs.test_backtest import START_MS, model, run, write
from tests.operators.panes import MINUTE

SIZE, SLIDE = 10 * MINUTE, 5 * MINUTE
BINARY = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
NUMBER = PredictionPlan(task="regression")


def data(number: bool = False) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Half an hour of predictions of two versions, and labels of most: right ones become rarer."""
    rng = np.random.default_rng(3)
    records, labels = [], []
    for row in range(3_000):
        time_ms = START_MS + row * 600
        yes = float(rng.random())
        true: Any = "yes" if rng.random() < (yes if row < 1_500 else 0.5) else "no"
        predicted: Any = "yes" if yes >= 0.5 else "no"
        if number:
            true, predicted = float(rng.normal()), float(rng.normal())
        country = str(rng.choice(["DE", "FR"]))
        record = {
            "id": f"r{row}", "timestamp": time_ms, "model": "churn", "version": str(1 + row % 2),
            "features": {"age": float(rng.normal()), "country": country},
            "prediction": predicted, "probabilities": {"yes": yes, "no": 1 - yes},
        }  # fmt: skip
        records.append(record)
        if rng.random() < 0.8:
            labels.append({"id": f"r{row}", "timestamp": time_ms + int(rng.integers(1, 240_000)), "label": true})
    labels.sort(key=lambda one: one["timestamp"])
    return records, labels


def found(folder: Path, plan: ModelPlan, *files: str) -> list[Summary]:
    """Summaries of performance."""
    summaries: list[Summary] = []
    run(folder, *files, models=(plan,), more_sources=(labels_source(folder),), on_summary=summaries.append)
    return [one for one in summaries if one.about == "performance"]


def profiled(folder: Path, made: ModelPlan, rows: list[dict[str, Any]], truth: list[Any]) -> Profile:
    """A profile of records with their labels."""
    source = SourcePlan(name="reference", kind="predictions", path="reference.jsonl", format="jsonl")
    columns = extract([json.dumps(row).encode() for row in rows], source, ["age", "country"])
    times_ms = np.array([row["timestamp"] for row in rows])
    builder = ProfileBuilder(made)
    builder.add(columns, source, times_ms)
    found = builder.build(Provenance(source="r", rows=len(rows), start=None, end=None, tidemark="0"), None)
    counter = SliceCounter(made, found)
    counter.add(columns, source, times_ms)
    found = counter.build()
    predicted = predicted_outcomes(
        columns.fields["prediction"], confidences(columns, len(rows), False), made.prediction, texts=False
    )
    outcomes = label_outcomes(truth, made.prediction, texts=False)
    baseline = BaselineBuilder(made, found)
    baseline.add(columns, np.column_stack([predicted, outcomes]), times_ms)
    return msgspec.structs.replace(found, performance=baseline.build("r", trained=False))


def drawn(rng: np.random.Generator, count: int, start_ms: int, right: float, shift: float = 0.0) -> Any:
    """Records of which the model is right about so many, whatever the feature is."""
    rows, truth = [], []
    for row in range(count):
        yes, is_right = bool(rng.random() < 0.4), bool(rng.random() < right)
        record = {
            "id": f"{start_ms}-{row}", "timestamp": start_ms + row * 600, "model": "churn", "version": "1",
            "features": {"age": float(rng.normal() + shift), "country": str(rng.choice(["DE", "FR"]))},
            "prediction": "yes" if yes else "no", "confidence": float(rng.uniform(0.5, 1)),
        }  # fmt: skip
        rows.append(record)
        truth.append("yes" if yes == is_right else "no")
    return rows, truth


@pytest.mark.parametrize(("right", "shift"), [(0.6, 0.0), (0.85, 1.0), (0.6, 1.0), (0.85, 0.0)])
def test_losses_and_drifts_are_told_apart(tmp_path, right, shift):
    """Performance that falls without input drift is an episode of performance alone; inputs may drift without loss."""
    rng = np.random.default_rng(11)
    made = plan(BINARY, MetricPlan(name="accuracy"), MetricPlan(name="f1"), MetricPlan(name="log_loss"), min_count=200)
    found_profile = profiled(tmp_path, made, *drawn(rng, 6_000, START_MS - 86_400_000, 0.85))
    early, late = drawn(rng, 4_000, START_MS, 0.85), drawn(rng, 4_000, START_MS + 4_000 * 600, right, shift)
    rows, truth = early[0] + late[0], early[1] + late[1]
    write(tmp_path / "all.jsonl", rows)
    labels = [
        {"id": row["id"], "timestamp": row["timestamp"] + 60_000, "label": label}
        for row, label in zip(rows, truth, strict=True)
    ]
    write(tmp_path / "labels.jsonl", labels)
    result = run(
        tmp_path,
        "all.jsonl",
        models=(made,),
        more_sources=(labels_source(tmp_path),),
        profiles={"churn": {"": found_profile}},
    )
    opened = [event.data for event in result.events if event.type == "io.tidemark.drift.opened"]
    expected = {"performance"} if right < 0.85 else set()
    assert {data.kind for data in opened} == expected | ({"feature"} if shift else set())
    for data in opened:
        if data.kind == "performance":
            assert data.segment == {} or data.segment.keys() == {"country"}
            assert abs(milliseconds(data.onset) - START_MS - 4_000 * 600 - 60_000) < 2 * MINUTE
            assert data.predicted.end < data.window.end
            assert data.reference.id == found_profile.id
            assert "fell" in data.message or "rose" in data.message
    if len({data.kind for data in opened}) == 2:
        assert len({data.incident for data in opened}) == 1


def labels_source(folder: Path) -> SourcePlan:
    """Labels in a file."""
    return SourcePlan(
        name="labels", kind="labels", path=str(folder / "labels.jsonl"), format="jsonl", time=TimePlan(kind="payload"),
        out_of_orderness_ms=1_000,
    )  # fmt: skip


def plan(prediction: PredictionPlan, *metrics: MetricPlan, min_count: int = 1) -> ModelPlan:
    """A model whose windows do not grow."""
    made = model()
    return msgspec.structs.replace(
        made,
        window=msgspec.structs.replace(made.window, size_ms=SIZE, slide_ms=SLIDE, min_count=min_count, grow_to_ms=SIZE),
        prediction=prediction,
        labels=LabelsPlan(within_ms=60 * MINUTE),
        performance=metrics,
    )


def expected(records: list[dict[str, Any]], labels: list[dict[str, Any]]) -> dict[tuple[str, str, int], list[Any]]:
    """Pairs of record and label by version, segment and end of each window."""
    by_id = {record["id"]: record for record in records}
    pairs = defaultdict(list)
    for label in labels:
        record = by_id[label["id"]]
        end = label["timestamp"] // SLIDE * SLIDE + SLIDE
        for segment in ("all", f"country={record['features']['country']}"):
            pairs[record["version"], segment, end].append((record, label["label"]))
    return {(v, s, end): pairs.get((v, s, end - SLIDE), []) + now for (v, s, end), now in list(pairs.items())}


@pytest.mark.parametrize("parts", [1, 3])
def test_two_classes(tmp_path, monkeypatch, parts):
    """By version and segment, whichever way records lie in files; the alarm is at the user's own limit."""
    records, labels = data()
    for part in range(parts):
        write(tmp_path / f"part-{part}.jsonl", records[part::parts])
    write(tmp_path / "labels.jsonl", labels)
    monkeypatch.setattr(backtest, "ROWS", 400)
    metrics = MetricPlan(name="accuracy", min=0.7), MetricPlan(name="brier"), MetricPlan(name="roc_auc")
    summaries = found(tmp_path, plan(BINARY, *metrics), *(f"part-{part}.jsonl" for part in range(parts)))
    windows = expected(records, labels)
    assert {(s.version, s.segment, milliseconds(s.window.end)) for s in summaries} == windows.keys()
    for summary in summaries:
        pairs = windows[summary.version, summary.segment, milliseconds(summary.window.end)]
        accuracy, brier, area = summary.evaluations
        right = [record["prediction"] == label for record, label in pairs]
        squares = [(record["probabilities"]["yes"] - (label == "yes")) ** 2 for record, label in pairs]
        assert (summary.window.count, accuracy.count) == (len(pairs), len(pairs))
        assert accuracy.statistic == significant(sum(right) / len(right))
        assert (accuracy.threshold, accuracy.alarm) == (0.7, sum(right) / len(right) < 0.7)
        assert brier.statistic == pytest.approx(sum(squares) / len(squares), rel=1e-8)
        true = np.array([label == "yes" for _, label in pairs])
        scores = np.array([record["probabilities"]["yes"] for record, _ in pairs])
        higher = (scores[true][:, None] > scores[~true][None, :]).mean()
        assert abs(area.statistic - higher) <= summary.errors.get("roc_auc", 0.0) + 1e-9
        assert summary.status == ("alarm" if accuracy.alarm else "ok")
    assert {summary.status for summary in summaries} == {"ok", "alarm"}


def test_numbers(tmp_path):
    """Errors of predicted numbers."""
    records, labels = data(number=True)
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    for summary in found(tmp_path, plan(NUMBER, MetricPlan(name="mae"), MetricPlan(name="bias")), "all.jsonl"):
        pairs = expected(records, labels)[summary.version, summary.segment, milliseconds(summary.window.end)]
        errors = np.array([record["prediction"] - label for record, label in pairs])
        mae, bias = summary.evaluations
        assert mae.statistic == pytest.approx(np.abs(errors).mean(), rel=1e-8)
        assert bias.statistic == pytest.approx(errors.mean(), rel=1e-7)


def test_too_few_labels_and_one_class(tmp_path):
    """Below `min_count` nothing is said; an area of one class is undefined, never 0 or 0.5."""
    records, labels = data()
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", [label | {"label": "yes"} for label in labels[:50]])
    metrics = MetricPlan(name="roc_auc", min=0.9), MetricPlan(name="recall")
    few = found(tmp_path, plan(BINARY, *metrics, min_count=40), "all.jsonl")
    assert {(one.segment, one.status, len(one.evaluations)) for one in few} <= {
        ("all", "insufficient", 0), ("country=DE", "insufficient", 0), ("country=FR", "insufficient", 0)
    }  # fmt: skip
    for one in found(tmp_path, plan(BINARY, *metrics), "all.jsonl"):
        area, recall = one.evaluations
        assert (area.statistic, area.alarm) == (None, False)
        assert recall.statistic is not None


def test_summaries_of_performance_can_be_written(tmp_path):
    """Their ids are not those of the windows of records."""
    from schemas import summaries

    records, labels = data()
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    (first, *_) = found(tmp_path, plan(BINARY, MetricPlan(name="f1")), "all.jsonl")
    message = summaries.decode(summaries.encode("tidemark/test/t", first))
    other = summaries.decode(summaries.encode("tidemark/test/t", msgspec.structs.replace(first, about="records")))
    assert message.data == first
    assert message.id != other.id
    assert json.loads(summaries.encode("tidemark/test/t", first))["data"]["about"] == "performance"


def test_labels_within_records(tmp_path):
    """They give what labels give that come with their predictions from a source, and nothing else is kept."""
    records, _ = data()
    metrics = (MetricPlan(name="accuracy"), MetricPlan(name="roc_auc"))
    made = plan(BINARY, *metrics)
    for record in records:
        record["label"] = record["prediction"] if int(record["id"][1:]) % 3 else "no"
    write(tmp_path / "own.jsonl", records)
    own: list[Summary] = []
    result = run(tmp_path, "own.jsonl", models=(made,), on_summary=own.append)
    assert (result.labels.read, result.labels.matched) == (3_000, 3_000)
    write(tmp_path / "data.jsonl", [{k: v for k, v in one.items() if k != "label"} for one in records])
    write(tmp_path / "labels.jsonl", [{k: one[k] for k in ("id", "timestamp", "label")} for one in records])
    ours = [one for one in own if one.about == "performance"]
    assert ours == found(tmp_path, made, "data.jsonl")
    assert len(ours) > 20


def test_each_label_has_one_outcome(tmp_path):
    """Whatever is wrong with labels, each is counted once, as docs/labels.md says, and performance is of the rest."""
    start = START_MS

    def prediction(id: str, at: int, said: str, version: str = "1") -> dict[str, Any]:
        record = {"id": id, "timestamp": start + at, "model": "churn", "version": version, "prediction": said}
        return record | {"features": {"age": 0.5, "country": "DE"}}

    def label(id: Any, at: int, said: Any, **more: Any) -> dict[str, Any]:
        return {"id": id, "timestamp": start + at, "label": said} | more

    predictions = [
        prediction("right", 0, "yes"),
        prediction("twice", 1_000, "yes"),  # the same id: both predictions get the label
        prediction("twice", 2_000, "no"),
        prediction("both", 3_000, "no"),
        prediction("both", 4_000, "yes", version="2"),  # likewise, each in the performance of its version
        prediction("before", 15_000, "no"),
        prediction("long before", 35_000, "no"),
        prediction("old", 36_000, "yes"),
        prediction("end", 60 * MINUTE, "yes"),
    ]
    labels = [
        label("before", 5_000, "no"),  # its prediction comes in the next pane
        label("long before", 5_000, "no"),  # its prediction comes too late
        label("right", 6_000, "yes"),
        label("right", 7_000, "no"),  # again, and otherwise
        label("twice", 8_000, "yes"),
        label("both", 9_000, "yes"),
        label("both", 9_500, "maybe"),  # of no class
        label("right", 9_600, 1),
        label("right", 9_700, None),
        label(None, 9_800, "yes"),
        label("nobody", 9_900, "yes"),
        label("right", 9_950, "yes", model="other"),  # that is not watched
        label("old", 30 * MINUTE, "yes"),  # more than `within` after it
    ]
    write(tmp_path / "data.jsonl", predictions)
    write(tmp_path / "labels.jsonl", labels)
    made = plan(BINARY, MetricPlan(name="accuracy"))
    made = msgspec.structs.replace(made, labels=LabelsPlan(within_ms=20 * MINUTE))
    summaries: list[Summary] = []
    source = labels_source(tmp_path)
    result = run(tmp_path, "data.jsonl", models=(made,), more_sources=(source,), on_summary=summaries.append)
    counts = msgspec.structs.asdict(result.labels)
    assert counts.pop("read") == len(labels) == sum(counts.values())
    assert counts == {
        "matched": 4, "duplicate": 1, "orphan": 3, "overdue": 0, "ignored": 1, "dead": 4, "late": 0
    }  # fmt: skip
    told = {(one.version, one.segment): one for one in reversed(summaries) if one.about == "performance"}
    first = {version: told[version, "all"].evaluations[0] for version in "12"}
    assert {version: (one.count, one.statistic) for version, one in first.items()} == {"1": (5, 0.6), "2": (1, 1.0)}


def test_labels_that_stay_away(tmp_path):
    """Fewer labels than before are an episode of quality, of the predictions that lack them."""
    rng = np.random.default_rng(5)
    records, labels = [], []
    for row in range(6_000):
        time_ms = START_MS + row * 1_200
        record = {"id": f"r{row}", "timestamp": time_ms, "model": "churn", "version": "1", "prediction": "yes"}
        records.append(record | {"features": {"age": float(rng.normal()), "country": "DE"}})
        if rng.random() < (0.8 if row < 4_000 else 0.3):
            delay_ms = int(rng.integers(1, 60_000))
            labels.append({"id": f"r{row}", "timestamp": time_ms + delay_ms, "label": "yes"})
    write(tmp_path / "data.jsonl", records)
    write(tmp_path / "labels.jsonl", sorted(labels, key=lambda one: one["timestamp"]))
    made = plan(BINARY, MetricPlan(name="accuracy"))
    made = msgspec.structs.replace(
        made,
        window=msgspec.structs.replace(made.window, size_ms=5 * MINUTE, slide_ms=MINUTE, grow_to_ms=5 * MINUTE),
        labels=LabelsPlan(within_ms=10 * MINUTE, mature_ms=2 * MINUTE),
        quality=QualityPlan(volume=False),
    )
    source = SourcePlan(
        name="labels", kind="labels", path=str(tmp_path / "labels.jsonl"), format="jsonl", time=TimePlan(kind="payload")
    )
    result = run(tmp_path, "data.jsonl", models=(made,), more_sources=(source,))
    opened = [e.data for e in result.events if e.type.endswith("opened") and e.data.kind == "quality"]
    (found,) = [one for one in opened if one.signals[0].signal == "labels.share"]
    began = START_MS + 4_000 * 1_200
    assert abs(milliseconds(found.onset) - began) <= 2 * MINUTE
    assert milliseconds(found.detected) - began < 10 * MINUTE
    assert found.message.startswith("labels.share fell: ")
