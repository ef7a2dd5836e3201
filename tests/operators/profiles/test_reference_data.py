import json

import msgspec
import pyarrow as pa
import pytest

from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    FieldsPlan,
    JobPlan,
    ModelPlan,
    Plan,
    SeasonPlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
    TimePlan,
    WindowPlan,
)
from operators.profiles.reference_data import ReferenceData, check_columns, file_source, topic_source
from operators.reading.plain_times import NO_TIME
from schemas.errors import DataError, UsageError

MODEL = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=1, slide_ms=1, min_count=1, grow_to_ms=1),
    alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large"),
    features=(FeaturePlan(name="age", type="numeric"), FeaturePlan(name="title", type="text")),
    segments=(SegmentPlan(fields=("country",)),),
)
LINES = SourcePlan(name="predictions", kind="predictions", path="a.jsonl", format="jsonl")
TOPIC = SourcePlan(name="predictions", kind="predictions", topic="predictions", fields=FieldsPlan(id="/request/id"))


def plan(*sources):
    return Plan(job=JobPlan(), sources=sources, events=SinkPlan(path="x"), models=(MODEL,))


def lines(*records):
    return [json.dumps(record).encode() for record in records]


def test_only_records_of_the_model():
    """Records of other models are left out and counted; one that names no model belongs."""
    data = ReferenceData(MODEL, LINES)
    columns = data.select(lines({"model": "churn", "id": 1}, {"model": "fraud", "id": 2}, {"id": 3}, {"model": 4}))
    assert columns.fields["id"] == [1, 3]
    assert (data.read, data.used, data.dead, data.other_models) == (4, 2, 0, {"fraud": 1, "4": 1})


def test_a_source_of_one_model():
    """Where the source names the model, the records need not, whatever they say."""
    data = ReferenceData(MODEL, SourcePlan(name="p", kind="predictions", model="churn", version="7"))
    assert data.select(lines({"model": "other", "version": 1, "id": 1})).fields["id"] == [1]
    assert data.version == "7"


def test_one_version():
    """The version of the records is that of the profile."""
    data = ReferenceData(MODEL, LINES)
    data.select(lines({"version": 3}, {"version": "3"}, {}))
    assert (data.version, data.used) == ("3", 3)


def test_no_version():
    """Records need not have a version."""
    data = ReferenceData(MODEL, LINES)
    data.select(lines({}))
    assert data.version is None


def test_two_versions():
    """Records of two versions are refused as soon as the second is seen, unless one is asked for."""
    records = lines({"version": "3", "id": 1}, {"version": "4", "id": 2})
    with pytest.raises(DataError) as error:
        ReferenceData(MODEL, LINES).select(records)
    assert str(error.value) == "a.jsonl: has records of several versions (3, 4); say which one with --version"
    data = ReferenceData(MODEL, LINES, version="4")
    assert data.select(records).fields["id"] == [2]
    assert (data.version, data.used) == ("4", 1)


def test_bad_records():
    """Bad records are counted, and the first is remembered with its number."""
    data = ReferenceData(MODEL, LINES)
    data.select(lines({}, {}))
    data.select([b"{}", b"", b"[]"])
    assert (data.read, data.used, data.dead) == (5, 3, 2)
    assert data.first_error == (3, "expected a JSON object, got an empty line")


def test_malformed_rows():
    """Malformed rows of a table are bad records, not records of missing values."""
    source = SourcePlan(name="p", kind="predictions", path="a.csv", format="csv")
    data = ReferenceData(MODEL, source)
    columns = data.select(pa.table({"age": ["1", None, "3"]}), [(1, "expected 2 cells, got 1", b"2\n")])
    assert columns.features["age"].to_pylist() == ["1", "3"]
    assert (data.read, data.used, data.dead, data.first_error) == (3, 2, 1, (1, "expected 2 cells, got 1"))


def test_times():
    """The span of the records' times, in any order; what is no time does not count."""
    data = ReferenceData(MODEL, LINES)
    data.select(lines({"timestamp": 1_700_000_002}, {"timestamp": "2023-11-14T22:13:21Z"}, {"timestamp": "?"}, {}))
    data.select(lines({"timestamp": 1_700_000_000}))
    assert (data.start_ms, data.end_ms) == (1_700_000_000_000, 1_700_000_002_000)


def test_times_of_the_broker():
    """A topic's records have the broker's times, but only those that are used count."""
    data = ReferenceData(MODEL, LINES)
    data.select([b"nonsense", b"{}", b"{}"], (), [1, 20, 10])
    assert (data.start_ms, data.end_ms) == (10, 20)


def test_segments_are_read():
    """Fields of segments come along, from the features or from beside them."""
    columns = ReferenceData(MODEL, LINES).select(lines({"country": "DE", "features": {"country": "AT", "age": 1}}))
    assert columns.others == {"country": ["DE"]}
    assert columns.features == {"age": [1], "title": [None], "country": ["AT"]}


def test_columns_of_a_table():
    """Every feature that is watched needs its column; the message says which lack and which there are."""
    check_columns("a.csv", ["id", "age"], MODEL)
    with pytest.raises(DataError) as error:
        check_columns("a.csv", ["id", "agee"], MODEL)
    assert str(error.value) == "a.csv: has no column 'age' (id, agee); did you mean 'agee'?"
    with pytest.raises(DataError) as error:
        check_columns("a.csv", ["id"], MODEL)
    assert str(error.value) == "a.csv: has no column 'age' (id); correct the names under 'features'"


@pytest.mark.parametrize(
    ("source", "data", "expected"),
    [
        (TOPIC, "a.jsonl", {"format": "jsonl", "fields": TOPIC.fields}),
        (TOPIC, "a.csv", {"format": "csv", "fields": TOPIC.fields, "columns": None}),
        (
            SourcePlan(name="p", kind="predictions", path="b.csv", format="csv", columns=("x", "y")),
            "a.csv.gz",
            {"format": "csv", "columns": ("x", "y")},
        ),
        (
            SourcePlan(name="p", kind="predictions", path="b", format="csv", fields=FieldsPlan(id="key")),
            "a.dat",
            {"format": "csv", "fields": FieldsPlan(id="key")},
        ),
        (
            SourcePlan(name="p", kind="predictions", path="b.csv", format="csv", fields=FieldsPlan(id="key")),
            "a.jsonl",
            {"format": "jsonl", "fields": FieldsPlan()},
        ),
        (SourcePlan(name="f", kind="features", topic="f", model="churn", carries=("age",)), "a.csv", {"carries": None}),
        (SourcePlan(name="l", kind="labels", topic="l"), "a.csv", {"name": "predictions", "model": None}),
    ],
)
def test_files_are_read_like_the_source(source, data, expected):
    """Reference data have the shape of the model's source, in whatever format."""
    made = file_source(plan(source), "churn", data)
    assert made.path == data
    assert made.topic is None
    assert {name: getattr(made, name) for name in expected} == expected


def test_the_models_own_source_comes_first():
    """Of several sources that of predictions, and that of the model, is the pattern."""
    features = SourcePlan(name="f", kind="features", topic="f", model="churn")
    shared = SourcePlan(name="shared", kind="predictions", topic="s")
    own = SourcePlan(name="own", kind="predictions", topic="o", model="churn")
    other = SourcePlan(name="other", kind="predictions", topic="x", model="fraud")
    assert file_source(plan(other, features, shared, own), "churn", "a.csv").name == "own"
    assert file_source(plan(other, features, shared), "churn", "a.csv").name == "shared"


def test_a_suffix_without_format():
    """A suffix that says nothing is an error where the source cannot help."""
    with pytest.raises(UsageError) as error:
        file_source(plan(TOPIC), "churn", "a.dat")
    assert str(error.value) == (
        "a.dat: the suffix tells no format (.jsonl, .csv, .parquet, the first two also with .gz); rename it"
    )


def test_topics_are_read_like_their_source():
    """A topic of the configuration has its own fields, another topic those of the model's topic."""
    special = SourcePlan(name="s", kind="predictions", topic="special", fields=FieldsPlan(id="/key"))
    assert topic_source(plan(TOPIC, special), "churn", "special").fields.id == "/key"
    assert topic_source(plan(TOPIC, special), "churn", "archive").fields.id == "/request/id"
    table = SourcePlan(name="p", kind="predictions", path="b.csv", format="csv", fields=FieldsPlan(id="key"))
    made = topic_source(plan(table), "churn", "archive")
    assert (made.topic, made.path, made.format, made.fields) == ("archive", None, "json", FieldsPlan())


SEASONAL = msgspec.structs.replace(
    MODEL, season=SeasonPlan(period_ms=86_400_000, bins=24, ignore=((2_000_000_000_000, 2_000_000_002_000),))
)


def test_times_that_the_season_ignores():
    """Their records are left out and counted; those without a time are in no part of it, and counted too."""
    data = ReferenceData(SEASONAL, LINES)
    of = [2_000_000_000_000 + second * 1_000 for second in range(-1, 4)]
    columns = data.select(lines(*({"id": second, "timestamp": time} for second, time in enumerate(of)), {"id": 9}))
    assert columns.fields["id"] == [0, 3, 4, 9]
    assert data.times_ms.tolist() == [of[0], of[3], of[4], NO_TIME]
    assert (data.used, data.ignored, data.untimed) == (4, 2, 1)


def test_times_of_rows():
    """With `every` a row's number gives its time, dead ones counted."""
    time = TimePlan(kind="every", every_us=1_000_000, from_ms=2_000_000_001_000)
    data = ReferenceData(SEASONAL, msgspec.structs.replace(LINES, time=time))
    assert data.select([b"{}", b"x", b"{}"]).rows.tolist() == [2]
    assert data.times_ms.tolist() == [2_000_000_003_000]
    data.select([b"{}"])
    assert data.times_ms.tolist() == [2_000_000_004_000]
    assert (data.start_ms, data.end_ms) == (2_000_000_001_000, 2_000_000_004_000)


def test_times_in_disorder():
    """Records earlier than one before them are counted, through all blocks, but those that a source may have late."""
    data = ReferenceData(MODEL, LINES)
    start = 1_700_000_000
    data.select(lines(*({"timestamp": start + second} for second in (10, 3, 6, 20)), {}))
    assert data.disordered == 1
    data.select(lines({"timestamp": start + 14}, {"timestamp": start + 15}, {"timestamp": start + 30}))
    assert (data.disordered, data.start_ms, data.end_ms) == (2, 1_700_000_003_000, 1_700_000_030_000)


def test_no_known_order():
    """Nothing is taken from times that do not say when records came."""
    data = ReferenceData(MODEL, msgspec.structs.replace(LINES, time=TimePlan(kind="unknown")))
    assert data.select(lines({"timestamp": 1_700_000_002, "id": 1}, {"id": 2})).fields["id"] == [1, 2]
    data.select([b"{}"], (), [5])
    assert (data.times_ms, data.start_ms, data.end_ms, data.disordered, data.untimed) == (None, None, None, 0, 0)
