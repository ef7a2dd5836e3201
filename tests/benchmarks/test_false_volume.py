"""The benchmark of the volume runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

from benchmarks import false_volume


def test_a_small_run(capsys, monkeypatch):
    """Four days of a steady stream: three are judged, and nothing is found."""
    given = ["false_volume", "--streams", "1", "--days", "4", "--families", "5 a slide", "--json"]
    monkeypatch.setattr(sys, "argv", given)
    false_volume.main()
    assert json.loads(capsys.readouterr().out) == [{"family": "5 a slide", "episodes": 0, "of_budget": 0.0}]
