"""`tidemark compare`: two versions on the same labelled records."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tidemark.cli import main

CONFIGURATION = """
sources:
  predictions: {path: predictions.jsonl}
  labels: {path: labels.jsonl}
models:
  churn:
    reference: {learn: 1000}
    prediction: {TASK}
    features: {age: numeric}
    segments: [{country: [DE, NO]}]
"""
BINARY = "task: binary, positive: 'yes'"
WORDS = ["compare", "monitors.yaml", "--model", "churn", "--old", "3", "--new", "4"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(right, *, task=BINARY, count=400, predict=None):
    """Predictions of both versions; `right` says of a record's number and version whether it is right."""
    Path("monitors.yaml").write_text(CONFIGURATION.replace("TASK", task))
    predictions, labels = [], []
    for number in range(count):
        label = "yes" if number % 2 else "no"
        wrong = "no" if number % 2 else "yes"
        for version in ("3", "4"):
            told = predict(number, version) if predict else label if right(number, version) else wrong
            record = {"id": f"i{number}", "model": "churn", "version": version, "features": {"age": 1}}
            predictions.append({**record, "country": "DE" if number % 4 < 2 else "NO", "prediction": told})
        labels.append({"id": f"i{number}", "model": "churn", "label": 100.0 if predict else label})
    Path("predictions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in predictions))
    Path("labels.jsonl").write_text("".join(json.dumps(each) + "\n" for each in labels))


def run(capsys, *words):
    status = main([*WORDS, *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_better_version_is_accepted(folder, capsys):
    """With its gain, the interval, and every class and segment."""
    write(lambda number, version: number % 10 not in ((1, 2) if version == "3" else (3,)))
    status, found = run(capsys)
    assert (status, found["verdict"], found["accepted"], found["worse"]) == (0, "better", True, [])
    [accuracy] = found["measures"]
    assert (accuracy["what"], accuracy["records"], accuracy["old"], accuracy["new"]) == ("accuracy", 400, 0.8, 0.9)
    assert accuracy["low"] > 0
    assert [each["slice"] for each in found["slices"]] == [
        "class=other classes",
        "class=yes",
        "country=DE",
        "country=NO",
    ]


def test_a_version_that_is_better_on_the_whole_and_worse_in_a_segment(folder, capsys):
    """Is not accepted, and the segment is named."""

    def right(number, version):
        if number % 4 >= 2:
            return version == "3" or number % 20 != 2  # NO
        return version == "4" or number % 3 != 0  # DE

    write(right, count=800)
    status, found = run(capsys)
    assert (status, found["verdict"], found["accepted"], found["worse"]) == (3, "better", False, ["country=NO"])
    assert main(WORDS) == 3
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "churn: 800 labelled records that both have predicted (0 more of 3, 0 of 4)"
    assert out.splitlines()[-1].startswith("4 is better than 3 (accuracy +0.11")
    assert out.splitlines()[-1].endswith(", but worse in country=NO: not accepted")


def write_reference(right, count=400):
    """Labelled records of the reference with predictions of both; their ids are others', or `right` is asked."""
    records = []
    for number in range(count):
        label, wrong = ("yes", "no") if number % 2 else ("no", "yes")
        for version in ("3", "4"):
            told = label if right(number, version) else wrong
            record = {"id": f"r{number}", "model": "churn", "version": version, "features": {"age": 1}, "label": label}
            records.append({**record, "country": "DE", "prediction": told})
    Path("reference.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))


def test_a_version_that_has_forgotten_what_the_old_one_knew(folder, capsys):
    """Better on recent records and worse on those of the reference, whose labels they have themselves: refused."""
    write(lambda number, version: version == "4" or number % 5 != 1)
    write_reference(lambda number, version: version == "3" or number % 10 != 3)
    assert run(capsys)[0] == 0
    status, found = run(capsys, "--reference", "reference.jsonl")
    assert (status, found["verdict"], found["accepted"]) == (3, "better", False)
    kept = found["reference"]
    assert (kept["records"], kept["verdict"], kept["worse"]) == (400, "worse", ["class=yes", "country=DE"])
    assert main([*WORDS, "--reference", "reference.jsonl"]) == 3
    out = capsys.readouterr().out.splitlines()
    assert "churn: 400 labelled records of the reference that both have predicted (0 more of 3, 0 of 4)" in out
    assert out[-1].startswith("4 is better than 3 (accuracy +0.2000")
    assert ", but worse on the reference (accuracy -0.1000" in out[-1]
    assert out[-1].endswith(": not accepted")


def test_a_reference_whose_labels_stand_elsewhere(folder, capsys):
    """They are found by their ids, as those of other records."""
    write(lambda number, version: version == "4" or number % 5 != 1)
    _, found = run(capsys, "--reference", "predictions.jsonl")
    assert (found["reference"]["records"], found["reference"]["verdict"]) == (400, "better")


def test_what_may_be_forgotten(folder, capsys):
    """A slice counts on the reference as well; what chance explains does not."""
    write(lambda number, version: version == "4" or number % 5 != 1)
    write_reference(lambda number, version: number % 100 != int(version))
    assert run(capsys, "--reference", "reference.jsonl")[0] == 0
    # As good on the whole: what one class has lost, the other has gained.
    write_reference(lambda number, version: number % 10 != (3 if version == "4" else 4))
    status, found = run(capsys, "--reference", "reference.jsonl", "--reference-margin", "0.5")
    assert (status, found["reference"]["verdict"], found["reference"]["worse"]) == (3, "as good", ["class=yes"])
    assert main([*WORDS, "--reference", "reference.jsonl"]) == 3
    assert ", but worse on the reference in class=yes (accuracy" in capsys.readouterr().out.splitlines()[-1]


def test_equal_versions_are_as_good_within_a_margin(folder, capsys):
    """Without one nothing is shown, so nothing is accepted."""
    write(lambda number, version: number % 10 != (1 if version == "3" else 3))
    assert run(capsys)[0] == 3
    status, found = run(capsys, "--margin", "0.06")
    assert (status, found["verdict"], found["accepted"]) == (0, "as good", True)


def test_a_worse_version(folder, capsys):
    """Is said to be."""
    write(lambda number, version: version == "3" or number % 5 != 0)
    status, found = run(capsys, "--margin", "0.05")
    assert (status, found["verdict"]) == (3, "worse")


def test_numbers_are_compared_by_their_errors(folder, capsys):
    """The mean absolute error decides."""
    noise = np.random.default_rng(5).normal(size=(2, 400))
    write(
        None,
        task="task: regression",
        predict=lambda n, v: 100 + float(noise[int(v == "4"), n]) * (2 if v == "3" else 1),
    )
    status, found = run(capsys)
    assert status == 0
    assert [each["what"] for each in found["measures"]] == ["mae", "mse"]
    assert found["measures"][0]["gain"] > 0


def test_what_only_one_has_predicted_is_counted(folder, capsys):
    """And does not count."""
    write(lambda number, version: version == "4" or number % 2 == 0)
    lines = Path("predictions.jsonl").read_text().splitlines(keepends=True)
    Path("predictions.jsonl").write_text("".join(lines[:-40]) + "".join(lines[-40::2]))
    _, found = run(capsys)
    assert (found["records"], found["only_old"], found["only_new"]) == (380, 20, 0)


def test_how_alike_they_are_where_both_have_predicted(folder, capsys):
    """Labels or not: 400 records, of which 300 have one; numbers are some way apart."""
    write(lambda number, version: version == "4" or number % 5 != 1)
    lines = Path("labels.jsonl").read_text().splitlines(keepends=True)
    Path("labels.jsonl").write_text("".join(lines[:300]))
    _, found = run(capsys)
    assert (found["records"], found["overlap"], found["agree"], found["differ"]) == (300, 400, 0.8, None)
    assert main(WORDS) == 0
    assert "of 400 records that both have predicted, with a label or without, they agree on 80.0%" in (
        capsys.readouterr().out.splitlines()
    )
    write(None, task="task: regression", predict=lambda number, version: 100 + int(version) * (1 + number % 2))
    _, found = run(capsys)
    assert (found["overlap"], found["agree"], found["differ"]) == (400, None, 1.5)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--new", "5"], 2,
         "churn: 0 labelled records have a prediction of both versions (400 of 3, 0 of 5); run them side by side for a "
         "while, or name data with predictions of both by --data"),
        (["--reference-margin", "0.1"], 2, "--reference-margin: needs --reference DATA, too"),
        (["--model", "x"], 2, "--model: 'x' is not a model (churn)"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(words, status, said, folder, capsys):
    """With what to do."""
    write(lambda number, version: True)
    assert main([*WORDS, *words]) == status
    assert capsys.readouterr().err.splitlines()[-1] == said


def test_a_model_of_which_no_prediction_is_known(folder, capsys):
    """There is nothing to compare."""
    write(lambda number, version: True, task="task: ranking")
    assert main(WORDS) == 2
    assert "versions are compared by it (binary, multiclass, regression)" in capsys.readouterr().err


def timed(first, last, right, versions=("3", "4")):
    """Records of so many days, two hundred a day, with their labels."""
    for day in range(first, last):
        for number in range(200):
            label = "yes" if number % 2 else "no"
            for version in versions:
                told = label if right(day, number, version) else "no" if number % 2 else "yes"
                yield {
                    "id": f"{day}-{number}",
                    "timestamp": f"2026-01-{day:02d}T{number // 10:02d}:00:00Z",
                    "model": "churn",
                    "version": version,
                    "features": {"age": 1},
                    "prediction": told,
                    "label": label,
                }


def right(day, number, version):
    return number % 10 >= (4 if version == "3" and day > 2 else 2 if version == "3" else 1)


def test_over_time(folder, capsys):
    """The old one before, both side by side, the new one after; each on its own records, the gain on those of both."""
    write(lambda number, version: True)
    records = [*timed(1, 3, right, ["3"]), *timed(3, 5, right), *timed(5, 6, right, ["4"])]
    labels = {one["id"]: {"id": one["id"], "model": "churn", "label": one.pop("label")} for one in records}
    Path("labels.jsonl").write_text("".join(json.dumps(one) + "\n" for one in labels.values()))
    Path("timed.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    words = ["--data", "timed.jsonl"]
    status, found = run(capsys, *words, "--every", "2 days")
    assert status == 0
    told = found["over_time"]
    assert [(one["start"][:10], one["old_records"], one["old"], one["new_records"], one["new"]) for one in told] == [
        ("2026-01-01", 400, 0.8, 0, None),
        ("2026-01-03", 400, 0.6, 400, 0.9),
        ("2026-01-05", 0, None, 200, 0.9),
    ]
    assert told[0]["both"] is None
    assert (told[1]["both"]["records"], told[1]["both"]["gain"]) == (400, 0.3)
    assert main([*WORDS, *words, "--every", "1d"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.strip().startswith("2026-01-0")]
    assert [row[:6] for row in rows[:1]] == [["2026-01-01", "00:00:00", "200", "0.8", "0"]]
    assert rows[2][:6] == ["2026-01-03", "00:00:00", "200", "0.6", "200", "0.9"]
    assert rows[2][6] == "+0.3000"
    assert run(capsys, *words)[1]["over_time"] == []


@pytest.mark.parametrize(
    ("every", "said"),
    [
        ("soon", "--every: 'soon' is not a duration (a number and ms, s, min, h, days or weeks, as in '5 min')"),
        ("1d", "--every: records have no times; compare those of a topic, or give their source 'time: payload'"),
    ],
)
def test_over_which_time(every, said, folder, capsys):
    """A duration, and records that have times."""
    write(lambda number, version: True)
    assert main([*WORDS, "--every", every]) == 2
    assert capsys.readouterr().err == said + "\n"
