"""The benchmark of relations runs, and gives what it promises to."""

from __future__ import annotations

import json
import sys

from benchmarks import false_relations


def told(capsys, monkeypatch, *options):
    """What it prints, of streams that are short."""
    monkeypatch.setattr(false_relations, "DAYS", 1)
    monkeypatch.setattr(sys, "argv", ["false_relations", "--references", "1", "--json", *options])
    false_relations.main()
    return json.loads(capsys.readouterr().out)


def test_a_small_run(capsys, monkeypatch):
    """One reference of each of two families: rates are numbers, and independent records keep the promise."""
    rows = told(capsys, monkeypatch, "--families", "independent", "categories")
    assert [row["family"] for row in rows] == ["independent", "categories"]
    assert all(0 < row["at 0.01"] < 3 for row in rows)
    assert all(0 <= row["of_budget"] < 10 and 0 <= row["errors_of_budget"] < 10 for row in rows)
    assert all(0 <= row["classifier at 0.01"] <= 100 for row in rows)
    assert all((row["of_budget"] > 0) == (row["episodes"] > 0) for row in rows)


def test_what_is_found(capsys, monkeypatch):
    """A large change is."""
    monkeypatch.setattr(false_relations, "CHANGES", (0.3,))
    monkeypatch.setattr(false_relations, "STREAMS", 1)
    assert told(capsys, monkeypatch, "--found") == [{"change": 0.3, "found": 1.0}]
