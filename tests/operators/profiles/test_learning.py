"""What is learned is the profile of the first records, and codes the others as decode would have by it."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from config.measured import measured
from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    LearnPlan,
    ModelPlan,
    PredictionPlan,
    QualityPlan,
    SegmentPlan,
    SourcePlan,
    WindowPlan,
)
from operators.decode import Decoder
from operators.encoding import value_chunks
from operators.encoding.codes import ABSENT
from operators.encoding.entries import Place
from operators.encoding.measures import YardstickMaker
from operators.encoding.name_ids import LONGEST, NameIds, name_id
from operators.encoding.value_chunks import ValuePane
from operators.monitoring.state import Key
from operators.profiles import learning
from operators.profiles.learning import LearnedCoder, LearnedState
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import JobReferences, ModelSignals
from operators.profiles.unprofiled import Unprofiled
from operators.profiles.vocabulary import read_vocabulary
from operators.reading.columns import extract
from schemas.errors import StateVersionError
from schemas.profile import Profile
from tests.operators import decoding
from tests.operators.decoding import FEATURES, NOW_MS, PANE_MS, TOPIC

ALL = "m|churn|3|champion|all"
KEY = Key("churn", "3", "champion", "all")

names = st.sampled_from(["gold", "basic", "a|b", "ä", "", 7, 7.0, 2.5, True, None, ["x"], {"a": 1}, 2**60, "1e3"])
numbers = st.one_of(
    st.none(),
    st.floats(-10, 10),
    st.integers(-3, 3),
    st.sampled_from([1e300, -0.0, 0.0, 5e-324, True, "41", [], 2**70]),
)
records = st.builds(
    lambda age, income, plan, member, prediction, confidence, country: {
        "model": "churn",
        "version": "3",
        "features": {"age": age, "income": income, "plan": plan, "member": member},
        "prediction": prediction,
        "confidence": confidence,
        "country": country,
    },
    numbers,
    numbers,
    names,
    names,
    names | numbers,
    numbers,
    st.sampled_from(["DE", "US", None, 3]),
)


def model(task: str | None = None, **changes: Any) -> Any:
    """The model of the other tests of decode, which learns."""
    prediction = PredictionPlan(task=task) if task else None  # type: ignore[arg-type]  # one of its literals
    return decoding.model(
        learn=LearnPlan(records=100, save=""),
        prediction=prediction,
        segments=(SegmentPlan(fields=("country",), values=(("DE",), ("US",))),),
        **changes,
    )


def panes(
    lines: list[dict[str, Any]], plan: Any, batch: int = 1_000, source: SourcePlan = TOPIC, job: Any = None
) -> dict[str, ValuePane]:
    """Values of each key, from batches of records a millisecond apart."""
    decoder = Decoder(job or decoding.job(source, models=(plan,), profiles={"churn": {}}), source)
    parts: dict[str, list[bytes]] = {}
    for start in range(0, len(lines), batch):
        some = [json.dumps(line).encode() for line in lines[start : start + batch]]
        times_ms = NOW_MS + np.arange(start, start + len(some))
        place = Place(topic="predictions", partitions=[0] * len(some), offsets=range(len(some)))
        for entry in decoder.decode(some, times_ms, np.zeros(len(some), np.bool_), place):
            if entry.pane_end_ms is not None:
                parts.setdefault(entry.key, []).append(entry.data)
    return {key: value_chunks.decode(some, PANE_MS) for key, some in parts.items()}


def learned(pane: ValuePane, plan: Any) -> Profile:
    state = LearnedState(0)
    half = len(pane) // 2
    learning.gather(state, pane.part(slice(half)))
    state = learning.unpack(KEY, learning.pack(state))
    learning.gather(state, pane.part(slice(half, None)))
    return learning.learn(Unprofiled(plan), KEY, state)


def profiled(lines: list[dict[str, Any]], plan: Any) -> Profile:
    builder = ProfileBuilder(plan)
    encoded = [json.dumps(line).encode() for line in lines]
    columns = extract(encoded, TOPIC, [feature.name for feature in plan.features], ["country"])
    builder.add(columns, TOPIC, NOW_MS + np.arange(len(lines)))
    return builder.build(decoding.profile().provenance, "3")


@pytest.mark.parametrize("task", [None, "binary", "multiclass", "regression"])
@given(lines=st.lists(records, min_size=1, max_size=60), disclose=st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_it_is_what_tidemark_profile_makes(task, lines, disclose):
    """Of the same records, whatever stands in them."""
    plan = model(task, disclose=disclose)
    pane = panes(lines, plan)[ALL]
    assert learned(pane, plan).signals == profiled(lines, plan).signals
    assert learned(pane, plan).segments == {}  # those that the configuration lists are known without


def test_segments_learn_no_relations():
    """Pairs of features are watched in the whole traffic alone, which learns how they go together."""
    plan = model()
    lines = [{"features": {"age": n, "income": n % 7, "plan": "a", "member": True}, "country": "DE"} for n in range(50)]
    lines = [{"model": "churn", "version": "3", **line} for line in lines]
    pane, segment = panes(lines, plan)[ALL], Key("churn", "3", "champion", "country=DE")
    for key, there in ((KEY, True), (segment, False)):
        state = LearnedState(0)
        learning.gather(state, pane)
        assert (learning.learn(Unprofiled(plan), key, state).relations is not msgspec.UNSET) == there


@pytest.mark.parametrize("task", [None, "binary", "multiclass", "regression"])
@given(
    lines=st.lists(records, min_size=2, max_size=60), disclose=st.sampled_from([1, 2]), batch=st.sampled_from([7, 99])
)
@settings(max_examples=60, deadline=None)
def test_values_are_coded_as_decode_codes_them(task, lines, disclose, batch):
    """By the learned profile, in each key: codes, times, sums and names, to the bit, however batches fall."""
    plan = model(task, disclose=disclose)
    found = panes(lines, plan, batch)
    profile = learned(found[ALL], plan)
    coder = LearnedCoder(Unprofiled(plan), ModelSignals(plan, profile, learned=True))
    job = decoding.job(models=(plan,), profiles={"churn": {"3": profile}})
    encoded = [json.dumps(line).encode() for line in lines]
    expected = decoding.decode(encoded, job, [NOW_MS + i for i in range(len(lines))]).panes
    assert found.keys() == {key for key, _ in expected}
    for (key, _), pane in expected.items():
        coded = coder.pane(found[key])
        assert coded.codes.tolist() == pane.codes.tolist()
        assert coded.times_ms.tolist() == pane.times_ms.tolist()
        assert coded.sums.tolist() == pane.sums.tolist()
        assert coded.names == pane.names


def test_what_a_source_does_not_carry_is_counted_nowhere():
    """Neither as missing in what is learned, nor in what is coded."""
    plan = model()
    source = msgspec.structs.replace(TOPIC, carries=("age", "plan"))
    lines = [decoding.record(id=str(i)) for i in range(50)]
    pane = panes(lines, plan, source=source)[ALL]
    profile = learned(pane, plan)
    assert (profile.signals["feature.age"].count, profile.signals["feature.plan"].count) == (50, 50)
    income, member = profile.signals["feature.income"], profile.signals["feature.member"]
    assert (income.count, income.missing, income.invalid, member.count, member.missing) == (0, 0, 0, 0, 0)
    coded = LearnedCoder(Unprofiled(plan), ModelSignals(plan, profile, learned=True)).pane(pane)
    job = decoding.job(source, models=(plan,), profiles={"churn": {"3": profile}})
    expected = decoding.decode([json.dumps(line).encode() for line in lines], job).panes[ALL, NOW_MS + PANE_MS]
    assert sorted(coded.codes.tolist()) == sorted(expected.codes.tolist())


def test_raw_values_are_there_for_detectors_that_ask():
    """As decode hands them on."""
    from config.plan import DetectorPlan

    raw = (DetectorPlan(name="adwin", input="raw"),)
    plan = model(features=(*FEATURES[1:], FeaturePlan(name="age", type="numeric", detectors=raw)))
    lines = [decoding.record(id=str(i), features={"age": i}) for i in range(50)]
    pane = panes(lines, plan)[ALL]
    coder = LearnedCoder(Unprofiled(plan), ModelSignals(plan, learned(pane, plan), learned=True))
    assert coder.pane(pane).raw.tolist() == [[float(i)] for i in range(50)]


def test_names_of_sensitive_categories_never_leave_decode():
    """What stands for them does, and comes to the same codes."""
    features = tuple(msgspec.structs.replace(f, sensitive=f.name == "plan") for f in FEATURES)
    plan = model(features=features, disclose=1)
    lines = [decoding.record(id=str(i), features={"plan": "secret" if i % 3 else "other"}) for i in range(50)]
    pane = panes(lines, plan)[ALL]
    assert "secret" not in json.dumps([*pane.texts.values()])
    assert profiled(lines, plan).signals == learned(pane, plan).signals


def test_a_long_name():
    """Its first characters count, in what is learned and in what is coded."""
    plan = model(disclose=1)
    long = "x" * LONGEST
    lines = [decoding.record(id=str(i), features={"plan": f"{long}{i}" if i % 3 else "gold"}) for i in range(9)]
    pane = panes(lines, plan)[ALL]
    profile = learned(pane, plan)
    assert profile.signals["feature.plan"].categories == ((long, 6), ("gold", 3))
    coder = LearnedCoder(Unprofiled(plan), ModelSignals(plan, profile, learned=True))
    assert sorted(coder.pane(pane).codes[:, 2].tolist()) == [0] * 6 + [1] * 3


def test_fields_that_nothing_names_do_not_leave_decode():
    """Neither their names nor their values."""
    plan = model()
    job = JobReferences(decoding.job(models=(plan,)).plan, {"churn": {}})
    lines = [json.dumps(decoding.record(title="nobody asked")).encode()]
    entries = Decoder(job, TOPIC).decode(
        lines, np.array([NOW_MS]), np.zeros(1, np.bool_), Place(topic="p", partitions=[0], offsets=[0])
    )
    assert not any(b"nobody asked" in entry.data or b"not watched" in entry.data for entry in entries)


def test_what_is_learned_depends_on_the_signals():
    """Other features, another type or other secrets are something else to learn."""
    one = Unprofiled(model()).meaning
    sensitive = tuple(msgspec.structs.replace(f, sensitive=True) for f in FEATURES)
    others = [model("regression"), model(features=FEATURES[:3]), model(features=sensitive), model(disclose=3)]
    assert one == Unprofiled(model()).meaning
    assert len({one, *(Unprofiled(other).meaning for other in others)}) == 5


def test_an_id_is_no_code(monkeypatch):
    """Even where the hash is as small as a code."""

    class Small:
        def digest(self) -> bytes:
            return (255).to_bytes(8, "big")

    monkeypatch.setattr("operators.encoding.name_ids.hashlib.blake2b", lambda *_, **__: Small())
    assert name_id("gold") == 511
    assert NameIds().of(["gold", None]).tolist() == [511, 255]


def test_many_names_do_not_fill_the_memory(monkeypatch):
    """Those of batches before are let go of."""
    monkeypatch.setattr("operators.encoding.name_ids.REMEMBERED", 10)
    ids = NameIds()
    for start in range(0, 100, 5):
        ids.of([str(i) for i in range(start, start + 5)])
    assert len(ids) == len(ids.texts) <= 15


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"TL\x09\x00", "format 9 is not one that this release reads (1)"),
        (b"TL", "cannot be read (unpack_from requires a buffer of at least 4 bytes"),
        (b"TL\x01\x00\xc1", "cannot be read ("),
    ],
)
def test_state_of_another_release(data, what):
    """It is refused, not misread."""
    with pytest.raises(StateVersionError) as raised:
        learning.unpack(KEY, data)
    assert str(raised.value).startswith(f"reference learned of churn/3/all: {what}")
    assert str(raised.value).endswith("; upgrade tidemark or restore an older savepoint")


def test_ranges_are_part_of_what_is_learned():
    """Where they are watched: a reference without their counts would have none out of them."""
    plain, ranged = (
        ModelPlan(
            name="churn",
            window=WindowPlan(size_ms=1, slide_ms=1, min_count=1, grow_to_ms=1),
            alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large"),
            features=(FeaturePlan(name="age", type="numeric", range=limits),),
        )
        for limits in (None, (0.0, 120.0))
    )
    watching = msgspec.structs.replace(ranged, quality=QualityPlan())
    assert Unprofiled(plain).meaning == Unprofiled(ranged).meaning != Unprofiled(watching).meaning


def measured_model(tmp_path, **changes: Any) -> Any:
    """One with a text, whose words are in a file, and an embedding, that learns."""
    (tmp_path / "words.txt").write_text("the\ncat\nmat\n")
    vocabulary = str(tmp_path / "words.txt")
    title = FeaturePlan(name="title", type="text", vocabulary=vocabulary)
    vector = FeaturePlan(name="vector", type="embedding", dim=3)
    return model(features=(FEATURES[0], *measured(title), FEATURES[2], *measured(vector)), **changes)


def test_texts_and_embeddings(tmp_path):
    """As `tidemark profile` would have measured these records, and later ones as decode would."""
    plan = measured_model(tmp_path)
    words = {"churn": {"title": read_vocabulary(str(tmp_path / "words.txt"))}}
    rng = np.random.default_rng(1)
    lines = [
        decoding.record(
            id=str(i),
            features={
                "age": i,
                "title": [None, "the cat", "a dog on the mat", 7, ["x"]][i % 5],
                "vector": {0: None, 1: [1, 2], 2: [1, "2", 3]}.get(i % 9, rng.normal(size=3).tolist()),
            },
        )
        for i in range(200)
    ]
    job = decoding.job(TOPIC, models=(plan,), profiles={"churn": {}})
    pane = panes(lines, plan, job=msgspec.structs.replace(job, vocabularies=words))[ALL]
    unprofiled = Unprofiled(plan, words["churn"])
    state = LearnedState(0)
    learning.gather(state, pane)
    made = learning.learn(unprofiled, KEY, state)

    maker = YardstickMaker(plan)
    encoded = [json.dumps(line).encode() for line in lines]
    columns = extract(encoded, TOPIC, ["age", "title", "plan", "vector"], ["country"])
    times_ms = NOW_MS + np.arange(len(lines))
    maker.add(columns, texts=False, times_ms=times_ms)
    builder = ProfileBuilder(plan, yardsticks=maker.build())
    builder.add(columns, TOPIC, times_ms)
    expected = builder.build(decoding.profile().provenance, "3")
    assert made.signals == expected.signals
    assert (made.texts, made.vectors) == (expected.texts, expected.vectors)
    assert made.signals["feature.vector.distance"].missing > 0

    coded = LearnedCoder(unprofiled, ModelSignals(plan, made, learned=True)).pane(pane)
    of_profile = decoding.job(models=(plan,), profiles={"churn": {"3": made}})
    wanted = decoding.decode(encoded, of_profile, times_ms.tolist()).panes[ALL, NOW_MS + PANE_MS]
    assert coded.codes.tolist() == wanted.codes.tolist()
    assert coded.sums.tolist() == wanted.sums.tolist()


def test_an_embedding_that_a_source_does_not_carry(tmp_path):
    """It is counted nowhere, and other words or dimensions are something else to learn."""
    plan = measured_model(tmp_path)
    source = msgspec.structs.replace(TOPIC, carries=("age", "plan"))
    pane = panes([decoding.record(id=str(i)) for i in range(50)], plan, source=source)[ALL]
    words = {"title": read_vocabulary(str(tmp_path / "words.txt"))}
    state = LearnedState(0)
    learning.gather(state, pane)
    unprofiled = Unprofiled(plan, words)
    made = learning.learn(unprofiled, KEY, state)
    for name in ("title.length", "title.coverage", "vector.norm", "vector.distance"):
        signal = made.signals[f"feature.{name}"]
        assert (signal.count, signal.missing, signal.invalid) == (0, 0, 0)
    own = ModelSignals(plan, made, learned=True)
    coded = LearnedCoder(unprofiled, own).pane(pane)
    assert (coded.codes[:, own.names.index("feature.vector.norm")] == ABSENT).all()
    assert (coded.codes[:, own.names.index("feature.title.length")] == ABSENT).all()
    assert len({unprofiled.meaning, Unprofiled(plan).meaning, Unprofiled(model()).meaning}) == 3
