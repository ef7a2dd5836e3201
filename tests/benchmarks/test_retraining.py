"""The benchmark of policies of retraining runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks import retraining, retraining_streams


def test_a_small_run(capsys, monkeypatch, tmp_path):
    """One retraining, on the rows that the request names, restores most of what a change of concept has cost."""
    monkeypatch.setattr(retraining_streams, "LOOP", 8_000)
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


def test_held_out_streams_are_the_same_each_time_and_not_the_others(tmp_path):
    """Simulated streams follow from a seed, and are as the published ones are: size, classes, where they change."""
    chosen = {one.name: one for one in retraining_streams.chosen_on(tmp_path) if not isinstance(one, str)}
    once, again = (
        {one.name: one for one in retraining_streams.held_out(tmp_path) if not isinstance(one, str)} for _ in range(2)
    )
    assert list(once) == ["loop example", "SEA", "RBF"]
    for name, stream in once.items():
        assert np.array_equal(stream.rows, again[name].rows)
        assert np.array_equal(stream.labels, again[name].labels)
    assert not np.array_equal(once["loop example"].rows, chosen["loop example"].rows)
    sea, sums = once["SEA"].labels == "1", once["SEA"].rows[:, :2].sum(axis=1)
    assert np.mean(sea[:10_700] == (sums <= 8)[:10_700]) == pytest.approx(0.905, abs=0.01)
    assert np.mean(sea[-16_200:] == (sums <= 9.5)[-16_200:]) == pytest.approx(0.905, abs=0.01)
    rbf, classes = once["RBF"].rows, once["RBF"].labels
    means = [[rbf[part][classes[part] == name].mean(axis=0) for name in sorted(set(classes))]
             for part in (slice(0, 1_500), slice(1_500, 4_500))]  # fmt: skip
    moved = np.abs(np.subtract(*means)).max(axis=1) > 0.02
    assert moved.sum() == 2
