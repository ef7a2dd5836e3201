"""`tidemark backtest --slices`: from files to lines, with labels of their own and in the records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tidemark import cli

CONFIGURATION = """\
sources:
  predictions: {path: live.jsonl, model: m, version: "1", time: {every: 1 s, from: 2026-01-02}}
sinks: {events: {path: events.jsonl}}
models:
  m:
    reference: m.json
    window: {size: 20 min, slide: 5 min}
    prediction: {task: binary, positive: "yes"}
    features: {age: numeric, country: categorical, plan: categorical}
"""
LABELS = "  labels: {path: labels.jsonl, model: m, time: {every: 1 s, from: 2026-01-02}}\nsinks"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A reference of 8,000 records, and as many of a stream: from the 4,000th on FR and gold is older, and wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(CONFIGURATION)
    (tmp_path / "reference.jsonl").write_text("\n".join(lines(1, 8_000)))
    (tmp_path / "live.jsonl").write_text("\n".join([*lines(2, 4_000), *lines(3, 4_000, changed=True)]))
    assert cli.main(["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1"]) == 0
    return tmp_path


def lines(seed, count, changed=False):
    """Records with their labels."""
    rng = np.random.default_rng(seed)
    country = rng.choice(["DE", "FR"], count)
    plan = rng.choice(["basic", "gold"], count)
    there = changed & (country == "FR") & (plan == "gold")
    age = (rng.normal(size=count) + 1.5 * there).tolist()
    right = rng.random(count) > np.where(there, 0.5, 0.1)
    yes = rng.random(count) < 0.5
    return [
        json.dumps(
            {
                "id": f"{seed}-{n}",
                "features": {"age": age[n], "country": str(country[n]), "plan": str(plan[n])},
                "prediction": "yes" if yes[n] == right[n] else "no",
                "label": "yes" if yes[n] else "no",
            }
        )
        for n in range(count)
    ]


def searched(capsys, *options):
    """What a backtest prints of slices."""
    capsys.readouterr()
    assert cli.main(["backtest", "m.yaml", "--slices", *options]) == 0
    return capsys.readouterr().out.partition("slices of m")[2].splitlines()


def test_since_the_first_episode(capsys):
    """Without anything to compare with, what was before it is that."""
    told = searched(capsys)
    assert told[0].startswith(", against the records before 2026-01-02T01:0")
    assert told[1] == "lost most:"
    assert told[2].startswith("  country=FR, plan=gold: mean error 0.")
    assert told[told.index("changed most:") + 1].startswith("  country=FR, plan=gold: feature.age PSI ")


def test_against_data(folder, capsys):
    """Of the reference; and as JSON."""
    assert searched(capsys, "--reference", "reference.jsonl")[0].startswith(", against reference.jsonl: ")
    assert cli.main(["backtest", "m.yaml", "--slices", "--reference", "reference.jsonl", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["slices"]
    assert (found["model"], found["reference"]) == ("m", "reference.jsonl")
    assert found["found"]["losses"][0]["slice"] == {"country": "FR", "plan": "gold"}


def test_labels_of_their_own(folder, capsys):
    """Found by the records' ids."""
    records = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
    labels = [{"id": record["id"], "label": record.pop("label")} for record in records]
    (folder / "live.jsonl").write_text("\n".join(map(json.dumps, records)))
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, labels)))
    (folder / "m.yaml").write_text(CONFIGURATION.replace("sinks", LABELS, 1))
    assert searched(capsys)[2].startswith("  country=FR, plan=gold: mean error 0.")


def test_no_labels_and_no_episode(folder, capsys):
    """What is not known is not told."""
    records = [json.loads(line) for line in lines(4, 4_000)]
    for record in records:
        del record["label"]
    (folder / "live.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert searched(capsys) == [": no episode says since when to look; give data to compare with by --reference"]
    told = searched(capsys, "--reference", "reference.jsonl")
    assert told[1:] == ["changed most: none is unlike the reference"]


def test_what_cannot_be_searched(folder, capsys):
    """A model without a profile, and data that are not there."""
    text = CONFIGURATION.replace("m.json", "{learn: 1000}")
    (folder / "m.yaml").write_text(text)
    assert cli.main(["backtest", "m.yaml", "--slices"]) == 2
    assert "--slices: m learns its reference from the stream; make a profile of it\n" in capsys.readouterr().err
    (folder / "m.yaml").write_text(CONFIGURATION)
    assert cli.main(["backtest", "m.yaml", "--slices", "--reference", "none.jsonl"]) != 0
    assert "none.jsonl: no such file" in capsys.readouterr().err


def test_several_versions(folder, capsys):
    """Each is searched by itself: what is wrong with one is not told of the other."""
    records = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
    calm = [json.loads(line) for line in lines(5, 8_000)]
    both = [
        record | {"version": str(n + 9)} for pair in zip(records, calm, strict=True) for n, record in enumerate(pair)
    ]
    (folder / "live.jsonl").write_text("\n".join(map(json.dumps, both)))
    (folder / "m.yaml").write_text(CONFIGURATION.replace('version: "1", ', ""))
    assert cli.main(["backtest", "m.yaml", "--slices"]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("slices", "  country"))]
    assert found[0].startswith("slices of m/9, against the records before 2026-01-02T0")
    assert found[1].startswith("  country=FR, plan=gold: mean error 0.")
    assert found[-1] == "slices of m/10: no episode says since when to look; give data to compare with by --reference"
    assert cli.main(["backtest", "m.yaml", "--slices", "--reference", "reference.jsonl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["slices"]
    assert [(one["version"], one["alone"]) for one in told] == [("9", False), ("10", False)]
    assert told[0]["found"]["losses"][0]["slice"] == {"country": "FR", "plan": "gold"}
    assert told[1]["found"]["losses"] == told[1]["found"]["changes"] == []
