"""Held-out reference data beside what is expected of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from config import load
from jobs.profiles import write
from jobs.reference import make_profile
from jobs.replay import replay
from schemas.errors import DataError
from tidemark import cli
from tidemark.progress import progress

CONFIGURATION = """\
sources: {predictions: {path: held.jsonl, time: payload}}
models:
  m: {features: {x: numeric}, reference: ref.json, alarms: {budget: 1 per day}}
"""


def records(seed, count, first_s, shift=0.0):
    """One every three seconds."""
    values = np.random.default_rng(seed).normal(size=count) + shift
    return "".join(
        json.dumps({"id": f"{i}", "timestamp": first_s + 3 * i, "model": "m", "version": "1", "features": {"x": x}})
        + "\n"
        for i, x in enumerate(values.tolist())
    )


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A model with a profile of 10,000 records."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIGURATION)
    (tmp_path / "ref.jsonl").write_text(records(1, 10_000, 1_760_000_000))
    loaded = load(tmp_path / "c.yaml")
    how = {"version": None, "start": None, "end": None, "output": None}
    made = make_profile(loaded, "m", "ref.jsonl", **how, progress=lambda total: progress("records", total))
    write(str(tmp_path / "ref.json"), made.profile)
    return loaded


def test_records_like_the_reference(loaded, tmp_path, capsys):
    """In half a day 0.4 episodes are expected, and none is found; `validate` says it."""
    (tmp_path / "held.jsonl").write_text(records(2, 12_000, 1_770_000_000))
    (one,) = replay(loaded.plan)
    assert one.episodes == 0
    assert one.windows > 100
    assert one.expected_episodes == pytest.approx(one.windows / 288)
    assert 0 < one.expected_exceeded < 10
    assert one.exceeded <= 10
    assert cli.main(["validate", "c.yaml", "--replay", "held.jsonl"]) == 0
    assert capsys.readouterr().out.endswith(f"\nreplay\n  {one}\n")


def test_records_unlike_the_reference(loaded, tmp_path):
    """A shift is an episode, and most evaluations are over their threshold."""
    (tmp_path / "held.jsonl").write_text(records(2, 6_000, 1_770_000_000, shift=0.5))
    (one,) = replay(loaded.plan)
    assert one.episodes == 1
    assert one.exceeded > one.windows


def test_what_is_outside_the_budget(loaded, tmp_path):
    """A threshold of one's own, and a rule, promise nothing: their episodes are told apart."""
    features = "{x: {type: numeric, detectors: [lepage, {ks: {threshold: 0.001}}]}}, expect: {x: {max: 2}}"
    (tmp_path / "c.yaml").write_text(CONFIGURATION.replace("{x: numeric}", features))
    (tmp_path / "held.jsonl").write_text(records(2, 6_000, 1_770_000_000))
    (one,) = replay(load(tmp_path / "c.yaml").plan)
    assert one.episodes == 0
    assert one.outside >= 2
    assert str(one).endswith(f"; {one.outside} more of what is outside the budget")


def test_too_few_records(loaded, tmp_path):
    """Nothing was judged, and nothing is promised."""
    (tmp_path / "held.jsonl").write_text(records(2, 20, 1_770_000_000))
    with pytest.raises(DataError) as error:
        replay(loaded.plan)
    assert str(error.value) == (
        "--replay: none of 20 records came to a window with enough of them (window.min_count); replay more data"
    )
