"""The benchmark of numbers that stand still runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

from benchmarks import false_frozen


def test_a_small_run(capsys, monkeypatch):
    """One reference of a family: what stands still by chance is rarer than promised."""
    given = ["false_frozen", "--references", "1", "--families", "independent, .9", "--json"]
    monkeypatch.setattr(sys, "argv", given)
    false_frozen.main()
    (row,) = json.loads(capsys.readouterr().out)
    assert row["family"] == "independent, .9"
    assert 0 <= row["at 0.001"] < 1.5
