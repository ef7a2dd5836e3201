"""Field samples: which records are looked at, and the names of their fields."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from config.plan import SourcePlan
from operators.encoding.entries import Place
from operators.quality.field_names import LONGEST, MOST, FieldNames
from operators.quality.field_samples import LOOKED_AT, FieldSampler, both, decode
from operators.reading.records import Records

TOPIC = SourcePlan(name="predictions", kind="predictions", topic="predictions")
TABLE = SourcePlan(name="predictions", kind="predictions", path="a.csv", format="csv")
PANE_MS, SLIDE_MS = 10_000, 60_000
WHOSE = ("churn", "3", "champion")


def records(hashes: list[int]) -> Records:
    nothing = np.empty((len(hashes), 0))
    return Records(
        rows=np.arange(len(hashes)), numbers=nothing, names={}, prediction=[None] * len(hashes),
        confidence=nothing.ravel(), segments={}, hashes=np.array(hashes, np.uint64),
    )  # fmt: skip


def samples(hashes: list[int], times_ms: list[int], lines: list[bytes], first: int = 0):
    """Samples of a batch by pane."""
    place = Place(topic="predictions", partitions=[0] * len(hashes), offsets=range(first, first + len(hashes)))
    sampler = FieldSampler(TOPIC, PANE_MS)
    entries = sampler.chunks(
        records(hashes), np.array(times_ms, np.int64), WHOSE, place, SLIDE_MS, 7, lambda row: lines[row]
    )
    return [(entry.row, *decode([entry.data])) for entry in entries]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3 * SLIDE_MS)), min_size=1, max_size=120), st.data())
def test_batches_do_not_matter(found, data):
    """Cut anywhere into batches, the same records of each slide are looked at; of one id the earliest."""
    hashes = [one * 2**57 + 1 for one, _ in found]
    times = [time for _, time in found]
    lines = [b'{"id": %d, "f%d": 1}' % (at, at % 5) for at in range(len(found))]
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(found)), max_size=3))), len(found)]

    def looked(parts):
        by_slide = {}
        for _, end_ms, sample in parts:
            by_slide.setdefault((end_ms - 1) // SLIDE_MS, []).append(sample)
        return {slide: both(found) for slide, found in by_slide.items()}

    whole = looked(samples(hashes, times, lines))
    parts = [
        one for a, b in pairwise(cuts) if a < b
        for one in samples(hashes[a:b], times[a:b], lines[a:b], a)
    ]  # fmt: skip
    assert looked(parts) == whole
    for slide, sample in whole.items():
        there = [(h, t, 0, n) for n, (h, t) in enumerate(zip(hashes, times, strict=True)) if t // SLIDE_MS == slide]
        earliest = {one[0]: one for one in sorted(there, reverse=True)}
        assert [one[:4] for one in sample.records] == [earliest[h] for h in sorted(earliest)[:LOOKED_AT]]


def test_a_busy_stream_costs_no_more_than_a_slow_one():
    """Of ten thousand records of a slide the sixteen with the smallest hashes are read, each in its pane."""
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, 10_000).tolist()
    read = []
    times = rng.integers(0, SLIDE_MS, 10_000).tolist()
    lines = [b'{"id": 1}'] * 10_000
    place = Place(topic="predictions", partitions=[0] * 10_000, offsets=range(10_000))
    entries = list(
        FieldSampler(TOPIC, PANE_MS).chunks(
            records(hashes), np.array(times), WHOSE, place, SLIDE_MS, 7, lambda row: read.append(row) or lines[row]
        )
    )
    assert sorted(hashes[row] for row in read) == sorted(hashes)[:LOOKED_AT]
    for entry in entries:
        assert entry.pane_end_ms - PANE_MS <= times[entry.row] < entry.pane_end_ms


def test_columns_of_a_table():
    """Every record has the columns of its file, also those that nobody asks for."""
    place = Place(path="a.csv", columns=("age", "odd\nname"))
    sampler = FieldSampler(TABLE, PANE_MS)
    (entry,) = sampler.chunks(records([5, 6]), np.array([1, 2]), WHOSE, place, SLIDE_MS, 7, lambda row: None)
    assert decode([entry.data])[1].names == (("age", "odd\\u000aname"),)


def test_names():
    """Keys of the record and of its features, wherever these stand; what is no object has none."""
    names = FieldNames(TOPIC)
    assert names.of(b'{"id": 1}') == ("/id",)
    assert names.of(b'{"features": null, "id": 1}') == ("/features", "/id")
    assert names.of(b'{"features": {"age": 1}, "id": [{}]}') == ("/features", "/features/age", "/id")
    assert names.of(b"[1]") is None
    assert names.of(None) is None
    long = names.of(b'{"%s": 1}' % (b"x" * 5_000))
    assert long == ("/" + "x" * (LONGEST - 2) + "…",)
    assert len(names.of(b"{" + b",".join(b'"k%d": 1' % n for n in range(2_000)) + b"}")) == MOST
