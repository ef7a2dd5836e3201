"""The benchmark of policies of retraining runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("sklearn")

from benchmarks import retraining


def test_a_small_run(capsys, monkeypatch, tmp_path):
    """One retraining, on the rows that the request names, restores most of what a change of concept has cost."""
    monkeypatch.setattr(retraining, "LOOP", 8_000)
    monkeypatch.setattr(
        sys, "argv", ["retraining", "--data", str(tmp_path), "--policies", "never", "on drift", "--json"]
    )
    retraining.main()
    lines = capsys.readouterr().out.splitlines()
    never, drift = (json.loads(line) for line in lines[:2])
    assert [line.split(":")[0] for line in lines[2:]] == ["left out", "left out", "left out"]
    assert [line.split(":")[1].strip() for line in lines[2:]] == ["elec2", "SEA", "RBF"]
    assert (never["retrainings"], drift["retrainings"]) == (0, 1)
    assert 800 <= drift["samples"] <= 1_200
    assert drift["accuracy"] > never["accuracy"] + 0.05
