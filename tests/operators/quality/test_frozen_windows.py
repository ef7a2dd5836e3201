"""Numbers that stand still: what is told of them, and when."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import QualityPlan
from operators.encoding.codes import MISSING
from operators.quality.stillness import frozen_signals
from schemas.profile import Share
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, TENTHS, Driver, Records, detection
from tests.operators.signals import categorical_signal

NAME = "quality.frozen.age"
SHARES = {NAME: Share(found=6, records=10_000, runs=8_000)}
PLAN = categorical_signal([6_000, 4_000])
SIGNALS = {"age": TENTHS, "plan": PLAN}


def watching(**more):
    return detection(more.pop("signals", SIGNALS), quality=QualityPlan(), shares=more.pop("shares", SHARES), **more)


def minutes(text: str, records: int = 200) -> list[Records]:
    """A minute for each letter: o as ever, a digit for one value, - for values that are missing, a space for none."""
    items = []
    for minute, letter in enumerate(text, 1):
        rng = np.random.default_rng(minute)
        ages = rng.integers(0, 10, records)
        if letter == " ":
            continue
        if letter != "o":
            ages[:] = MISSING if letter == "-" else int(letter)
        items.append(Records(minute * MINUTE, np.column_stack([ages, rng.choice(2, records, p=[0.6, 0.4])])))
    return items


def told(driver: Driver) -> list[tuple[int, str, str]]:
    return [(minute, state, what) for minute, signal, state, what in driver.told if signal == NAME]


def test_a_number_that_stops_and_goes_on():
    """Told after `confirm` slides, over after `recover` in which it varies again; restarts and order change nothing."""
    panes = minutes("oooo33333ooooo")
    driver = Driver(watching(), scores=True).run(panes)
    assert told(driver) == [(6, "opened", "narrow"), (11, "recovered", "recovered")]
    cut = [one for pane in panes for one in (pane, RESTART)]
    assert Driver(watching(), scores=True).run(cut).said == driver.said
    assert Driver(watching(), scores=True).run([SHUFFLE, *panes]).said == driver.said


def test_the_evidence():
    """How many values in a row, how many would do, since when; the value itself is not told."""
    driver = Driver(watching()).run(minutes("oooo3333"))
    change = next(one for one in driver.changes if one.evidence.signal == NAME)
    evidence = change.evidence
    assert (change.kind, change.severity, change.onset_ms) == ("quality", "critical", 4 * MINUTE)
    assert (evidence.detector, evidence.statistic, evidence.effect.direction) == ("run", 400.0, "narrow")
    assert 6 < evidence.threshold < 40
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-30
    assert (evidence.reference.sd, evidence.current.sd, evidence.current.mean) == (TENTHS.sd, 0.0, None)
    assert evidence.onset_from == "1970-01-01T00:03:00.000Z"


def test_another_value_is_another_run():
    """A number that jumps from one value to the next is as still as each of them."""
    known = watching(shares={NAME: Share(found=150, records=10_000, runs=8_000)})
    assert told(Driver(known).run(minutes("oooo3535353oooo"))) == []
    assert told(Driver(known).run(minutes("oooo33355ooo"))) == [(7, "opened", "narrow"), (11, "recovered", "recovered")]


def test_runs_longer_than_a_window():
    """What the reference had for an hour is told after more than that, though windows have three minutes."""
    known = watching(shares={NAME: Share(found=12_000, records=1_000_000, runs=50_000)})
    (first, *_) = told(Driver(known).run(minutes("oo" + "3" * 200)))
    assert first[1] == "opened"
    assert 62 < first[0] < 120


def test_more_records_than_there_were():
    """A run of as many records as are unusual that lasts no longer than the reference's is no news."""
    shares = {NAME: Share(found=6, records=10_000, runs=8_000, lasted_ms=3 * MINUTE)}
    assert told(Driver(watching(shares=shares)).run(minutes("oooo333ooo"))) == []
    (first, *_) = told(Driver(watching(shares=shares)).run(minutes("oooo" + "3" * 20)))
    assert 8 < first[0] < 16


def test_gaps_and_silence():
    """Minutes in which the value is missing, or nothing comes, end no run and are none."""
    assert told(Driver(watching()).run(minutes("ooo3-3oooo")))[0] == (6, "opened", "narrow")
    assert told(Driver(watching()).run(minutes("ooo3 3oooo")))[0] == (6, "opened", "narrow")
    assert told(Driver(watching()).run(minutes("ooo------"))) == []


def test_what_is_watched():
    """Numbers whose reference says how long they stand still, in an order that is known, and that varied."""
    known = watching()
    assert [(one.name, one.position, one.column) for one in known.frozen] == [(NAME, 0, 0)]
    assert watching(shares={}).frozen == ()
    assert frozen_signals(known.signals, [0]) == ()
    constant = msgspec.structs.replace(TENTHS, counts=(0,) * 9 + (10_000,))
    assert watching(signals={"age": constant, "plan": PLAN}).frozen == ()
    off = detection(SIGNALS, quality=QualityPlan(frozen=False), shares=SHARES)
    assert off.frozen == ()
    assert known.tests == off.tests + 1
    assert known.id != off.id


def test_segments_are_not_watched():
    """A part of the traffic has other runs than the whole."""
    known = watching(segments=[("plan",)])
    assert told(Driver(known, "plan=0").run(minutes("oooo3333"))) == []


@pytest.mark.parametrize("text", ["oooo3333", "oooooooo"])
def test_summaries(text):
    """Each evaluation has its row, with the run and what would be too long."""
    driver = Driver(watching(), scores=True).run(minutes(text))
    rows = [one for one in driver.summaries[-1].evaluations if one.signal == NAME]
    still = text.endswith("3")
    assert [(one.detector, one.count, one.statistic, one.alarm) for one in rows] == [
        ("run", 800 * still, 800.0 * still, still)
    ]
    assert rows[0].p_value == (pytest.approx(0, abs=1e-60) if still else 1.0)
