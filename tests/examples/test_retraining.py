"""The example of a retraining loop: its parts one by one, and, as a soak, all of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config import load
from tidemark.testing import FakeTopic, retrain_event

EXAMPLE = Path(__file__).parents[2] / "examples" / "retraining"
NAMES = ("loans", "models", "service", "retrain", "loop")


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Imports modules of the example, as in its folder."""
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROKER", "127.0.0.1:9")
    (tmp_path / "monitors.yaml").write_text((EXAMPLE / "monitors.yaml").read_text())
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in NAMES:
        sys.modules.pop(name, None)


def test_its_configuration_uses_nothing_that_is_missing():
    """It loads."""
    loaded = load(EXAMPLE / "monitors.yaml", {"BROKER": "localhost:9092"})
    assert [model.name for model in loaded.plan.models] == ["loans"]
    assert loaded.unavailable == ()


def test_the_drift_is_one_of_the_concept_alone(example):
    """Features stay as they are, the old version becomes bad, and one that is trained on new loans is good."""
    loans, models = example("loans"), example("models")
    rng = np.random.default_rng(0)
    before, after, later = (loans.loans(rng, 4000, rates_rose=rose) for rose in (False, True, True))
    means = before[loans.FEATURES].mean() / after[loans.FEATURES].mean()
    assert means.between(0.93, 1.07).all()
    models.fit("1", before)
    models.fit("2", after)
    right = [np.mean((np.array(models.score(v, later)) >= 0.5) == (later["label"] == "yes")) for v in ("1", "2")]
    assert right[0] < 0.8 < 0.9 < right[1]


@pytest.mark.parametrize("better", [True, False])
def test_a_request_ends_with_a_new_champion_or_an_answer(example, monkeypatch, better):
    """What is not better than the old version is not promoted, and Tidemark is told so."""
    loans, models, retrain = example("loans"), example("models"), example("retrain")
    models.FOLDER.mkdir()
    models.give("champion", "1")
    said = []

    def tidemark(command, *words):
        said.append((command, *words[1:2]) if command == "answer" else command)
        if command == "dataset":
            Path("data").mkdir(exist_ok=True)
            for number, name in enumerate(("2.parquet", "2.test.parquet")):
                loans.loans(np.random.default_rng(number), 500).to_parquet(f"data/{name}")
        assert command != "compare" or models.roles() == {"champion": "1", "shadow": "2"}
        return command != "compare" or better

    monkeypatch.setattr(retrain, "tidemark", tidemark)
    monkeypatch.setattr(retrain, "TRIAL_S", 0.0)
    counts = FakeTopic(retrain_event(model="loans", version="1")).run(retrain.subscriber)
    assert counts.handled == 1
    assert models.roles() == {"champion": "2" if better else "1"}
    assert said == [("answer", "accepted"), "dataset", "compare", *([] if better else [("answer", "rejected")])]


@pytest.mark.soak
def test_the_loop_comes_to_its_end(tmp_path):
    """With a broker, the job, the service and the retraining; status 0 says that the request was completed."""
    ended = subprocess.run([sys.executable, EXAMPLE / "loop.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = [line.split()[2] for line in ended.stdout.splitlines() if line[10:18] == "tidemark"]
    assert [told.count(f"retrain.{what}:") for what in ("requested", "completed")] == [1, 1]
