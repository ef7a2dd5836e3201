"""A version that learns: the same outputs however its panes come, and none other than with a profile given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from config.plan import AlarmsPlan, DetectorPlan, FeaturePlan, LearnPlan, QualityPlan, SegmentPlan, WindowPlan
from operators.decisions.outputs import Learned, Output, Progress, SignalChange
from operators.decode import Decoder
from operators.encoding.entries import Place
from operators.monitoring.state import Key as MonitorKey
from operators.monitoring.state import unpack
from operators.monitors import Kept, Monitors
from operators.profiles import learning
from operators.profiles.references import JobReferences
from schemas.profile import Profile
from schemas.summaries import Summary
from tests.operators import decoding
from tests.operators.decoding import NOW_MS, PANE_MS, TOPIC

ALL, DE = "m|churn|3|champion|all", "m|churn|3|champion|country=DE"
RECORDS, STEP_MS = 3_000, 100
PLAN = decoding.model(
    features=(FeaturePlan(name="age", type="numeric"), FeaturePlan(name="plan", type="categorical")),
    window=WindowPlan(size_ms=60_000, slide_ms=20_000, min_count=100, grow_to_ms=60_000),
    alarms=AlarmsPlan(
        budget=1.0, period_ms=30 * 86_400_000, confirm=2, recover=2, min_effect="small", critical="large"
    ),
    segments=(SegmentPlan(fields=("country",), values=(("DE",), ("US",))),),
    prediction=None,
    learn=LearnPlan(records=730, save=""),
)


def stream(drift_at: int = 2_000) -> list[dict[str, Any]]:
    """A record each 0.1 s; the age moves up, and plans change."""
    rng = np.random.default_rng(5)
    ages, plans = rng.normal(size=RECORDS), rng.choice(["a", "b", "c"], RECORDS, p=[0.5, 0.3, 0.2])
    ages[drift_at:] += 1.0
    countries = rng.choice(["DE", "US"], RECORDS, p=[0.7, 0.3])
    return [
        decoding.record(id=str(row), features={"age": age, "plan": plan}, country=country, prediction=None)
        for row, (age, plan, country) in enumerate(zip(ages.tolist(), plans.tolist(), countries.tolist(), strict=True))
    ]


LINES = [json.dumps(one).encode() for one in stream()]


@dataclass
class Key:
    state: bytes = b""
    ring: bytes = b""
    learned: bytes = b""
    next_ms: int | None = None


@dataclass
class Driver:
    """The keys of a job, and what they have said."""

    job: JobReferences
    keys: dict[str, Key] = field(default_factory=dict)
    said: dict[str, list[Output]] = field(default_factory=dict)
    summaries: list[Summary] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    counted: int = 0

    def __post_init__(self) -> None:
        self.monitors = Monitors(self.job, scores=True)

    def restart(self, job: JobReferences | None = None) -> None:
        self.job = job or self.job
        self.monitors = Monitors(self.job, scores=True)

    def fold(self, key: str, parts: list[bytes]) -> None:
        kept = self.keys.setdefault(key, Key())
        self._take(key, kept, self.monitors.fold(key, self._kept(kept), parts))

    def wait(self, until_ms: int) -> Driver:
        for key, kept in sorted(self.keys.items()):
            while kept.next_ms is not None and kept.next_ms <= until_ms:
                self._take(key, kept, self.monitors.pass_time(key, self._kept(kept), kept.next_ms))
        return self

    def _kept(self, key: Key) -> Kept:
        return Kept(lambda: key.state, lambda: key.ring, lambda: key.learned)

    def _take(self, key: str, kept: Key, step: Any) -> None:
        if step is None:
            return
        kept.state, kept.next_ms = step.state, step.next_ms
        kept.ring = kept.ring if step.ring is None else step.ring
        kept.learned = kept.learned if step.learned is None else step.learned
        self.said.setdefault(key, []).extend(step.outputs)
        self.summaries += step.summaries
        self.counted += step.counted if key == ALL else 0
        if step.profile is not None:
            self.profiles[key] = step.profile


def job(plan: Any = PLAN, profiles: dict[str, Profile] | None = None) -> JobReferences:
    return decoding.job(models=(plan,), profiles={"churn": profiles or {}})


def panes(
    references: JobReferences, lines: list[bytes] = LINES, batch: int = 500, first: int = 0
) -> list[tuple[int, dict[str, list[bytes]]]]:
    """Chunks by the end of their pane, then by key."""
    decoder = Decoder(references, TOPIC)
    found: dict[int, dict[str, list[bytes]]] = {}
    for start in range(0, len(lines), batch):
        some = lines[start : start + batch]
        times_ms = NOW_MS + STEP_MS * (first + np.arange(start, start + len(some)))
        place = Place(topic="predictions", partitions=[0] * len(some), offsets=range(len(some)))
        for entry in decoder.decode(some, times_ms, np.zeros(len(some), np.bool_), place):
            if entry.pane_end_ms is not None:
                found.setdefault(entry.pane_end_ms, {}).setdefault(entry.key, []).append(entry.data)
    return sorted(found.items())


def watched(references: JobReferences, shown: Any = None, *, restart: bool = False) -> Driver:
    driver = Driver(references)
    for end_ms, keys in shown if shown is not None else panes(references):
        driver.wait(end_ms - 1)
        for key, parts in keys.items():
            driver.fold(key, parts)
        if restart:
            driver.restart()
    return driver.wait(end_ms + 60_000)


def test_each_key_learns_and_finds_the_drift():
    """The whole traffic first, then the segments as their records come; all records are counted."""
    driver = watched(job())
    learned = {key: said[0] for key, said in driver.said.items()}
    assert all(isinstance(first, Learned) and first.records == 730 for first in learned.values())
    assert {key.rpartition("|")[2]: first.time_ms - NOW_MS for key, first in learned.items()} == {
        "all": 80_000,
        "country=DE": 110_000,
        "country=US": 250_000,
    }
    opened = {
        key: [(c.evidence.signal, c.profile_kind, c.profile_id) for c in said if isinstance(c, SignalChange)][:1]
        for key, said in driver.said.items()
    }
    for key in (ALL, DE):
        assert opened[key] == [("feature.age", "learned", driver.profiles[key].id)]
    assert driver.counted == RECORDS


def test_batches_restarts_and_parts_change_nothing():
    """Also not while it learns."""
    expected = watched(job()).said
    assert watched(job(), restart=True).said == expected
    assert watched(job(), panes(job(), batch=70)).said == expected
    shuffled = [(end_ms, dict(reversed([*keys.items()]))) for end_ms, keys in panes(job(), batch=111)]
    assert watched(job(), [(e, {k: parts[::-1] for k, parts in keys.items()}) for e, keys in shuffled]).said == expected


def test_it_is_watched_like_one_whose_profile_was_given():
    """With the learned profile given, the records after the first say the same of the whole traffic."""
    driver = watched(job())
    given = job(profiles={"3": driver.profiles[ALL]})
    later = watched(given, panes(given, LINES[730:], first=730)).said[ALL]
    said = [
        msgspec.structs.replace(output, profile_kind="profile") if isinstance(output, SignalChange) else output
        for output in driver.said[ALL][1:]
    ]
    assert said == later
    assert any(isinstance(output, SignalChange) for output in later)


def test_a_learned_profile_that_is_given_later_goes_on():
    """A job that goes on with the copy of what it learned forgets nothing."""
    expected = watched(job()).said[ALL]
    driver = Driver(job())
    before, after = panes(job())[:15], None
    for end_ms, keys in before:
        driver.wait(end_ms - 1)
        for key, parts in keys.items():
            driver.fold(key, parts)
    given = job(profiles={"3": driver.profiles[ALL]})
    driver.restart(given)
    after = panes(given)[15:]
    for end_ms, keys in after:
        driver.wait(end_ms - 1)
        driver.fold(ALL, keys[ALL])
    driver.wait(end_ms + 60_000)
    assert [msgspec.structs.replace(o, profile_kind="learned") if isinstance(o, SignalChange) else o
            for o in driver.said[ALL]] == expected  # fmt: skip


def test_another_signal_is_learned_anew():
    """What was open is over, and the first records from then on are the reference."""
    driver = watched(job(), panes(job())[:28])
    opened = [o for o in driver.said[ALL] if isinstance(o, SignalChange) and o.state == "opened"]
    assert opened
    other = job(msgspec.structs.replace(PLAN, features=PLAN.features[:1]))
    driver.restart(other)
    driver.said.clear()
    for _, keys in panes(other)[28:]:
        driver.fold(ALL, keys[ALL])
    assert [(o.state, o.why) for o in driver.said[ALL] if isinstance(o, SignalChange)] == [
        ("recovered", "configuration")
    ]
    assert learning.unpack(driver.monitors.key(ALL), driver.keys[ALL].learned).records == 200


def test_chunks_of_the_old_configuration_are_left_out():
    """Codes of a profile that is gone, values of a version that has one now, and all of a model that is gone."""
    driver = Driver(job())
    driver.fold(ALL, panes(job(profiles={"3": decoding.profile()}))[0][1][ALL])
    assert driver.keys[ALL].state == driver.keys[ALL].learned == b""
    driver.restart(job(profiles={"3": decoding.profile()}))
    driver.fold(ALL, panes(job())[0][1][ALL])
    driver.fold("m|gone|1|champion|all", panes(job())[0][1][ALL])
    assert driver.keys[ALL] == Key()


def test_panes_that_come_again_are_counted_once():
    """As after a change of the sources: while it learns, and when it has learned exactly with a pane."""
    for records in (1_000, 300):
        plan = msgspec.structs.replace(PLAN, learn=LearnPlan(records=records, save=""))
        shown = panes(job(plan))[:4]
        driver = Driver(job(plan))
        for _, keys in [*shown[:3], *shown[1:]]:
            driver.fold(ALL, keys[ALL])
        assert driver.counted == 400


def test_a_key_that_falls_silent_is_forgotten():
    """While it learns with the reach of its windows; its reference much later, and until then it is known again."""
    driver = Driver(job())
    for _, keys in panes(job())[:3]:
        driver.fold(ALL, keys[ALL])
    assert driver.keys[ALL].learned
    driver.wait(NOW_MS + 200_000)
    assert driver.keys[ALL] == Key()

    driver = watched(job())
    reference = driver.profiles[ALL]
    driver.wait(NOW_MS + 86_400_000)
    kept = driver.keys[ALL]
    assert (kept.state, kept.ring) == (b"", b"")
    driver.restart()
    again = Driver(job(), {ALL: Key(learned=kept.learned)})
    for end_ms, keys in panes(job(), LINES[1_500:], first=10_000_000):
        again.wait(end_ms - 1)
        again.fold(ALL, keys[ALL])
    told = [o for o in again.said[ALL] if isinstance(o, SignalChange)]
    assert {o.profile_id for o in told} == {reference.id}
    assert not any(isinstance(o, Learned) for o in again.said[ALL])
    driver.wait(NOW_MS + learning.KEPT_MS + 90_000_000)
    assert driver.keys[ALL] == Key()


def test_many_learned_references_are_made_anew_from_state(monkeypatch):
    """Only so many are ready for use."""
    expected = watched(job()).said
    monkeypatch.setattr("operators.monitors.MOST", 1)
    assert watched(job()).said == expected


def test_a_whole_pane_makes_the_reference():
    """Exactly as many records as are asked for: the next pane is the first that is watched."""
    plan = msgspec.structs.replace(PLAN, learn=LearnPlan(records=300, save=""))
    driver = Driver(job(plan))
    for _, keys in panes(job(plan))[:3]:
        driver.fold(ALL, keys[ALL])
    assert [type(output) for output in driver.said[ALL]] == [Learned]
    assert driver.keys[ALL].next_ms == NOW_MS + 3 * PANE_MS + learning.KEPT_MS
    driver.fold(ALL, panes(job(plan))[3][1][ALL])
    assert driver.keys[ALL].state


def test_its_records_count_while_it_learns():
    """Where the volume is watched: in the slides that they are in, by the whole traffic's key alone."""
    plan = msgspec.structs.replace(PLAN, quality=QualityPlan())
    driver = watched(job(plan))
    for key, said in driver.said.items():
        counted = [one for one in said if isinstance(one, Progress)]
        assert sum(one.records for one in counted) == (RECORDS if key == ALL else 0)


def test_there_is_no_summary_while_it_learns():
    """Nothing is compared yet."""
    driver = watched(job())
    first = min((summary.window.end, summary.window.count) for summary in driver.summaries if summary.segment == "all")
    assert first == ("2026-01-01T00:01:20.000Z", 70)  # of the slide in which it was learned, the rest


def test_records_of_open_panes_count_under_the_next_configuration():
    """Coded before a feature was added, and folded after: none is lost, and others say what they say anyway."""
    profiles = {"3": watched(job()).profiles[ALL]}
    bare = msgspec.structs.replace(PLAN, features=PLAN.features[:1], learn=None)
    whole = msgspec.structs.replace(PLAN, learn=None)
    old, new = job(bare, profiles), job(whole, profiles)
    switch = 1_234  # in the middle of a pane
    before, after = panes(old, LINES[:switch]), panes(new, LINES[switch:], first=switch)
    driver = Driver(old)
    for end_ms, keys in before[:-2]:
        driver.wait(end_ms - 1)
        for key, parts in keys.items():
            driver.fold(key, parts)
    driver.restart(new)  # two panes were open
    together: dict[int, dict[str, list[bytes]]] = {}
    for end_ms, keys in [*before[-2:], *after]:
        for key, parts in keys.items():
            together.setdefault(end_ms, {}).setdefault(key, []).extend(parts)
    for end_ms, keys in sorted(together.items()):
        driver.wait(end_ms - 1)
        for key, parts in keys.items():
            driver.fold(key, parts[::-1])
    driver.wait(end_ms + 60_000)
    assert driver.counted == RECORDS
    straight = watched(new)

    def of_age(one: Driver, key: str) -> list[Output]:
        return [c for c in one.said[key] if isinstance(c, SignalChange) and c.evidence.signal == "feature.age"]

    for key in (ALL, DE):
        assert of_age(driver, key) == of_age(straight, key) != []


def test_a_learned_reference_stays_when_a_detector_is_added():
    """Windows and other detectors go on, with what was learned."""
    more = (DetectorPlan(name="psi"), DetectorPlan(name="lepage"), DetectorPlan(name="adwin"))
    features = (msgspec.structs.replace(PLAN.features[0], detectors=more[:2]), PLAN.features[1])
    before = job(msgspec.structs.replace(PLAN, features=features))
    features = (msgspec.structs.replace(PLAN.features[0], detectors=more), PLAN.features[1])
    after = job(msgspec.structs.replace(PLAN, features=features))
    shown = panes(before)
    driver = Driver(before)
    for end_ms, keys in shown:
        driver.wait(end_ms - 1)
        if end_ms == NOW_MS + 150_000:
            driver.restart(after)
        for key, parts in keys.items():
            driver.fold(key, parts)
    assert sum(isinstance(one, Learned) for one in driver.said[ALL]) == 1
    assert driver.counted == RECORDS
    state = unpack(MonitorKey("churn", "3", "champion", "all"), driver.keys[ALL].state)
    assert state.records == RECORDS - 730
