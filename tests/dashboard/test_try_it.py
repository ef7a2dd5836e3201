"""The commands of docs/dashboard.md, and what is then on the pages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from dashboard.files import Followed
from dashboard.findings import Findings
from dashboard.pages import PAGES
from dashboard.shown import Chart, Html, Query
from store import Database, Reader, Writer
from tidemark import cli

PAGE = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text()


def test_the_page_is_right(tmp_path, monkeypatch, capsys):
    """From a simulated stream to the evidence of its drifts, in the whole traffic and in segments."""
    monkeypatch.chdir(tmp_path)
    (settings,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "demo.yaml").write_text(settings)
    commands = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    for line in commands[:-1]:
        assert cli.main(shlex.split(line)[1:]) == 0
    assert commands[-1].endswith("dashboard --events events.jsonl --summaries summaries.jsonl")
    capsys.readouterr()
    with Database(f"sqlite:///{tmp_path}/read.db") as database:
        files = Followed([tmp_path / "events.jsonl", tmp_path / "summaries.jsonl"], Writer(database))
        files.read()
        assert files.unusable == 0
        findings = Findings("demo", Reader(database))
        found = [each for each in findings.reader.episodes("churn") if each.segment == "all"]
        signals = [findings.reader.told([each.episode])[each.episode].signals[0].signal for each in found]
        assert signals == ["feature.usage_hours", "feature.monthly_spend"]
        pages = {
            "/": ({}, 0),
            "/episodes": ({}, 0),
            "/episode": ({"id": found[1].episode}, 2),
            "/signal": ({"model": "churn", "version": found[1].version, "segment": "all", "signal": signals[1]}, 2),
            "/dead-letters": ({}, 0),
        }
        for path, (query, charts) in pages.items():
            page = PAGES[path](findings, Query(query))
            assert sum(isinstance(block, Chart) for block in page.blocks) >= charts
            assert path == "/dead-letters" or any(
                "churn" in block.markup for block in page.blocks if isinstance(block, Html)
            )
