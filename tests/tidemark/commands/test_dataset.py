"""`tidemark dataset`: the data that a retrain request names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from schemas.cloudevents import milliseconds, timestamp
from schemas.events import encode
from schemas.retraining import Excluded, TrainOn
from tidemark.cli import main
from tidemark.testing import drift_event, retrain_event

CONFIGURATION = """
sources:
  predictions: {path: predictions.jsonl}
  labels: {path: labels.jsonl}
sinks: {events: {path: events.jsonl}}
models:
  churn:
    reference: {learn: 1000}
    prediction: {task: binary, positive: "yes"}
    features: {age: numeric, plan: categorical, gold: boolean, label: numeric}
    segments: [{country: [DE]}]
    labels: {within: 1 h, LABELS}
    expect: {age: {min: 0, max: 120}, plan: {in: [basic, gold]}}
"""
START = "2026-01-05T10:00:00.000Z"
START_MS = milliseconds(START)


def at(minute: float) -> str:
    return timestamp(START_MS + int(60_000 * minute))


def prediction(number, minute, *, version="3", model="churn", **features):
    features = {"age": 40.0 + number, "plan": "gold", "gold": True, "label": 7, **features}
    record = {"id": f"i{number}", "timestamp": at(minute), "model": model, "version": version, "country": "DE"}
    return {**record, "features": features, "prediction": "yes", "probabilities": {"yes": 0.75, "no": 0.25}}


def label(number, minute, value="no", model="churn"):
    return {"id": f"i{number}", "timestamp": at(minute), "model": model, "label": value}


REQUEST = retrain_event(
    time=at(120),
    train_on=TrainOn(
        start=START,
        end=at(60),
        exclude=(Excluded(start=at(20), end=at(30), why="quality"),),
        samples=60,
        labelled=40,
        offsets=(),
    ),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's records of an hour and more, one a minute, with everything that is to be left out."""
    monkeypatch.chdir(tmp_path)
    predictions = [prediction(number, number) for number in range(-3, 65)]
    predictions[3 + 5] = prediction(5, 5, age=-1)
    predictions[3 + 6] = prediction(6, 6, plan="silver")
    predictions[3 + 7] = prediction(7, 7, age="forty", plan=None)
    predictions += [prediction(8, 8.5), prediction(9, 8.9, version="4"), prediction(100, 10, model="fraud"), []]
    # Of 10 the shadow's record is first; that of the version that is to be replaced counts.
    predictions.insert(3 + 10, prediction(10, 9.5, version="4"))
    labels = [label(number, number + 10) for number in range(-3, 65) if number not in (12, 13, 14, 15)]
    labels += [
        label(12, 12 + 61),
        label(13, 119, "late"),
        label(14, 121),
        label(11, 60, "yes"),
        label(16, 1, "yes", "x"),
    ]
    write(tmp_path / "predictions.jsonl", predictions)
    write(tmp_path / "labels.jsonl", labels)
    configure(tmp_path)
    (tmp_path / "request.json").write_bytes(encode(REQUEST))
    return tmp_path


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def configure(folder, labels="keep: first"):
    (folder / "monitors.yaml").write_text(CONFIGURATION.replace("LABELS", labels))


def test_what_is_named_is_written(folder, capsys):
    """Each record once, with its label, in order; what is left out is counted or set aside, and nothing is lost."""
    assert main(["dataset", "request.json", "-o", "out/train.parquet"]) == 0
    train, test = pq.read_table("out/train.parquet"), pq.read_table("out/train.test.parquet")
    aside = pq.read_table("out/train.aside.parquet").to_pylist()
    manifest = json.loads(Path("out/train.manifest.json").read_text())
    kept = [n for n in range(60) if n not in (5, 6, 12, 13, 14, 15) and not 20 <= n < 30]
    ids = train["id"].to_pylist() + test["id"].to_pylist()
    assert ids == [f"i{number}" for number in kept]
    assert (len(train), len(test)) == (35, 9)
    assert [(row["id"], row["reason"]) for row in aside] == [
        ("i5", "expect.age.min (-1.0)"),
        ("i6", "expect.plan.values (silver)"),
    ]
    assert manifest["counts"] == {
        "read": 73, "dead": 1, "outside": 8, "spoiled": 10, "erased": 0, "other": 1, "duplicates": 3,
        "unlabelled": 4, "aside": 2, "train": 35, "test": 9,
    }  # fmt: skip
    counts = dict(manifest["counts"])
    assert counts.pop("read") == sum(counts.values())
    first = train.to_pylist()[0]
    assert first.pop("timestamp").isoformat() == "2026-01-05T10:00:00+00:00"
    assert first == {
        "id": "i0", "version": "3", "country": "DE", "age": 40.0, "plan": "gold", "gold": True, "feature.label": 7.0,
        "prediction": "yes", "confidence": 0.75, "label": "no",
    }  # fmt: skip
    of = {row["id"]: row for row in train.to_pylist()}
    assert (of["i7"]["age"], of["i7"]["plan"]) == (None, None)
    assert of["i10"]["version"] == "3"
    assert of["i11"]["label"] == "no"
    assert manifest["test_from"] == "2026-01-05T10:51:00+00:00"
    assert manifest["exclude"] == [{"from": at(20), "to": at(30), "why": "quality"}]
    assert manifest["sources"] == [{"path": str(folder / "predictions.jsonl")}]
    for name, rows in (("train", 35), ("test", 9), ("aside", 2)):
        file = manifest["files"][name]
        assert file["rows"] == rows
        assert file["sha256"] == hashlib.sha256(Path("out", file["path"]).read_bytes()).hexdigest()
    assert capsys.readouterr().out.splitlines()[:3] == [
        "out/train.parquet: 35 rows to train on",
        "out/train.test.parquet: 9 rows to test with, later than those",
        "out/train.aside.parquet: 2 rows that break expectations",
    ]


def test_the_same_request_gives_the_same_files(folder):
    """Also when records stand in another order, and labels have come since."""
    files = [f"train{what}" for what in (".parquet", ".test.parquet", ".aside.parquet", ".manifest.json")]
    assert main(["dataset", "request.json", "-o", "train.parquet"]) == 0
    before = [Path(name).read_bytes() for name in files]
    lines = Path("predictions.jsonl").read_text().splitlines(keepends=True)
    Path("predictions.jsonl").write_text("".join(lines[::-1]))
    with Path("labels.jsonl").open("a") as file:
        file.write(json.dumps(label(15, 121)) + "\n")
    assert main(["dataset", "request.json", "-o", "train.parquet"]) == 0
    assert [Path(name).read_bytes() for name in files] == before


@pytest.mark.parametrize(
    ("labels", "of"),
    [("keep: last", {"i11": "yes"}), ("mature: 30 min, absent: 'yes'", {"i11": "no", "i12": "yes", "i15": "yes"})],
)
def test_labels_as_the_model_takes_them(labels, of, folder):
    """The last of an id, or what its absence means."""
    configure(folder, labels)
    assert main(["dataset", "request.json", "-o", "train.parquet", "--test", "0"]) == 0
    rows = {row["id"]: row["label"] for row in pq.read_table("train.parquet").to_pylist()}
    assert {id: rows.get(id) for id in of} == of
    assert not Path("train.test.parquet").exists()


def test_what_is_erased_is_not_used(folder):
    """By id; the manifest counts them and does not name them."""
    Path("ids").write_text("i1\ni2\nnone\n")
    assert main(["dataset", "request.json", "-o", "train.csv", "--exclude", "ids"]) == 0
    ids = pyarrow.csv.read_csv("train.csv")["id"].to_pylist()
    assert ids[:2] == ["i0", "i3"]
    manifest = Path("train.manifest.json").read_text()
    assert json.loads(manifest)["counts"]["erased"] == 2
    assert "i1" not in manifest


def reference(numbers, name="reference.jsonl", **more):
    """Labelled records of the day before, one of them what is expected of none, and two of the request's own."""
    ages = {number: -1 if number == 8000 else number % 100 for number in numbers}
    records = [
        prediction(number, number % 1000 - 1440, age=ages[number]) | {"label": "yes"} | more for number in numbers
    ]
    write(Path(name), records)


def mixed(*words):
    """What is written with a sample of the reference, and its manifest."""
    words = ["dataset", "request.json", "-o", "train.parquet", "--reference", "reference.jsonl", *words]
    assert main(words) == 0
    return pq.read_table("train.parquet").to_pylist(), json.loads(Path("train.manifest.json").read_text())


def test_a_sample_of_the_reference_is_trained_on_and_never_tested_with(folder, capsys):
    """As many rows as make the share, marked; the test is as it would be without."""
    assert main(["dataset", "request.json", "-o", "train.parquet"]) == 0
    without, test = pq.read_table("train.parquet").to_pylist(), pq.read_table("train.test.parquet").to_pylist()
    # 1 and 55 are records of the request too, the last of them in the test; 8000 breaks what is expected.
    reference([1, 55, *range(1000, 1100), 8000, 1000])
    capsys.readouterr()
    Path("ids").write_text("i1001\n")
    rows, manifest = mixed("--mix", "0.3", "--exclude", "ids")
    assert "15 of the rows to train on are of the reference (30% of them)" in capsys.readouterr().out
    of = [row for row in rows if row["origin"] == "reference"]
    assert [{k: v for k, v in row.items() if k != "origin"} for row in rows if row["origin"] == "request"] == without
    assert len(of) == round(35 * 0.3 / 0.7)
    assert rows == sorted(rows, key=lambda row: row["timestamp"])
    tested = pq.read_table("train.test.parquet").to_pylist()
    assert [row.pop("origin") for row in tested] == ["request"] * len(test)
    assert tested == test
    assert {row["label"] for row in of} == {"yes"}
    assert not {row["id"] for row in of} & {row["id"] for row in without + test}
    told = manifest["reference"]
    assert told.pop("sha256")
    assert told == {
        "share": 0.3, "data": "reference.jsonl", "wanted": 15,
        "counts": {
            "read": 104, "dead": 0, "other": 0, "outside": 0, "erased": 1, "duplicates": 1, "aside": 1,
            "unlabelled": 0, "known": 2, "left": 84, "taken": 15,
        },
    }  # fmt: skip
    counts = dict(told["counts"])
    assert counts.pop("read") == sum(counts.values())
    assert manifest["counts"]["train"] == 35
    assert manifest["files"]["train"]["rows"] == 50


def test_the_same_rows_of_the_reference_are_taken_in_whatever_order_they_stand(folder):
    """By their content; a larger share has those of a smaller one, and too few are said to be."""
    reference(range(1000, 1100))
    rows, manifest = mixed("--mix", "0.3")
    reference(range(1099, 999, -1))
    assert mixed("--mix", "0.3") == (rows, manifest)
    more, _ = mixed("--mix", "0.5")
    assert {row["id"] for row in rows} < {row["id"] for row in more}
    reference(range(1000, 1004))
    rows, manifest = mixed("--mix", "0.5")
    assert (len(rows), manifest["reference"]["wanted"], manifest["reference"]["counts"]["taken"]) == (39, 35, 4)


def test_a_reference_without_times(folder):
    """Training data often have none; what has one of the request's span on is not of the reference."""
    reference(range(1000, 1100), timestamp=None)
    rows, _ = mixed("--mix", "0.3")
    assert [row["timestamp"] for row in rows[:15]] == [None] * 15
    reference(range(1000, 1100), timestamp=at(0))
    assert mixed("--mix", "0.3")[1]["reference"]["counts"]["outside"] == 100


def test_a_request_by_its_id(folder):
    """Of the request or of its event, among the events."""
    lines = [encode(retrain_event("waiting")), b"?", encode(drift_event()), encode(REQUEST)]
    Path("events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    for name in (REQUEST.id, REQUEST.data.request):
        assert main(["dataset", name, "-o", "train.parquet"]) == 0
        assert json.loads(Path("train.manifest.json").read_text())["event"] == REQUEST.id


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none", "-o", "t.parquet"], 2,
         "REQUEST: 'none' is neither a file nor the id of a retrain request in {}/events.jsonl"),
        (["request.json", "-o", "t.xlsx"], 2, "-o t.xlsx: '.xlsx' is not a format (.parquet, .csv)"),
        (["drift.json", "-o", "t.parquet"], 2,
         "drift.json: is an event of type 'io.tidemark.drift.opened', not about a retrain request"),
        (["request.json", "-o", "t.parquet", "--mix", "0.3"], 2, "--mix: needs --reference DATA, too"),
        (["request.json", "-o", "t.parquet", "--reference", "r.jsonl"], 2, "--reference: needs --mix SHARE, too"),
        (["request.json", "-o", "t.parquet", "--reference", "r.jsonl", "--mix", "1"], 2,
         "--mix: 1 is not a share (above 0 and below 1; 0.3 is three rows in ten)"),
        (["request.json", "-o", "t.parquet", "--exclude", "none"], 2,
         "--exclude: none: cannot be read (No such file or directory)"),
        (["bad.json", "-o", "t.parquet"], 2, "bad.json: event: Input data was truncated"),
        (["fraud.json", "-o", "t.parquet"], 2, "--model: 'fraud' is not a model (churn)"),
        (["empty.json", "-o", "t.parquet"], 2,
         "dataset: nothing to train churn on from 2020-01-01T00:00:00.000Z to 2020-01-02T00:00:00.000Z (read 73, "
         "dead 1, outside 71, other 1); do the sources still have the records, and their labels?"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(words, status, said, folder, capsys):
    """With what to do."""
    span = msgspec.structs.replace(
        REQUEST.data.train_on, start="2020-01-01T00:00:00.000Z", end="2020-01-02T00:00:00.000Z"
    )
    Path("drift.json").write_bytes(encode(drift_event()))
    Path("bad.json").write_text("{")
    Path("fraud.json").write_bytes(encode(retrain_event(model="fraud")))
    Path("empty.json").write_bytes(encode(retrain_event(train_on=span)))
    assert main(["dataset", *words]) == status
    assert capsys.readouterr().err.splitlines()[-1] == said.format(folder)


def test_times_that_are_counted(tmp_path, monkeypatch, capsys):
    """Rows and labels without times of their own are at those that the sources' `time` gives them, by their places."""
    monkeypatch.chdir(tmp_path)
    every = f"time: {{every: 1 min, from: {START}}}"
    (tmp_path / "c.yaml").write_text(
        CONFIGURATION.replace("predictions: {path", f"predictions: {{{every}, path")
        .replace("labels: {path", f"labels: {{{every}, path")
        .replace(", LABELS", "")
    )
    records = [prediction(number, number) for number in range(100)]
    (tmp_path / "predictions.jsonl").write_bytes(
        b"".join(msgspec.json.encode({**record, "timestamp": None}) + b"\n" for record in records)
    )
    (tmp_path / "labels.jsonl").write_bytes(
        b"".join(msgspec.json.encode({**label(number, 0), "timestamp": None}) + b"\n" for number in range(100))
    )
    (tmp_path / "request.json").write_bytes(encode(REQUEST))
    assert main(["dataset", "request.json", "-c", "c.yaml", "-o", "train.parquet"]) == 0, capsys.readouterr().err
    ids = [id for part in ("train", "train.test") for id in pq.read_table(f"{part}.parquet")["id"].to_pylist()]
    assert ids == [f"i{number}" for number in range(60) if not 20 <= number < 30]
