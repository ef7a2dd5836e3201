import json
from random import Random

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from config.measured import measured
from config.plan import FeaturePlan, SegmentPlan, SourcePlan
from operators.decode import Decoder
from operators.encoding.codes import ABSENT, INVALID, MISSING
from operators.encoding.measures import YardstickMaker
from operators.profiles import merging
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.reference_data import ReferenceData
from operators.profiles.slices import SliceCodec
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from schemas import profile as profiles
from schemas.errors import ProfileError
from schemas.profile import Provenance
from tests.operators.decoding import NOW_MS, Decoded, job, model

TITLE = measured(FeaturePlan(name="title", type="text"))
AGE = FeaturePlan(name="age", type="numeric")
CHURN = model(features=(AGE, *TITLE), segments=(), prediction=None, disclose=1)
SOURCE = SourcePlan(name="predictions", kind="predictions", topic="predictions")
ORIGIN = Provenance(source="a.jsonl", rows=0, start=None, end=None, tidemark="0")
LENGTH, COVERAGE = "feature.title.length", "feature.title.coverage"


def lines(titles, country="DE"):
    rows = [{"model": "churn", "version": "3", "country": country, "features": {"title": t, "age": 1}} for t in titles]
    return [json.dumps(row, ensure_ascii=False).encode() for row in rows]


def texts(count, seed=1):
    chance = Random(seed)
    return [" ".join(f"w{int(chance.paretovariate(0.9))}" for _ in range(chance.randint(1, 9))) for _ in range(count)]


def build(records, plan=CHURN, like=None, source=SOURCE):
    """A profile as `tidemark profile` makes it."""
    yardsticks = None
    if like is None:
        maker = YardstickMaker(plan)
        maker.add(ReferenceData(plan, source).select(records), texts=source.format == "csv")
        yardsticks = maker.build()
    builder = ProfileBuilder(plan, like, yardsticks)
    columns = ReferenceData(plan, source).select(records)
    builder.add(columns, source)
    made = builder.build(ORIGIN, "3")
    if not plan.segments:
        return made
    counter = SliceCounter(plan, made, yardsticks=yardsticks)
    counter.add(columns, source)
    return counter.build()


def decoded(records, made, plan=CHURN, source=SOURCE):
    decoder = Decoder(job(source, models=(plan,), profiles={"churn": {"": made}}), source)
    times, late = np.full(len(records), NOW_MS), np.zeros(len(records), np.bool_)
    return Decoded(decoder.finish(decoder.read(records), times, late, None))


def test_signals_of_a_text():
    """Length in characters, coverage by the words that other records have; gaps are counted, none is dropped."""
    made = build(lines(["Gold ring", "gold watch", "A GOLD RING, new", None, "", [1], 7, "!?"]))
    length, coverage = made.signals[LENGTH], made.signals[COVERAGE]
    assert (length.count, length.missing, length.invalid, length.min, length.max) == (6, 1, 1, 0.0, 16.0)
    # gold is in two other records, ring in one other: too few with this record away; texts without words have none.
    assert (coverage.count, coverage.missing, coverage.invalid) == (4, 3, 1)
    assert (coverage.mean, coverage.min, coverage.max) == (0.3125, 0.0, 0.5)
    assert made.texts["title"].records == 2


def test_what_is_sensitive_stays_out():
    """Of a sensitive text only words of many records are known, by their hashes, and no extreme is told."""
    plan = model(features=measured(FeaturePlan(name="title", type="text", sensitive=True)), segments=(), disclose=20)
    made = build(lines(["my secret word"] * 19 + ["common words"] * 20), plan)
    assert (made.texts["title"].records, len(made.texts["title"].words)) == (20, 2 * 4)
    assert (made.signals[LENGTH].min, made.signals[COVERAGE].max) == (None, None)
    assert b"secret" not in profiles.encode(made)
    assert b"common" not in profiles.encode(made)


def test_decode_measures_as_the_profile_does():
    """The scanner's texts, msgspec's and a table's come to the same codes, in any batches."""
    made = build(lines(texts(500)))
    titles = [*texts(50, seed=2), "naïve Straße 猫カ", 'quote " and \\', None, "", [1], {"a": 1}, 7, 2.5, True, "!?"]
    records = lines(titles)
    escaped = [record.replace(b'"title"', b'"\\u0074itle"') for record in records]
    whole = decoded(records, made)
    assert whole.counts.used == len(records)
    assert sorted(whole.codes()) == sorted(decoded(escaped, made).codes())
    parts = [row for cut in (slice(7), slice(7, 30), slice(30, None)) for row in decoded(records[cut], made).codes()]
    assert sorted(parts) == sorted(whole.codes())
    column = [
        t if isinstance(t, str) or t is None else json.dumps(t) if isinstance(t, bool) else str(t)
        for t in titles
        if not isinstance(t, (list, dict))
    ]
    source = SourcePlan(
        name="predictions", kind="predictions", path="a.parquet", format="parquet", model="churn", version="3"
    )
    table = decoded(pa.table({"title": column, "age": [1] * len(column)}), made, source=source)
    texts_only = [r for r, t in zip(records, titles, strict=True) if not isinstance(t, (list, dict))]
    assert sorted(table.codes()) == sorted(decoded(texts_only, made).codes())


def test_signals_are_numbers_as_any():
    """Codes of later records lie in the profile's bins as a number's own would."""
    made = build(lines(texts(500)))
    codes = np.array(decoded(lines(["x" * 5, None, [1]]), made).codes())
    edges = made.signals[LENGTH].edges
    assert sorted(codes[:, 1].tolist()) == sorted([int(np.searchsorted(edges, 5.0, "right")), MISSING, INVALID])


def test_a_text_that_a_source_does_not_carry():
    """Its signals are missing nowhere."""
    source = msgspec.structs.replace(SOURCE, carries=("age",))
    made = build(lines(texts(100)))
    assert {tuple(row[1:]) for row in decoded(lines(["a b"]), made, source=source).codes()} == {(ABSENT, ABSENT)}
    counted = build(lines(["a b"]), like=made, source=source)
    assert (counted.signals[LENGTH].count, counted.signals[LENGTH].missing) == (0, 0)


def test_profiles_merge():
    """The profile of all records is that of two parts, measured by the same words; by others they do not merge."""
    first, second = lines(texts(300)), lines(texts(200, seed=2))
    one = build(first)
    parts = merging.merge(build(first, like=one), build(second, like=one))
    whole = build([*first, *second], like=one)
    assert parts.texts == whole.texts == one.texts
    for name in (LENGTH, COVERAGE):
        assert parts.signals[name].counts == whole.signals[name].counts
        assert parts.signals[name].missing == whole.signals[name].missing
    other = msgspec.structs.replace(parts, texts={"title": msgspec.structs.replace(one.texts["title"], words=b"")})
    with pytest.raises(ProfileError) as caught:
        merging.merge(parts, other)
    assert str(caught.value) == (
        "profile of churn 3: cannot be merged: their texts are measured by different words (the same); "
        "make one profile with the bins of the other"
    )


def test_the_order_of_records_does_not_matter():
    """Neither the vocabulary nor the counts depend on it."""
    records = lines(texts(300))
    one, other = build(records), build(records[::-1])
    assert one.texts == other.texts
    assert [s.counts for s in one.signals.values()] == [s.counts for s in other.signals.values()]


def test_slices_are_measured_as_the_whole():
    """A segment's own counts add up to the whole's: they are measured by the words of the others as well."""
    plan = msgspec.structs.replace(CHURN, segments=(SegmentPlan(fields=("country",)),))
    made = build([*lines(texts(200)), *lines(texts(100, seed=2), "AT")], plan)
    codec = SliceCodec(list(made.signals.values()))
    counted = sum(codec.counts(part) for part in made.slices["country"].values())
    position = list(made.signals).index(COVERAGE)
    signal = made.signals[COVERAGE]
    assert counted[position][: len(signal.counts)].tolist() == list(signal.counts)


def test_a_profile_survives_its_file():
    """Words are read as they were written; without texts nothing of them is in the file, nor in its id."""
    made = build(lines(texts(100)))
    assert profiles.decode(profiles.encode(made)) == made
    plain = build(lines(["a"]), model(features=(AGE,), segments=()))
    assert b"texts" not in profiles.encode(plain)


def test_columns_of_reference_data():
    """The text's own column is read, for all that is measured of it."""
    columns = extract(lines(["a b"]), SOURCE, ["title"])
    assert columns.features["title"] == ["a b"]


VECTOR = measured(FeaturePlan(name="v", type="embedding", dim=4))
ENCODED = model(features=(AGE, *VECTOR), segments=(SegmentPlan(fields=("country",)),), prediction=None, disclose=1)
NORM, DISTANCE = "feature.v.norm", "feature.v.distance"


def vector_lines(vectors, country="DE"):
    return [
        json.dumps({"model": "churn", "version": "3", "country": country, "features": {"v": v, "age": 1}}).encode()
        for v in vectors
    ]


def embeddings(count, seed=1):
    return (np.random.default_rng(seed).normal(size=(count, 4)) * [4, 2, 1, 0.5] + 3).round(3).tolist()


def test_signals_of_an_embedding():
    """Norm and distance; what is no vector of the length is invalid, those that directions are from do not count."""
    made = build(vector_lines([*embeddings(400), None, [1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, None], "x"]), ENCODED)
    norm, distance = made.signals[NORM], made.signals[DISTANCE]
    assert (norm.count, norm.missing, norm.invalid) == (400, 1, 4)
    found = made.vectors["v"].vectors
    assert 150 < found < 250
    assert (distance.count, distance.missing, distance.invalid) == (400 - found, 1, 4)
    assert 0.9 < distance.mean < 1.1
    assert norm.calibration.values == distance.calibration.values  # the order of values is that of all of them


def test_decode_measures_embeddings_as_the_profile_does():
    """Whether msgspec reads a record at once or by field, and in tables, codes are the same, in any batches."""
    made = build(vector_lines(embeddings(500)), ENCODED)
    later = [
        *embeddings(30, seed=2),
        None,
        [1, 2, 3],
        [1, 2, 3, "4"],
        "x",
        {"a": 1},
        [1e308] * 4,
        [1, -0.0, 2**60, 10**30],
    ]
    records = vector_lines(later)
    by_field = [record.replace(b'"age": 1', b'"age": "x"') for record in records]
    whole = decoded(records, made, ENCODED)
    assert whole.counts.used == len(records)
    codes = sorted(row[1:] for row in whole.codes())
    assert codes == sorted(row[1:] for row in decoded(by_field, made, ENCODED).codes())
    parts = [row for cut in (slice(9), slice(9, None)) for row in decoded(records[cut], made, ENCODED).codes()]
    assert sorted(row[1:] for row in parts) == codes
    for form, values in (
        ("csv", [None if v is None else json.dumps(v) for v in later]),
        ("parquet", embeddings(30, seed=2)),
    ):
        source = SourcePlan(name="p", kind="predictions", path="a", format=form, model="churn", version="3")
        table = decoded(pa.table({"v": values, "age": ["1"] * len(values)}), made, ENCODED, source)
        expected = whole if form == "csv" else decoded(vector_lines(values), made, ENCODED)
        assert sorted(row[1:] for row in table.codes()) == sorted(row[1:] for row in expected.codes())


def test_a_number_beyond_floats_in_an_embedding():
    """It makes the embedding invalid, however the record is read; the record is used."""
    made = build(vector_lines(embeddings(100)), ENCODED)
    record = vector_lines([[1, 2, 3, 4]])[0].replace(b"4]", b"1e999]")
    for one in (record, record.replace(b'"age": 1', b'"age": "x"')):
        assert [row[1:] for row in decoded([one], made, ENCODED).codes()] == [[INVALID, INVALID]]


def test_sources_that_do_not_carry_an_embedding():
    """Their records are scanned as if there were none."""
    source = msgspec.structs.replace(SOURCE, carries=("age",))
    made = build(vector_lines(embeddings(100)), ENCODED)
    decoder = Decoder(job(source, models=(ENCODED,), profiles={"churn": {"": made}}), source)
    assert decoder._lines._scanner is not None
    assert [row[1:] for row in decoded(vector_lines([None]), made, ENCODED, source).codes()] == [[ABSENT, ABSENT]]


def test_profiles_of_embeddings_merge():
    """On the directions of the first, of all records; the order of records does not matter."""
    first, second = vector_lines(embeddings(300)), vector_lines(embeddings(200, seed=2), "AT")
    one = build(first, ENCODED)
    assert build(first[::-1], ENCODED).vectors == one.vectors
    parts = merging.merge(build(first, ENCODED, one), build(second, ENCODED, one))
    whole = build([*first, *second], ENCODED, one)
    assert parts.signals[DISTANCE].counts == whole.signals[DISTANCE].counts
    assert (whole.signals[DISTANCE].count, parts.vectors) == (500, one.vectors)
    with pytest.raises(ProfileError) as caught:
        merging.merge(parts, msgspec.structs.replace(parts, vectors=build(second, ENCODED).vectors))
    assert str(caught.value) == (
        "profile of churn 3: cannot be merged: their embeddings are measured along different directions (the same); "
        "make one profile with the bins of the other"
    )
    assert profiles.decode(profiles.encode(one)) == one


def test_slices_of_embeddings():
    """Distances of the sample are in no slice either."""
    made = build([*vector_lines(embeddings(200)), *vector_lines(embeddings(100, seed=2), "AT")], ENCODED)
    codec = SliceCodec(list(made.signals.values()))
    counted = sum(codec.counts(part) for part in made.slices["country"].values())
    position = list(made.signals).index(DISTANCE)
    signal = made.signals[DISTANCE]
    assert counted[position][: len(signal.counts)].tolist() == list(signal.counts)
