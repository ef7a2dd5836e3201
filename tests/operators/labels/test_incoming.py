"""Labels through decode: what becomes of each, and that predictions are found by the same ids."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from config.plan import LabelsPlan, PredictionPlan, SourcePlan
from operators.decode import Decoder
from operators.encoding.entries import Entry, LabelCounts, Place
from operators.encoding.keys import JOIN, LABELS, LETTER, joined_model
from operators.labels import join_chunks
from operators.labels.incoming import LabelReader
from operators.labels.join_chunks import JoinPane, Rows
from operators.profiles.references import JobReferences
from schemas import dead_letters
from tests.operators.decoding import NOW_MS, PANE_MS, TOPIC, job, line, model

SOURCE = SourcePlan(name="labels", kind="labels", topic="labels")
PLAN = LabelsPlan(within_ms=600_000)


def labelled(*names: str, sources: tuple[SourcePlan, ...] = (TOPIC, SOURCE), **changes: Any) -> JobReferences:
    """A job whose models have labels."""
    changes = {"labels": PLAN, **changes}
    return job(*sources, models=tuple(model(name, **changes) for name in names or ("churn",)))


def decoded(
    references: JobReferences, lines: list[bytes | None], source: SourcePlan = SOURCE, late: list[bool] | None = None
) -> tuple[LabelCounts, list[str], list[Entry]]:
    """Counts, what letters say, and chunks for the join."""
    entries = Decoder(references, source).decode(
        lines,
        np.full(len(lines), NOW_MS + 5, np.int64),
        np.array(late or [False] * len(lines)),
        Place(topic="labels", partitions=[0] * len(lines), offsets=range(len(lines))),
    )
    counts = LabelCounts()
    for entry in entries:
        if entry.key[0] == LABELS:
            counts.add(msgspec.json.decode(entry.data, type=LabelCounts))
    letters = [dead_letters.decode(entry.data).data.error for entry in entries if entry.key[0] == LETTER]
    return counts, letters, [entry for entry in entries if entry.key[0] == JOIN]


def pane(entries: list[Entry]) -> JoinPane:
    """All of some entries, whichever bucket they are in."""
    assert {entry.pane_end_ms for entry in entries} == {NOW_MS + PANE_MS}
    return join_chunks.decode([entry.data for entry in entries], PANE_MS)


def predictions(entries: list[Entry]) -> Rows:
    """All predictions of some entries."""
    return join_chunks.put_together([part.rows for part in pane(entries).predictions])


def label(**changes: Any) -> bytes:
    """A label with nothing wrong."""
    return json.dumps({"id": "a1", "model": "churn", "label": "no"} | changes).encode()


def test_predictions_and_labels_meet():
    """The same id, as a text or a number, has one hash and one bucket."""
    references = labelled()
    ids: list[Any] = ["a1", 7, "7", "ä", 2**70]
    _, _, ours = decoded(references, [line(id=one) for one in ids], TOPIC)
    counts, letters, theirs = decoded(references, [label(id=one) for one in ids])
    assert (counts, letters) == (LabelCounts(read=5), [])
    assert {entry.key for entry in ours} == {entry.key for entry in theirs}
    assert sorted(predictions(ours).hashes.tolist()) == sorted(pane(theirs).labels.hashes.tolist())
    assert len(set(predictions(ours).hashes.tolist())) == 4
    assert set(pane(theirs).labels.times_ms.tolist()) == {NOW_MS + 5}


def test_without_a_source_of_labels_predictions_do_not_wait():
    """What decode gives out is the same as if the model had none."""
    lines: list[bytes | None] = [line(), line(id="b")]
    place = Place(topic="predictions", partitions=[0, 0], offsets=[0, 1])
    times_ms, late = np.full(2, NOW_MS), np.zeros(2, np.bool_)
    with_labels = Decoder(labelled(sources=(TOPIC,)), TOPIC).decode(lines, times_ms, late, place)
    assert with_labels == Decoder(job(TOPIC), TOPIC).decode(lines, times_ms, late, place)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (None, "a tombstone: the record has no value"),
        (b"", "expected a JSON object, got an empty line"),
        (b"{", "not JSON: input data was truncated"),
        (b"[]", "expected an object, got an array"),
        (b'{"id": "a", "label": 1' + b"0" * 5000 + b"}", "not JSON: a number of more than 4,300 digits"),
        (label(id=None), "'id': is missing at /id"),
        (label(id=1.5), "'id': expected a text or a whole number, got a number at /id"),
        (label(id=True), "'id': expected a text or a whole number, got a boolean at /id"),
        (label(label=None), "'label': is missing at /label"),
        (label(label=[]), "'label': expected a text, a number or a boolean, got an array at /label"),
        (label(label="maybe"), "'label': not one of the model's classes at /label"),
        (label(model=[]), "'model': expected a text, got an array at /model"),
    ],
)
def test_labels_that_cannot_be_used(record, error):
    """Each is a dead letter that says why, and never a value."""
    prediction = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
    counts, letters, entries = decoded(labelled(prediction=prediction), [record, label()])
    assert counts == LabelCounts(read=2, dead=1)
    assert len(letters) == 1
    assert letters[0].startswith(error)
    assert len(pane(entries).labels.hashes) == 1


@pytest.mark.parametrize(("value", "dead"), [(1.5, 0), (3, 0), ("3", 1), (True, 1), (1e999, 1)])
def test_labels_of_a_regression_are_numbers(value, dead):
    """A text or a boolean is none."""
    references = labelled(prediction=PredictionPlan(task="regression"))
    line_ = label(label=value).replace(b"Infinity", b"1e999")
    counts, letters, _ = decoded(references, [line_])
    assert counts == LabelCounts(read=1, dead=dead)
    assert all(letter.startswith("'label': expected a") for letter in letters)


def test_whose_labels_they_are():
    """The label names its model, or its source does, or there is but one; others are passed over."""
    nameless = json.dumps({"id": "a1", "label": "no"}).encode()
    other = label(model="other")
    assert decoded(labelled(), [nameless, other])[0] == LabelCounts(read=2, ignored=1)
    counts, letters, entries = decoded(labelled("churn", "fraud"), [nameless, label(), label(model="fraud")])
    assert counts == LabelCounts(read=3, dead=1)
    assert letters == ["'model': the label names none at /model (neither does the source)"]
    assert sorted(joined_model(entry.key) for entry in entries) == ["churn", "fraud"]
    fraud = msgspec.structs.replace(SOURCE, model="fraud")
    references = labelled("churn", "fraud", sources=(TOPIC, fraud))
    assert [joined_model(entry.key) for entry in decoded(references, [nameless, other], fraud)[2]] == ["fraud"]
    assert decoded(references, [line()], TOPIC)[2] == []  # predictions of churn wait for nothing
    strict = labelled()
    strict = msgspec.structs.replace(strict, plan=msgspec.structs.replace(strict.plan, on_unknown_model="dead_letter"))
    assert decoded(strict, [other])[1] == ["'model': not one of the configuration's models at /model"]


def test_a_sample():
    """The same ids of predictions and labels are left out; labels of those are counted as ignored."""
    references = labelled(labels=LabelsPlan(within_ms=600_000, sample=0.25))
    ids = [f"r{number}" for number in range(2_000)]
    _, _, ours = decoded(references, [line(id=one) for one in ids], TOPIC)
    counts, _, theirs = decoded(references, [label(id=one) for one in ids])
    kept = pane(theirs).labels.hashes
    assert sorted(predictions(ours).hashes.tolist()) == sorted(kept.tolist())
    assert counts == LabelCounts(read=2_000, ignored=2_000 - len(kept))
    assert 400 < len(kept) < 600
    assert len({entry.key for entry in theirs}) == join_chunks.buckets(0.25) == 4


def test_late_labels_are_letters():
    """They are counted as late, once, and join nothing."""
    counts, letters, entries = decoded(labelled(), [label(), label(id=None)], late=[True, True])
    assert counts == LabelCounts(read=2, dead=1, late=1)
    assert letters == ["'id': is missing at /id", "its pane was already closed when it came"]
    assert entries == []


def test_labels_in_a_table():
    """Columns in the place of fields; cells of a CSV are texts."""
    source = SourcePlan(name="labels", kind="labels", path="l.csv", format="csv", model="churn")
    reader = LabelReader(labelled(sources=(TOPIC, source), prediction=PredictionPlan(task="regression")).plan, source)
    table = pa.table({"/id": ["a1", None, "3", "4"], "/label": ["1.5", "2", "x", None]})
    table = table.rename_columns(["id", "label"])
    reading = reader.read(table, [(3, "has 3 cells, not 2", b"4,,")])
    assert reading.dead == {
        1: "'id': is missing at /id",
        2: "'label': expected a number, got a text at /label",
        3: "has 3 cells, not 2",
    }
    assert reading.groups == {("churn", "", ""): [0]}
    assert [reading.payload(row) for row in (0, 3)] == [b'{"id":"a1","label":"1.5"}', b"4,,"]
    assert reader.columns >= {"id", "label", "model"}
