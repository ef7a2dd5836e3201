"""Schema changes: which fields are told, when, and for how long."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, FieldsPlan, ModelPlan, QualityPlan, SourcePlan, WindowPlan
from operators.decisions import messages
from operators.monitoring.state import Key
from operators.quality.field_reference import NEW, FieldReference, field_reference
from operators.quality.field_samples import FIELDS, Sample
from operators.quality.schema_changes import TOLD, SchemaChanges, retire, unpack
from schemas.errors import StateVersionError
from schemas.profile import Fields, Profile, Provenance

KEY = Key("churn", "3", "champion", FIELDS)
SLIDE_MS = 60_000
MODEL = ModelPlan(
    name="churn", features=(),
    window=WindowPlan(size_ms=6 * SLIDE_MS, slide_ms=SLIDE_MS, min_count=50, grow_to_ms=6 * SLIDE_MS),
    alarms=AlarmsPlan(
        budget=1.0, period_ms=86_400_000, confirm=2, recover=3, min_effect="small", critical="large"
    ),
    quality=QualityPlan(),
)  # fmt: skip
USUAL = ("/features/age", "/id", "/prediction")
REFERENCE = FieldReference(
    5_000, dict.fromkeys(USUAL, 5_000) | {"/debug": 2_500, "/rare": 30}, 19, frozenset({"/features/age"})
)
LEVEL = 1e-3


class Stream:
    """Slides of a stream, one after the other, each step through bytes."""

    def __init__(self, reference=REFERENCE, level=LEVEL):
        self.schema = SchemaChanges(MODEL, reference, level, "sha256:1", 5)
        self.state, self.now_ms, self.outputs = b"", 0, []

    def slide(self, *shapes, records=16):
        """Records of one slide, of these shapes in turn; gives what is told at its end."""
        looked = tuple((self.now_ms + n, self.now_ms + 1, 0, n, n % len(shapes)) for n in range(records))
        sample = Sample(tuple(tuple(sorted(shape)) for shape in shapes), looked)
        step = self.schema.step(KEY, self.state, (self.now_ms + 10_000, sample), self.now_ms + 10_000)
        self.now_ms += SLIDE_MS
        end = self.schema.step(KEY, step.state, None, self.now_ms)
        self.state = end.state
        self.outputs += [*step.outputs, *end.outputs]
        return [*step.outputs, *end.outputs]

    def slides(self, many, *shapes):
        return [output for _ in range(many) for output in self.slide(*shapes)]


def told(change):
    return {(one.field, one.change) for one in change.evidence.fields}


def test_a_field_that_is_gone_is_told_at_once():
    """At the end of the first slide without it, critical if the model reads it; it is over when it is back."""
    stream = Stream()
    assert stream.slides(6, USUAL) == []
    (opened,) = stream.slide(("/id", "/prediction"))
    assert (opened.state, opened.severity, opened.kind) == ("opened", "critical", "quality")
    assert told(opened) == {("/features/age", "gone")}
    assert opened.onset_ms == 6 * SLIDE_MS
    assert messages.opened([opened.evidence], "all") == "quality.schema: /features/age is gone"
    assert stream.slides(20, ("/id", "/prediction")) == []  # each once
    assert stream.slides(2, USUAL) == []
    (over,) = stream.slide(USUAL)
    assert (over.state, over.why) == ("recovered", "recovered")


def test_what_nobody_reads_is_a_warning():
    """Fields that the model does not read spoil no data; of the training data alone they are not missed."""
    stream = Stream()
    assert stream.slide(("/features/age", "/id")) == []
    stream.slide(USUAL)
    (opened,) = stream.slide(("/features/age", "/id"))
    assert (told(opened), opened.severity) == ({("/prediction", "gone")}, "warning")


def test_a_new_field_is_usual_after_a_window():
    """It is told at once, and is no news any more once it has been there for a window; its end is none either."""
    stream = Stream()
    stream.slides(3, USUAL)
    (opened,) = stream.slide((*USUAL, "/tier"))
    assert (told(opened), opened.severity, opened.evidence.effect.direction) == ({("/tier", "new")}, "warning", "up")
    (over,) = stream.slides(6, (*USUAL, "/tier"))
    assert over.state == "recovered"
    assert over.time_ms == opened.time_ms + MODEL.window.size_ms
    assert stream.slides(5, USUAL) == stream.slides(9, (*USUAL, "/tier")) == []


def test_a_new_field_of_some_records_waits_to_be_confirmed():
    """One in eight of the records: not at 3 a.m., but when windows agree. A burst of it, in one slide, is nothing."""
    stream = Stream()
    some = (USUAL, USUAL, USUAL, USUAL, USUAL, USUAL, USUAL, (*USUAL, "/part"))
    assert stream.slide(*some) == []
    (opened,) = stream.slides(5, *some)
    assert opened.time_ms == 4 * SLIDE_MS
    assert opened.evidence.fields[0].current == 0.125
    other = Stream()
    other.slides(5, USUAL)
    assert other.slide(USUAL, USUAL, (*USUAL, "/burst")) == other.slides(10, USUAL) == []


def test_optional_and_rare_fields():
    """What half of the reference's records have may stay away; what hardly any has is new when nearly all do."""
    stream = Stream()
    assert stream.slides(10, USUAL) == stream.slides(10, (*USUAL, "/debug")) == []
    assert stream.slides(10, USUAL, USUAL, (*USUAL, "/rare")) == []
    (opened,) = stream.slide((*USUAL, "/rare"))
    assert told(opened) == {("/rare", "new")}


def test_more_fields_are_told_with_the_others():
    """One signal with all of them; of many the event names ten, and counts the others."""
    stream = Stream()
    names = [f"/f{n}" for n in range(TOLD + 3)]
    (opened,) = stream.slide((*USUAL, *names[:1]))
    (changed,) = stream.slide(("/id", *names))
    assert (opened.state, changed.state) == ("opened", "changed")
    assert len(changed.evidence.fields) == TOLD
    assert changed.evidence.more_fields == len(names) + 2 - TOLD
    assert changed.severity == "critical"
    assert messages.opened([changed.evidence], "all").endswith("; 5 more have changed")


def test_names_that_are_data_are_bounded():
    """Keys that are never the same: so many a slide are counted, and none is told."""
    stream = Stream()
    for slide in range(12):
        shapes = [(*USUAL, *(f"/u{slide}-{record}-{n}" for n in range(20))) for record in range(16)]
        assert stream.slide(*shapes) == []
    assert all(len(one.new) == NEW for one in unpack(KEY, stream.state).past)
    assert len(stream.state) < 20_000


def test_few_records():
    """One record a slide lacks a field: several of them say so together."""
    stream = Stream(level=1e-6)
    found = [len(stream.slide(("/id", "/prediction"), records=1)) for _ in range(6)]
    assert sum(found) == 1
    assert found[0] == 0


def test_false_alarms_keep_their_part():
    """Fields that are there as often as in the reference alarm in no more evaluations than the level says."""
    rng = np.random.default_rng(3)
    slides, names, false = 3_000, [f"/o{n}" for n in range(40)], 0
    shares = rng.uniform(0.0, 1.0, len(names)) ** 3
    shares[:10] = 0.001  # named by no profile, as too few records have them
    counts = rng.binomial(5_000, shares)
    reference = FieldReference(
        5_000, {name: int(k) for name, k in zip(names, counts, strict=True) if k >= 20}, 19, frozenset()
    )
    stream = Stream(reference, level=0.05)
    for _ in range(slides):
        shapes = [tuple(name for name, there in zip(names, rng.random(40) < shares, strict=True) if there)] * 1
        shapes += [tuple(np.array(names)[rng.random(40) < shares].tolist()) for _ in range(15)]
        false += len([one for one in stream.slide(*shapes) if one.state != "recovered"])
    assert false <= 0.05 * slides / 10


def test_another_profile_ends_what_was_open():
    """What was told under the old one is over, as is that of a key that is not watched any more."""
    stream = Stream()
    stream.slide(("/id", "/prediction"))
    (over,) = retire(KEY, stream.state).outputs
    assert (over.state, over.why) == ("recovered", "configuration")
    stream.schema = SchemaChanges(MODEL, FieldReference(10, {"/id": 10}, 0, frozenset()), LEVEL, "sha256:2", 5)
    assert [one.why for one in stream.slide(("/id",))] == ["configuration"]
    assert retire(KEY, b"").outputs == []
    with pytest.raises(StateVersionError):
        unpack(KEY, b"TF\xff" + stream.state[3:])


def test_panes_that_come_again():
    """After a restart of the sources a pane that was counted does not count again."""
    stream = Stream()
    sample = Sample((USUAL,), ((1, 1, 0, 0, 0),))
    first = stream.schema.step(KEY, b"", (10_000, sample), 10_000).state
    again = stream.schema.step(KEY, first, (10_000, Sample((USUAL,), ((2, 1, 0, 0, 0),))), 10_000).state
    assert again == first
    forgotten = stream.schema.step(KEY, first, None, 10 * MODEL.window.grow_to_ms)
    assert (forgotten.state, forgotten.next_ms) == (b"", None)


def made(form="json", named=None):
    about = Provenance(source="a", rows=10, start=None, end=None, tidemark="0")
    fields = Fields(form=form, records=10, named=named or {"/id": 10}, rest=0, most=0)
    return Profile(model="churn", version=None, provenance=about, signals={}, fields=fields)


TOPIC = SourcePlan(name="predictions", kind="predictions", topic="predictions")
TABLE = SourcePlan(name="predictions", kind="predictions", path="a.csv", format="csv")


def test_what_holds_a_field_of_the_configuration_is_not_new():
    """The stream keeps its times elsewhere than the reference, and the configuration says so."""
    source = msgspec.structs.replace(TOPIC, fields=FieldsPlan(timestamp="/meta/ts"))
    assert "/meta" in field_reference(MODEL, made(), [source]).others


def test_what_is_compared():
    """Records of one form; of a table and JSON the features."""
    found = field_reference(MODEL, made(), [TOPIC])
    assert (found.named, found.usual, found.prefix) == ({"/id": 10}, ("/id",), "")
    of_table = field_reference(MODEL, made("table", {"age": 10}), [TOPIC])
    assert (of_table.named, of_table.prefix) == ({}, "/features/")
    assert of_table.known > {"/features/age", "/id", "/label"}  # what the configuration knows is not new
    assert field_reference(MODEL, made("table", {"age": 10}), [TABLE]).named == {"age": 10}


@pytest.mark.parametrize(
    ("profile", "sources", "why"),
    [
        (made(), [TOPIC, TOPIC], "several sources"),
        (made(), [TABLE], "no table"),
        (Profile(model="churn", version=None, provenance=made().provenance, signals={}), [TOPIC], "make it anew"),
    ],
)
def test_what_is_not_compared(profile, sources, why):
    """It is said why."""
    assert why in field_reference(MODEL, profile, sources)
