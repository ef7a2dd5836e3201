from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import DetectorPlan, FeaturePlan, FieldsPlan, QualityPlan, SegmentPlan, TimePlan, VersionPlan
from operators.decode import LATEST_MS, Decoder
from operators.encoding import chunks, unnamed
from operators.encoding.codes import ABSENT, INVALID, MISSING, OTHER, UNSEEN
from operators.encoding.entries import Counts, Place
from operators.reading.values import disguised
from schemas.dead_letters import DeadLetter
from tests.operators.decoding import (
    FEATURES,
    GOOD,
    NOW_MS,
    PANE_MS,
    TOPIC,
    Decoded,
    decode,
    job,
    line,
    model,
    named,
    numeric,
    profile,
    record,
)

WHOLE = "m|churn|3|champion|all"
MIXED = st.fixed_dictionaries(
    {
        "id": st.one_of(st.none(), st.sampled_from(["a", "b", "7"]), st.just(7)),
        "version": st.sampled_from(["3", "4", 3, None]),
        "role": st.sampled_from([None, "shadow", "nobody"]),
        "model": st.sampled_from(["churn", "churn", "churn", "other", None]),
        "country": st.sampled_from(["DE", "US", "AT", None, 7]),
        "prediction": st.sampled_from(["yes", "no", "maybe", None]),
        "features": st.fixed_dictionaries(
            {
                "age": st.one_of(st.none(), st.floats(0, 100), st.just("x"), st.sampled_from([0.0, -0.0, 20.0])),
                "plan": st.sampled_from(["gold", "basic", "lead", None, 3]),
            }
        ),
    }
)
STREAM = st.lists(
    st.tuples(
        st.one_of(MIXED.map(lambda fields: json.dumps(fields).encode()), st.sampled_from([b"", b"{", None])),
        st.integers(NOW_MS - 2 * PANE_MS, NOW_MS + 2 * PANE_MS),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def batches(decoder, stream, cuts):
    """Decode a stream cut into batches; places follow the records."""
    entries = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        lines, times_ms, late = zip(*stream[start:end], strict=True) if end > start else ((), (), ())
        place = Place(topic="t", partitions=[0] * (end - start), offsets=[at for at in range(start, end)])
        entries += decoder.decode(lines, np.array(times_ms, np.int64), np.array(late, np.bool_), place)
    return entries


@settings(deadline=None, max_examples=200)
@given(STREAM, st.data())
def test_batches_do_not_show(stream, data):
    """Batches cut anywhere: the same panes, letters and counts to the bit."""
    decoder = Decoder(job(), TOPIC)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    assert Decoded(batches(decoder, stream, cuts)).same() == Decoded(batches(decoder, stream, [])).same()


@settings(deadline=None, max_examples=200)
@given(STREAM, st.data())
def test_order_does_not_show(stream, data):
    """Records in any order, decoded by any worker: the same panes to the bit."""
    one, other = Decoder(job(), TOPIC), Decoder(job(), TOPIC)
    shuffled = data.draw(st.permutations(stream))
    panes, _, counts = Decoded(batches(one, stream, [])).same()
    batches(other, stream[:1], [])  # what a worker has seen before is of no matter
    assert Decoded(batches(other, shuffled, [])).same()[::2] == (panes, counts)


def test_a_record_of_the_default_shape():
    """One record, whole: a pane of the model and one of its segment, and the counts."""
    decoded = decode([line()], times_ms=[NOW_MS + 1_234])
    assert list(decoded.panes) == [(WHOLE, NOW_MS + PANE_MS), ("m|churn|3|champion|country=DE", NOW_MS + PANE_MS)]
    for pane in decoded.panes.values():
        assert pane.times_ms.tolist() == [NOW_MS + 1_234]
        assert pane.codes.tolist() == [GOOD]
        assert pane.raw.shape == (1, 0)
        assert pane.sums.shape == (3, 5)  # age, income, confidence
    assert decoded.counts == Counts(read=1, used=1)
    assert decoded.newest_ms == {"churn": NOW_MS + 1_234}
    assert decoded.letters == []


def test_no_records():
    """A batch without records says nothing."""
    assert Decoder(job(), TOPIC).decode([], np.empty(0, np.int64), np.empty(0, np.bool_), Place(topic="t")) == []


def test_late_records():
    """A late record is in a letter with its place and in no pane; a dead one is not late besides."""
    times_ms = [NOW_MS, NOW_MS - 60_000, NOW_MS - 50_000]
    decoded = decode([line(), line(id="a2"), b"x"], times_ms=times_ms, late=[False, True, True])
    assert decoded.counts == Counts(read=3, used=1, dead=1, late=1)
    assert decoded.codes() == [GOOD]
    assert [(letter.reason, letter.offset, letter.event_time) for letter in decoded.letters] == [
        ("dead", 48_114, "2025-12-31T23:59:10.000Z"),
        ("late", 48_113, "2025-12-31T23:59:00.000Z"),
    ]
    assert decoded.letters[1] == DeadLetter(
        source="predictions",
        topic="predictions",
        partition=2,
        offset=48_113,
        reason="late",
        error="its pane was already closed when it came",
        event_time="2025-12-31T23:59:00.000Z",
    )
    assert decoded.newest_ms == {"churn": NOW_MS}


def test_late_and_ignored():
    """A late record of an unknown model is late: it is counted once."""
    assert decode([line(model="x")], late=[True]).counts == Counts(read=1, late=1)


def test_panes():
    """Records fall into the pane of their time; a pane's end is not in it."""
    times_ms = [NOW_MS - 1, NOW_MS, NOW_MS + PANE_MS - 1, NOW_MS + PANE_MS]
    ends = {
        end: len(pane) for (key, end), pane in decode([line()] * 4, times_ms=times_ms).panes.items() if key == WHOLE
    }
    assert ends == {NOW_MS: 1, NOW_MS + PANE_MS: 2, NOW_MS + 2 * PANE_MS: 1}


def test_chunks_have_a_limit():
    """More records than a chunk holds make more chunks, and the same pane."""
    features = tuple(FeaturePlan(name=f"f{i}", type="numeric") for i in range(2_000))
    wide = profile(signals={f"feature.{f.name}": numeric(1.0) for f in features}, segments={})
    references = job(models=(model(features=features, segments=()),), profiles={"churn": {"": wide}})
    lines = [b'{"model": "churn", "id": %d}' % i for i in range(3_000)]
    entries = Decoder(references, TOPIC).decode(
        lines, np.full(3_000, NOW_MS), np.zeros(3_000, np.bool_), Place(topic="t")
    )
    sizes = [len(entry.data) for entry in entries if entry.pane_end_ms is not None]
    assert len(sizes) == 2
    assert max(sizes) <= chunks.LIMIT
    assert len(Decoded(entries).panes["m|churn|0|champion|all", NOW_MS + PANE_MS]) == 3_000


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "m|churn|3|champion|all"),
        ({"version": None}, "m|churn|0|champion|all"),
        ({"version": "4"}, "m|churn|4|shadow|all"),
        ({"version": "4", "role": "champion"}, "m|churn|4|champion|all"),
        ({"version": "9 | 1"}, "m|churn|9%20%7C%201|champion|all"),
        ({"role": "challenger"}, "m|churn|3|challenger|all"),
    ],
)
def test_versions_and_roles(fields, key):
    """Version and role come from the record; the configuration gives the role of a version that names none."""
    references = job(models=(model(versions={"4": VersionPlan(role="shadow")}),))
    assert (key, NOW_MS + PANE_MS) in decode([line(**fields)], references).panes


def test_constants_of_the_source():
    """Model and version of the source stand for whatever its records name, and whatever type that has."""
    source = msgspec.structs.replace(TOPIC, model="churn", version="7")
    decoded = decode([line(), line(model="x", version="y"), line(model=None, version=None)], job(source))
    assert len(decoded.panes["m|churn|7|champion|all", NOW_MS + PANE_MS]) == 3


def test_a_profile_for_each_version():
    """Codes and segments of a version are those of its own profile; an unknown one takes the newest before it."""
    old = profile(
        signals=profile().signals | {"feature.age": numeric(1.0)}, segments={"country": (("country=US", 60),)}
    )
    references = job(profiles={"churn": {"1.9": old, "1.10": profile()}})
    decoded = decode([line(version=v) for v in ("1.9", "1.10", "1.9.5", "2", "0", "²")], references)
    first = {key.split("|")[2]: pane.codes[0, 0] for (key, _), pane in decoded.panes.items() if key.endswith("all")}
    assert first == {"1.9": 1, "1.10": 2, "1.9.5": 1, "2": 2, "0": 1, "%C2%B2": 2}
    assert {key for key, _ in decoded.panes if "|1.9|" in key} == {
        f"m|churn|1.9|champion|{s}" for s in ("all", "country=other")
    }


def test_versions_that_are_ignored():
    """Where the configuration ignores versions without a profile, their records are counted as ignored."""
    references = job(models=(model(on_unknown_version="ignore"),), profiles={"churn": {"3": profile()}})
    decoded = decode([line(), line(version="4")], references)
    assert decoded.counts == Counts(read=2, used=2, ignored=1)
    assert decoded.codes() == [GOOD]


def test_several_models():
    """Records of one topic may belong to several models, each with features of its own."""
    fraud = model("fraud", features=(FeaturePlan(name="amount", type="numeric"),), segments=(), prediction=None)
    of_fraud = profile("fraud", signals={"feature.amount": numeric(10.0)}, segments={})
    references = job(models=(model(), fraud), profiles={"churn": {"": profile()}, "fraud": {"": of_fraud}})
    decoded = decode([line(), line(model="fraud", features={"amount": 11}), line(model="fraud")], references)
    assert decoded.codes() == [GOOD]
    assert sorted(decoded.codes("m|fraud|3|champion|all")) == [[1], [MISSING]]


@pytest.mark.parametrize(
    ("fields", "segment"),
    [
        ({"country": "DE"}, "country=DE"),
        ({"country": "US"}, "country=US"),
        ({"country": "AT"}, "country=other"),
        ({"country": None}, "country=other"),
        ({"country": ["DE"]}, "country=other"),
        ({"country": "LI"}, "country=other"),  # 19 records in the reference
        ({"country": None, "features": {"country": "DE"}}, "country=DE"),
        ({"country": "US", "features": {"country": "DE"}}, "country=DE"),
    ],
)
def test_segments(fields, segment):
    """A segment's field stands among the features or beside them; rare and unknown values are `other`."""
    rare = profile(segments={"country": (("country=DE", 60), ("country=US", 20), ("country=LI", 19))})
    decoded = decode([line(**fields)], job(profiles={"churn": {"": rare}}))
    assert [key for key, _ in decoded.panes] == [WHOLE, f"m|churn|3|champion|{segment}"]


def test_segments_of_two_fields_and_listed_ones():
    """Combinations are segments too; of listed values those that the reference has too rarely are not told."""
    plans = (
        SegmentPlan(fields=("country", "plan"), values=(("DE", "gold"), ("DE", "basic"))),
        SegmentPlan(fields=("device",), values=(("a,b|c=d",),)),
        SegmentPlan(fields=("country",), limit=1),
    )
    known = {"country,plan": (("country=DE,plan=gold", 20),), "country": (("country=DE", 50), ("country=US", 40))}
    references = job(models=(model(segments=plans),), profiles={"churn": {"": profile(segments=known)}})
    lines = [line(device="a,b|c=d"), line(country="US"), line(features={"plan": "basic"})]
    decoded = decode(lines, references)
    assert {key.removeprefix("m|churn|3|champion|"): len(pane) for (key, _), pane in decoded.panes.items()} == {
        "all": 3,
        "country=DE,plan=gold": 1,
        "country=other,plan=other": 2,
        "device=a%2Cb%7Cc%3Dd": 1,
        "device=other": 2,
        "country=DE": 2,
        "country=other": 1,
    }


def test_a_segment_elsewhere_in_the_record():
    """A segment's field may be a pointer."""
    plan = SegmentPlan(fields=("/geo/country",), values=(("DE",),))
    references = job(models=(model(segments=(plan,)),))
    decoded = decode([line(geo={"country": "DE"}), line(geo=["DE"]), line()], references)
    assert {key.split("|", 4)[4]: len(pane) for (key, _), pane in decoded.panes.items()} == {
        "all": 3,
        "/geo/country=DE": 1,
        "/geo/country=other": 2,
    }


def test_fields_elsewhere():
    """All fields may stand anywhere in the record, features in the record itself."""
    places = {"id": "/meta/id", "model": "/meta/0/name", "version": "v", "features": "/", "prediction": "/out/label"}
    source = msgspec.structs.replace(TOPIC, fields=FieldsPlan(**places, confidence="/out/sure"))
    document = {"meta": [{"name": "churn"}], "v": 3, "out": {"label": "yes", "sure": 0.83}, **record()["features"]}
    assert decode([json.dumps(document).encode()], job(source)).codes() == [GOOD]


def test_features_of_a_source_that_carries_some():
    """What a source does not carry is absent, not missing, even if a record has it, and is in no sum."""
    source = msgspec.structs.replace(TOPIC, kind="features", carries=("age", "plan"))
    decoded = decode([line(), line(features={})], job(source))
    absent = [ABSENT, ABSENT, ABSENT]
    assert sorted(decoded.codes()) == [[2, ABSENT, 0, *absent], [MISSING, ABSENT, MISSING, *absent]]
    sums = decoded.panes[WHOLE, NOW_MS + PANE_MS].sums
    assert sums[1:, :3].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert sums[0].view(np.float64)[3:].tolist() == [41.0, 41.0]


def test_raw_values():
    """Signals with a detector on raw values carry them, in the order of the record's signals."""
    raw = DetectorPlan(name="adwin", input="raw")
    features = (FEATURES[0], msgspec.structs.replace(FEATURES[1], detectors=(raw,)), *FEATURES[2:])
    decoded = decode([line(), line(features={"income": "x"})], job(models=(model(features=features),)))
    pane = decoded.panes[WHOLE, NOW_MS + PANE_MS]
    assert sorted(pane.raw.ravel().tolist()) == [5e5, float("inf")]
    assert pane.codes[pane.raw[:, 0] == 5e5].tolist() == [GOOD]


def test_a_prediction_that_is_a_number():
    """A number-valued prediction is a signal of numbers; a text is then invalid."""
    signals = profile().signals | {"prediction": numeric(0.5)}
    references = job(profiles={"churn": {"": profile(signals=signals)}})
    decoded = decode([line(prediction=p) for p in (0.7, "0.7", None, True, 10**400)], references)
    assert sorted(row[4] for row in decoded.codes()) == [1, INVALID, INVALID, INVALID, MISSING]


def test_a_model_without_predictions():
    """A profile without prediction and confidence has no such signals."""
    signals = {name: s for name, s in profile().signals.items() if name.startswith("feature.")}
    assert decode([line()], job(profiles={"churn": {"": profile(signals=signals)}})).codes() == [GOOD[:4]]


def test_sensitive_names_and_rare_ones():
    """Sensitive values are coded by their disguise; a name that the configuration calls too rare is not told."""
    plan = named(disguised("gold"), disguised("basic"))
    rare = named("no", "yes", "perhaps")
    rare = msgspec.structs.replace(rare, categories=(("no", 100), ("yes", 5), ("perhaps", 5)), count=110)
    signals = profile().signals | {"feature.plan": plan, "prediction": rare}
    features = tuple(msgspec.structs.replace(f, sensitive=f.name == "plan") for f in FEATURES)
    references = job(models=(model(features=features),), profiles={"churn": {"": profile(signals=signals)}})
    lines = [line(), line(prediction="perhaps"), line(features={"plan": disguised("gold")})]
    assert sorted([row[2], row[4]] for row in decode(lines, references).codes()) == [[0, 1], [0, OTHER], [UNSEEN, 1]]


def test_nothing_unnamed_leaves():
    """Fields that the configuration does not name, and ids, are in nothing that decode gives out."""
    entries = Decoder(job(), TOPIC).decode(
        [line(id="Ytterby", title="Ytterby"), b'{"Ytterby'],
        np.full(2, NOW_MS),
        np.zeros(2, np.bool_),
        Place(topic="t", partitions=[0, 0], offsets=[0, 1]),
    )
    assert all(b"Ytterby" not in entry.data and "Ytterby" not in entry.key for entry in entries)


def test_names_that_the_reference_has_not():
    """Categories without a code of their own go with their pane, sensitive ones disguised; others do not."""
    lines = [line(id=f"a{i}", features={"plan": "platinum" if i % 2 else "gold"}) for i in range(6)]
    decoded = decode([*lines, line(id="b", prediction="perhaps"), line(id="c", features={"plan": None})])
    for pane in decoded.panes.values():
        names = {position: sorted(name for _, name in some) for position, some in pane.names.items()}
        assert names == {2: ["platinum"] * 3, 4: ["perhaps"]}
    features = tuple(msgspec.structs.replace(f, sensitive=f.name == "plan") for f in FEATURES)
    hidden = decode(lines, job(models=(model(features=features),)))
    assert {name for pane in hidden.panes.values() for _, name in pane.names[2]} == {disguised("platinum")}


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_more_names_than_are_kept_are_the_same_however_batches_fall(data):
    """A hundred records, half of them with names of their own: the same sample from any batches, in any order."""
    names = ["new" if i % 2 else f"only {i}" for i in range(100)]
    stream = [(line(id=f"r{i}", features={"plan": name}), NOW_MS + i, False) for i, name in enumerate(names)]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    whole = Decoded(batches(Decoder(job(), TOPIC), stream, []))
    parts = Decoded(batches(Decoder(job(), TOPIC), data.draw(st.permutations(stream)), cuts))
    assert whole.same()[0] == parts.same()[0]
    (pane,) = (pane for (key, _), pane in whole.panes.items() if key.endswith("|all"))
    assert len(pane.names[2]) == unnamed.MOST


HOUR_MS = 3_600_000
PAYLOAD = msgspec.structs.replace(TOPIC, time=TimePlan(kind="payload"), max_skew_ms=HOUR_MS)


@pytest.mark.parametrize(
    ("timestamp", "sql_ms", "error"),
    [
        ("2026-01-01T00:00:05Z", NOW_MS + 5_000, None),
        ("2026-01-01T01:00:00.000Z", NOW_MS + HOUR_MS, None),
        (NOW_MS // 1000, NOW_MS, None),
        ("1999-12-31T23:59:59Z", 946_684_799_000, None),
        (None, NOW_MS, "'timestamp': is missing at /timestamp"),
        ("yesterday", NOW_MS, "'timestamp': expected RFC 3339 text or a number at /timestamp"),
        ({"at": 1}, NOW_MS, "'timestamp': expected RFC 3339 text or a number at /timestamp"),
        ("2099-01-01T00:00:00Z", NOW_MS, "'timestamp': more than 1 h ahead of the broker's time at /timestamp"),
        ("2026-01-01T01:00:00.001Z", NOW_MS, "'timestamp': more than 1 h ahead of the broker's time at /timestamp"),
        ("2026-01-01T00:00:05Z", NOW_MS, "'timestamp': has no form that the job can order records by at /timestamp"),
    ],
)
def test_payload_time(timestamp, sql_ms, error):
    """A record is used at its own time; where the windows could not go by that, it is dead."""
    decoded = decode([line(timestamp=timestamp)], job(PAYLOAD), times_ms=[sql_ms], broker_ms=[NOW_MS])
    assert [letter.error for letter in decoded.letters] == [error] * (error is not None)
    assert decoded.counts.used == (error is None)
    if error is None:
        assert decoded.panes[WHOLE, sql_ms // PANE_MS * PANE_MS + PANE_MS].times_ms.tolist() == [sql_ms]


def test_payload_time_of_a_dead_record():
    """A letter tells no time of a record whose own could not be used."""
    lines = [b"x", line(timestamp="x"), line(id=True), line(timestamp="2099-01-01T00:00:00Z")]
    decoded = decode(lines, job(PAYLOAD), times_ms=[NOW_MS] * 4, late=[True] * 4, broker_ms=[NOW_MS] * 4)
    assert [(letter.reason, letter.event_time) for letter in decoded.letters] == [("dead", None)] * 4


@pytest.mark.parametrize("source", [TOPIC, PAYLOAD], ids=["kafka", "payload"])
def test_a_broker_without_a_time(source):
    """A record to which the broker gave no time, or one beyond all sense, is dead."""
    broker_ms = [-1, 0, LATEST_MS, LATEST_MS - 1, 1]
    times_ms = broker_ms if source is TOPIC else [NOW_MS] * 5
    lines = [line(timestamp=NOW_MS)] * 4 + [line(timestamp=0)]
    decoded = decode(lines, job(source), times_ms=[*times_ms[:4], 0 if source is PAYLOAD else 1], broker_ms=broker_ms)
    error = "the broker's time of the record is not between 1970 and 2200"
    assert [letter.error for letter in decoded.letters] == [error] * 3
    assert decoded.counts.used == 2


def test_values_out_of_range_are_counted_beside_the_codes():
    """In each chunk, for each range, and only where the model watches them."""
    features = (
        FeaturePlan(name="age", type="numeric", range=(0.0, 120.0)),
        *FEATURES[1:],
    )
    lines = [line(features={"age": age, "plan": "gold"}) for age in (-1, 0, 120, 121, None, "x")]
    watching = job(models=(model(features=features, quality=QualityPlan()),))
    without = job(models=(model(features=features),))
    found, plain = (decode(lines, references).panes[WHOLE, NOW_MS + PANE_MS] for references in (watching, without))
    assert (found.outside, plain.outside) == ((2,), ())
    assert found.codes.tolist() == plain.codes.tolist()
    assert decode(lines[1:3], watching).panes[WHOLE, NOW_MS + PANE_MS].outside == ()
    segment = decode(lines, watching).panes["m|churn|3|champion|country=DE", NOW_MS + PANE_MS]
    assert segment.outside == (2,)
