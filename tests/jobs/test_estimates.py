"""Estimated performance from labelled files to events: `tidemark profile --performance` and `backtest`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import load
from jobs.backtest import Backtest
from jobs.profiles import write as write_profile
from jobs.reference import make_profile
from operators.profiles.profile_files import load_references
from schemas.errors import DataError, ProfileError
from schemas.profile import Estimation
from schemas.summaries import Summary

START_S = 1_767_225_600
CONFIGURATION = """\
sources: {{predictions: {{path: live.jsonl, model: churn, version: "1"}}}}
models:
  churn:
    reference: churn.json
    window: {{size: 30 min, slide: 10 min, min_count: 300, grow_to: 2 h}}
    prediction: {prediction}
    features: {{age: numeric, plan: categorical}}
    segments: [country]
    {more}
"""
BINARY = "{task: binary, positive: 'yes', classes: ['yes', 'no']}"
CLASSES = "{task: multiclass, classes: [a, b, c]}"


def progress(total: int | None) -> Any:
    """Tells nobody."""
    return nullcontext(lambda many: None)


def stream(count: int, seed: int, task: str = "binary", hard_at: int | None = None) -> list[dict[str, Any]]:
    """A record a second; from one on they are harder: probabilities nearer to each other, features further out."""
    rng = np.random.default_rng(seed)
    hard = np.arange(count) >= (count if hard_at is None else hard_at)
    made = []
    for row in range(count):
        age = float(rng.normal(0.8 if hard[row] else 0.0))
        record: dict[str, Any] = {
            "id": f"r{row}", "timestamp": START_S + row, "country": str(rng.choice(["DE", "FR"])),
            "features": {"age": age, "plan": str(rng.choice(["gold", "basic"]))},
        }  # fmt: skip
        if task == "regression":
            record |= {"prediction": 10.0, "label": 10.0 + float(rng.normal() * (0.5 + max(age, 0.0)))}
        elif task == "multiclass":
            weights = np.exp(rng.normal(0, 0.6 if hard[row] else 2.0, 3))
            shares = weights / weights.sum()
            named = dict(zip("abc", shares.tolist(), strict=True))
            record |= {"prediction": "abc"[int(shares.argmax())], "probabilities": named}
            record["label"] = str(rng.choice(list("abc"), p=shares))
        else:
            odds = rng.normal(0, 0.7 if hard[row] else 2.5)
            yes = 1 / (1 + np.exp(-odds))
            record |= {"prediction": "yes" if odds >= 0 else "no", "probabilities": {"yes": yes, "no": 1 - yes}}
            record["label"] = "yes" if rng.random() < yes else "no"
        made.append(record)
    return made


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return str(path)


def run(
    folder: Path, live: list[dict[str, Any]], prediction: str = BINARY, task: str = "binary",
    more: str = "estimated_performance: true",
) -> tuple[list[Summary], list[Any], list[str]]:  # fmt: skip
    """Summaries and events of a stream, and what the profile's making said."""
    (folder / "monitors.yaml").write_text(CONFIGURATION.format(prediction=prediction, more=more))
    loaded = load(folder / "monitors.yaml")
    made = make_profile(
        loaded, "churn", write(folder / "train.jsonl", stream(6_000, 1, task)), version=None, start=None, end=None,
        output=None, progress=progress, performance=write(folder / "valid.jsonl", stream(4_000, 2, task)),
    )  # fmt: skip
    write_profile(made.path, made.profile)
    write(folder / "live.jsonl", live)
    summaries: list[Summary] = []
    result = Backtest(load_references(loaded.plan), on_summary=summaries.append).run()
    return summaries, [event for event in result.events if event.data.kind == "estimated_performance"], made.remarks


def true_share(live: list[dict[str, Any]], summary: Summary) -> float:
    """Right predictions among the records of a window of the whole traffic."""
    from schemas.cloudevents import milliseconds

    start, end = (milliseconds(time) / 1_000 for time in (summary.window.start, summary.window.end))
    window = [one for one in live if start <= one["timestamp"] < end]
    return float(np.mean([one["prediction"] == one["label"] for one in window]))


@pytest.mark.parametrize(("prediction", "task", "name"), [(BINARY, "binary", "roc_auc"), (CLASSES, "multiclass", "")])
def test_classes(tmp_path, prediction, task, name):
    """What is estimated before labels come is what they say; an episode opens where records get harder."""
    live = stream(18_000, 3, task, hard_at=9_000)
    summaries, events, remarks = run(tmp_path, live, prediction, task)
    assert not [line for line in remarks if "estimated" in line]
    whole = [one for one in summaries if one.segment == "all" and one.estimated]
    inside = []
    for one in whole:
        found = one.estimated["accuracy"]
        inside.append(found.low <= true_share(live, one) <= found.high)
    assert np.mean(inside) > 0.85
    assert whole[2].estimated["accuracy"].value - whole[-1].estimated["accuracy"].value > 0.1
    opened = next(event for event in events if event.data.segment == {})
    assert opened.type == "io.tidemark.drift.opened"
    assert abs(9_000 - (np.datetime64(opened.data.onset[:-1]).astype("datetime64[s]").astype(int) - START_S)) < 900
    assert opened.data.signals[0].signal.startswith("estimated_performance.")
    assert {event.data.segment.get("country") for event in events} == {None, "DE", "FR"}
    if name:
        assert whole[-1].estimated[name].value < whole[0].estimated[name].value


def test_numbers(tmp_path):
    """Errors that depend on a feature are expected where it moves."""
    live = stream(12_000, 3, "regression", hard_at=6_000)
    summaries, events, _ = run(tmp_path, live, "regression", "regression")
    whole = [one for one in summaries if one.segment == "all" and one.estimated]
    errors = np.array([abs(one["prediction"] - one["label"]) for one in live])
    for one, true in ((whole[4], errors[3_000:6_000].mean()), (whole[-1], errors[-1_800:].mean())):
        found = one.estimated["mae"]
        assert found.value == pytest.approx(true, rel=0.1)
        assert found.low < found.value < found.high
    assert {event.data.signals[0].effect.direction for event in events} == {"up"}
    assert events[0].data.message.startswith("estimated_performance.")


@pytest.mark.parametrize(
    ("prediction", "task", "name"), [(CLASSES, "multiclass", "accuracy"), ("regression", "regression", "mae")]
)
def test_estimates_beside_what_came_true(tmp_path, prediction, task, name):
    """Records that carry their labels: what was promised of them is near what they say, also where they get harder."""
    live = stream(9_000, 3, task, hard_at=4_500)
    more = f"estimated_performance: true\n    performance: [{name}]"
    summaries, _, _ = run(tmp_path, live, prediction, task, more)
    told = [one for one in summaries if one.about == "performance" and one.segment == "all" and one.estimated]
    assert len(told) > 10
    for one in told:
        row = next(row for row in one.evaluations if row.signal == f"performance.{name}")
        assert abs(one.estimated[name].value - row.statistic) < 3 * (one.estimated[name].high - one.estimated[name].low)
    assert told[-1].estimate_errors[name] < 0.1
    assert told[-1].estimates_held[name] > 0.6
    assert {one.segment for one in summaries if one.about == "performance" and one.estimated} > {"country=DE"}


def test_a_stream_like_the_reference(tmp_path):
    """Nothing opens, and over the thresholds are no more evaluations than expected."""
    summaries, events, _ = run(tmp_path, stream(18_000, 5))
    assert events == []
    assert sum(one.exceeded for one in summaries) <= 3


def test_bad_records(tmp_path):
    """Missing confidences and predictions of no known class are counted, and enter no estimate."""
    live = stream(3_600, 7)
    for row in range(0, 3_600, 4):
        del live[row]["probabilities"]
        live[row + 1]["prediction"] = "perhaps"
    summaries, _, _ = run(tmp_path, live)
    last = [one for one in summaries if one.segment == "all"][-1]
    assert last.counts["score"].missing == last.window.count // 2
    row = next(one for one in last.evaluations if one.signal == "estimated_performance.accuracy")
    assert row.count == last.window.count // 2


def test_what_labels_have_to_be(tmp_path):
    """The profile's own data do with a warning; without labels, or of one class, they do not."""
    more = "estimated_performance: [accuracy]"
    (tmp_path / "monitors.yaml").write_text(CONFIGURATION.format(prediction=BINARY, more=more))
    loaded = load(tmp_path / "monitors.yaml")

    def made(records: list[dict[str, Any]]) -> Any:
        data = write(tmp_path / "train.jsonl", records)
        return make_profile(
            loaded, "churn", data, version=None, start=None, end=None, output=None, progress=progress
        )  # fmt: skip

    records = stream(2_000, 1)
    own = made(records)
    assert isinstance(own.profile.estimation, Estimation)
    assert own.profile.estimation.trained
    assert [line.partition(":")[0] for line in own.remarks if "trained on" in line][-1] == "estimated_performance"
    bare = [{name: value for name, value in one.items() if name != "label"} for one in records]
    with pytest.raises(DataError, match="0 records with a label, a prediction and its confidence are too few"):
        made(bare)
    with pytest.raises(DataError, match="all 2,000 labelled records are of one class"):
        made([one | {"label": "no"} for one in records])


def test_a_profile_without_it(tmp_path):
    """A profile that was made before the configuration asked for estimates is refused, and says what to do."""
    (tmp_path / "monitors.yaml").write_text(CONFIGURATION.format(prediction=BINARY, more=""))
    loaded = load(tmp_path / "monitors.yaml")
    data = write(tmp_path / "train.jsonl", stream(2_000, 1))
    made = make_profile(loaded, "churn", data, version=None, start=None, end=None, output=None, progress=progress)
    write_profile(made.path, made.profile)
    for more, said in (
        ("estimated_performance: true", "was made without labelled data, which 'estimated_performance' asks for; "
         "run 'tidemark profile' again, with --performance DATA"),
        ("proxies: [margin]", "has no margin, which 'proxies' asks for; run 'tidemark profile' again, on records with "
         "probabilities"),
    ):  # fmt: skip
        (tmp_path / "monitors.yaml").write_text(CONFIGURATION.format(prediction=BINARY, more=more))
        with pytest.raises(ProfileError) as raised:
            load_references(load(tmp_path / "monitors.yaml").plan)
        assert str(raised.value) == f"profile churn: {said}"


STORIES = """\
sources:
  predictions: {path: live.jsonl, model: churn, version: "1"}
models:
  churn:
    reference: churn.json
    window: {size: 30 min, slide: 10 min, min_count: 300, grow_to: 2 h}
    prediction: {task: binary, positive: "yes", classes: ["yes", "no"]}
    features: {age: numeric, plan: categorical}
    performance: [accuracy, roc_auc, concept]
    estimated_performance: [accuracy, roc_auc]
"""


def told(folder: Path, count: int, *, moved: bool, changed: bool) -> tuple[list[tuple[str, str]], list[Summary]]:
    """Kinds and messages of what opens in a stream whose records carry their labels, and its summaries of performance.

    From the middle on inputs move, without becoming harder, or labels depend less on scores.
    """

    def stream_(many: int, seed: int, moved: bool, changed: bool) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)
        made = []
        for row in range(many):
            late = row >= many // 2
            age = float(rng.normal(1.0 if moved and late else 0.0))
            odds = float(rng.normal(0, 2.0))
            yes = 1 / (1 + np.exp(-odds))
            true = 1 / (1 + np.exp(-(0.15 if changed and late else 1.0) * odds))
            made.append({
                "id": f"r{row}", "timestamp": START_S + row,
                "features": {"age": age, "plan": str(rng.choice(["gold", "basic"]))},
                "prediction": "yes" if odds >= 0 else "no", "probabilities": {"yes": yes, "no": 1 - yes},
                "label": "yes" if rng.random() < true else "no",
            })  # fmt: skip
        return made

    (folder / "monitors.yaml").write_text(STORIES)
    loaded = load(folder / "monitors.yaml")
    train = write(folder / "train.jsonl", stream_(6_000, 1, False, False))
    valid = write(folder / "valid.jsonl", stream_(6_000, 2, False, False))
    made = make_profile(
        loaded, "churn", train, version=None, start=None, end=None, output=None, progress=progress, performance=valid
    )
    write_profile(made.path, made.profile)
    write(folder / "live.jsonl", stream_(count, 3, moved, changed))
    summaries: list[Summary] = []
    result = Backtest(load_references(loaded.plan), on_summary=summaries.append).run()
    opened = [event for event in result.events if event.type == "io.tidemark.drift.opened"]
    return (
        [(event.data.kind, event.data.message.rpartition("; ")[2]) for event in opened],
        [one for one in summaries if one.about == "performance"],
    )


@pytest.mark.parametrize(
    ("moved", "changed", "said"),
    [
        (False, False, set()),
        (True, False, {("feature", "without loss of performance so far")}),
        (False, True, {("performance", "concept drift: labels depend on predictions otherwise than they did, and "
                        "inputs have not drifted")}),
        (True, True, {("feature", "without loss of performance so far"),
                      ("performance", "both: inputs have drifted, and labels depend on predictions otherwise than "
                       "they did")}),
    ],
)  # fmt: skip
def test_three_stories(tmp_path, moved, changed, said):
    """Inputs that drift without loss, a loss without drift of inputs, and both, are told apart."""
    found, summaries = told(tmp_path, 14_400, moved=moved, changed=changed)
    assert set(found) == said
    last = summaries[-1]
    accuracy = next(one.statistic for one in last.evaluations if one.signal == "performance.accuracy")
    promised = last.estimated["accuracy"]
    assert last.estimate_errors.keys() == {"accuracy", "roc_auc"}
    if changed:  # scores promise what labels do not keep
        assert promised.low > accuracy
        assert last.estimate_errors["accuracy"] > 0.05
    else:
        assert promised.low < accuracy < promised.high
        assert last.estimate_errors["accuracy"] < 0.02


def test_proxies(tmp_path):
    """A model that becomes undecided between its classes is told of by margin and entropy, as kind confidence."""
    more = "proxies: [margin, entropy]"
    (tmp_path / "monitors.yaml").write_text(CONFIGURATION.format(prediction=CLASSES, more=more))
    loaded = load(tmp_path / "monitors.yaml")
    train = write(tmp_path / "train.jsonl", stream(6_000, 1, "multiclass"))
    made = make_profile(loaded, "churn", train, version=None, start=None, end=None, output=None, progress=progress)
    write_profile(made.path, made.profile)
    live = stream(14_400, 3, "multiclass", hard_at=7_200)
    live[5]["probabilities"] = {"a": 0.5, "b": 0.9, "c": 0.1}
    live[6]["probabilities"] = None
    write(tmp_path / "live.jsonl", live)
    summaries: list[Summary] = []
    result = Backtest(load_references(loaded.plan), on_summary=summaries.append).run()
    opened = [event.data for event in result.events if event.type == "io.tidemark.drift.opened"]
    whole = next(one for one in opened if one.kind == "confidence" and one.segment == {})
    assert {"margin", "entropy"} <= {one.signal for one in whole.signals}
    directions = {one.signal: one.effect.direction for one in whole.signals}
    assert (directions["margin"], directions["entropy"]) == ("down", "up")
    first = next(one for one in summaries if one.segment == "all")
    assert [(first.counts[name].missing, first.counts[name].invalid) for name in ("margin", "entropy")] == [(1, 1)] * 2
