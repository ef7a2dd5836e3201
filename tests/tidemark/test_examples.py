"""The examples of docs/elec2.md and docs/bike.md: their commands print what the pages say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tidemark import cli

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.soak
@pytest.mark.parametrize(("name", "file"), [("elec2", "elec2.csv.gz"), ("bike", "bike_hour.csv")])
def test_the_page_is_right(tmp_path, monkeypatch, capsys, name, file):
    """Each line of output on the page is printed."""
    if not (DATA / name / file).exists():
        pytest.skip("needs the shared data sets beside the repository")
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).symlink_to(DATA / name / file)
    code, settings, said = re.findall(r"```\w*\n(.*?)```", (ROOT / "docs" / f"{name}.md").read_text(), re.DOTALL)
    (tmp_path / "make.py").write_text(code)
    (tmp_path / f"{name}.yaml").write_text(settings)
    runpy.run_path("make.py")
    printed = ""
    for line in said.splitlines():
        if line.startswith("$ tidemark "):
            assert cli.main(line.split()[2:]) == 0
            printed = capsys.readouterr().out
        else:
            assert line in printed.splitlines()
