"""Slices of episodes in a backtest: in which segments the whole traffic has changed, and lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tidemark import cli

CONFIGURATION = """\
sources:
  predictions: {path: live.jsonl, model: m, version: "1", time: {every: 1 s, from: 2026-01-02}}
  labels: {path: labels.jsonl, model: m, time: {every: 1 s, from: 2026-01-02}}
sinks: {events: {path: events.jsonl}}
models:
  m:
    reference: m.json
    window: {size: 20 min, slide: 5 min}
    prediction: {task: binary, positive: "yes"}
    performance: [accuracy]
    labels: {within: 1 h}
    segments: [country, plan]
    features: {age: numeric, country: categorical, plan: categorical}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A reference of 8,000 records, and as many of a stream: from the 4,000th on age and errors are others in FR."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(CONFIGURATION)
    write(tmp_path / "reference.jsonl", records(1, 8_000))
    live = [*records(2, 4_000), *records(3, 4_000, changed=True)]
    write(tmp_path / "labels.jsonl", [{"id": one["id"], "label": one.pop("label")} for one in live])
    write(tmp_path / "live.jsonl", live)
    profile = ["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1", "--performance"]
    assert cli.main([*profile, "reference.jsonl"]) == 0
    return tmp_path


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


def test_where_it_changed_and_where_it_was_lost(capsys):
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


def test_concept_of_a_segment(folder, capsys):
    """Labels depend on predictions otherwise than they did in one country: its own episode says so, others' do not."""
    (folder / "m.yaml").write_text(CONFIGURATION.replace("[accuracy]", "[accuracy, concept]"))
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
