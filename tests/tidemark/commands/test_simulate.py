import json

import pytest

from config import load
from jobs.truth import read_truth
from tidemark import cli

CONFIG = """
sources: {predictions: {path: stream.jsonl}}
sinks: {events: {path: events.jsonl}}
models:
  churn:
    versions: {"3": {}}
    reference: profile.json
    features: {age: numeric, plan: categorical}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a configuration that reads a file."""
    (tmp_path / "monitors.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def simulate(*words):
    """Call the command."""
    return cli.main(["simulate", *words])


def test_all_it_writes(folder, capsys):
    """One call writes the stream, the reference before it and the truth about it, and says so."""
    drift = "feature.age:shift:1@500"
    words = ["--to", "monitors.yaml", "--records", "1000", "--drift", drift, "--from", "2026-01-01T00:00:00Z"]
    assert simulate(*words, "--reference", "r.jsonl", "--reference-records", "300", "--truth", "truth.json") == 0
    assert capsys.readouterr() == (
        "300 undrifted records to r.jsonl\n"
        "1 drift to truth.json\n"
        f"1,000 records of model churn, version 3, to {folder / 'stream.jsonl'}\n",
        "",
    )
    stream = [json.loads(line) for line in (folder / "stream.jsonl").read_text().splitlines()]
    reference = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    assert (len(stream), stream[0]["timestamp"], stream[0]["version"]) == (1000, "2026-01-01T00:00:00.000Z", "3")
    assert (len(reference), reference[0]["timestamp"]) == (300, "2025-12-31T23:59:57.000Z")
    assert json.loads((folder / "truth.json").read_text()) == [
        {"time": "2026-01-01T00:00:05.000Z", "record": 500, "signal": "feature.age", "kind": "shift", "size": 1.0}
    ]
    assert read_truth(folder / "truth.json", load("monitors.yaml").plan) == (1_767_225_605_000,)


def test_reference_alone(folder, capsys):
    """Without a configuration there can be a reference, and nothing else."""
    assert simulate("--reference", "r.jsonl", "--reference-records", "10", "--dataset", "wide") == 0
    assert capsys.readouterr().out == "10 undrifted records to r.jsonl\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "tidemark simulate: nothing to do; give --to CONFIG, --reference FILE or both"),
        (
            ["--to", "monitors.yaml", "--live", "--from", "2026-01-01T00:00:00Z"],
            "tidemark simulate: --live begins now and --from elsewhere; give one of them",
        ),
        (
            ["--to", "monitors.yaml", "--from", "monday"],
            "--from: 'monday' is not a time (RFC 3339, as 2026-01-01T00:00:00Z)",
        ),
        (
            ["--to", "monitors.yaml", "--dataset", "river:SEA"],
            "--dataset: 'river:SEA' has no age, plan, features of model 'churn' (it has 0, 1, 2)",
        ),
    ],
)
def test_wrong(words, message, capsys, folder):
    """A wrong call is said in one line with status 2, and nothing is written."""
    assert simulate(*words) == 2
    assert capsys.readouterr() == ("", message + "\n")
    assert [entry.name for entry in folder.iterdir()] == ["monitors.yaml"]


@pytest.mark.parametrize("path", ["stream.csv", "data/*.jsonl"])
def test_other_sources(path, capsys, folder):
    """Only a topic or one file of JSON lines can take a stream."""
    (folder / "monitors.yaml").write_text(CONFIG.replace("stream.jsonl", path))
    assert simulate("--to", "monitors.yaml", "--records", "1") == 2
    assert capsys.readouterr().err == (
        f"monitors.yaml: sources.predictions: '{folder / path}' is not one local file of JSON lines (as data.jsonl)\n"
    )
