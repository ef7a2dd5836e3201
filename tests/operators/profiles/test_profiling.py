import json
from datetime import datetime, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    ModelPlan,
    PredictionPlan,
    QualityPlan,
    SegmentPlan,
    SourcePlan,
    WindowPlan,
)
from operators.profiles import calibrating
from operators.profiles.merging import merge
from operators.profiles.profiling import ProfileBuilder
from operators.reading.columns import extract
from operators.reading.values import disguised
from schemas.errors import ProfileError
from schemas.profile import CategoricalSignal, NumericSignal, Profile, Provenance, Share, decode, encode

SOURCE = SourcePlan(name="predictions", kind="predictions", path="a.jsonl", format="jsonl")
WINDOW = WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=3_600_000)
ALARMS = AlarmsPlan(budget=1.0, period_ms=1, confirm=2, recover=3, min_effect="small", critical="large")
FEATURES = (
    FeaturePlan(name="age", type="numeric"),
    FeaturePlan(name="plan", type="categorical"),
    FeaturePlan(name="member", type="boolean"),
)
MODEL = ModelPlan(name="churn", window=WINDOW, alarms=ALARMS, features=FEATURES, disclose=1)
ORIGIN = Provenance(source="a.jsonl", rows=0, start=None, end=None, tidemark="0.1.0")


def model(**changes):
    fields = {name: getattr(MODEL, name) for name in MODEL.__struct_fields__}
    return ModelPlan(**{**fields, **changes})


def record(age=None, plan=None, member=None, **others):
    return {"features": {"age": age, "plan": plan, "member": member}, **others}


def profile(records, plan=MODEL, like=None, pieces=1, source=SOURCE):
    builder = ProfileBuilder(plan, like)
    fields = [field for segment in plan.segments for field in segment.fields]
    for start in range(pieces):
        lines = [json.dumps(one).encode() for one in records[start::pieces]]
        builder.add(extract(lines, source, [*(f.name for f in plan.features), *fields], fields), source)
    return builder.build(ORIGIN, "3")


def bare(made):
    """A profile without what depends on the order of its records."""
    signals = {name: structs.replace(signal, calibration=None) for name, signal in made.signals.items()}
    unordered = structs.replace(made.provenance, order=None)
    return structs.replace(made, signals=signals, provenance=unordered, relations=UNSET)


def test_a_whole_profile():
    """Every part of a small profile."""
    records = [
        record(1, "gold", True, prediction="yes", probabilities={"yes": 0.75, "no": 0.25}, country="DE"),
        record(1.0, "gold", None, prediction="no", confidence=0.5, country="DE"),
        record(3, 7, False, prediction="no", probabilities={"yes": "high"}, country="A,T"),
        record("old", None, "maybe", country=None),
    ]
    made = profile(records, model(segments=(SegmentPlan(fields=("country",)), SegmentPlan(fields=("country", "plan")))))
    assert decode(encode(made)) == made
    assert bare(made) == Profile(
        model="churn",
        version="3",
        provenance=ORIGIN,
        signals={
            "feature.age": NumericSignal(
                **{"count": 3, "missing": 0, "invalid": 1, "mean": 1.6666666666666665, "sd": 0.9428090415820634},
                **{"min": 1.0, "max": 3.0, "discrete": False, "edges": (3.0,), "counts": (2, 1), "means": (1.0, 3.0)},
            ),
            "feature.plan": CategoricalSignal(
                count=3, missing=1, invalid=0, categories=(("gold", 2), ("7", 1)), rest=0, distinct=2
            ),
            "feature.member": CategoricalSignal(
                count=2, missing=1, invalid=1, categories=(("false", 1), ("true", 1)), rest=0, distinct=2
            ),
            "prediction": CategoricalSignal(
                count=3, missing=1, invalid=0, categories=(("no", 2), ("yes", 1)), rest=0, distinct=2
            ),
            "confidence": NumericSignal(
                **{"count": 2, "missing": 1, "invalid": 1, "mean": 0.625, "sd": 0.125, "min": 0.5, "max": 0.75},
                **{"discrete": False, "edges": (0.75,), "counts": (1, 1), "means": (0.5, 0.75)},
            ),
        },
        segments={
            "country": (("country=DE", 2), ("country=A%2CT", 1)),
            "country,plan": (("country=DE,plan=gold", 2), ("country=A%2CT,plan=7", 1)),
        },
    )


RECORDS = st.lists(
    st.builds(
        record,
        age=st.one_of(st.none(), st.integers(-3, 3), st.floats(-1e9, 1e9), st.just("x")),
        plan=st.one_of(st.none(), st.sampled_from(["a", "b", "c", 1, 1.0, True])),
        member=st.one_of(st.none(), st.booleans()),
        prediction=st.one_of(st.none(), st.sampled_from([0, 1, 0.5])),
        confidence=st.one_of(st.none(), st.floats(0, 1)),
        country=st.sampled_from(["DE", "AT", None]),
    ),
    max_size=60,
)
SEGMENTED = model(segments=(SegmentPlan(fields=("country",)),))


@settings(deadline=None)  # other work on the same machine
@given(RECORDS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_neither_order_nor_blocks_matter(records, pieces, random):
    """The same records in any order and in any blocks are the same profile, to the last bit of its id."""
    shuffled = random.sample(records, len(records))
    assert bare(profile(records, SEGMENTED)).id == bare(profile(shuffled, SEGMENTED, pieces=pieces)).id


@settings(deadline=None)  # other work on the same machine
@given(RECORDS, RECORDS)
def test_merged_profiles_are_the_profile_of_all_records(some, others):
    """On the same bins the profile of A and B is the merge of those of A and of B."""
    like = profile([*some, *others, record(confidence=0.5, prediction=0.5)], SEGMENTED)
    both = [*some, record(confidence=0.1, prediction=1)], [*others, record(confidence=0.2, prediction=0)]
    merged = merge(*(profile(records, SEGMENTED, like) for records in both))
    whole = profile([*both[0], *both[1]], SEGMENTED, like)
    assert merged.segments == whole.segments
    for name, signal in whole.signals.items():
        twin = merged.signals[name]
        for field in signal.__struct_fields__:
            # Means of the parts are rounded before they are merged, so the last digits of moments may differ;
            # deviations lose those that are small beside the mean.
            scale = {"mean": 1e-9, "sd": 1e-5, "means": 1e-9}.get(field)
            mine, its = getattr(signal, field), getattr(twin, field)
            if field == "calibration":
                continue  # the more cautious one of both
            if scale is None:
                assert its == mine, (name, field)
            else:
                assert its == pytest.approx(mine, rel=1e-9, abs=scale), (name, field)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": [1, 2, 3]}, "profile of churn 3: cannot be merged: feature.age has two sets of bins"),
        ({"task": "multiclass"}, "profile of churn 3: cannot be merged: prediction has two types"),
        ({"prediction": None}, "profile of churn 3: cannot be merged: prediction is in one of them only"),
    ],
)
def test_profiles_that_cannot_be_merged(change, message):
    """Profiles on other bins, of other types or with other signals are refused."""
    one = profile([record(age, prediction=0.5) for age in (1, 2, 4)])
    task = change.get("task")
    plan = model(prediction=PredictionPlan(task=task)) if task else MODEL
    records = [record(age, prediction=change.get("prediction", 0.5)) for age in change.get("age", (1, 2, 4))]
    with pytest.raises(ProfileError) as error:
        merge(one, profile(records, plan))
    assert str(error.value) == f"{message} (the same); make one profile with the bins of the other"


def test_profiles_of_two_models_cannot_be_merged():
    """A profile belongs to one model and version."""
    other = profile([], model(name="fraud"))
    with pytest.raises(ProfileError) as error:
        merge(profile([]), other)
    assert str(error.value) == "profile of churn 3: cannot be merged with one of fraud 3"


@pytest.mark.parametrize(
    ("task", "values", "kind"),
    [
        ("binary", ["yes", "no"], "categorical"),
        ("binary", [True, False], "categorical"),
        ("binary", [0, 1, 1.0], "categorical"),
        ("binary", [0.25, 1, 0], "numeric"),
        ("binary", [0.25, 0.5, "broken"], "numeric"),
        ("multiclass", [1, 2, 2.5], "categorical"),
        ("regression", [1, 1, 2], "numeric"),
        ("regression", ["a"], "numeric"),
        ("ranking", [1], "numeric"),
        (None, ["yes", "1"], "categorical"),
        (None, list(range(20)), "categorical"),
        (None, list(range(21)), "numeric"),
        (None, [0.5], "numeric"),
        (None, [None], None),
        ("binary", [None], None),
    ],
)
def test_kinds_of_predictions(task, values, kind):
    """Classes are categories, probabilities and measurements are numbers; the task decides, else the values."""
    plan = model(prediction=PredictionPlan(task=task) if task else None)
    signal = profile([record(prediction=value) for value in values], plan).signals.get("prediction")
    assert {NumericSignal: "numeric", CategoricalSignal: "categorical", type(None): None}[type(signal)] == kind


def test_listed_classes_are_named_however_rare():
    """Classes that the configuration names are no secret."""
    plan = model(prediction=PredictionPlan(task="binary", positive="yes"), disclose=20)
    made = profile([record(prediction=value) for value in ["yes", "odd", *["no"] * 20]], plan)
    assert made.signals["prediction"].categories == (("no", 20), ("yes", 1))


def test_privacy():
    """Sensitive features show neither names nor extremes; nothing is named that few records have."""
    features = (
        FeaturePlan(name="age", type="numeric", sensitive=True),
        FeaturePlan(name="plan", type="categorical", sensitive=True),
        FeaturePlan(name="member", type="boolean"),
    )
    segments = (SegmentPlan(fields=("plan",)), SegmentPlan(fields=("country",)))
    records = [record(age, "gold", age < 5, country="DE") for age in range(100)] + [record(7, "rare", country="AT")]
    made = profile(records, model(features=features, segments=segments, disclose=20))
    age, plan, member = (made.signals[f"feature.{name}"] for name in ("age", "plan", "member"))
    assert (age.min, age.max) == (None, None)
    assert min(age.counts) >= 20
    assert (plan.categories, plan.rest) == (((disguised("gold"), 100),), 1)
    assert member.categories == (("false", 95), ("true", 5))
    assert made.segments == {"plan": ((f"plan={disguised('gold')}", 100),), "country": (("country=DE", 100),)}
    for secret in (b"gold", b"rare", b"AT"):
        assert secret not in encode(made)


def test_segments_have_a_limit():
    """Of many values the most frequent are segments; listed ones need no profile but are counted as well."""
    records = [record(country=country) for country in ["AT", "DE", "DE", "CH", "CH", "CH"]]
    made = profile(records, model(segments=(SegmentPlan(fields=("country",), limit=2),)))
    assert made.segments == {"country": (("country=CH", 3), ("country=DE", 2))}


def test_a_feature_counts_as_missing_only_where_it_is_carried():
    """Records of a source that does not carry a feature say nothing about it."""
    source = SourcePlan(name="p", kind="predictions", carries=("age",))
    made = profile([record(1), record(2)], source=source)
    plan = made.signals["feature.plan"]
    assert (made.signals["feature.age"].count, plan.count, plan.missing) == (2, 0, 0)


def test_tables_of_texts_and_of_types():
    """The same data as JSON, CSV and Parquet have the same signals."""
    rows = [(1.5, "gold", True, "yes", 0.75), (None, None, None, "no", 0.5), (2.5, "basic", False, None, None)]
    named = [dict(zip(("age", "plan", "member", "prediction", "confidence"), row, strict=True)) for row in rows]
    typed = pa.Table.from_pylist(named)
    texts = pa.table({name: [None if v is None else str(v) for v in typed[name].to_pylist()] for name in named[0]})
    signals = []
    for table, kind in ((typed, "parquet"), (texts, "csv")):
        source = SourcePlan(name="p", kind="predictions", format=kind)
        builder = ProfileBuilder(MODEL)
        builder.add(extract(table, source, ["age", "plan", "member"]), source)
        signals.append(builder.build(ORIGIN, None).signals)
    records = [record(**one) for one in named]
    assert signals[0] == signals[1] == profile(records).signals


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
def test_beyond_the_limit_of_distinct_values(seed, pieces):
    """In bounded memory as well: order and blocks do not matter, and counts are exact."""
    from operators.profiles import profiling

    before, profiling.CELLS = profiling.CELLS, 1  # the fewest cells
    try:
        ages = np.random.default_rng(seed).lognormal(3, 1, 20_000)
        one = profile([record(age) for age in ages.tolist()])
        other = profile([record(age) for age in ages[::-1].tolist()], pieces=pieces)
    finally:
        profiling.CELLS = before
    assert one.id == other.id
    age = one.signals["feature.age"]
    assert len(age.counts) == 250
    assert np.bincount(np.searchsorted(age.edges, ages, side="right"), minlength=250).tolist() == list(age.counts)


def test_provenance_and_id():
    """The id is that of the content: another origin is another profile."""
    builder = ProfileBuilder(MODEL)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc).isoformat()
    elsewhere = Provenance(source="b.jsonl", rows=0, start=when, end=when, tidemark="0.1.0")
    assert builder.build(ORIGIN, "3").id == builder.build(ORIGIN, "3").id != builder.build(elsewhere, "3").id


def calibrated(values, times_ms=None, pieces=1):
    """Calibration of a number, of records in pieces."""
    builder = ProfileBuilder(model(features=FEATURES[:1]))
    for piece in np.array_split(np.arange(len(values)), pieces):
        lines = [json.dumps(record(float(values[i]))).encode() for i in piece]
        times = None if times_ms is None else times_ms[piece]
        builder.add(extract(lines, SOURCE, ["age"]), SOURCE, times)
    made = builder.build(ORIGIN, "3")
    return made.signals["feature.age"].calibration, made.provenance.order


def test_calibration_is_of_the_order_of_time():
    """Records in any order, in any pieces: their times count, and without times the order in which they come."""
    rng = np.random.default_rng(2)
    slow = rng.normal(size=150).repeat(10)
    times = 1_700_000_000_000 + np.arange(1_500)
    shuffled = rng.permutation(1_500)
    found, order = calibrated(slow, times)
    assert order == "time"
    assert 8 < found.tau[-1] < 20
    assert calibrated(slow[shuffled], times[shuffled], pieces=7) == (found, "time")
    assert calibrated(slow) == (found, "file")
    assert calibrated(slow[shuffled])[0].tau == ()
    assert calibrated(slow, np.full(1_500, times[0])) == (found, "file")  # one time says nothing of the order


def test_calibration_is_of_the_earliest_records(monkeypatch):
    """In bounded memory; the latest are left out, whenever they come."""
    monkeypatch.setattr(calibrating, "RECORDS", 500)
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(size=50).repeat(10), rng.normal(size=2_000)])
    times = np.arange(2_500)
    shuffled = rng.permutation(2_500)
    found, _ = calibrated(values[shuffled], times[shuffled], pieces=9)
    assert found.values == 500
    assert found == calibrated(values, times)[0]
    assert 7 < found.tau[-1] < 25


def test_merging_takes_the_more_cautious_calibration():
    """Of independent and dependent records, the latter; in whichever order."""
    rng = np.random.default_rng(4)
    one = profile([record(age=float(x)) for x in rng.integers(0, 5, 600)])
    other = profile([record(age=float(x)) for x in rng.permutation(5).repeat(120)], like=one)
    assert one.signals["feature.age"].calibration.tau == ()
    assert merge(one, other).signals["feature.age"].calibration == other.signals["feature.age"].calibration
    assert merge(other, one).signals["feature.age"].calibration == other.signals["feature.age"].calibration


QUALITY = model(
    features=(FeaturePlan(name="age", type="numeric", range=(0.0, 100.0)), *FEATURES[1:]), quality=QualityPlan()
)


def test_a_profile_counts_what_quality_signals_watch():
    """Missing, invalid and out of range, and values that no other record has; how they follow each other, in order."""
    rng = np.random.default_rng(4)
    records = [record(float(age), "gold", True) for age in rng.uniform(0, 100, 4_000)]
    records[0]["features"]["member"] = records[1]["features"]["member"] = False
    for start in range(0, 4_000, 400):
        for row in range(start, start + 20):
            records[row]["features"]["age"] = None  # in runs of twenty
    for row in rng.choice(np.arange(30, 400), 30, replace=False).tolist():
        records[row]["features"]["plan"] = ["gold"]
    records[50]["features"]["age"], records[51]["features"]["age"] = 100.5, "old"
    records[60]["features"]["plan"] = "silver"
    made = profile(records, QUALITY)
    assert made.quality is not None
    found = {name: (share.found, share.records, share.range) for name, share in made.quality.items()}
    assert found == {
        "quality.missing.age": (200, 4_000, None),
        "quality.invalid.age": (1, 4_000, None),
        "quality.range.age": (1, 4_000, (0.0, 100.0)),
        "quality.frozen.age": (2, 3_799, None),
        "quality.missing.plan": (0, 4_000, None),
        "quality.invalid.plan": (30, 4_000, None),
        "quality.unseen.plan": (1, 4_000, None),
        "quality.missing.member": (0, 4_000, None),
        "quality.invalid.member": (0, 4_000, None),
    }
    tau = {name: share.calibration.tau for name, share in made.quality.items() if share.calibration is not None}
    assert 15 < tau["quality.missing.age"][-1] < 30
    assert tau["quality.missing.plan"] == tau["quality.range.age"] == ()
    assert decode(encode(made)) == made
    without = profile(records, structs.replace(QUALITY, quality=UNSET))
    assert structs.replace(made, quality=UNSET) == without
    assert b"quality" not in encode(without)


def test_shares_are_merged():
    """Counts add up, of those that both profiles have of the same range."""
    records = [record(age, "gold") for age in range(-5, 95)]
    made = profile(records, QUALITY)
    both = merge(made, profile(records, QUALITY, like=made))
    assert both.quality["quality.range.age"].found == 10
    assert both.quality["quality.missing.member"].records == 200
    narrow = FeaturePlan(name="age", type="numeric", range=(0.0, 9.0))
    narrow = structs.replace(QUALITY, features=(narrow, *FEATURES[1:]))
    assert "quality.range.age" not in merge(made, profile(records, narrow, like=made)).quality
    assert merge(made, profile(records, structs.replace(QUALITY, quality=UNSET), like=made)).quality is UNSET
    assert isinstance(both.quality["quality.range.age"], Share)
