"""Labels that are scanned, beside the same labels read one by one: all that comes of them is the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.plan import LabelsPlan, PredictionPlan, SourcePlan
from operators.labels.incoming import LabelReading
from operators.labels.scanned import _LABEL, ScannedLabelReader
from operators.reading.columns import listed
from operators.reading.plain_times import NO_TIME
from operators.reading.scanner import scanned
from operators.reading.values import event_time
from tests.operators.labels.test_incoming import SOURCE, label, labelled

CLASSES = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
RANKING = PredictionPlan(task="ranking", positive="yes")
TASKS = (CLASSES, PredictionPlan(task="binary", positive="1"), PredictionPlan(task="regression"), RANKING)


def reader(
    *models: str, prediction: PredictionPlan = CLASSES, sample: float = 0.5, source: SourcePlan = SOURCE
) -> ScannedLabelReader:
    """Reads labels of some models."""
    plan = LabelsPlan(within_ms=600_000, sample=sample)
    return ScannedLabelReader(labelled(*models, prediction=prediction, labels=plan).plan, source)


def content(reading: LabelReading) -> dict[str, Any]:
    """All that a batch comes to."""
    rows = [row for row in range(reading.rows) if row not in reading.dead]
    times = [(type(time), time) for time in reading.timestamps(rows)]
    plain = reading.plain_times()[rows].tolist()
    assert all(plain_ms in (NO_TIME, event_time(time)) for plain_ms, (_, time) in zip(plain, times, strict=True))
    used = sorted(row for rows in reading.groups.values() for row in rows)
    return {
        "hashes": reading.hashes.tolist(),
        "by": reading.by[used].tolist(),
        "outcomes": reading.outcomes.view(np.uint64).tolist(),
        "dead": reading.dead,
        "groups": reading.groups,
        "ignored": sorted(reading.ignored),
        "times": times,
        "payloads": [reading.payload(row) for row in range(reading.rows)],
    }


def taken(read: ScannedLabelReader, lines: list[bytes | None]) -> int:
    """How many labels the scanner takes; what they come to is what it is one by one."""
    assert content(read.read(lines)) == content(read._each.read(lines))
    assert read._keys is not None
    return int(scanned(read._keys, lines).taken.sum())


plain = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(["yes", "no", "1", "é"])
)
values = plain | st.lists(plain, max_size=2) | st.dictionaries(st.sampled_from("ab"), plain, max_size=2)
fields = {
    "id": values | st.text(max_size=9),
    "timestamp": values | st.just("2026-01-01T00:00:00Z"),
    "model": values | st.sampled_from(["churn", "fraud", "other"]),
    "label": values,
    "group": values,
    "more": values,
}
records = st.fixed_dictionaries({}, optional=fields).map(lambda one: json.dumps(one).encode()) | st.none() | st.binary()


@example([b'{"id":"a","label":true}', b'{"id":"b","label":"yes"}', b'{"id":7,"label":1}'], ("churn",), TASKS[2], 1.0)
@given(
    st.lists(records, max_size=30),
    st.sampled_from([("churn",), ("churn", "fraud")]),
    st.sampled_from(TASKS),
    st.sampled_from([0.0001, 0.5, 1.0]),
)
@settings(max_examples=300, deadline=None)
def test_equals_reading_one_by_one(lines, models, prediction, sample):
    """Whatever there is in the place of id, label, model and time, and beside them."""
    taken(reader(*models, prediction=prediction, sample=sample), lines)


@pytest.mark.parametrize(
    ("line", "prediction"),
    [
        (label(), CLASSES),
        (label(id=12, timestamp=1_767_225_600), CLASSES),
        (b'{"label":"no","id":"a1"}', CLASSES),
        (label(label=True), TASKS[1]),
        (label(label=4.25, timestamp="2026-01-01T00:00:00Z"), TASKS[2]),
        (label(note="paid"), CLASSES),
        (label(group="q1", label="yes"), RANKING),
        (label(group=7, label=3), RANKING),
        (label(group="q1", label=True), RANKING),
    ],
)
def test_what_is_common_is_taken(line, prediction):
    """Of a label as sources write it nothing is left to msgspec, also where others are beside it."""
    assert taken(reader(prediction=prediction), [line, label()]) == 2


def test_where_nothing_stands_no_place_is_read():
    """The scanner says nothing of the place of a label that is missing, and may have left anything there."""
    keys = reader()._keys
    assert keys is not None
    found = scanned(keys, [b'{"id":"a","label":true}', b'{"id":"b"}', b'{"id":"c","label":false}'])
    found.tokens[1, _LABEL] = 1 << 60
    assert listed(found.column(_LABEL, np.arange(3), truths=True)) == [True, None, False]


def test_fields_within_others_are_read_one_by_one():
    """Then there is nothing to scan."""
    fields = msgspec.structs.replace(SOURCE.fields, label="/outcome/value")
    read = reader(sample=1.0, source=msgspec.structs.replace(SOURCE, fields=fields))
    assert read._keys is None
    reading = read.read([b'{"id":"a1","outcome":{"value":"yes"}}'])
    assert (reading.groups, reading.outcomes.tolist()) == ({("churn", "", ""): [0]}, [1.0])
