"""docs/faq.md: what it says becomes of records and labels is what becomes of them, and what it says helps does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidemark import cli

COUNT = 60
CONFIG = """
sources: {predictions: {path: stream.jsonl}, labels: {path: labels.jsonl}}
models:
  churn:
    reference: churn.json
    prediction: {task: binary, positive: "yes", classes: ["yes", "no"]}
    features: {age: numeric}
    labels: {within: 5 min}
    quality: true
    performance: [accuracy]
"""


def at(second):
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


def record(number, **changes):
    """A prediction a second."""
    features = {"features": {"age": 30 + number % 7}}
    return {"id": number, "timestamp": at(number), "model": "churn", "prediction": "yes"} | features | changes


def label(number, **changes):
    """Its label, a minute later."""
    return {"id": number, "timestamp": at(number + 60), "model": "churn", "label": "no"} | changes


def write(path, documents):
    Path(path).write_text("".join(json.dumps(document) + "\n" for document in documents))


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """Of records without drift."""
    folder = tmp_path_factory.mktemp("faq")
    write(folder / "stream.jsonl", map(record, range(COUNT)))
    (folder / "monitors.yaml").write_text(CONFIG)
    words = ["--model", "churn", "--data", str(folder / "stream.jsonl"), "-o", str(folder / "churn.json")]
    assert cli.main(["profile", str(folder / "monitors.yaml"), *words]) == 0
    return (folder / "churn.json").read_bytes()


@pytest.fixture
def run(profile, tmp_path, monkeypatch, capsys):
    """Gives what a backtest prints."""
    monkeypatch.chdir(tmp_path)

    def backtest(records=None, labels=None, changed=("", "")):
        Path("churn.json").write_bytes(profile)
        write("stream.jsonl", records or map(record, range(COUNT)))
        write("labels.jsonl", labels or map(label, range(COUNT)))
        Path("monitors.yaml").write_text(CONFIG.replace(*changed))
        assert cli.main(["backtest", "monitors.yaml"]) == 0
        return capsys.readouterr().out

    return backtest


SOURCE = ("{path: stream.jsonl}", "{path: stream.jsonl, %s}")


def without(document, *names):
    return {name: value for name, value in document.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"timestamp": "01/02/2026 10:00"}, "'timestamp': expected RFC 3339 text or a number at /timestamp"),
        ({"model": None}, "'model': the record names none at /model (neither does the source)"),
    ],
)
def test_dead_records(run, change, told):
    """Counted, and it is said why and where; a source can name the model."""
    printed = run([record(number, **change) for number in range(COUNT)])
    assert f"used 0, dead {COUNT}" in printed
    assert f"dead: {COUNT} of predictions, the first in row 0 of " in printed
    assert told in printed
    if "model" in change:
        named = (SOURCE[0], SOURCE[1] % "model: churn")
        assert f"used {COUNT}, dead 0" in run([without(record(n), "model") for n in range(COUNT)], changed=named)


def test_ignored_records(run):
    """Of models that are not named; or dead letters."""
    records = [record(number, model="other") for number in range(COUNT)]
    assert f"ignored {COUNT}" in run(records)
    assert "not one of the configuration's models" in run(
        records, changed=("sources: {", "sources: {on_unknown_model: dead_letter, ")
    )


@pytest.mark.parametrize(
    ("flat", "setting"), [(True, "fields: {features: /}"), (False, "carries: []")], ids=["elsewhere", "not carried"]
)
def test_missing_features(run, flat, setting):
    """`quality.schema` says which field is gone; with what is told to do it is not."""
    records = [without(record(number), "features") | ({"age": 33} if flat else {}) for number in range(COUNT)]
    assert "/features/age is gone" in run(records)
    assert "is gone" not in run(records, changed=(SOURCE[0], SOURCE[1] % setting))


@pytest.mark.parametrize(
    ("change", "fate"),
    [
        (lambda number: {"id": str(number)}, "matched"),
        (lambda number: {"id": f"00{number}"}, "orphan"),
        (lambda number: {"model": "other"}, "ignored"),
        (lambda number: {"timestamp": at(number)}, "matched"),
        (lambda number: {"timestamp": f"2025-12-31T23:00:{number % 60:02}Z"}, "orphan"),
        (lambda number: {"timestamp": at(number + 400)}, "orphan"),
        (lambda number: {"label": "maybe"}, "dead"),
        (lambda number: {"id": None}, "dead"),
    ],
)
def test_fates_of_labels(run, change, fate):
    """By their ids, models, times and classes."""
    assert f"{fate} {COUNT}" in run(labels=[label(number, **change(number)) for number in range(COUNT)])


def test_labels_of_a_sample(run):
    """Nine of ten are ignored."""
    printed = run(changed=("within: 5 min", "within: 5 min, sample: 0.1"))
    [counts] = [line for line in printed.splitlines() if line.startswith("labels:")]
    matched, ignored = (int(counts.split(f"{name} ")[1].split(",")[0]) for name in ("matched", "ignored"))
    assert matched + ignored == COUNT
    assert matched < COUNT / 4
