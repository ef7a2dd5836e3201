"""The examples of docs/elec2.md, bike.md and labels.md: their commands print what the pages say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tidemark import cli

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("page", "which", "name", "file"),
    [
        ("elec2", 0, "elec2", "elec2.csv.gz"),
        ("bike", 0, "bike", "bike_hour.csv"),
        ("labels", 0, "elec2", "elec2.csv.gz"),
        ("labels", 1, "bike", "bike_hour.csv"),
    ],
)
def test_the_page_is_right(tmp_path, monkeypatch, capsys, page, which, name, file):
    """Each line of output on the page is printed."""
    if not (DATA / name / file).exists():
        pytest.skip("needs the shared data sets beside the repository")
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).symlink_to(DATA / name / file)
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL)
    code, settings, said = blocks[3 * which : 3 * which + 3]
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
