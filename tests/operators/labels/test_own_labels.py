"""Labels within records, from decode on: with a source of labels they go to the join, without one to performance."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from config.plan import LabelsPlan, MetricPlan, PredictionPlan, SourcePlan
from operators.decode import Decoder
from operators.encoding.entries import Entry, LabelCounts, Place
from operators.encoding.keys import JOIN, LABELS, LETTER, PERFORMANCE
from operators.labels import join_chunks
from operators.labels.join_rows import Labelled, pane_of, unpack
from operators.labels.own_labels import own_labels
from operators.profiles.references import JobReferences
from schemas import dead_letters
from tests.operators.decoding import NOW_MS, PANE_MS, TOPIC, job, line, model, record

BINARY = PredictionPlan(task="binary", positive="yes", classes=("no", "yes"))
SOURCE = SourcePlan(name="labels", kind="labels", topic="labels")


def labelled(*sources: SourcePlan, sample: float = 1.0, prediction: PredictionPlan = BINARY) -> JobReferences:
    """A job of a model with labels and performance."""
    labels = LabelsPlan(within_ms=600_000, sample=sample)
    performance = (MetricPlan(name="accuracy"),)
    return job(*(sources or (TOPIC,)), models=(model(labels=labels, performance=performance, prediction=prediction),))


def decoded(
    references: JobReferences, lines: list[bytes | None], source: SourcePlan = TOPIC, late: list[bool] | None = None
) -> tuple[LabelCounts, list[str], list[Entry]]:
    """Counts of labels, what letters say, and what else there is for labels."""
    times_ms = np.arange(len(lines)) * 4_000 + NOW_MS
    place = Place(topic="predictions", partitions=[0] * len(lines), offsets=range(len(lines)))
    late_ = np.array(late or [False] * len(lines), np.bool_)
    counts, letters, rest = LabelCounts(), [], []
    for entry in Decoder(references, source).decode(lines, times_ms, late_, place):
        if entry.key[0] == LABELS:
            counts.add(msgspec.json.decode(entry.data, type=LabelCounts))
        elif entry.key[0] == LETTER:
            letters.append(dead_letters.decode(entry.data).data.error)
        elif entry.key[0] in (JOIN, PERFORMANCE):
            rest.append(entry)
    return counts, letters, rest


def matches(entries: list[Entry]) -> dict[tuple[str, int], Labelled]:
    """Predictions with their labels by key and pane."""
    for entry in entries:
        assert pane_of(entry.data)[0] == entry.pane_end_ms
    return {(entry.key, entry.pane_end_ms or 0): unpack([pane_of(entry.data)[1]]) for entry in entries}


def test_without_a_source_of_labels_they_go_to_performance():
    """By version and segment, each in the pane of its record; nothing waits."""
    lines = [line(id=str(number), label="yes" if number % 2 else "no") for number in range(4)]
    counts, letters, entries = decoded(labelled(), [*lines, line()])
    assert (counts, letters) == (LabelCounts(read=4, matched=4), [])
    found = matches(entries)
    assert sorted(found) == [
        ("p|churn|3|champion|all", NOW_MS + PANE_MS),
        ("p|churn|3|champion|all", NOW_MS + 2 * PANE_MS),
        ("p|churn|3|champion|country=DE", NOW_MS + PANE_MS),
        ("p|churn|3|champion|country=DE", NOW_MS + 2 * PANE_MS),
    ]
    first = found["p|churn|3|champion|all", NOW_MS + PANE_MS]
    assert first.times_ms.tolist() == first.labels_ms.tolist() == [NOW_MS, NOW_MS + 4_000, NOW_MS + 8_000]
    assert first.values.tolist() == [[1.0, 0.83, 0.0], [1.0, 0.83, 1.0], [1.0, 0.83, 0.0]]


def test_with_a_source_of_labels_they_are_labels_of_their_ids():
    """They meet their predictions, and those of other versions, in the join."""
    counts, _, entries = decoded(labelled(TOPIC, SOURCE), [line(label="no"), line(id="b")])
    assert counts == LabelCounts(read=1)  # the join says what becomes of it
    pane = join_chunks.decode([entry.data for entry in entries], PANE_MS)
    assert sum(len(part.rows.hashes) for part in pane.predictions) == 2
    assert pane.labels.times_ms.tolist() == [NOW_MS]
    assert pane.labels.data.view("<f8").tolist() == [[0.0]]


def test_labels_that_cannot_be_used_are_letters_and_their_records_are_used():
    """Unknown classes, objects; a missing one is none."""
    lines: list[bytes | None] = [line(label=one) for one in ("perhaps", {}, None, "yes")]
    counts, letters, entries = decoded(labelled(), lines)
    assert counts == LabelCounts(read=3, matched=1, dead=2)
    assert letters == [
        "'label': not one of the model's classes at /label; the record itself is used",
        "'label': expected a text, a number or a boolean, got an object or an array at /label; "
        "the record itself is used",
    ]
    assert len(entries) == 2


def test_labels_of_a_regression_are_numbers():
    """A text is none; all are read as the source of labels reads them."""
    prediction = PredictionPlan(task="regression")
    lines: list[bytes | None] = [line(label=one, prediction=1.0) for one in (1.5, "1.5", 3, True)]
    counts, letters, entries = decoded(labelled(prediction=prediction), lines)
    assert counts == LabelCounts(read=4, matched=2, dead=2)
    assert letters[0] == "'label': expected a number, got a text at /label; the record itself is used"
    outcomes = [one.values[:, 2].tolist() for (key, _), one in matches(entries).items() if key.endswith("|all")]
    assert outcomes == [[1.5, 3.0]]


def test_labels_of_late_and_dead_records_are_not_read():
    """What becomes of the record becomes of its label."""
    counts, _, entries = decoded(labelled(), [line(label="yes"), line(label="yes", id={})], late=[True, False])
    assert (counts, entries) == (LabelCounts(), [])


def test_a_sample():
    """Labels of other ids are passed over, as those of a source are."""
    lines: list[bytes | None] = [line(id=str(number), label="yes") for number in range(400)]
    counts, _, entries = decoded(labelled(sample=0.25), lines)
    assert counts.read == 400
    assert counts.matched + counts.ignored == 400
    assert 60 < counts.matched < 140
    whole = [one for (key, _), one in matches(entries).items() if key.endswith("|all")]
    assert sum(len(one.times_ms) for one in whole) == counts.matched


@pytest.mark.parametrize("prediction", [BINARY, PredictionPlan(task="multiclass"), PredictionPlan(task="regression")])
@pytest.mark.parametrize("sources", [(TOPIC,), (TOPIC, SOURCE)])
@pytest.mark.parametrize(("lines", "read"), [([], 0), ([line()], 0), ([line(label=1)] * 2, 2), ([b"{"], 0)])
def test_nothing_of_a_batch_is_in_the_sample(prediction, sources, lines, read):
    """No record, one, with labels and without, or none that can be read: nothing waits, and labels are passed over."""
    prediction = msgspec.structs.replace(prediction, classes=None)
    references = labelled(*sources, sample=1e-12, prediction=prediction)
    counts, _, entries = decoded(references, lines)
    assert (counts, entries) == (LabelCounts(read=read, ignored=read), [])
    if SOURCE in sources:
        counts, _, entries = decoded(references, [b'{"id":"a","label":1}'] * len(lines), SOURCE)
        assert (counts, entries) == (LabelCounts(read=len(lines), ignored=len(lines)), [])


@pytest.mark.parametrize("where", ["/label", "/outcome/true"])
def test_they_are_found_where_the_source_says(where):
    """At the top, which the scanner reads, or within an object; both ways are one."""
    source = msgspec.structs.replace(TOPIC, fields=msgspec.structs.replace(TOPIC.fields, label=where))
    made: list[dict[str, Any]] = [record(id=str(number), features={"age": number}) for number in range(6)]
    for number, one in enumerate(made[:5]):
        label = ["yes", "no", True, 1, "y\u00e9s"][number]
        one |= {"label": label} if where == "/label" else {"outcome": {"true": label}}
    prediction = PredictionPlan(task="binary", positive="yes")
    lines: list[bytes | None] = [json.dumps(one, separators=(",", ":")).encode() for one in made]
    counts, _, entries = decoded(labelled(source, prediction=prediction), lines, source)
    assert counts == LabelCounts(read=5, matched=5)
    whole = [one.values[:, 2].tolist() for (key, _), one in matches(entries).items() if key.endswith("|all")]
    assert whole == [[1.0, 0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_column_of_a_table_is_read_as_a_list_is(task):
    """Numbers of a CSV are texts."""
    plan = BINARY if task == "binary" else PredictionPlan(task="regression")
    values = ["yes", None, "no", "x"] if task == "binary" else ["1.5", None, "-3", "x"]
    of_list = own_labels(values, plan, "label", texts=True)
    of_table = own_labels(pa.array(values), plan, "label", texts=True)
    assert of_list is not None
    assert of_table is not None
    assert of_list.positions.tolist() == of_table.positions.tolist() == [0, 2]
    assert of_list.outcomes.tolist() == of_table.outcomes.tolist()
    assert of_list.wrong == of_table.wrong
    assert own_labels(pa.nulls(3), plan, "label", texts=True) is None
