"""The monitor: panes and passing time in, changes of signals out; restarts and the order of records change nothing."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from config.plan import DetectorPlan
from operators.decisions.outputs import Progress, SignalChange, SliceAlarms
from operators.encoding.codes import MISSING
from operators.monitoring.ending import retire
from operators.monitoring.state import Key
from schemas.cloudevents import milliseconds, timestamp
from tests.operators import panes
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, TENTHS, WINDOWED, Driver, Records, detection, timeline
from tests.operators.signals import categorical_signal, discrete_signal, numeric_signal, unhurried

# Codes of a minute's records: as in the reference, moved up, down, a little up, apart.
KINDS = {"o": range(10), "u": range(5, 10), "d": range(5), "s": [*range(10), 6, 7, 8, 9], "w": [0, 1, 8, 9]}
SEQUENTIAL = (DetectorPlan(name="adwin"), DetectorPlan(name="page_hinkley"))


def told(drawn, kinds=KINDS, records=200, segment="all", **more):
    """What is said of one feature, each minute of the timeline a slide; windows have three."""
    return [
        (minute, state, why)
        for minute, _, state, why in Driver(detection(**more), segment).run(timeline(drawn, kinds, records)).told
    ]


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        # minute  1234567890123456
        ("oooooooooo", []),
        ("oooouuuuuu", [(6, "opened", "up"), (7, "changed", "up")]),  # warning at first: half of the window is old
        ("oooouuuuuuoooooo", [(6, "opened", "up"), (7, "changed", "up"), (14, "recovered", "recovered")]),
        ("ooooouooooo", [(7, "opened", "up"), (10, "recovered", "recovered")]),  # the window remembers
        ("oouuuudddddd", [(4, "opened", "up"), (5, "changed", "up"), (9, "changed", "down")]),
        ("oowwwww", [(4, "opened", "spread")]),
        ("uuuu", [(2, "opened", "up")]),
    ],
)
def test_a_timeline(drawn, said):
    """Two evaluations in a row open a signal, two without a change close it; severity and turns are told."""
    assert told(drawn) == said


@pytest.mark.parametrize(
    ("confirm", "recover", "said"),
    [
        (1, 1, [(5, "opened", "up"), (7, "changed", "up"), (13, "recovered", "recovered")]),
        (3, 2, [(7, "opened", "up"), (14, "recovered", "recovered")]),
        (2, 4, [(6, "opened", "up"), (7, "changed", "up"), (16, "recovered", "recovered")]),
    ],
)
def test_confirm_and_recover(confirm, recover, said):
    """So many evaluations in a row, each."""
    assert told("oooouuuuuuoooooo", confirm=confirm, recover=recover) == said


def test_a_change_is_as_severe_as_it_is_large():
    """It opens as a warning and becomes critical when the window is full of it; the onset stays."""
    first, second = Driver(detection()).run(timeline("oooouuuu", KINDS)).changes
    assert (first.level, first.severity, second.level, second.severity) == ("medium", "warning", "large", "critical")
    assert first.onset_ms == second.onset_ms == 4 * MINUTE
    assert (first.window.start, first.window.end, first.window.count) == (
        "1970-01-01T00:03:00.000Z",
        "1970-01-01T00:06:00.000Z",
        600,
    )


def test_what_is_small_does_not_pass_the_gate():
    """The same stream with min_effect small and large."""
    assert told("oooossssss", records=2_000)[0] == (6, "opened", "up")
    assert told("oooossssss", records=2_000, min_effect="large") == []


def test_too_few_records_say_nothing():
    """A window of fewer than min_count records opens nothing, and closes nothing that is open."""
    assert told("oooouuuu", records=30) == []
    few, many = timeline("oooo", KINDS, 20, start=6), timeline("oo", KINDS, 200, start=10)
    assert Driver(detection()).run([*timeline("oouuuu", KINDS), *few, *many]).told == [
        (4, "age", "opened", "up"),
        (5, "age", "changed", "up"),
        # minutes 9 and 10: 60 records; 11: 240 records as in the reference
        (12, "age", "recovered", "recovered"),
    ]


def test_a_reference_of_few_values_says_nothing():
    """Of a signal that the reference has fewer than 50 values of nothing is said, whatever comes."""
    for each in (4, 5):
        few = numeric_signal(np.arange(1, 10), np.full(10, each), discrete=False)
        for detectors in (WINDOWED, SEQUENTIAL):
            driver = Driver(detection({"age": few}, detectors)).run(timeline("oooouuuuuuuu", KINDS))
            assert bool(driver.told) == (each == 5)


def test_a_window_grows_until_it_has_enough():
    """Thirty records a minute: windows of four minutes instead of three, as min_count is 100."""
    (opened,) = Driver(detection(grow_to_ms=60 * MINUTE)).run(timeline("oooouuuu", KINDS, 30)).changes[:1]
    assert (opened.window.start, opened.window.end, opened.window.count) == (
        "1970-01-01T00:03:00.000Z",
        "1970-01-01T00:07:00.000Z",
        120,
    )


def test_minutes_without_records_confirm_nothing():
    """An alarm is confirmed by new records, not by time."""
    assert told("oooou......") == []
    assert told("oooou.u") == [(7, "opened", "up")]


def test_a_key_without_records_recovers():
    """When its window is empty there is no drift any more; it is said to be found in a slide without records."""
    driver = Driver(detection()).run(timeline("oooouuuu........", KINDS))
    # Windows end at 9, 10: still with records from before 8; at 11, 12: none.
    assert driver.told[-1] == (12, "age", "recovered", "recovered")
    assert [change.empty for change in driver.changes] == [False, False, True]
    assert driver.state == b""  # and there is nothing to know of the key
    assert (driver.changes[-1].window.start, driver.changes[-1].window.count) == ("1970-01-01T00:09:00.000Z", 0)


def test_a_sparse_key_does_not_recover_between_its_records():
    """A grown window is empty only after a silence longer than itself."""
    drawn = "o...o...o...o...o...u...u...u...u...u...u...u...u...o...o...o...o...o...o...o...o"
    assert [state for _, state, _ in told(drawn, records=40, grow_to_ms=100 * MINUTE)] == [
        "opened",
        "recovered",
    ]
    assert told("ooouuu" + 20 * ".", records=40, grow_to_ms=100 * MINUTE)[-1] == (10, "recovered", "recovered")


def test_a_key_sleeps_while_nothing_is_open():
    """It asks to be woken at the end of a slide with records, then when no window could reach those any more."""
    driver = Driver(detection()).run(timeline("oo", KINDS)[:1])
    assert driver.next_ms == 6 * MINUTE  # the slide ended with its pane
    half = Records(MINUTE + MINUTE // 2, np.zeros((10, 1)), MINUTE // 2)
    assert driver.run([half]).next_ms == 2 * MINUTE
    assert driver.run([2 * MINUTE]).next_ms == 6 * MINUTE
    assert (driver.run([6 * MINUTE]).state, driver.ring, driver.next_ms) == (b"", b"", None)
    driver.run(timeline("..............uu", KINDS))
    assert driver.told == [(16, "age", "opened", "up")]
    assert driver.next_ms == 17 * MINUTE


def test_a_key_that_begins_is_not_asked_for_its_ring():
    """It has none in its first slide; after that it is read once a slide."""
    driver = Driver(detection())
    tenths = [Records(end * MINUTE // 10, np.zeros((10, 1)), MINUTE // 10) for end in range(1, 31)]
    assert [driver.run([one]).rings_read for one in tenths] == 19 * [0] + 10 * [1] + [2]


def test_a_key_goes_on_after_a_long_sleep():
    """Old slides are out of the window."""
    assert told("oooo" + 100 * "." + "uuuo") == [(106, "opened", "up")]


items = st.lists(st.sampled_from([RESTART, SHUFFLE]), max_size=2)


@unhurried
@given(st.lists(st.tuples(st.sampled_from("oouuds."), items), min_size=1, max_size=14), st.booleans())
def test_restarts_and_the_order_of_arrival_change_nothing(drawn, scores):
    """The same outputs, byte for byte, whatever happens between the panes."""
    panes = timeline("".join(letter for letter, _ in drawn), KINDS)
    between = [item for one, (_, many) in zip(panes, drawn, strict=True) for item in (*many, one)]
    detectors = (*SEQUENTIAL, DetectorPlan(name="psi"))
    plain = Driver(detection(detectors=detectors, confirm=1), scores=scores).run([*panes, 20 * MINUTE])
    mixed = Driver(detection(detectors=detectors, confirm=1), scores=scores).run([*between, 20 * MINUTE])
    assert mixed.said == plain.said
    assert (mixed.state, mixed.ring, mixed.next_ms) == (plain.state, plain.ring, plain.next_ms)


@unhurried
@given(st.text("ou.", min_size=1, max_size=14), st.sets(st.integers(0, 14 * 6)))
def test_time_may_pass_in_any_steps(drawn, moments):
    """Panes of ten seconds; the watermark stops anywhere, or nowhere between two panes."""
    panes = [
        Records(minute * MINUTE + part * 10_000, np.resize(np.array(KINDS[letter]), 40)[:, None], 10_000)
        for minute, letter in enumerate(drawn)
        for part in range(1, 7)
        if letter != "."
    ]
    steps = sorted([*panes, *(10_000 * moment for moment in moments)], key=lambda item: _moment(item))
    end = (len(drawn) + 8) * MINUTE
    assert (
        Driver(detection(), scores=True).run([*steps, end]).said
        == Driver(detection(), scores=True).run([*panes, end]).said
    )


@pytest.mark.parametrize("change", ["profile", "slide"])
def test_another_profile_or_configuration_ends_what_was_open(change):
    """Said once, at the next slide, with its reason; then the stream is watched anew, and no pane counted twice."""
    panes = timeline("oooouuuuuuuuuu", KINDS)
    new = {
        "profile": detection({"age": numeric_signal(np.arange(1, 10), np.arange(1_000, 1_010), discrete=False)}),
        "slide": detection(slide_ms=2 * MINUTE, size_ms=4 * MINUTE),
    }[change]
    driver = Driver(detection()).run(panes[:8])
    driver.detection = new
    driver.run(panes[7:])
    assert driver.told[:3] == [
        (6, "age", "opened", "up"),
        (7, "age", "changed", "up"),
        (9, "age", "recovered", "configuration"),
    ]
    assert [said[2:] for said in driver.told[3:]] == [("opened", "up")]
    assert driver.counted == 14 * 200
    assert driver.changes[2].empty


def test_a_new_configuration_is_noticed_without_a_record():
    """A key that is open is woken at the end of its slide, whatever comes."""
    driver = Driver(detection()).run(timeline("oooouuuu", KINDS))
    driver.detection = detection(slide_ms=30_000)
    assert driver.run([9 * MINUTE]).told[2:] == [(9, "age", "recovered", "configuration")]
    assert driver.next_ms == 12 * MINUTE


def test_a_key_that_is_not_watched_any_more_ends_what_was_open():
    """Its model or its version is gone from the configuration: what was told of it is over."""
    driver = Driver(detection()).run(timeline("oooouuuu", KINDS))
    (ended,) = retire(Key("churn", "3", "champion", "all"), driver.state)
    assert isinstance(ended, SignalChange)
    assert (ended.state, ended.why, ended.time_ms, ended.evidence.signal) == (
        "recovered", "configuration", 9 * MINUTE, "feature.age"
    )  # fmt: skip
    assert retire(Key("churn", "3", "champion", "all"), b"") == []


def test_a_signal_that_is_no_longer_configured_is_ended():
    """What was told of it names it, though the profile does not any more."""
    both = detection({"age": TENTHS, "income": TENTHS})
    codes = np.column_stack([np.resize(range(5, 10), 200), np.resize(range(10), 200)])
    driver = Driver(both).run([Records(minute * MINUTE, codes) for minute in range(1, 5)])
    driver.detection = detection({"income": TENTHS})
    driver.run([Records(minute * MINUTE, codes[:, 1:]) for minute in range(5, 8)])
    assert driver.told == [(2, "age", "opened", "up"), (5, "age", "recovered", "configuration")]


def _moment(item):
    """A pane comes before time passes beyond its end."""
    return (item.end_ms, 0) if isinstance(item, Records) else (item, 1)


def test_a_pane_that_comes_again_is_counted_once():
    """After a restart of the sources a pane may be delivered twice, or an older one once more."""
    panes = timeline("oouuuuoooo", KINDS)
    twice = [item for number, one in enumerate(panes) for item in (one, one, *panes[max(0, number - 2) : number])]
    once, again = Driver(detection()).run(panes), Driver(detection()).run(twice)
    assert (again.said, again.counted) == (once.said, once.counted) == (once.said, 2_000)


def test_only_the_whole_traffic_tells_of_progress():
    """One message a slide with records, with their number."""
    panes = timeline("oo.o", KINDS)
    assert Driver(detection()).run(panes).outputs == [
        Progress(time_ms=minute * MINUTE, model="churn", version="3", records=200) for minute in (1, 2, 4)
    ]
    assert Driver(detection(segments=[("country",)]), "country=DE").run(panes).outputs == []


def test_a_segment_is_not_compared_by_what_it_is():
    """In country=DE every country is DE; in all the same is a change."""
    country = categorical_signal([6_000, 4_000])
    for segment, said in [("country=DE", []), ("all", [(1, "opened", "mix")])]:
        panes = timeline("aaaa", {"a": [0]})
        driver = Driver(detection({"country": country}, None, segments=[("country",)]), segment, scores=True).run(panes)
        assert [(minute, state, why) for minute, _, state, why in driver.told] == said
        assert bool(driver.summaries[-1].evaluations) == (segment == "all")


def test_a_segment_says_what_alarms_in_it():
    """As long as it does, confirmed or not, from the first window on; the whole traffic does not."""
    panes = timeline("oooouuuuoooooooo", KINDS)
    drivers = [Driver(detection(), segment).run(panes) for segment in ("all", "country=DE")]
    assert len({str(driver.told) for driver in drivers}) == 1
    whole, part = ([one for one in driver.outputs if isinstance(one, SliceAlarms)] for driver in drivers)
    assert whole == []
    assert [one.time_ms // MINUTE for one in part] == list(range(5, 11))
    assert {one.until_ms - one.time_ms for one in part} == {MINUTE}
    (found,) = part[0].found
    assert (found.segment, found.signal, found.detector) == ({"country": "DE"}, "feature.age", "lepage")
    assert (found.count, found.effect.direction, found.reference) == (600, "up", None)


def test_a_segment_says_at_once_what_opens_in_it():
    """What is found within a slide holds until the slide is evaluated, and then as long as the alarm is held."""
    values = np.concatenate([np.random.default_rng(1).integers(low, 10, many) for low, many in ((0, 1_200), (8, 600))])
    panes = [Records(10_000 * (at + 1), values[10 * at : 10 * at + 10, None], 10_000) for at in range(180)]
    driver = Driver(detection(detectors=SEQUENTIAL), "country=DE").run(panes)
    first = next(one for one in driver.outputs if isinstance(one, SliceAlarms))
    (opened, *_) = driver.changes
    assert (first.time_ms, first.found[0].effect) == (opened.time_ms, opened.evidence.effect)
    assert first.time_ms % MINUTE
    assert first.until_ms == -(-first.time_ms // MINUTE) * MINUTE


def test_a_signal_that_is_mostly_missing():
    """Nothing is said of fewer than 50 values, however strange; from there on it is."""
    for values, said in [(12, []), (17, [(4, "opened", "up")])]:
        kinds = {"m": [9] * values + [MISSING] * (200 - values)}
        assert told("mmmm", kinds) == said


def test_an_open_signal_that_goes_missing():
    """With few values nothing is said of it, it stays open; when it has none in the window, it is over."""
    kinds = KINDS | {"f": [0] * 10 + [MISSING] * 190, "m": [MISSING]}
    assert told("oouuuuffffffffff", kinds)[-1] == (5, "changed", "up")
    assert told("oouuuummmmmm", kinds)[-1] == (10, "recovered", "recovered")


@pytest.mark.parametrize(
    ("code", "direction"),
    [(0, "down"), (2, "up")],
)
@pytest.mark.parametrize("detectors", [None, SEQUENTIAL[:1], SEQUENTIAL[1:], (DetectorPlan(name="psi"),)])
def test_a_constant_reference(code, direction, detectors):
    """Silent while the constant goes on; any other value is found, by windows as well as by each that follows it."""
    signal = discrete_signal(np.full(1_000, 5.0))
    kinds = {"o": [1], "x": [code, 1]}
    said = Driver(detection({"age": signal}, detectors)).run(timeline("oooooxxxxx", kinds)).told
    minute, _, *first = said[0]
    assert first == ["opened", direction]
    assert minute <= 7


@pytest.mark.parametrize(
    ("others", "told"),
    [([2] * 2, []), ([2] * 6, ["up"]), ([0] * 6, ["down"]), ([2, 1] * 7, ["up"]), ([0, 2] * 3, ["spread"])],
    ids=["two", "six", "below", "each second", "both"],
)
def test_others_than_a_constant_are_found_in_some_records(others, told):
    """Six in a row, or nearly, of 20,000 equal ones: at the end of their pane, with the onset to the record."""
    of = detection({"age": discrete_signal(np.full(20_000, 5.0))}, SEQUENTIAL[1:], budget=30.0)
    shown = np.concatenate([np.ones(1_210, np.int64), others, np.ones(140 - len(others), np.int64)])
    panes = [Records(10_000 * (at + 1), shown[10 * at : 10 * at + 10, None], 10_000) for at in range(135)]
    driver = Driver(of).run(panes)
    assert [change.evidence.effect.direction for change in driver.changes if change.state == "opened"] == told
    for change in driver.changes[:1]:
        assert change.onset_ms == 1_210_000
        assert change.time_ms <= 1_210_000 + 20_000
        assert change.evidence.detector.startswith("page_hinkley")
        assert change.evidence.current.unseen > 0


def test_own_thresholds_stand_outside_the_budget():
    """PSI over 2 is reached by no mix of up and as before; over 0.1 even without an effect that passes the gate."""
    own = (DetectorPlan(name="psi", threshold=2.0),)
    assert told("oooossssss", detectors=own, records=2_000) == []
    own = (DetectorPlan(name="psi", threshold=0.02),)
    assert told("oooossssss", detectors=own, records=2_000, min_effect="large")[0][1] == "opened"


def test_sequential_alarms_are_one_story():
    """A drift that goes on raises alarm after alarm: one opening, an onset within it, no more until it is over."""
    driver = Driver(detection(detectors=SEQUENTIAL)).run(timeline("oooooooouuuuuuuuuuuuoooooooo", KINDS))
    assert [(state, why) for _, _, state, why in driver.told] == [("opened", "up"), ("recovered", "recovered")]
    assert driver.told[0][0] == 9
    assert abs(driver.changes[0].onset_ms - 8 * MINUTE) < 5_000


def test_a_sequential_alarm_waits_for_no_slide():
    """It opens a signal at the end of its pane, of a window up to there; and once, whatever happens between panes."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.integers(0, 10, 1_200), rng.integers(8, 10, 600)])
    panes = [Records(10_000 * (at + 1), values[10 * at : 10 * at + 10, None], 10_000) for at in range(180)]
    of = detection(detectors=SEQUENTIAL, confirm=3)
    driver = Driver(of).run(panes)
    assert [state for _, _, state, _ in driver.told] == ["opened", "changed"]
    told = driver.changes[0]
    assert 20 * MINUTE < told.time_ms < 21 * MINUTE
    assert told.time_ms % 10_000 == 0
    assert told.window.end == timestamp(told.time_ms)
    assert told.window.count == 60 * 3 + told.unfinished
    assert told.unfinished == (told.time_ms - 20 * MINUTE) // 1_000
    again = Driver(of).run([one for pane in panes for one in (RESTART, SHUFFLE, pane)])
    assert (again.said, again.state) == (driver.said, driver.state)


def test_values_that_go_back_are_no_change():
    """ADWIN alarms where a change is over as well; what the reference has is not told as one."""
    timed = timeline("o" * 10 + "u" * 30 + "o" * 30, KINDS)
    driver = Driver(detection(detectors=SEQUENTIAL[:1])).run(timed)
    assert [(state, why) for _, _, state, why in driver.told] == [("opened", "up"), ("recovered", "recovered")]


def test_an_onset_before_the_pane_is_traced_back():
    """Panes of ten seconds with three records each: the change began many panes before its alarm."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.integers(0, 10, 900), rng.integers(4, 10, 900)])
    panes = [Records(10_000 * (number + 1), values[3 * number : 3 * number + 3, None], 10_000) for number in range(600)]
    driver = Driver(detection(detectors=SEQUENTIAL, min_count=10)).run(panes)
    assert driver.told[0][2:] == ("opened", "up")
    assert abs(driver.changes[0].onset_ms - 300 * 10_000) < 20 * 10_000


@pytest.mark.parametrize("detectors", [None, panes.WINDOWED])
def test_an_onset_lies_between_the_times_it_is_told_to(detectors):
    """Whether a detector tells it to the record or the slides do; a change told again keeps both."""
    driver = Driver(detection(detectors=detectors, critical="medium")).run(timeline("ooooosssuuuuddd", KINDS, 1_000))
    assert {change.state for change in driver.changes} >= {"opened", "changed"}
    for change in driver.changes:
        told = change.evidence
        assert told.onset_from is None or told.onset_from <= told.onset
        assert told.onset <= told.onset_to <= timestamp(change.time_ms)


@pytest.mark.parametrize("name", ["adwin", "page_hinkley", "river:ADWIN", "river:KSWIN"])
def test_raw_input_opens_a_signal(name):
    """Alarms are river's own (test_tracks.py compares them all); one opens the signal, whatever `confirm` is."""
    plan = DetectorPlan(name=name, input="raw")
    values = np.repeat([0.0, 8.0], 1_000)
    panes = [
        Records(minute * MINUTE, np.full((100, 1), 4), raw=values[100 * (minute - 1) : 100 * minute, None])
        for minute in range(1, 21)
    ]
    driver = Driver(detection(detectors=(plan,)), scores=True).run(panes)
    assert driver.told[0][0] == 11
    assert driver.changes[0].evidence.detector == name
    if not plan.is_river:  # which tells when it alarms and not since when: the slides say that
        assert abs(driver.changes[0].onset_ms - 10 * MINUTE) < 6_000
    again = Driver(detection(detectors=(plan,)), scores=True).run([one for pane in panes for one in (RESTART, pane)])
    assert again.said == driver.said


@pytest.mark.parametrize(("grow_to", "least", "slides"), [(200, 100, 200), (1_000, 6_000, 600)])
def test_windows_of_many_slides(grow_to, least, slides):
    """Of which older ones are merged, or to which they grow: a change is found and passes, whatever restarts."""
    of = {"size_ms": 200 * MINUTE, "grow_to_ms": grow_to * MINUTE, "min_count": least}
    items = timeline("o" * 700 + "u" * 120 + "o" * (slides + 100) + "." * 10, KINDS, 10)
    plain = Driver(detection(**of), scores=True).run(items)
    stirred = [part for item in items for part in (item, RESTART)]
    again = Driver(detection(**of), scores=True).run([SHUFFLE, *stirred])
    assert again.said == plain.said
    opened, *_, over = plain.changes
    assert (opened.state, over.state, over.why) == ("opened", "recovered", "recovered")
    assert abs(opened.onset_ms - 700 * MINUTE) < 3 * MINUTE
    assert opened.time_ms < 780 * MINUTE
    for summary in plain.summaries[slides * 33 // 32 :]:
        minutes = (milliseconds(summary.window.end) - milliseconds(summary.window.start)) / MINUTE
        assert slides <= minutes <= slides * 33 / 32
        assert summary.window.count == minutes * 10
