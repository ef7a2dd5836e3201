"""Tracks: sequential detectors over panes are the detectors themselves over the whole stream."""

from __future__ import annotations

from itertools import cycle

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from msgspec import structs
from river.drift import ADWIN, PageHinkley

from config.plan import DetectorPlan
from operators.detectors import adwin
from operators.encoding.codes import INVALID, MISSING
from operators.monitoring import tracks
from schemas.profile import Calibration
from tests.operators.panes import TENTHS, Records, detection, pane
from tests.operators.signals import categorical_signal, unhurried

SEQUENTIAL = (DetectorPlan(name="adwin"), DetectorPlan(name="page_hinkley"))
RATE = 1e-3  # records a millisecond


def streams() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    jumps = np.repeat(rng.normal(0, 5, 12), 250)
    return {
        "normal": rng.normal(size=3_000),
        "jumps": jumps + rng.normal(size=3_000),
        "tiny": 1e-9 * (jumps + rng.normal(size=3_000)),
        "spikes": np.where(rng.random(3_000) < 0.01, 1e6, rng.normal(size=3_000)),
        "constant": np.full(3_000, 7.0),
    }


@pytest.mark.parametrize("stream", streams())
@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    [
        ("adwin", {"reset": "river"}, ADWIN()),
        ("adwin", {"reset": "river", "delta": 0.3}, ADWIN(delta=0.3)),
        ("page_hinkley", {}, PageHinkley()),
        (
            "page_hinkley",
            {"delta": 0.5, "alpha": 0.99, "min_instances": 5},
            PageHinkley(min_instances=5, delta=0.5, alpha=0.99),
        ),
    ],
)
def test_raw_input_alarms_where_river_does(stream, name, options, theirs):
    """The same records, whatever the panes; missing ones among them are not shown to either."""
    values = streams()[stream]
    theirs = theirs.clone()
    expected = []
    for number, value in enumerate(values.tolist()):
        theirs.update(value)
        if theirs.drift_detected:
            expected.append(number)
    with_gaps = np.full(2 * len(values), np.nan)
    with_gaps[1::2] = values
    of = detection(detectors=(DetectorPlan(name=name, input="raw", options=options),))
    state, found, first = of.tracks.start(), [], 0
    for size in cycle([1, 1, 1, 40, 2, 700, 1, 300]):
        raw = with_gaps[first : first + size, None]
        if not len(raw):
            break
        shown = pane(Records(10**6 + first, np.zeros(raw.shape), 10_000, raw=raw), of)
        state = of.tracks.unpack(of.tracks.pack(state))
        for hit in of.tracks.follow(state, shown, of.thresholds("all", RATE)):
            row = int(np.flatnonzero(shown.times_ms == hit.time_ms)[0])
            found.append((first // 2, (first + size) // 2, (first + row) // 2, hit.alarms))
        first += size
    # Of each pane the first alarm and how many there are.
    assert sum(alarms for *_, alarms in found) == len(expected)
    for start, stop, number, alarms in found:
        inside = [at for at in expected if start <= at < stop]
        assert (number, alarms) == (inside[0], len(inside))


@unhurried
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_where_panes_are_cut_changes_nothing(seed, sizes):
    """State and the number of alarms are those of one long pane."""
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    codes = rng.integers(0, 10, (count, 2))
    codes[count // 2 :, 0] = rng.integers(6, 10, count - count // 2)
    codes[rng.random((count, 2)) < 0.1] = MISSING
    codes[:, 1] = np.where(codes[:, 1] < 10, codes[:, 1] % 2, codes[:, 1])
    of = detection({"age": TENTHS, "plan": categorical_signal([6_000, 4_000])}, SEQUENTIAL)
    thresholds = of.thresholds("all", 1e-9)
    whole, parts = of.tracks.start(), of.tracks.start()
    hits = of.tracks.follow(whole, pane(Records(10_000, codes), of), thresholds)
    more, first = [], 0
    for size in sizes:
        more += of.tracks.follow(parts, pane(Records(10_000, codes[first : first + size]), of), thresholds)
        first += size
    assert of.tracks.pack(parts) == of.tracks.pack(whole)
    assert _alarms(more) == _alarms(hits)


SLOW = structs.replace(
    TENTHS,
    calibration=Calibration(
        values=10_000, error=0.0, tau=(1.5, 2.0), spread_tau=(1.0, 1.2), shares=((1.5, 1.0), (2.0, 1.0))
    ),
)


def test_dependent_values_are_shown_as_means_of_blocks():
    """Ranks of tau 2 in sixes, over what their means vary by; spread ranks of tau 1.2 in fours; wherever panes end."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 10, 4_000)
    codes[2_500:] = rng.integers(5, 10, 1_500)
    codes[rng.random(4_000) < 0.2] = MISSING
    of = detection({"age": SLOW}, SEQUENTIAL)
    assert of.tracks.blocks == [6, 4, 6, 4]
    thresholds = of.thresholds("all", 1e-9)
    there = np.flatnonzero(codes < 10)
    ranks = (codes[there] + 0.5) / 10
    means = ranks[: len(ranks) // 6 * 6].reshape(-1, 6).mean(axis=1)
    expected = adwin.adwin(means[None], np.array([len(means)]), adwin.start(1), thresholds.delta[:1], keep=True)
    state, found, first = of.tracks.start(), [], 0
    for size in cycle([1, 3, 7, 40, 2, 700]):
        if first >= len(codes):
            break
        part = codes[first : first + size, None]
        state = of.tracks.unpack(of.tracks.pack(state))
        shown = pane(Records(10**7 + first, part, len(part)), of)
        for hit in of.tracks.follow(state, shown, thresholds):
            if hit.track == 0:
                found.append(first + hit.time_ms - int(shown.times_ms[0]))
                began = hit.onset_ms if not hit.before else int(shown.times_ms[0]) - hit.before
                assert abs(began - int(shown.times_ms[0]) + first - 2_500) < 150
        first += size
    ends = there[6 * expected.position + 5].tolist()
    assert found[0] == ends[0]  # of each pane the first one is told
    assert set(found) <= set(ends)


@unhurried
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_where_panes_are_cut_changes_nothing_in_blocks(seed, sizes):
    """State, and positions of alarms in records, are those of one long pane."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 10, (sum(sizes), 1))
    codes[len(codes) // 2 :] = rng.integers(6, 10, (len(codes) - len(codes) // 2, 1))
    codes[rng.random(codes.shape) < 0.1] = MISSING
    of = detection({"age": SLOW}, SEQUENTIAL)
    thresholds = of.thresholds("all", 1e-9)
    whole, parts = of.tracks.start(), of.tracks.start()
    hits = of.tracks.follow(whole, pane(Records(len(codes), codes, len(codes)), of), thresholds)
    more, first = [], 0
    for size in sizes:
        part = codes[first : first + size]
        more += of.tracks.follow(parts, pane(Records(first + size, part, size), of), thresholds)
        first += size
    assert of.tracks.pack(parts) == of.tracks.pack(whole)
    assert _alarms(more) == _alarms(hits)
    times = {hit.track: hit.time_ms for hit in reversed(more)}
    assert times == {hit.track: hit.time_ms for hit in hits}


def _alarms(hits):
    return {hit.track: sum(h.alarms for h in hits if h.track == hit.track) for hit in hits}


def test_a_long_pane_is_one_of_many_blocks(monkeypatch):
    """Positions are counted over the blocks, over missing values, and over codes that are no values."""
    codes = np.resize(np.arange(10), 3_000)
    codes[2_000:] = 9
    codes[::7] = MISSING
    codes[::11] = INVALID
    of = detection(detectors=SEQUENTIAL)
    shown = pane(Records(3_000_000, codes[:, None], 3_000_000), of)
    found = []
    for block in (tracks.BLOCK, 64, 1_000):
        monkeypatch.setattr(tracks, "BLOCK", block)
        found.append(of.tracks.follow(of.tracks.start(), shown, of.thresholds("all", RATE)))
    assert found[0] == found[1] == found[2]
    for hit in found[0]:
        assert 2_000_000 <= hit.time_ms < 2_200_000
        assert abs(hit.onset_ms - 2_000_000) <= 70_000
        assert hit.before == 0


def test_a_change_that_began_before_the_pane():
    """How many records ago, taking missing ones into account."""
    rng = np.random.default_rng(1)
    of = detection(detectors=SEQUENTIAL[1:])
    state, thresholds = of.tracks.start(), of.thresholds("all", RATE)
    hits = []
    for number in range(60):
        codes = rng.integers(0 if number < 20 else 4, 10, 10).repeat(2)
        codes[::2] = MISSING  # twenty records with ten values
        shown = pane(Records(number, codes[:, None]), of)
        hits += [(number, hit) for hit in of.tracks.follow(state, shown, thresholds)]
    number, first = hits[0]
    assert number > 22
    assert abs(first.before - 20 * (number - 20)) <= 40


def test_a_key_s_state_is_compact():
    """Of ADWIN the occupied buckets alone; what was packed is what is unpacked."""
    of = detection(detectors=SEQUENTIAL)
    state = of.tracks.start()
    shown = pane(Records(10_000, np.resize(np.arange(10), 5_000)[:, None]), of)
    of.tracks.follow(state, shown, of.thresholds("all", RATE))
    packed = of.tracks.pack(state)
    assert [len(one) for one in packed] == [len(adwin.pack(state[0])), 2 * 64]
    assert sum(map(len, packed)) < 2_500
    assert of.tracks.pack(of.tracks.unpack(packed)) == packed


def test_a_detector_has_one_name_each_for_location_and_spread():
    """Categories have no spread; raw values have one form."""
    of = detection(
        {"age": TENTHS, "plan": categorical_signal([6, 4]), "income": TENTHS},
        {"age": SEQUENTIAL, "plan": SEQUENTIAL, "income": (DetectorPlan(name="adwin", input="raw"),)},
    )
    assert [(track.signal, track.name) for track in of.tracks.tracks] == [
        (0, "adwin"), (0, "adwin:spread"), (0, "page_hinkley"), (0, "page_hinkley:spread"),
        (1, "adwin"), (1, "page_hinkley"),
        (2, "adwin"),
    ]  # fmt: skip
