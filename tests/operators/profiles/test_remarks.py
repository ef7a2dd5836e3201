import numpy as np
import pytest
from msgspec import structs

from config.measured import measured
from config.plan import AlarmsPlan, FeaturePlan, ModelPlan, PredictionPlan, WindowPlan
from operators.metrics.baseline import BaselineBuilder
from operators.profiles.remarks import remarks
from operators.reading.columns import Columns
from schemas.profile import Calibration, CategoricalSignal, NumericSignal, Profile, Provenance

MODEL = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=1, slide_ms=1, min_count=1, grow_to_ms=1),
    alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large"),
    features=(),
)
WITH_PREDICTION = ModelPlan(
    **{n: getattr(MODEL, n) for n in MODEL.__struct_fields__ if n != "prediction"}
    | {"prediction": PredictionPlan(task="binary")}
)


def numeric(count=1000, missing=0, invalid=0, low=0.0, high=1.0):
    return NumericSignal(
        **{"count": count, "missing": missing, "invalid": invalid, "mean": 0.5, "sd": 0.1, "min": low, "max": high},
        **{"discrete": False, "edges": (), "counts": (count,), "means": (0.5,)},
    )


def names(*categories, count=None, missing=0, invalid=0, distinct=None):
    named = sum(n for _, n in categories)
    count = named if count is None else count
    return CategoricalSignal(
        count=count,
        missing=missing,
        invalid=invalid,
        categories=categories,
        rest=count - named,
        distinct=len(categories) if distinct is None else distinct,
    )


def test_booleans():
    """A boolean without a value that is one is told as such."""
    model = structs.replace(MODEL, features=(FeaturePlan(name="x", type="boolean"),))
    assert of(model, **{"feature.x": names(invalid=7)}) == [
        "feature.x: none of its 7 values are booleans, so nothing is found in it; correct its name or remove it"
    ]


def of(model=MODEL, segments=None, **signals):
    origin = Provenance(source="a", rows=1000, start=None, end=None, tidemark="0")
    return remarks(
        Profile(model="churn", version=None, provenance=origin, signals=signals, segments=segments or {}), model
    )


@pytest.mark.parametrize(
    ("signal", "remark"),
    [
        (numeric(), None),
        (numeric(low=None, high=None), None),
        (
            numeric(invalid=1),
            "x: 1 of its 1,001 values are no finite numbers; they are counted as invalid: "
            "correct the data if they should not be",
        ),
        (
            numeric(0, missing=1000, low=None, high=None),
            "x: missing in all 1,000 records, so nothing is found in it; correct its name or remove it",
        ),
        (
            numeric(0, invalid=1000, low=None, high=None),
            "x: none of its 1,000 values are numbers, so nothing is found in it; is it categorical?",
        ),
        (numeric(low=0.5, high=0.5), "x: always 0.5; any other value will be a change; remove it if that is no news"),
        (names(("a", 5), ("b", 5)), None),
        (names(("a", 10)), "x: always 'a'; any other value will be a change; remove it if that is no news"),
        (
            names(invalid=7),
            "x: none of its 7 values are categories, so nothing is found in it; correct its name or remove it",
        ),
        (names(("a", 50), count=100, distinct=51), None),
        (
            names(("a", 50), count=5000, distinct=4000),
            "x: 4,000 different values, most of them rare; remove it if it is an identifier",
        ),
    ],
)
def test_signals(signal, remark):
    """A signal that says nothing, or seems to be of another type, is named with what to do."""
    assert of(x=signal) == ([] if remark is None else [remark])


def test_a_prediction_that_never_comes():
    """A prediction that is configured and in no record is a mistake in the fields."""
    missing = "prediction: missing in all records; correct 'fields' of the source or leave 'prediction' out"
    assert of(WITH_PREDICTION) == [missing]
    assert of(WITH_PREDICTION, prediction=names(("a", 5), ("b", 5))) == []
    assert of() == []


def test_segments_without_values():
    """A segment without a value is named."""
    assert of(segments={"country": (), "device": (("device=ios", 30),)}) == [
        "segment country: no value in 20 records or more; correct its name or remove it"
    ]


def test_records_in_no_order():
    """Without times a file may be shuffled or sorted by anything: what follows each other in it says nothing."""
    origin = Provenance(source="a", rows=1000, start=None, end=None, tidemark="0", order="file")
    tau = Calibration(values=1000, error=0.2, tau=(1.5, 90.0), spread_tau=(1.0, 1.0), shares=((2.0, 1.0),) * 2)
    for signal in (numeric(), structs.replace(numeric(), calibration=tau)):
        assert remarks(Profile(model="churn", version=None, provenance=origin, signals={"x": signal}), MODEL) == [
            "its records have no times, so that nobody knows in which order they came: how closely they follow each "
            "other will be learned from the stream; to know it from the start give 'fields.timestamp' of the source"
        ]


def test_records_at_one_time():
    """Records that all have the same time are in no order either."""
    noon = "2026-01-01T12:00:00.000Z"
    origin = Provenance(source="a", rows=1000, start=noon, end=noon, tidemark="0", order="file")
    made = Profile(model="churn", version=None, provenance=origin, signals={"x": numeric()})
    [line] = remarks(made, MODEL)
    assert line.startswith("its records have all the same time, so that nobody knows")


def test_few_values():
    """A signal with too few values to be judged is named; of too few records it is said once."""
    window = WindowPlan(size_ms=1, slide_ms=1, min_count=500, grow_to_ms=1)
    model = structs.replace(MODEL, window=window)
    assert of(model, x=numeric(49, low=1.0, high=1.0), y=numeric(50), z=numeric(0, missing=1000)) == [
        "x: has 49 values (at least 50), so nothing is found in it; profile more, or remove it",
        "z: missing in all 1,000 records, so nothing is found in it; correct its name or remove it",
    ]
    few = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="a", rows=49, start=None, end=None, tidemark="0", order="file"),
        signals={"x": numeric(49)},
    )
    assert remarks(few, model) == ["it has 49 records (at least 50), so nothing is found; profile more"]


@pytest.mark.parametrize(("order", "hint"), [("file", "is the file sorted?"), ("time", "give labels of a longer")])
def test_labelled_data_that_seem_to_be_sorted(order, hint):
    """Errors in one block are no errors that come and go: said with what to do, of errors by turns nothing."""
    model = structs.replace(MODEL, prediction=PredictionPlan(task="binary", positive="yes"), performance=())
    sound = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="a", rows=2_000, start=None, end=None, tidemark="0", order="time"),
        signals={"x": numeric()},
    )
    wrong = np.random.default_rng(1).random(2_000) < 0.2
    for errors in (wrong, np.sort(wrong)):
        builder = BaselineBuilder(model, sound)
        values = np.column_stack([errors, np.full(2_000, np.nan), np.zeros(2_000)]).astype(np.float64)
        times = np.arange(2_000) if order == "time" else None
        builder.add(Columns(np.arange(2_000), {}, {}, {}, ()), values, times)
        found = remarks(structs.replace(sound, performance=builder.build("r", trained=False)), model)
        assert [line for line in found if "performance" in line] == found[-1:] * (errors is not wrong), found
    assert f"in the order of {'the file' if order == 'file' else order} that 2,000 labels say as much as" in found[-1]
    assert hint in found[-1]


def test_a_slow_signal():
    """Few independent values in many records; few records are told of once."""
    slow = Calibration(values=1000, error=0.8, tau=(2.0, 50.0), spread_tau=(1.0, 80.0), shares=((50.0, 1.0),) * 2)
    assert of(x=structs.replace(numeric(), calibration=slow)) == [
        "x: moves so slowly that its 1,000 values say as much as 12 independent ones; profile a longer time"
    ]
    few = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="a", rows=99, start=None, end=None, tidemark="0", order="file"),
        signals={"x": numeric()},
    )
    assert remarks(few, MODEL) == ["it has 99 records, too few to tell any but large changes from chance; profile more"]


def test_what_is_measured():
    """What values should have been is what the configuration calls them."""
    features = measured(FeaturePlan(name="v", type="embedding", dim=3)) + measured(FeaturePlan(name="t", type="text"))
    signals = {
        "feature.v.norm": numeric(0, invalid=1000, low=None, high=None),
        "feature.t.length": numeric(invalid=20),
    }
    assert of(structs.replace(MODEL, features=features), **signals) == [
        "feature.v.norm: none of its 1,000 values are embeddings of 3 numbers, so nothing is found in it; correct its "
        "name or remove it",
        "feature.t.length: 20 of its 1,020 values are no texts; they are counted as invalid: "
        "correct the data if they should not be",
    ]
