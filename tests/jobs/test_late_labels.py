"""Labels that come an hour later, in a backtest: what they show began when the records changed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from tests.jobs.test_slices_of_episodes import CONFIGURATION, records, write
from tidemark import cli

CHANGED = datetime(2026, 1, 2, 1, 6, 40, tzinfo=timezone.utc)  # record 2,000, a record every two seconds
LATER = CONFIGURATION.replace("within: 1 h", "within: 2 h").replace("[accuracy]", "[accuracy, errors]")
LATER = LATER.replace("every: 1 s", "every: 2 s").replace("    segments: [country, plan]\n", "")
LATER = LATER.replace("labels.jsonl, model: m, time: {every: 2 s, from: 2026-01-02}",
                      "labels.jsonl, model: m, time: {every: 2 s, from: 2026-01-02T01:00:00Z}")  # fmt: skip


def at(time):
    return datetime.fromisoformat(time.replace("Z", "+00:00"))


def test_inputs_and_performance_are_one_incident(tmp_path, monkeypatch):
    """Though the loss is found an hour after the drift; each is told as it is resolved as when it was opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(LATER)
    write(tmp_path / "reference.jsonl", records(1, 4_000))
    live = [*records(2, 2_000), *records(3, 2_000, changed=True), *records(4, 2_000)]
    write(tmp_path / "labels.jsonl", [{"id": one["id"], "label": one.pop("label")} for one in live])
    write(tmp_path / "live.jsonl", live)
    profile = ["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1", "--performance"]
    assert cli.main([*profile, "reference.jsonl"]) == 0
    assert cli.main(["backtest", "m.yaml", "--events", "events.jsonl"]) == 0
    events = [json.loads(line) for line in open("events.jsonl").read().splitlines()]
    opened = {one["data"]["kind"]: one["data"] for one in events if one["type"].endswith("opened")}
    # Of a window half of which has changed the ages go with the countries.
    assert set(opened) == {"feature", "correlation", "performance"}
    assert len({one["incident"] for one in opened.values()}) == 1
    for data in opened.values():
        assert abs(at(data["onset"]) - CHANGED) <= timedelta(minutes=5)
    loss = opened["performance"]
    assert at(loss["detected"]) - CHANGED > timedelta(hours=1)
    (resolved,) = (
        one["data"] for one in events if one["data"].get("why") == "recovered" and one["data"]["kind"] == "performance"
    )
    assert resolved["onset"] == loss["onset"]
    told = {one["signal"]: one["onset"] for one in loss["signals"]}
    over = {one["signal"]: one["onset"] for one in resolved["signals"]}
    assert set(told) <= set(over)
    assert all(abs(at(time) - CHANGED) <= timedelta(minutes=10) for time in over.values())
