"""Fields that come and go, from reference data to events: `tidemark profile` and `backtest`."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext

import pytest

from config import load
from jobs.backtest import Backtest
from jobs.profiles import write as write_profile
from jobs.reference import make_profile
from operators.profiles.profile_files import load_references
from schemas.profile import Fields

START_S = 1_767_225_600
CONFIGURATION = """\
sources: {{predictions: {{path: {path}, model: churn, version: "1"}}}}
models:
  churn:
    reference: churn.json
    window: {{size: 10 min, slide: 1 min, min_count: 100, grow_to: 1 h}}
    prediction: {{task: binary, positive: "yes"}}
    features: {{age: numeric, plan: categorical}}
    quality: {{missing: false, volume: false}}
"""


def record(row, without=(), **more):
    features = {"age": row % 7, "plan": "gold" if row % 3 else "basic", "note": None} | more
    features = {name: value for name, value in features.items() if name not in without}
    return {"id": f"r{row}", "timestamp": START_S + row, "features": features, "prediction": "yes"}


def flat(one):
    return {name: value for name, value in one.items() if name != "features"} | one["features"]


def write(path, records):
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, sorted({name for one in records for name in flat(one)}))
            table.writeheader()
            table.writerows(map(flat, records))
    else:
        path.write_text("".join(json.dumps(one) + "\n" for one in records))


def run(folder, reference, live, records):
    """Fields of the profile, and what the events of a stream say of fields."""
    (folder / "monitors.yaml").write_text(CONFIGURATION.format(path=live))
    loaded = load(folder / "monitors.yaml")
    write(folder / reference, [record(row) for row in range(3_000)])
    made = make_profile(
        loaded, "churn", str(folder / reference), version=None, start=None, end=None, output=None,
        progress=lambda total: nullcontext(lambda many: None),
    )  # fmt: skip
    write_profile(made.path, made.profile)
    for path, some in records.items():
        write(folder / path, some)
    result = Backtest(load_references(loaded.plan)).run()
    return made.profile.fields, [
        (event.type.rpartition(".")[2], event.data.severity, [(one.field, one.change) for one in signal.fields])
        for event in result.events
        for signal in event.data.signals
        if signal.signal == "quality.schema"
    ]


def test_json(tmp_path):
    """A feature that is gone and a new key, of which nothing is looked at otherwise."""
    live = [
        record(row, without=["plan"] if row > 1_800 else (), **({"tier": 1} if row > 600 else {}))
        for row in range(3_000)
    ]
    fields, told = run(tmp_path, "train.jsonl", "live.jsonl", {"live.jsonl": live})
    among = [f"/features/{name}" for name in ("age", "note", "plan")]
    named = dict.fromkeys(["/features", *among, "/id", "/prediction", "/timestamp"], 3_000)
    assert fields == Fields(form="json", records=3_000, rest=0, most=0, named=named)
    assert told == [
        ("opened", "warning", [("/features/tier", "new")]),
        ("resolved", "warning", [("/features/tier", "new")]),
        ("opened", "critical", [("/features/plan", "gone")]),
    ]


def test_a_profile_of_a_table(tmp_path):
    """Keys of the features are held against its columns; those beside them cannot be."""
    live = [record(row, **({"tier": 1} if row > 600 else {})) | {"trace": 1} for row in range(1_200)]
    fields, told = run(tmp_path, "train.csv", "live.jsonl", {"live.jsonl": live})
    assert (fields.form, set(fields.named)) == ("table", {"id", "timestamp", "prediction", "age", "plan", "note"})
    assert told[0] == ("opened", "warning", [("/features/tier", "new")])


def test_columns_of_files(tmp_path):
    """Of the files of a source a later one has another column and lacks one."""
    first = [record(row) for row in range(600)]
    later = [record(row, without=["note"], tier=2) for row in range(600, 1_200)]
    fields, told = run(tmp_path, "train.csv", "live-*.csv", {"live-1.csv": first, "live-2.csv": later})
    assert set(fields.named) == {"id", "timestamp", "prediction", "age", "plan", "note"}
    assert told[0] == ("opened", "warning", [("note", "gone"), ("tier", "new")])


@pytest.mark.parametrize("quality", ["{schema: false}", "false"])
def test_not_watched(tmp_path, quality):
    """A profile is told of fields only where they are watched."""
    text = CONFIGURATION.format(path="live.jsonl").replace("{missing: false, volume: false}", quality)
    (tmp_path / "monitors.yaml").write_text(text)
    write(tmp_path / "train.jsonl", [record(row) for row in range(600)])
    made = make_profile(
        load(tmp_path / "monitors.yaml"), "churn", str(tmp_path / "train.jsonl"), version=None, start=None, end=None,
        output=None, progress=lambda total: nullcontext(lambda many: None),
    )  # fmt: skip
    assert not made.profile.fields
