"""The example of docs/california.md: the area under the curve by month is the published one."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tidemark import cli

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "california"
PUBLISHED = {"2021-08-01": 0.760, "2021-09-01": 0.704, "2021-10-01": 0.670}  # by the end of the month


def areas(folder: Path) -> dict[str, tuple[float, int]]:
    """Area and number of labels by the end of the window."""
    assert cli.main(["backtest", "monitors.yaml", "--scores", "scores.csv"]) == 0
    with (folder / "scores.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["signal"] == "performance.roc_auc"]
    return {row["time"][:10]: (float(row["statistic"]), int(row["count"])) for row in rows if row["statistic"]}


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data sets beside the repository")
def test_area_by_month(tmp_path, monkeypatch, capsys):
    """July and August in windows of 31 days, September in one of 30; the limit opens an episode."""
    monkeypatch.chdir(tmp_path)
    for file in DATA.iterdir():
        (tmp_path / file.name).symlink_to(file)
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "california.md").read_text(), re.DOTALL)
    assert text is not None
    config = tmp_path / "monitors.yaml"
    config.write_text(text[1])
    reference = "california_housing_reference.csv"
    assert cli.main(["profile", "monitors.yaml", "--model", "housing", "--data", reference]) == 0
    long = areas(tmp_path)
    said = capsys.readouterr().out
    assert re.search(r"2021-07-26.*drift.opened +performance.roc_auc fell: 0.745 .*has to be at least 0.75", said)
    config.write_text(text[1].replace("31 days", "30 days"))
    short = areas(tmp_path)
    found = {end: (short if end == "2021-10-01" else long)[end] for end in PUBLISHED}
    assert {end: count for end, (_, count) in found.items()} == {
        "2021-08-01": 744,
        "2021-09-01": 744,
        "2021-10-01": 720,
    }
    for end, published in PUBLISHED.items():
        assert abs(found[end][0] - published) <= 0.001
