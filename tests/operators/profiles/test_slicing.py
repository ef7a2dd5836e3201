"""The second reading: slices are exactly what a profile of their records alone would count on the same bins."""

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import FeaturePlan, SeasonPlan, SegmentPlan
from operators.encoding.codes import CODES, INVALID, MISSING
from operators.profiles.merging import merge
from operators.profiles.profile_checks import damage
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.profiles.remarks import remarks
from operators.profiles.segment_references import SegmentReferences
from operators.profiles.slices import SliceReader
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from operators.reading.plain_times import NO_TIME
from operators.reading.values import disguised
from schemas.errors import ProfileError, UsageError
from schemas.profile import NumericSignal, decode, encode
from tests.operators.profiles.test_profiling import ORIGIN, SOURCE, model

COUNTRY, BOTH = SegmentPlan(fields=("country",)), SegmentPlan(fields=("country", "plan"))
MODEL = model(segments=(COUNTRY, BOTH))
VALUES = {
    "age": st.one_of(st.none(), st.integers(0, 3), st.floats(-5, 5), st.just("old")),
    "plan": st.sampled_from(["gold", "basic", None, 7]),
    "member": st.sampled_from([True, False, None, "maybe"]),
}
RECORD = st.fixed_dictionaries(
    {"features": st.fixed_dictionaries(VALUES)},
    optional={
        "country": st.sampled_from(["DE", "FR", "AT", None]),
        "prediction": st.sampled_from(["yes", "no", None]),
        "confidence": st.one_of(st.none(), st.floats(0, 1)),
    },
)
RECORDS = st.lists(RECORD, min_size=1, max_size=60)
MONDAY_MS, DAY_MS = 4 * 86_400_000, 86_400_000
SEASONAL = msgspec.structs.replace(MODEL, season=SeasonPlan(period_ms=DAY_MS, bins=24))


def columns(records, plan):
    fields = [field for segment in plan.segments for field in segment.fields]
    names = [*(feature.name for feature in plan.features), *fields]
    return extract([json.dumps(one).encode() for one in records], SOURCE, names, fields)


def profile(records, plan=MODEL, like=None):
    builder = ProfileBuilder(plan, like)
    builder.add(columns(records, plan), SOURCE)
    return builder.build(ORIGIN, "3")


def sliced(records, plan=MODEL, like=None, pieces=1, **more):
    counter = SliceCounter(plan, profile(records, plan, like), **more)
    for start in range(pieces):
        counter.add(columns(records[start::pieces], plan), SOURCE)
    return counter.build()


def parts(made, plan=MODEL):
    """Reads what a profile has of a segment: by signal counts by code, mean and deviation."""
    signals = ModelSignals(plan, made)
    references = SegmentReferences(signals)

    def of(segment):
        part = references.part(segment)
        if part is None:
            return None
        moments = dict(zip(signals.numeric, zip(part.means.tolist(), part.sds.tolist(), strict=True), strict=True))
        rows = enumerate(zip(signals.names, part.counts, strict=True))
        return {name: (row, *moments.get(position, (0.0, 0.0))) for position, (name, row) in rows}

    return of


@settings(deadline=None)
@given(records=RECORDS)
def test_a_slice_is_the_profile_of_its_records(records):
    """Counts by code, gaps, means and deviations; and `other` is what is left."""
    made = sliced(records)
    assert damage(made) is None
    part_of = parts(made)
    for country in ("DE", "FR", "AT", "other"):
        inside = [one for one in records if (one.get("country") or "other") == country]
        part = part_of(f"country={country}")
        if part is None:
            assert not inside or country == "other"
            continue
        alone = profile(inside, model(segments=()), like=made).signals
        for name, (row, mean, sd) in part.items():
            if name not in alone:
                assert not row[:MISSING].any()
                continue
            signal = alone[name]
            assert (row[MISSING], row[INVALID]) == (signal.missing, signal.invalid)
            if isinstance(signal, NumericSignal):
                assert tuple(row[: len(signal.counts)].tolist()) == signal.counts
                if signal.count:
                    assert mean == pytest.approx(signal.mean, abs=0.01)
                    # Of `other` a difference of rounded squares: up to 60 records in units of 1e-4, up to 10 apart.
                    assert sd**2 == pytest.approx(signal.sd**2, abs=0.05 if country == "other" else 0.001)
            else:
                names = [category for category, _ in made.signals[name].categories]
                assert {n: c for n, c in zip(names, row.tolist(), strict=False) if c} == dict(signal.categories)


@settings(deadline=None)
@given(records=RECORDS, pieces=st.integers(2, 5), random=st.randoms(use_true_random=False))
def test_neither_order_nor_blocks_matter(records, pieces, random):
    """The same records in any order and in any blocks are the same profile, to the last bit of its id."""
    shuffled = random.sample(records, len(records))
    assert sliced(records).id == sliced(shuffled, pieces=pieces).id


@settings(deadline=None)
@given(some=RECORDS, others=RECORDS)
def test_merged_slices_are_the_slices_of_all_records(some, others):
    """Of profiles on the same bins, whatever categories and countries each of them has."""
    full = {"features": {"age": 1, "plan": "gold", "member": True}, "prediction": "yes", "confidence": 0.5}
    some, others = [*some, full], [*others, full]
    like = profile([*some, *others])
    whole = sliced([*some, *others], like=like)
    merged = merge(sliced(some, like=like), sliced(others, like=like))
    assert damage(merged) is None
    assert {way: list(found) for way, found in merged.slices.items()} == {
        way: list(found) for way, found in whole.slices.items()
    }
    for segment in whole.slices["country"]:
        told, merged_told = parts(whole)(segment), parts(merged)(segment)
        for name, signal in whole.signals.items():
            (row, *moments), (twin, *twins) = told[name], merged_told[name]
            assert twins == pytest.approx(moments, abs=1e-3)
            order = range(CODES)
            if not isinstance(signal, NumericSignal):
                codes = {category: code for code, (category, _) in enumerate(merged.signals[name].categories)}
                order = [codes[category] for category, _ in signal.categories]
            assert twin[order].tolist() == row[: len(order)].tolist()


def test_profiles_with_and_without_slices_cannot_be_merged():
    """The slices of the merged one would lack records."""
    records = [{"features": {"age": 1}, "country": "DE"}]
    made = profile(records)
    with pytest.raises(ProfileError, match="counts of segments are in one of them only"):
        merge(sliced(records, like=made), made)


def test_a_value_that_one_profile_lists_and_has_no_slice_of_has_none_when_they_are_merged():
    """Else it would be compared with half of its records."""
    records = [{"features": {"age": 1}, "country": country} for country in ("DE", "DE", "FR")]
    room = CODES * 4 * 2  # one slice each way
    one, other = sliced(records), sliced(records, cells=room)
    assert (list(one.slices["country"]), list(other.slices["country"])) == (
        ["country=DE", "country=FR"],
        ["country=DE"],
    )
    assert list(merge(one, other).slices["country"]) == ["country=DE"]


def test_slices_fit_the_memory_and_what_does_not_is_said():
    """The most frequent values are counted; one without a slice, and with it `other`, has no reference of its own."""
    records = [{"features": {"age": 1}, "country": country} for country in ("DE", "DE", "FR")]
    made = sliced(records, cells=CODES * 4 * 2)
    assert [line for line in remarks(made, MODEL) if line.startswith("segment country:")] == [
        "segment country: only the 1 most frequent of 2 values are counted on their own (memory); the others will be "
        "compared with all records"
    ]
    part_of = parts(made)
    assert (part_of("country=FR"), part_of("country=other")) == (None, None)
    assert part_of("country=DE")["feature.age"][0].sum() == 2


def test_nothing_is_counted_without_segments():
    """And the profile, with its id, is as before."""
    plan = model(segments=())
    records = [{"features": {"age": 1}}]
    counter = SliceCounter(plan, profile(records, plan))
    assert not counter.needed
    assert counter.build() == profile(records, plan)
    assert b"slices" not in encode(profile(records, plan))


def test_privacy():
    """No segment value with few records, and of sensitive signals no value with few records of a segment."""
    features = (
        FeaturePlan(name="age", type="numeric", sensitive=True),
        FeaturePlan(name="plan", type="categorical", sensitive=True),
    )
    plan = model(features=features, disclose=20, segments=(COUNTRY, SegmentPlan(fields=("plan",))))
    rng = np.random.default_rng(3)
    records = [
        {
            "features": {
                "age": float(rng.normal()),
                "plan": str(rng.choice(["ill", "well", "rare"], p=[0.3, 0.6, 0.1])),
            },
            "country": str(rng.choice(["DE", "FR"], p=[0.9, 0.1])),
        }
        for _ in range(2_000)
    ]
    records += [{"features": {"age": 1.0, "plan": "ill"}, "country": "XX"}] * 19
    made = sliced(records, plan)
    assert damage(made) is None
    text = encode(made).decode()
    assert not any(word in text for word in ("XX", "ill", "well", "rare"))
    assert set(made.slices["plan"]) == {f"plan={disguised(name)}" for name in ("ill", "well", "rare")}
    inside = [one for one in records if one["country"] == "FR"]
    alone = profile(inside, msgspec.structs.replace(plan, segments=(), disclose=1), like=made).signals
    row = parts(made, plan)("country=FR")["feature.age"][0]
    exact = alone["feature.age"].counts
    assert min(n for n in exact if n) < 20
    assert row[: len(exact)].sum() == sum(exact)
    assert row[: len(exact)].tolist() != list(exact)


def test_a_profile_with_slices_is_read_again():
    """To the bit, from its file."""
    made = sliced([{"features": {"age": age}, "country": "DE"} for age in range(30)])
    assert decode(encode(made)) == made


@pytest.mark.parametrize("change", [{"records": 29}, {"counts": b"\x01"}, {"moments": b"\xff" * 16}])
def test_a_damaged_slice_is_noticed(change):
    """Counts that do not add up, bytes that are none, and moments that are no numbers."""
    made = sliced([{"features": {"age": age}, "country": "DE"} for age in range(30)])
    part = msgspec.structs.replace(made.slices["country"]["country=DE"], **change)
    found = damage(msgspec.structs.replace(made, slices={**made.slices, "country": {"country=DE": part}}))
    assert found is not None
    assert found.startswith("country=DE: ")


def in_season(records, plan=SEASONAL, like=None, pieces=1):
    """With a record each quarter of an hour, two days and a half of them."""
    when = MONDAY_MS + 900_000 * np.arange(len(records))
    builder = ProfileBuilder(plan, like)
    parts_of = [(columns(records[start::pieces], plan), when[start::pieces]) for start in range(pieces)]
    for part, times_ms in parts_of:
        builder.add(part, SOURCE, times_ms)
    counter = SliceCounter(plan, builder.build(ORIGIN, "3"))
    for part, times_ms in parts_of:
        counter.add(part, SOURCE, times_ms)
    return counter.build(builder)


@settings(deadline=None)
@given(records=st.lists(RECORD, min_size=1, max_size=240), pieces=st.integers(1, 5))
def test_a_part_of_the_season_is_the_profile_of_its_records(records, pieces):
    """Counts by code; a part without records has no slice; segments are as without a season."""
    made = in_season(records, pieces=pieces)
    assert damage(made) is None
    assert made.season.span_ms == 900_000 * (len(records) - 1)
    if records:
        plain = sliced(records, plan=MODEL)
        assert made.slices == plain.slices
    signals = ModelSignals(SEASONAL, made)
    reader = SliceReader(made.signals, dict(zip(signals.names, signals.signals, strict=True)))
    for hour, packed in enumerate(made.season.slices):
        inside = [one for number, one in enumerate(records) if number // 4 % 24 == hour]
        assert (packed is None) == (not inside)
        if packed is None:
            continue
        alone = profile(inside, model(segments=()), like=made).signals
        counts = dict(zip(signals.names, reader.read(packed).counts, strict=True))
        for name, signal in alone.items():
            row = counts[name]
            assert (row[MISSING], row[INVALID]) == (signal.missing, signal.invalid)
            if isinstance(signal, NumericSignal):
                assert tuple(row[: len(signal.counts)].tolist()) == signal.counts
            else:
                names = [category for category, _ in made.signals[name].categories]
                assert {n: c for n, c in zip(names, row.tolist(), strict=False) if c} == dict(signal.categories)


@settings(deadline=None)
@given(some=st.lists(RECORD, min_size=1, max_size=100), others=st.lists(RECORD, min_size=1, max_size=100))
def test_merged_parts_of_the_season_are_those_of_all_records(some, others):
    """Of profiles on the same bins; they cover the sum of both spans."""
    full = {"features": {"age": 1, "plan": "gold", "member": True}, "prediction": "yes", "confidence": 0.5}
    some, others = [*some, full], [*others, full]
    like = profile([*some, *others])
    one, other = in_season(some, like=like), in_season(others, like=like)
    merged = merge(one, other)
    assert damage(merged) is None
    assert merged.season.span_ms == one.season.span_ms + other.season.span_ms
    records = [[part.records if part else 0 for part in made.season.slices] for made in (one, other, merged)]
    assert np.add(*records[:2]).tolist() == records[2]
    assert set(merged.season.calibrations) == set(merged.signals)


def test_profiles_of_two_seasons_cannot_be_merged():
    """Nor one with a season and one without."""
    records = [{"features": {"age": 1}}] * 4
    one, like = in_season(records), profile(records)
    elsewhere = msgspec.structs.replace(SEASONAL, season=SeasonPlan(period_ms=DAY_MS, bins=24, timezone="Asia/Tokyo"))
    for other in (sliced(records, like=like), in_season(records, plan=elsewhere, like=like)):
        with pytest.raises(ProfileError, match="they do not have one season"):
            merge(one, other)


def test_records_without_a_time_are_in_no_part():
    """But in the whole."""
    records = [{"features": {"age": 1}}] * 4
    part = columns(records, SEASONAL)
    builder = ProfileBuilder(SEASONAL)
    when = np.array([MONDAY_MS, NO_TIME, MONDAY_MS, NO_TIME])
    builder.add(part, SOURCE, when)
    counter = SliceCounter(SEASONAL, builder.build(ORIGIN, "3"))
    counter.add(part, SOURCE, when)
    counter.add(part, SOURCE, None)
    made = counter.build(builder)
    assert [one.records for one in made.season.slices if one] == [2]
    assert made.season.span_ms == 0


def test_a_season_with_too_many_parts_for_the_memory():
    """Says how many there is room for."""
    made = profile([{"features": {"age": 1}}], SEASONAL)
    with pytest.raises(UsageError) as raised:
        SliceCounter(SEASONAL, made, cells=23 * CODES * len(made.signals))
    assert str(raised.value) == (
        "models.churn.season.bins: 24 parts with 3 signals do not fit the memory of profiling (at most 23); take fewer"
    )


def test_what_a_season_lacks_is_said():
    """Periods, and records in its parts."""
    short = remarks(in_season([{"features": {"age": number}} for number in range(120)]), SEASONAL)
    assert [line for line in short if line.startswith("season: ")] == [
        "season: the reference covers 1.2 of its periods (at least 2): what comes back cannot be told from chance, and "
        "only large changes will be found; profile a longer time",
        "season: 24 of its 24 parts have fewer than 50 records and are compared mostly with the whole; profile a "
        "longer time, or take fewer bins",
    ]
    enough = remarks(in_season([{"features": {"age": number}} for number in range(24 * 4 * 13)]), SEASONAL)
    assert not [line for line in enough if line.startswith("season: ")]


def test_a_season_of_records_whose_first_have_no_times():
    """How they follow each other is told in the order in which they came, as without a season."""
    records = [{"features": {"age": number % 7}} for number in range(300)]
    part = columns(records, SEASONAL)
    builder = ProfileBuilder(SEASONAL)
    builder.add(part, SOURCE, None)
    counter = SliceCounter(SEASONAL, builder.build(ORIGIN, "3"))
    counter.add(part, SOURCE, MONDAY_MS + 900_000 * np.arange(300))
    made = counter.build(builder)
    assert made.provenance.order == "file"
    assert made.season.calibrations == {name: signal.calibration for name, signal in made.signals.items()}
