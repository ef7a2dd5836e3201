"""Expectations: what is counted of records, and when a rule is told to be broken and kept again."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.measured import measured
from config.plan import FeaturePlan, LearnPlan, RulePlan, SeasonPlan, TimePlan
from operators.decisions import messages
from operators.decode import Decoder
from operators.encoding.entries import Place
from operators.encoding.keys import split_key
from operators.monitoring.state import Key
from operators.quality import rules
from operators.quality.expectations import Expectations, retire, unpack
from operators.quality.rules import EXPECT, Facts
from schemas.errors import StateVersionError
from schemas.events import Example
from schemas.profile import TextReference, VectorReference
from tests.operators.decoding import FEATURES, NOW_MS, PANE_MS, TOPIC, job, line, model, numeric, profile

KEY = Key("churn", "3", "champion", EXPECT)
RULES = (
    RulePlan(field="age", what="min", limit=0.0, number=True),
    RulePlan(field="age", what="max", limit=120.0, number=True),
    RulePlan(field="age", what="values", values=("41", "120.5"), number=True),
    RulePlan(field="age", what="missing", limit=0.1, number=True),
    RulePlan(field="age", what="invalid", limit=0.1, number=True),
    RulePlan(field="plan", what="values", values=("gold", "7")),
    RulePlan(field="plan", what="missing", limit=0.1),
    RulePlan(field="plan", what="invalid", limit=0.1),
    RulePlan(field="member", what="values", values=("true",)),
    RulePlan(field="prediction", what="values", values=("yes",)),
    RulePlan(field="confidence", what="max", limit=0.5, number=True),
)


def features(**changes):
    return line(features={"age": 41, "plan": "gold", "member": True} | changes)


def facts(lines, references=None, source=TOPIC):
    """Of the whole batch, in one pane."""
    references = references or job(models=(model(expect=RULES),))
    place = Place(topic="predictions", partitions=[2] * len(lines), offsets=range(100, 100 + len(lines)))
    times = NOW_MS + np.arange(len(lines))
    entries = Decoder(references, source).decode(lines, times, np.zeros(len(lines), np.bool_), place)
    found = [entry for entry in entries if entry.key.startswith("m|") and split_key(entry.key)[3] == EXPECT]
    return rules.decode([entry.data for entry in found], len(RULES))


def test_what_breaks_each_rule():
    """Limits and lists are of values: what is missing or invalid breaks the rules about that."""
    found = facts(
        [
            features(),
            features(age=-1),
            features(age=120.5),
            features(age=None),
            features(age="old"),
            features(plan="silver"),
            features(plan=7),
            features(plan=None),
            features(plan=["gold"]),
            features(member=False),
            line(prediction="no", probabilities=None, confidence=0.4),
        ]
    )
    end_ms, records, counted = found
    assert (end_ms, records, counted.carried) == (NOW_MS + PANE_MS, 11, [11] * len(RULES))
    assert dict(zip([rule.name for rule in RULES], counted.broken, strict=True)) == {
        "expect.age.min": 1,
        "expect.age.max": 1,
        "expect.age.values": 1,
        "expect.age.missing": 1,
        "expect.age.invalid": 1,
        "expect.plan.values": 1,
        "expect.plan.missing": 1,
        "expect.plan.invalid": 1,
        "expect.member.values": 1,
        "expect.prediction.values": 1,
        "expect.confidence.max": 10,
    }
    assert counted.examples[0] == [
        (NOW_MS + 1, counted.examples[0][0][1], Example(topic="predictions", partition=2, offset=101))
    ]
    assert [example.offset for _, _, example in counted.examples[-1]] == [100, 101, 102]


def test_a_source_that_does_not_carry_a_field():
    """Nothing is expected of it there."""
    source = msgspec.structs.replace(TOPIC, carries=("plan",))
    references = job(source, models=(model(expect=RULES),))
    assert facts([features(age=-1)], references, source)[2].carried == [0] * 5 + [1] * 3 + [0] + [1, 1]


def test_facts_add_up_however_batches_fell():
    """Counts are sums, and examples the earliest of all."""
    lines = [features(age=-number) for number in range(9)]
    whole = facts(lines)[2]
    parts = Facts.none(len(RULES))
    for some in (lines[6:], lines[:3], lines[3:6]):
        parts.add(facts(some)[2])
    assert (parts.carried, parts.broken) == (whole.carried, whole.broken)
    assert len(whole.examples[0]) == rules.EXAMPLES


def test_nothing_is_counted_where_nothing_is_expected():
    """No chunk more."""
    decoder = Decoder(job(), TOPIC)
    entries = decoder.decode(
        [features()], np.array([NOW_MS]), np.array([False]), Place(topic="t", partitions=[0], offsets=[0])
    )
    assert not any(EXPECT in entry.key for entry in entries)


TWO = (
    RulePlan(field="age", what="max", limit=1.0, number=True),
    RulePlan(field="age", what="missing", limit=0.1, number=True),
)
MINUTE = 60_000


def watched(**changes):
    """Slides and windows of a minute and three, from 10 records, closed after two."""
    plan = model(expect=TWO)
    window = msgspec.structs.replace(plan.window, size_ms=3 * MINUTE, slide_ms=MINUTE, min_count=10)
    alarms = msgspec.structs.replace(plan.alarms, recover=2)
    return Expectations(
        msgspec.structs.replace(plan, window=window, alarms=alarms, **changes), ("sha256:1", "profile"), 2
    )


def minutes(of: Expectations, *broken: tuple[int, int] | None, restart: bool = False):
    """Ten records a minute, of which so many are too large and so many missing; None: no record. Then an hour."""
    state, said = b"", []
    for minute, pair in enumerate(broken, 1):
        if pair is None:
            continue
        pane = (
            minute * MINUTE,
            10,
            Facts([10, 10], list(pair), [[(minute * MINUTE - 5, 7, Example(row=minute))] * n for n in map(bool, pair)]),
        )
        step = of.step(KEY, bytes(bytearray(state)) if restart else state, pane, minute * MINUTE)
        state = step.state
        said += step.outputs
    return [(one.time_ms // MINUTE, one.evidence.signal, one.state) for one in said], state


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ([(0, 0), (1, 0), (0, 0), (0, 0)], [(2, "max", "opened"), (4, "max", "recovered")]),
        ([(1, 0), (1, 0), (0, 0), (1, 0)], [(1, "max", "opened")]),
        ([(1, 0), None, None, (0, 0), None, (0, 0)], [(1, "max", "opened"), (6, "max", "recovered")]),
        ([(0, 1)], [(1, "missing", "opened")]),
        ([(0, 0), (0, 2), (0, 2), (0, 0)], [(2, "missing", "opened")]),
        ([(0, 3), (0, 0), (0, 0), (0, 0), (0, 0)], [(1, "missing", "opened"), (5, "missing", "recovered")]),
    ],
)
def test_a_timeline(drawn, said):
    """One record is enough for a limit of values; a share is of the window. Restarts change nothing."""
    expected = [(minute, f"expect.age.{rule}", state) for minute, rule, state in said]
    assert minutes(watched(), *drawn)[0] == expected
    assert minutes(watched(), *drawn, restart=True)[0] == expected


def test_a_span_that_the_season_ignores():
    """Nothing is expected there."""
    season = SeasonPlan(period_ms=86_400_000, bins=24, ignore=((0, 2 * MINUTE),))
    assert minutes(watched(season=season), (1, 0), (1, 0), (1, 0))[0] == [(3, "expect.age.max", "opened")]


def test_a_version_that_is_gone_is_forgotten():
    """When no window reaches its records any more: what was open is over, and nothing is kept."""
    of = watched()
    _, state = minutes(of, (1, 0))
    asleep = of.step(KEY, state, None, 2 * MINUTE)
    assert (asleep.outputs, asleep.next_ms, asleep.state != b"") == ([], 6 * MINUTE, True)
    gone = of.step(KEY, asleep.state, None, 6 * MINUTE)
    assert [(one.state, one.empty, one.time_ms) for one in gone.outputs] == [("recovered", True, 6 * MINUTE)]
    assert (gone.state, gone.next_ms) == (b"", None)
    late = of.step(KEY, state, (9 * MINUTE, 10, Facts([10, 10], [0, 0], [[], []])), 9 * MINUTE)
    assert [(one.state, one.time_ms) for one in late.outputs] == [("recovered", 6 * MINUTE)]


def test_what_is_open_ends_with_the_rules():
    """Other rules, or none at all."""
    _, state = minutes(watched(), (1, 0))
    ended = retire(KEY, state).outputs
    assert [(one.state, one.why) for one in ended] == [("recovered", "configuration")]
    assert retire(KEY, b"").outputs == []
    other = watched(expect=TWO[:1])
    again = other.step(KEY, state, None, 2 * MINUTE)
    assert [one.why for one in again.outputs] == ["configuration"]
    assert unpack(KEY, again.state).told == {}


def test_state_of_another_release():
    """It is refused."""
    with pytest.raises(
        StateVersionError, match=r"state of the expectations of churn/3/expect: format 9 is not one that"
    ):
        unpack(KEY, b"TX\x09\x00")
    with pytest.raises(StateVersionError, match="cannot be read"):
        unpack(KEY, b"T")


MORE = (
    RulePlan(field="plan", what="unseen", limit=0.5),
    RulePlan(field="age", what="unseen", limit=0.5, number=True),
    RulePlan(field="plan", what="unique"),
    RulePlan(field="age", what="unique", number=True),
    RulePlan(field="title.length", what="min", limit=4.0, number=True),
    RulePlan(field="title", what="missing", limit=0.5),
    RulePlan(field="vector.norm", what="max", limit=5.0, number=True),
    RulePlan(field="vector", what="invalid", limit=0.5, number=True),
    RulePlan(field="label", what="values", values=("yes", "no")),
)
MEASURED = (
    *FEATURES,
    *measured(FeaturePlan(name="title", type="text")),
    *measured(FeaturePlan(name="vector", type="embedding", dim=2)),
)


def more_facts(lines, rules_=MORE, **changes):
    """Of the whole batch, in one pane: by name, with the state's way of counting what has to be unique."""
    plan = model(features=MEASURED, expect=rules_)
    made = profile()
    names = ("title.length", "title.coverage", "vector.norm", "vector.distance")
    signals = made.signals | {f"feature.{name}": numeric(1.0, 2.0) for name in names}
    known = msgspec.structs.replace(
        made,
        signals=signals,
        texts={"title": TextReference(words=b"", records=1)},
        vectors={"vector": VectorReference(center=b"\0" * 16, directions=b"", deviations=(), vectors=2)},
    )
    references = job(models=(plan,), profiles={"churn": {"3": known}}, **changes)
    place = Place(topic="predictions", partitions=[2] * len(lines), offsets=range(100, 100 + len(lines)))
    entries = Decoder(references, TOPIC).decode(
        lines, NOW_MS + np.arange(len(lines)), np.zeros(len(lines), np.bool_), place
    )
    found = [entry for entry in entries if entry.key.startswith("m|") and split_key(entry.key)[3] == EXPECT]
    return plan, rules.decode([entry.data for entry in found], len(rules_))


def said(**changes):
    usual = {"age": 41, "plan": "gold", "member": True, "title": "a title", "vector": [3, 4]}
    return line(features=usual | changes.pop("features", {}), label="yes", **changes)


def test_what_breaks_other_rules():
    """Categories that the reference lacks, lengths of texts, norms, labels that records carry."""
    _, (_, records, counted) = more_facts(
        [
            said(),
            said(features={"plan": "never", "title": "abc", "vector": [30, 4]}),
            said(features={"plan": None, "title": None, "vector": "x"}),
            line(features={"age": 41}, label="perhaps"),
        ]
    )
    assert records == 4
    broken = dict(zip([rule.name for rule in MORE], counted.broken, strict=True))
    assert broken == {
        "expect.plan.unseen": 1,
        "expect.age.unseen": 0,
        "expect.plan.unique": 0,
        "expect.age.unique": 0,
        "expect.title.length.min": 1,
        "expect.title.missing": 2,
        "expect.vector.norm.max": 1,
        "expect.vector.invalid": 1,
        "expect.label.values": 1,
    }
    # A continuous number has no unseen values; which repeat is found with what came before.
    assert dict(zip([rule.name for rule in MORE], counted.carried, strict=True))["expect.age.unseen"] == 0


def opened_by(panes, rule, **changes):
    """What is told of a rule over panes of lines."""
    state, outputs = b"", []
    for number, lines in enumerate(panes):
        plan, (_, records, counted) = more_facts(lines, (rule,), **changes)
        known = Expectations(plan, ("sha256:1", "profile"), 1)
        end_ms = NOW_MS + (number + 1) * PANE_MS
        shift = number * PANE_MS
        for parts in counted.values.values():
            for at, one in enumerate(parts):
                times = np.frombuffer(one.times_ms, np.int64) + shift
                parts[at] = msgspec.structs.replace(one, times_ms=times.tobytes())
        done = known.step(KEY, state, (end_ms, records, counted), end_ms)
        state, outputs = done.state, outputs + done.outputs
    return outputs


def test_values_that_have_to_be_unique():
    """The first that comes again opens it, in the pane or in one within the window; its place is told."""
    rule = RulePlan(field="plan", what="unique")

    def lines(*names):
        return [said(features={"plan": name}, id=f"{name}{at}") for at, name in enumerate(names)]

    assert opened_by([lines("a", "b"), lines("c", None, None)], rule) == []
    (told,) = opened_by([lines("a", "b"), lines("c", "d", "a")], rule)
    assert (told.state, told.severity, told.evidence.signal, told.evidence.statistic) == (
        "opened", "critical", "expect.plan.unique", 1.0,
    )  # fmt: skip
    assert told.evidence.examples == (Example(topic="predictions", partition=2, offset=102),)
    (same,) = opened_by([lines("a", "a")], rule)
    assert same.evidence.examples == (Example(topic="predictions", partition=2, offset=101),)
    # After the window, which has a minute, a value may come again.
    assert opened_by([lines("a"), *[lines(f"x{n}") for n in range(7)], lines("a")], rule) == []


def test_a_version_that_learns_its_reference():
    """Nothing is unseen yet; other rules are held against it."""
    plan = model(expect=MORE[:3], reference=None, learn=LearnPlan(records=1_000, save=""))
    lines = [line(features={"plan": "never"}), line(features={"plan": "never"})]
    place = Place(topic="predictions", partitions=[0, 0], offsets=[0, 1])
    entries = Decoder(job(models=(plan,), profiles={"churn": {}}), TOPIC).decode(
        lines, NOW_MS + np.arange(2), np.zeros(2, np.bool_), place
    )
    found = [entry.data for entry in entries if entry.key.startswith("m|") and split_key(entry.key)[3] == EXPECT]
    _, _, counted = rules.decode(found, 3)
    assert counted.carried == [0, 0, 2]


STALE = RulePlan(field="timestamp", what="stale", limit=0.5)


def stale(ages_ms, source):
    """How many of records that arrived so long after their own time are found stale, of how many."""
    lines = [line(timestamp=NOW_MS + at) for at in range(len(ages_ms))]
    place = Place(topic="predictions", partitions=[0] * len(lines), offsets=range(len(lines)))
    times = NOW_MS + np.arange(len(lines))
    decoder = Decoder(job(models=(model(expect=(STALE,), freshness_ms=60_000),)), source)
    entries = decoder.decode(lines, times, np.zeros(len(lines), np.bool_), place, times + np.array(ages_ms))
    found = [entry.data for entry in entries if entry.key.startswith("m|") and split_key(entry.key)[3] == EXPECT]
    return [(facts.carried[0], facts.broken[0]) for _, _, facts in [rules.decode(found, 1)]] if found else []


def test_records_that_arrive_late():
    """More than `freshness` after their own time; a minute itself is no more, and clocks may differ."""
    payload = msgspec.structs.replace(TOPIC, time=TimePlan(kind="payload"))
    assert stale([0, 60_000, 60_001, 3_600_000, -5_000], payload) == [(5, 2)]


def test_records_without_a_time_of_their_own():
    """What has the broker's time is as old as that: nothing is counted, nor a chunk made."""
    assert stale([0, 60_001], TOPIC) == []


def test_a_stream_that_lags():
    """Half of the window's records are too many; the message says it in words."""
    known = Expectations(model(expect=(STALE,)), ("sha256:1", "profile"), 1)
    end_ms = NOW_MS + PANE_MS
    assert known.step(KEY, b"", (end_ms, 100, Facts([100], [49], [[]])), end_ms).outputs == []
    (told,) = known.step(KEY, b"", (end_ms, 100, Facts([100], [50], [[]])), end_ms).outputs
    assert (told.kind, told.evidence.signal, told.evidence.current.stale) == ("quality", "quality.freshness", 0.5)
    assert messages.opened([told.evidence], "all") == (
        "quality.freshness: 50 % of records arrived later than 'freshness' allows"
    )
