"""End to end without Flink: features that are measured, from their reference data to events."""

import json
from datetime import datetime
from random import Random

import numpy as np
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


def write(path, values, start, name="title"):
    rows = (
        {"id": str(start + i), "timestamp": START + start + i, "features": {name: value}}
        for i, value in enumerate(values)
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


def embedding(rng, turn, moved):
    """Twelve numbers that vary in some directions more than in others, as an encoder's do."""
    return ((rng.normal(size=12) * 0.7 ** np.arange(12) + 1.0 + moved) @ turn).round(6).tolist()


@pytest.mark.parametrize(("change", "direction"), [("moves", "up"), ("turns", "up")])
def test_embeddings_that_change_are_found(folder, change, direction):
    """A stream as the reference gives no episode; one whose embeddings move, or are another encoder's, gives one."""
    rng = np.random.default_rng(3)
    turn, other = (np.linalg.qr(rng.normal(size=(12, 12)))[0] for _ in range(2))
    (folder / "monitors.yaml").write_text(CONFIGURATION.replace("title: text", "v: {type: embedding, dim: 12}"))
    train = [embedding(rng, turn, 0.0) for _ in range(8_000)]
    usual = [embedding(rng, turn, 0.0) for _ in range(DRIFT_AT)]
    new = [
        embedding(rng, turn if change == "moves" else other, 0.5 if change == "moves" else 0.0) for _ in range(3_000)
    ]
    write(folder / "train.jsonl", train, 0, "v")
    write(folder / "live.jsonl", usual + new, 10_000, "v")
    assert cli.main(["profile", "monitors.yaml", "--model", "churn", "--data", "train.jsonl"]) == 0
    assert cli.main(["backtest", "monitors.yaml", "--events", "events.jsonl"]) == 0
    episodes = opened(folder)
    began = START + 10_000 + DRIFT_AT
    assert all(_seconds(episode["detected"]) > began for episode in episodes)
    moved = {one["signal"]: one["effect"]["direction"] for episode in episodes for one in episode["signals"]}
    assert moved["feature.v.distance"] == direction
    assert ("feature.v.norm" in moved) == (change == "moves")


def test_new_words_are_found(folder, capsys):
    """Texts as before give no episode; from when one word in ten is new there is one, of the coverage alone.

    Beside it the pair with the length tells that long texts have new words more surely.
    """
    chance = Random(5)
    write(folder / "train.jsonl", [title(chance, 0) for _ in range(10_000)], 0)
    write(folder / "live.jsonl", [title(chance, 0.1 if i >= DRIFT_AT else 0) for i in range(DRIFT_AT + 5_000)], 10_000)
    assert cli.main(["profile", "monitors.yaml", "--model", "churn", "--data", "train.jsonl"]) == 0
    assert cli.main(["backtest", "monitors.yaml", "--events", "events.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["records"]["used"] == DRIFT_AT + 5_000
    episode, pair = sorted(opened(folder), key=lambda one: one["kind"], reverse=True)
    assert [one["signal"] for one in pair["signals"]] == ["correlation.title.length~title.coverage"]
    assert [one["signal"] for one in episode["signals"]] == ["feature.title.coverage"]
    assert episode["signals"][0]["current"]["mean"] < episode["signals"][0]["reference"]["mean"]
    began = START + 10_000 + DRIFT_AT
    assert abs(_seconds(episode["onset"]) - began) <= 1_200
    assert _seconds(episode["detected"]) <= began + 1_800


def _seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
