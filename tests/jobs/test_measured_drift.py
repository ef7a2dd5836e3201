"""End to end without Flink: features that are measured, from their reference data to events."""

import json
from datetime import datetime
from random import Random

import pytest

from tidemark import cli

CONFIGURATION = """\
sources: {predictions: {path: live.jsonl, model: churn, version: "3"}}
sinks: {events: {path: events.jsonl}}
models:
  churn:
    window: {size: 20 min, slide: 5 min, min_count: 500}
    features: {title: text}
"""
DRIFT_AT = 20_000  # record of the stream, one a second
START = 1_767_225_600


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitors.yaml").write_text(CONFIGURATION)
    return tmp_path


def write(path, titles, start):
    rows = (
        {"id": str(start + i), "timestamp": START + start + i, "features": {"title": title}}
        for i, title in enumerate(titles)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def title(chance, new):
    """A dozen words of a language, of which a share is replaced by words that it did not have."""
    count = max(1, round(chance.gauss(12, 3)))
    return " ".join(
        f"n{chance.randrange(200)}" if chance.random() < new else f"w{int(chance.paretovariate(1.0))}"
        for _ in range(count)
    )


def opened(folder):
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event["data"] for event in events if event["type"] == "io.tidemark.drift.opened"]


def test_new_words_are_found(folder, capsys):
    """Texts as before give no episode; from when one word in ten is new there is one, of the coverage alone."""
    chance = Random(5)
    write(folder / "train.jsonl", [title(chance, 0) for _ in range(10_000)], 0)
    write(folder / "live.jsonl", [title(chance, 0.1 if i >= DRIFT_AT else 0) for i in range(DRIFT_AT + 5_000)], 10_000)
    assert cli.main(["profile", "monitors.yaml", "--model", "churn", "--data", "train.jsonl"]) == 0
    assert cli.main(["backtest", "monitors.yaml", "--events", "events.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["records"]["used"] == DRIFT_AT + 5_000
    (episode,) = opened(folder)
    assert [one["signal"] for one in episode["signals"]] == ["feature.title.coverage"]
    assert episode["signals"][0]["current"]["mean"] < episode["signals"][0]["reference"]["mean"]
    began = START + 10_000 + DRIFT_AT
    assert abs(_seconds(episode["onset"]) - began) <= 1_200
    assert _seconds(episode["detected"]) <= began + 1_800


def _seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
