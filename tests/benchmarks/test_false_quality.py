"""The benchmark of quality signals runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

from benchmarks import false_quality


def test_a_small_run(capsys, monkeypatch):
    """One reference of a family: rates are numbers, and independent records keep the promise."""
    monkeypatch.setattr(sys, "argv", ["false_quality", "--references", "1", "--families", "independent .3", "--json"])
    false_quality.main()
    (row,) = json.loads(capsys.readouterr().out)
    assert row["family"] == "independent .3"
    assert 0 < row["at 0.01"] < 3
    assert row["of_budget"] == row["episodes"] / ((20 * 288 - 11) / 288 / 15)
