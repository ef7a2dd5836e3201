"""The benchmark of ids that come again runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

from benchmarks import false_duplicates


def test_a_small_run(capsys, monkeypatch):
    """One reference of a family: a fiftieth of ids that come again, as ever, alarm as rarely as promised."""
    monkeypatch.setattr(false_duplicates, "SLIDES", 600)
    given = ["false_duplicates", "--references", "1", "--families", "independent .02", "--json"]
    monkeypatch.setattr(sys, "argv", given)
    false_duplicates.main()
    (row,) = json.loads(capsys.readouterr().out)
    assert row["family"] == "independent .02"
    assert 0 <= row["at 0.01"] < 4
