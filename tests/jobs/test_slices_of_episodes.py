"""Slices of episodes in a backtest: in which segments the whole traffic has changed, and lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from schemas.segments import text
from tidemark import cli

HEAD = """\
job: {pane: 1 min}
sources:
  predictions: {path: live.jsonl, model: m, version: "1", time: {every: 1 s, from: 2026-01-02}}
  labels: {path: labels.jsonl, model: m, time: {every: 1 s, from: 2026-01-02}}
sinks: {events: {path: events.jsonl}}
models:
  m:
    reference: m.json
"""
CONFIGURATION = (
    HEAD
    + """\
    window: {size: 20 min, slide: 5 min}
    prediction: {task: binary, positive: "yes"}
    performance: [accuracy]
    labels: {within: 1 h}
    segments: [country, plan]
    features: {age: numeric, country: categorical, plan: categorical}
"""
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty one, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def profiled(folder):
    """A reference of 8,000 records, and as many of a stream: from the 4,000th on age and errors are others in FR."""
    (folder / "m.yaml").write_text(CONFIGURATION)
    write(folder / "reference.jsonl", records(1, 8_000))
    live = [*records(2, 4_000), *records(3, 4_000, changed=True)]
    write(folder / "labels.jsonl", [{"id": one["id"], "label": one.pop("label")} for one in live])
    write(folder / "live.jsonl", live)
    profile = ["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1", "--performance"]
    assert cli.main([*profile, "reference.jsonl"]) == 0
    return folder


def write(path, lines):
    path.write_text("\n".join(map(json.dumps, lines)))


def records(seed, count, changed=False):
    """Records with their labels."""
    rng = np.random.default_rng(seed)
    country, plan = rng.choice(["DE", "FR", "IT"], count), rng.choice(["basic", "gold"], count)
    there = changed & (country == "FR")
    age = (rng.normal(size=count) + 1.5 * there).tolist()
    right = rng.random(count) > np.where(there, 0.5, 0.1)
    yes = rng.random(count) < 0.5
    return [
        {
            "id": f"{seed}-{n}",
            "features": {"age": age[n], "country": str(country[n]), "plan": str(plan[n])},
            "prediction": "yes" if yes[n] == right[n] else "no",
            "label": "yes" if yes[n] else "no",
        }
        for n in range(count)
    ]


def test_where_it_changed_and_where_it_was_lost(profiled, capsys):
    """The country in which it is so comes first, and stands out."""
    assert cli.main(["backtest", "m.yaml", "--events", "events.jsonl"]) == 0
    events = [json.loads(line)["data"] for line in open("events.jsonl").read().splitlines()]
    whole = {one["kind"]: one for one in events if one["segment"] == {} and "slices" in one}
    assert set(whole) == {"feature", "performance"}
    drift, loss = whole["feature"]["slices"][0], whole["performance"]["slices"][0]
    assert (drift["segment"], drift["signal"]) == ({"country": "FR"}, "feature.age")
    assert (loss["segment"], loss["signal"]) == ({"country": "FR"}, "performance.accuracy")
    assert loss["current"]["low"] < loss["current"]["value"] < loss["current"]["high"] < loss["reference"]["value"]
    for one in whole.values():
        assert one["message"].endswith("; most in country=FR")
        assert all(200 < found["count"] < 1_200 for found in one["slices"])


def test_concept_of_a_segment(profiled, capsys):
    """Labels depend on predictions otherwise than they did in one country: its own episode says so, others' do not."""
    (profiled / "m.yaml").write_text(CONFIGURATION.replace("[accuracy]", "[accuracy, concept]"))
    assert cli.main(["backtest", "m.yaml", "--events", "events.jsonl"]) == 0
    events = [json.loads(line)["data"] for line in open("events.jsonl").read().splitlines()]
    losses = [one for one in events if one["kind"] == "performance"]
    assert not {"DE", "IT"} & {one["segment"].get("country") for one in losses}
    for segment in ({}, {"country": "FR"}):
        opened = next(one for one in losses if one["segment"] == segment)
        assert "performance.concept" in {one["signal"] for one in opened["signals"]}
        assert "both: inputs have drifted, and labels depend on predictions otherwise" in opened["message"]
    slices = next(one for one in losses if one["segment"] == {})["slices"]
    assert (slices[0]["segment"], slices[0]["signal"]) == ({"country": "FR"}, "performance.concept")


SEARCHED = (
    HEAD
    + """\
    window: {size: 40 min, slide: 5 min}
    prediction: PREDICTION
    performance: [METRIC]
    labels: {within: 1 h, mature: 5 min}
    slices: SLICES
    features: {age: numeric, country: categorical, plan: categorical, active: boolean}
"""
)


def searched(folder, prediction, metric, slices, where):
    """Episodes of a stream whose predictions are worse from the 4,000th on where records are as told, by kind."""
    (folder / "m.yaml").write_text(
        SEARCHED.replace("PREDICTION", prediction).replace("METRIC", metric).replace("SLICES", slices)
    )
    live = [*lossy(5, 4_000, metric), *lossy(6, 6_000, metric, where)]
    write(folder / "reference.jsonl", lossy(4, 8_000, metric))
    write(folder / "labels.jsonl", [{"id": one["id"], "label": one.pop("label")} for one in live])
    write(folder / "live.jsonl", live)
    profile = ["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1", "--performance"]
    assert cli.main([*profile, "reference.jsonl"]) == 0
    assert cli.main(["backtest", "m.yaml", "--events", "events.jsonl"]) == 0
    return opened(folder)


def opened(folder):
    """The first event of each kind."""
    events = [json.loads(line)["data"] for line in (folder / "events.jsonl").read_text().splitlines()]
    return {one["kind"]: one for one in reversed(events) if "kind" in one}


def lossy(seed, count, metric, where=None):
    """Records with their labels; of those that are as `where` says four in ten are wrong, and older, or further off."""
    rng = np.random.default_rng(seed)
    country, plan = rng.choice(["DE", "FR", "IT"], count, p=[0.5, 0.3, 0.2]), rng.choice(["basic", "gold"], count)
    active, age = rng.random(count) < 0.7, rng.normal(size=count)
    made = []
    for n in range(count):
        features = {"age": float(age[n]), "country": str(country[n]), "plan": str(plan[n]), "active": bool(active[n])}
        worse = where is not None and all(features[name] == value for name, value in where.items())
        if metric == "mae":
            label, prediction = 5.0, float(5 + rng.normal() * (3 if worse else 1))
        else:
            label = "yes" if rng.random() < 0.5 else "no"
            features["age"] += 1.5 * worse
            right = rng.random() > (0.4 if worse else 0.1)
            prediction = label if right else "no" if label == "yes" else "yes"
        made.append({"id": f"{seed}-{n}", "features": features, "prediction": prediction, "label": label})
    return made


@pytest.mark.parametrize(
    ("prediction", "metric", "slices", "where"),
    [
        ("{task: binary, positive: 'yes'}", "accuracy", "true", {"country": "FR", "plan": "gold"}),
        ("regression", "mae", "[age, plan, active]", {"active": True}),
    ],
)
def test_the_slice_that_lost_most(folder, capsys, prediction, metric, slices, where):
    """No segment is configured: the values of one or two features that it is lost at are found, and nothing else."""
    episodes = searched(folder, prediction, metric, slices, where)
    lost = episodes["performance"]
    found = lost["slices"][0]
    assert found["segment"] == {name: "true" if value is True else value for name, value in where.items()}
    assert (found["detector"], found["signal"]) == ("search", f"performance.{metric}")
    value, low, high = (found["current"][name] for name in ("value", "low", "high"))
    then, threshold = found["reference"]["value"], found["threshold"]
    assert low < value < high
    assert then < threshold < value if metric == "mae" else then > threshold > value
    assert 100 < found["count"] < lost["window"]["count"]
    assert lost["message"].endswith(f"; most in {text(found['segment'])}")
    if metric == "mae":
        assert "feature" not in episodes
        return
    changed = episodes["feature"]
    assert changed["slices"][0] | {"signal": "feature.age", "detector": "search"} == changed["slices"][0]
    assert [one["segment"] for one in changed["slices"]] == [found["segment"]]
    assert changed["message"].endswith(f"; most in {text(found['segment'])}")
    # Of a reference that the stream tells, too; and with it no profile tells of losses.
    config = (folder / "m.yaml").read_text().replace("reference: m.json", "reference: {learn: 3000}")
    (folder / "m.yaml").write_text(config)
    assert cli.main(["backtest", "m.yaml", "--events", "events.jsonl"]) == 0
    learned = opened(folder)
    assert "performance" not in learned
    assert [one["segment"] for one in learned["feature"]["slices"]] == [found["segment"]]


def test_a_profile_without_slices(profiled, capsys):
    """It is refused with what to do; slices of other features, too."""
    for slices, said in (("true", "was made without errors by value of features"), ("[plan]", "its errors are by")):
        configured = CONFIGURATION.replace("labels: {within", f"slices: {slices}\n    labels: {{within")
        (profiled / "m.yaml").write_text(configured)
        assert cli.main(["backtest", "m.yaml"]) == 2
        assert f"profile m: {said}" in capsys.readouterr().err
        profile = ["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1", "--performance"]
        assert cli.main([*profile, "reference.jsonl"]) == 0
