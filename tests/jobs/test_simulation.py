import json

import pytest

from jobs.drifts import drift
from jobs.simulation import Simulation, features, records, truth
from schemas.errors import UsageError


def made(**options):
    """Give the records of a simulation, decoded, with their times."""
    return [(time, json.loads(line)) for time, line in records(Simulation(**options))]


def test_first_record():
    """A record has the default shape; its time is Kafka's too."""
    [(time, record)] = made(records=1, model="m", version="7", start_ms=1_767_225_600_123)
    assert time == 1_767_225_600_123
    assert {name: record[name] for name in ("id", "timestamp", "model", "version")} == {
        "id": "1-0",
        "timestamp": "2026-01-01T00:00:00.123Z",
        "model": "m",
        "version": "7",
    }
    assert list(record["features"]) == features("churn")
    assert list(record)[5:] == ["country", "device", "prediction", "confidence"]


def test_same_again():
    """The same specification gives the same bytes, however many are asked for; another seed gives others."""
    drifts = (drift("feature.age:mix:0.5@5"),)
    longer = list(records(Simulation(records=10_010, drifts=drifts)))
    assert list(records(Simulation(records=100, drifts=drifts))) == longer[:100]
    assert list(records(Simulation(records=100, drifts=drifts, seed=2))) != longer[:100]
    assert len(longer) == 10_010


def test_times_follow_the_rate():
    """Records are equally spaced in event time, across blocks too."""
    times = [time for time, _ in records(Simulation(records=10_001, rate=1000 / 3, start_ms=0))]
    assert times == [i * 3 for i in range(10_001)]


@pytest.mark.parametrize("name", ["churn", "wide"])
def test_values_are_plausible(name):
    """Numbers are numbers, the positive class is a minority, confidence is that of the class named."""
    found = [record for _, record in made(dataset=name, records=2000)]
    assert all(0.5 <= record["confidence"] <= 1 for record in found)
    assert 0.1 < sum(record["prediction"] == "yes" for record in found) / 2000 < 0.5


def test_wide_is_wide():
    """`wide` has 22 signals and about 384 bytes a record: what the benchmarks state."""
    lines = [line for _, line in records(Simulation(dataset="wide", records=1000))]
    assert len(features("wide")) == 20
    assert abs(sum(map(len, lines)) / 1000 - 384) < 8


def test_nothing_but_the_drift():
    """A drift shows in its own signal and in no other, what the model says among them."""
    calm = made(records=200)
    drifted = made(records=200, drifts=(drift("feature.age:shift:5@100"),))
    for i, ((_, before), (_, after)) in enumerate(zip(calm, drifted, strict=True)):
        ages = before["features"].pop("age"), after["features"].pop("age")
        assert (ages[0] == ages[1]) == (i < 100)
        assert before == after


def test_missing_is_null():
    """A value that is missing is null, and whole numbers stay whole beside it."""
    found = [r["features"]["age"] for _, r in made(records=50, drifts=(drift("feature.age:missing:0.5@0"),))]
    assert {type(age) for age in found} == {int, type(None)}


def test_river():
    """A stream of river's has its features, its label, and predictions that are mostly right."""
    found = [record for _, record in made(dataset="river:Agrawal", records=500)]
    assert list(found[0]["features"])[:3] == ["salary", "commission", "age"]
    assert 0.8 < sum(record["prediction"] == record["label"] for record in found) / 500 < 1


def test_river_regression():
    """Numbers that a model predicts are near those that turn out."""
    found = [record for _, record in made(dataset="river:Friedman", records=100)]
    assert all(abs(record["prediction"] - record["label"]) < 5 for record in found)


def test_truth():
    """The truth tells drifts in order, with their times, ends and segments."""
    drifts = (drift("feature.plan:mix:0.5@200"), drift("feature.age:shift:1@100-150/country=DE"))
    assert truth(Simulation(drifts=drifts, rate=10)) == [
        {
            "time": "2026-01-01T00:00:10.000Z",
            "record": 100,
            "signal": "feature.age",
            "kind": "shift",
            "size": 1.0,
            "until": "2026-01-01T00:00:15.000Z",
            "until_record": 150,
            "segment": {"country": "DE"},
        },
        {"time": "2026-01-01T00:00:20.000Z", "record": 200, "signal": "feature.plan", "kind": "mix", "size": 0.5},
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "chrun"}, "--dataset: there is no 'chrun' (churn, wide, river:NAME)"),
        (
            {"records": 10, "drifts": (drift("feature.age:shift:1@10"),)},
            "--drift: 'feature.age:shift:1@10': begins after the last of 10 records",
        ),
    ],
)
def test_wrong(options, message):
    """A dataset that is not there and a drift that would never be are errors before the first record."""
    with pytest.raises(UsageError) as error:
        records(Simulation(**options))
    assert str(error.value) == message


def test_unknown_river_stream():
    """A name that is nearly one of river's gets a suggestion."""
    with pytest.raises(
        UsageError, match=r"^--dataset: river has no stream 'sea' \(Agrawal, .*\); did you mean 'river:SEA'\?$"
    ):
        records(Simulation(dataset="river:sea"))
