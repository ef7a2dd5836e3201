"""River's own detectors through one adapter: what river says of the same values, whatever panes and restarts."""

from __future__ import annotations

import logging
from itertools import cycle

import msgspec
import numpy as np
import pytest
from river.drift import ADWIN, KSWIN, PageHinkley
from river.drift.binary import DDM, EDDM, FHDDM, HDDM_A, HDDM_W

from config.plan import DetectorPlan
from operators.detectors import river
from operators.monitoring.footprint import footprint
from tests.operators.panes import TENTHS, Records, detection, pane
from tests.operators.signals import categorical_signal

TRUTHS = msgspec.structs.replace(categorical_signal([700, 300]), categories=(("true", 700), ("false", 300)))


def numbers(seed=3):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=700), rng.normal(2, 1, size=500)])


def truths(seed=3):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.random(1_500) < 0.1, rng.random(1_000) < 0.6])


def expected(theirs, values):
    found = []
    for number, value in enumerate(values):
        theirs.update(value)
        if theirs.drift_detected:
            found.append(number)
    return found


def follow(of, records, key="churn/3/all"):
    """Alarms: record of each pane's first, and how many; the state goes through bytes between panes."""
    data, found, first = of.tracks.pack(of.tracks.start(key)), [], 0
    for size in cycle([1, 40, 2, 300, 1, 113]):
        shown = records(first, size)
        if shown is None:
            return found
        state = of.tracks.unpack(data, key)
        hits = of.tracks.follow(state, shown, of.thresholds("all", 1e-3))
        data = of.tracks.pack(state)
        for hit in hits:
            assert (hit.before, hit.threshold, hit.statistic) == (0.0, 0.0, float(hit.alarms))
            assert hit.onset_ms == hit.time_ms
            found.append((first + int(np.flatnonzero(shown.times_ms == hit.time_ms)[0]), hit.alarms, first + size))
        first += size


def raw(of, values):
    """Panes with raw values; every third record has none."""
    gappy = np.full(3 * len(values), np.nan)
    gappy[::3] = values
    gappy[1::3] = np.inf

    def records(first, size):
        part = gappy[first : first + size, None]
        return pane(Records(10**6 + first, np.zeros(part.shape), 10_000, raw=part), of) if len(part) else None

    return records


@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    [
        ("river:PageHinkley", {}, PageHinkley()),
        ("river:PageHinkley", {"threshold": 5.0, "mode": "up"}, PageHinkley(threshold=5.0, mode="up")),
        ("river:ADWIN", {"delta": 0.1}, ADWIN(delta=0.1)),
        ("river:KSWIN", {"alpha": 0.001, "seed": 7}, KSWIN(alpha=0.001, seed=7)),
    ],
)
def test_raw_values_alarm_where_river_does(name, options, theirs):
    """The same records, whatever the panes; missing and infinite ones are not shown."""
    values = numbers()
    of = detection(detectors=(DetectorPlan(name=name, input="raw", options=options),))
    alarms = expected(theirs, values)
    assert alarms
    found = follow(of, raw(of, values))
    assert sum(count for _, count, _ in found) == len(alarms)
    for record, count, end in found:
        inside = [at for at in alarms if record // 3 <= at and 3 * at < end]
        assert (record // 3, count) == (inside[0], len(inside))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("river:binary.DDM", DDM()),
        ("river:binary.EDDM", EDDM()),
        ("river:binary.FHDDM", FHDDM()),
        ("river:binary.HDDM_A", HDDM_A()),
        ("river:binary.HDDM_W", HDDM_W()),
        ("river:PageHinkley", PageHinkley()),
    ],
)
def test_booleans_are_yes_and_no(name, theirs):
    """By the codes of true and false."""
    values = truths() if name != "river:binary.FHDDM" else ~truths()  # it looks for fewer, not for more
    of = detection({"paid": TRUTHS}, (DetectorPlan(name=name, input="raw"),))

    def records(first, size):
        codes = np.where(values[first : first + size, None], 0, 1)
        return pane(Records(10**6 + first, codes, 10_000), of) if len(codes) else None

    alarms = expected(theirs, values.tolist())
    assert alarms
    assert follow(of, records)[0][0] == alarms[0]


def test_ranks_are_shown_where_they_are_asked_for():
    """Of categories as well as of numbers."""
    codes = np.where(truths(), 8, 1)
    plan = DetectorPlan(name="river:PageHinkley", input="rank", options={"threshold": 20.0})
    of = detection({"age": TENTHS}, (plan,))

    def records(first, size):
        part = codes[first : first + size, None]
        return pane(Records(10**6 + first, part, 10_000), of) if len(part) else None

    alarms = expected(PageHinkley(threshold=20.0), of.tables.ranks[0][codes].tolist())
    assert alarms
    assert follow(of, records)[0][0] == alarms[0]
    assert of.tests == 1


def test_a_detector_that_draws_has_its_seed_from_its_key():
    """The same on every run, another for another key or feature; the user's own goes first."""
    plan = DetectorPlan(name="river:KSWIN", input="raw")
    seeds = {river.start(plan, about).seed for about in ("churn/3/all feature.age", "churn/3/all feature.age", "b")}
    assert len(seeds) == 2
    assert river.start(DetectorPlan(name="river:KSWIN", options={"seed": 5}), "b").seed == 5
    of = detection(detectors=(plan,))
    values = numbers()
    assert follow(of, raw(of, values), "churn/3/country=NO") == follow(of, raw(of, values), "churn/3/country=NO")


def test_a_state_of_another_river_starts_anew_and_says_so(caplog):
    """It is never read; the log says so once."""
    plan = DetectorPlan(name="river:PageHinkley", input="raw")
    detector = river.start(plan, "")
    river.update(detector, [1.0, 2.0], plan.name)
    kept = river.unpack(river.pack(detector), plan, "")
    assert river.pack(kept) == river.pack(detector)
    river._say.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            fresh = river.unpack(b"river 0.1.0\nwhatever", plan, "")
    assert river.pack(fresh) == river.pack(river.start(plan, ""))
    assert [record.getMessage() for record in caplog.records] == [
        f"state of river:PageHinkley: written by river 0.1.0, this is river {river.VERSION}; the detector starts anew"
    ]


def test_other_options_make_state_useless():
    """A detector of river keeps its options in its state."""
    plans = [DetectorPlan(name="river:ADWIN", input="raw", options={"delta": delta}) for delta in (0.1, 0.2)]
    one, other = (detection(detectors=(plan,)) for plan in plans)
    assert one.id != other.id
    assert one.id == detection(detectors=plans[:1]).id


def test_its_bytes_are_part_of_the_footprint():
    """As pickled, and the longest window it may have."""
    small, large = (
        footprint(detection(detectors=(DetectorPlan(name="river:KSWIN", input="raw", options=options),)), 1).key
        for options in ({}, {"window_size": 10_000})
    )
    assert 50_000 < large - small < 100_000
