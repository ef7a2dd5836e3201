"""Rankings in a backtest: whole lists of items, their labels as they came, and measures computed again from scratch."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from config.plan import LabelsPlan, MetricPlan, ModelPlan, PredictionPlan
from operators.labels.groups import group_hashes, group_numbers
from operators.metrics.baseline import BaselineBuilder
from operators.reading.columns import Columns
from schemas.cloudevents import milliseconds, significant
from schemas.dead_letters import decode
from schemas.profile import Profile, Provenance
from tests.jobs.test_backtest import START_MS, run, write
from tests.jobs.test_performance import SLIDE, labels_source
from tests.jobs.test_performance import plan as classes
from tests.operators.panes import MINUTE
from tests.operators.signals import categorical_signal, continuous_signal

MATURE = 5 * MINUTE
METRICS = (
    MetricPlan(name="ndcg"), MetricPlan(name="map"), MetricPlan(name="precision_at_k", k=3),
    MetricPlan(name="hit_rate", k=1),
)  # fmt: skip
LISTS = 1_500  # one a second


def plan(*metrics: MetricPlan, absent: str | None = "no", **labels: Any) -> ModelPlan:
    """A model that puts items in order; what is clicked is relevant."""
    made = classes(PredictionPlan(task="ranking", positive="click"), *metrics)
    wait = LabelsPlan(within_ms=20 * MINUTE, mature_ms=MATURE, absent=absent, grouped=True, **labels)
    return msgspec.structs.replace(made, labels=wait)


def data(right: float = 1.0, seed: int = 1) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Items of lists, some of one item, and what is clicked, soon or late; the same ids in all lists."""
    rng = np.random.default_rng(seed)
    records, labels = [], []
    for number in range(LISTS):
        country = str(rng.choice(["DE", "FR"]))
        for item in range(int(rng.integers(1, 7))):
            time_ms, relevant = START_MS + 1_000 * number + 40 * item, rng.normal()
            record = {
                "id": f"item{item}", "group": f"q{number}", "timestamp": time_ms, "model": "churn", "version": "1",
                "features": {"age": float(rng.normal()), "country": country},
                "prediction": round(right * relevant + rng.normal(), 1),
            }  # fmt: skip
            records.append(record)
            if rng.random() < 1 / (1 + np.exp(1 - 2 * relevant)):
                late_ms = int(rng.exponential(100_000))
                labels.append({**record, "timestamp": time_ms + late_ms, "label": "click"})
    fields = ("id", "group", "timestamp", "model", "label")
    labels = [{field: one[field] for field in fields} for one in sorted(labels, key=lambda one: one["timestamp"])]
    return records, labels


def expected(
    records: list[dict[str, Any]], labels: list[dict[str, Any]], country: str | None
) -> list[tuple[int, dict[str, float]]]:
    """Time and measures of each list, NaN where one is undefined."""
    heard = {(one["group"], one["id"]): one["timestamp"] for one in labels}
    by_group = defaultdict(list)
    for one in records:
        if country in (None, one["features"]["country"]):
            by_group[one["group"]].append(one)
    found = []
    for group, items in by_group.items():
        first_ms = items[0]["timestamp"]
        known = [heard.get((group, one["id"]), 10**15) <= first_ms + MATURE for one in items]
        gains, scores = np.array(known, np.float64), np.array([one["prediction"] for one in items])
        rank = np.array([(scores >= one).sum() for one in scores])
        alike = len(set(gains)) == 1
        ordered = np.sort(scores)[::-1]
        taken = [gains[scores == one].mean() for one in ordered[:3]]
        values = {
            "ndcg": np.nan if alike else ndcg_score([gains], [scores]),
            "map": np.nan if alike else label_ranking_average_precision_score([gains > 0], [scores]),
            "precision_at_3": float(np.mean(taken)),
            "hit_rate_at_1": float((gains[rank <= 1] > 0).any()),
        }
        found.append((first_ms, values))
    return found


@pytest.mark.parametrize("segment", ["all", "country=FR"])
def test_measures_of_windows(tmp_path, segment):
    """Each window has the lists that were shown in it, with what was clicked until they were mature."""
    records, labels = data()
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    summaries: list[Any] = []
    result = run(
        tmp_path, "all.jsonl", models=(plan(*METRICS),), more_sources=(labels_source(tmp_path),),
        on_summary=summaries.append,
    )  # fmt: skip
    lists = expected(records, labels, None if segment == "all" else "FR")
    checked = 0
    for summary in summaries:
        if summary.about != "performance" or summary.segment != segment:
            continue
        start_ms, end_ms = milliseconds(summary.window.start), milliseconds(summary.window.end)
        there = [values for time_ms, values in lists if start_ms <= time_ms < end_ms]
        assert summary.window.count == summary.lists.measured == len(there)
        assert summary.lists.alike == sum(np.isnan(values["ndcg"]) for values in there)
        for one in summary.evaluations:
            each = [values[one.signal.removeprefix("performance.")] for values in there]
            each = [value for value in each if not np.isnan(value)]
            assert one.count == len(each)
            assert one.statistic == pytest.approx(significant(float(np.mean(each))), rel=1e-8)
            low, high = summary.intervals[one.signal.removeprefix("performance.")]
            assert low < one.statistic < high
        checked += 1
    assert checked >= 3
    assert result.labels.matched + result.labels.overdue == result.labels.read == len(labels)


def test_without_an_outcome_for_the_rest(tmp_path):
    """A list with an item without a label is incomplete: counted, and not measured; labels may stand in records."""
    records, _ = data()
    for number, one in enumerate(records):
        one["label"] = "click" if number % 2 else "no"
    without = {one["group"] for one in records[:200]}
    for one in records[:200]:
        del one["label"]
    write(tmp_path / "all.jsonl", records)
    summaries: list[Any] = []
    run(tmp_path, "all.jsonl", models=(plan(*METRICS, absent=None),), on_summary=summaries.append)
    first = next(one for one in summaries if one.about == "performance" and one.segment == "all")
    assert first.lists.incomplete == len(without)
    assert first.lists.measured == SLIDE // 1_000 - len(without)


def test_items_without_a_group(tmp_path):
    """Neither a record nor a label without one can be used: each is a dead letter that says so."""
    records, labels = data()
    del records[5]["group"], records[6]["group"], labels[3]["group"]
    labels[4]["label"] = ["click"]
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    result = run(tmp_path, "all.jsonl", models=(plan(*METRICS),), more_sources=(labels_source(tmp_path),))
    assert result.records.dead == 2
    assert result.labels.dead == 2
    assert result.labels.matched + result.labels.overdue + result.labels.orphan == len(labels) - 2
    assert sorted(decode(letter).data.error for letter in result.letters) == [
        "'group': is missing at /group", "'group': is missing at /group", "'group': is missing at /group",
        "'label': expected a text, a number or a boolean, got an array at /label",
    ]  # fmt: skip


def test_a_sample_has_whole_lists(tmp_path):
    """Groups are in the sample or not, with all of their items and labels."""
    records, labels = data()
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    summaries: list[Any] = []
    result = run(
        tmp_path, "all.jsonl", models=(plan(*METRICS, sample=0.5),), more_sources=(labels_source(tmp_path),),
        on_summary=summaries.append,
    )  # fmt: skip
    chosen = group_hashes([one["group"] for one in labels])[0] < np.uint64(2**63)
    assert result.labels.ignored == int((~chosen).sum())
    assert result.labels.matched + result.labels.overdue == int(chosen.sum())
    first = next(one for one in summaries if one.about == "performance" and one.segment == "all")
    assert 0.4 * SLIDE < 1_000 * first.lists.measured < 0.6 * SLIDE


def profiled(made: ModelPlan) -> Profile:
    """A profile with a baseline of lists, which came in pieces that cut them."""
    profile = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="r", rows=10_000, start=None, end=None, tidemark="0"),
        signals={
            "feature.age": continuous_signal(np.random.default_rng(1).normal(size=10_000)),
            "feature.country": msgspec.structs.replace(
                categorical_signal([5_000, 5_000]), categories=(("DE", 5_000), ("FR", 5_000))
            ),
        },
        segments={"country": (("country=DE", 5_000), ("country=FR", 5_000))},
    )
    records, labels = data(seed=2)
    heard = {(one["group"], one["id"]) for one in labels}
    builder = BaselineBuilder(made, profile)
    for start in range(0, len(records), 1_000):
        part = records[start : start + 1_000]
        columns = Columns(np.arange(len(part)), {}, {"country": [one["features"]["country"] for one in part]}, {}, ())
        values = np.column_stack(
            [
                [one["prediction"] for one in part],
                group_numbers(group_hashes([one["group"] for one in part])[0]),
                [float((one["group"], one["id"]) in heard) for one in part],
            ]
        )
        builder.add(columns, values, np.array([one["timestamp"] for one in part]))
    return msgspec.structs.replace(profile, performance=builder.build("r", trained=False))


def test_the_baseline():
    """It has all lists, and those of segments; and how lists follow each other in time."""
    made = plan(*METRICS)
    known = profiled(made)
    found = known.performance
    records, labels = data(seed=2)
    lists = [values["ndcg"] for _, values in expected(records, [{**one, "timestamp": 0} for one in labels], None)]
    assert found.labels == found.measures["hit_rate_at_1"].count == LISTS
    assert found.measures["ndcg"].value == pytest.approx(np.nanmean(lists), rel=1e-8)
    assert found.measures["ndcg"].count == np.isfinite(lists).sum() == found.measures["ndcg"].calibration.values
    assert found.measures["ndcg"].error == pytest.approx(np.nanstd(lists) / np.isfinite(lists).sum() ** 0.5, rel=1e-6)
    assert {"mrr", "map"} <= found.measures.keys()
    assert found.segments.keys() == {"country=DE", "country=FR"}


@pytest.mark.parametrize("right", [1.0, 0.0])
def test_a_worse_order_is_found(tmp_path, right):
    """Against the baseline; one that is as good as it was alarms nowhere."""
    made = plan(*METRICS)
    records, labels = data(right, seed=3)
    write(tmp_path / "all.jsonl", records)
    write(tmp_path / "labels.jsonl", labels)
    known = profiled(made)
    result = run(
        tmp_path, "all.jsonl", models=(made,), more_sources=(labels_source(tmp_path),),
        profiles={"churn": {"": known}},
    )  # fmt: skip
    opened = [event.data for event in result.events if event.type == "io.tidemark.drift.opened"]
    opened = [data for data in opened if data.kind == "performance"]
    if right:
        assert opened == []
    else:
        assert {one.signal for one in opened[0].signals} <= {f"performance.{metric.title}" for metric in METRICS}
        assert opened[0].signals[0].effect.direction == "down"
