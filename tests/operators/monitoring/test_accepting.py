"""What was accepted is what signals are compared with: from when on, which, until when, and what is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan, QualityPlan
from operators.decisions.outputs import Rebased, Refused, Told
from operators.monitoring import accepting
from operators.monitoring.state import Key
from schemas.cloudevents import timestamp
from schemas.control import Accept
from schemas.errors import StateVersionError
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, TENTHS, Driver, Records, detection, timeline

KEY = Key("churn", "3", "champion", "all")
SAME, MOVED, BACK = list(range(10)), [5, 6, 7, 8, 9], [0, 1, 2]
KINDS = {"s": SAME, "m": MOVED, "b": BACK}


def accept(minute, signals=("feature.age",), seen=None, **more):
    """Said at the end of a minute, of an event of that time."""
    command = Accept(
        **{
            "model": "churn",
            "version": "3",
            "kind": "feature",
            "episode": "e1",
            "signals": signals,
            "seen": timestamp((minute if seen is None else seen) * MINUTE),
            "by": "ann",
            "why": "prices",
            **more,
        }
    )
    return Told(time_ms=minute * MINUTE, id=f"{minute}{command.episode}{command.undo}", command=command)


def told(driver):
    """But for what changes in between."""
    return [one for one in driver.told if one[2] != "changed"]


def answers(driver):
    return [one for one in driver.outputs if isinstance(one, (Rebased, Refused))]


def test_the_window_is_the_reference_from_then_on():
    """The signal is over, stays so while values are as in the window, and opens when they go back to the profile's."""
    driver = Driver(detection()).run(
        [*timeline("ssss mmmm", KINDS), accept(8), *timeline("mmmmmm ssss", KINDS, start=8)]
    )
    assert told(driver) == [
        (6, "age", "opened", "up"),
        (8, "age", "recovered", "accepted"),
        (16, "age", "opened", "down"),
    ]
    (rebased,) = answers(driver)
    assert (rebased.signals, rebased.records, rebased.undone) == (["feature.age"], 600, False)
    assert (rebased.start, rebased.end) == (timestamp(5 * MINUTE), timestamp(8 * MINUTE))
    assert (rebased.by, rebased.why, rebased.episode) == ("ann", "prices", "e1")
    change = driver.changes[-1]
    assert (change.profile_kind, change.profile_id) == ("accepted", rebased.profile_id)
    assert driver.changes[0].profile_kind == "profile"
    assert (change.evidence.reference.mean, driver.changes[0].evidence.reference.mean) == (7.5, 0.0)


@pytest.mark.parametrize("detectors", [("psi", "lepage"), ("psi", "wasserstein"), ("adwin", "page_hinkley")])
@pytest.mark.parametrize("marker", [RESTART, SHUFFLE])
def test_it_does_not_matter_what_happens_between_steps(detectors, marker):
    """Restarts lose nothing, and the order in which records come is of no account."""
    of = detection(detectors=tuple(DetectorPlan(name=name) for name in detectors))
    items = [*timeline("ssss mmmm", KINDS), accept(8), *timeline("mmmm ssss", KINDS, start=8)]
    plain = Driver(of, scores=True).run(items)
    shaken = Driver(of, scores=True).run([part for item in items for part in (marker, item)])
    assert plain.said == shaken.said
    assert len(answers(plain)) == 1
    assert [state for _, _, state, _ in told(plain)] == ["opened", "recovered", "opened"]


def test_only_the_signals_of_the_episode():
    """Another one that is open stays open, and is compared with the profile as before."""
    of = detection({"age": TENTHS, "rate": TENTHS})
    both = {"s": SAME, "m": MOVED}

    def items(drawn, start=0):
        return [
            Records(item.end_ms, np.hstack([item.codes, item.codes])) for item in timeline(drawn, both, start=start)
        ]

    driver = Driver(of).run([*items("sss mmmm"), accept(7), *items("mmm", 7)])
    assert told(driver)[2:] == [(7, "age", "recovered", "accepted")]
    assert {told[1] for told in told(driver)[:2]} == {"age", "rate"}


def test_undone():
    """The profile counts again, so what differs from it is found again."""
    driver = Driver(detection()).run(
        [
            *timeline("ssss mmmm", KINDS),
            accept(8),
            *timeline("mmmm", KINDS, start=8),
            accept(12, undo=True),
            *timeline("mmm", KINDS, start=12),
            accept(15, undo=True),
        ]
    )
    assert told(driver)[1:] == [(8, "age", "recovered", "accepted"), (14, "age", "opened", "up")]
    first, undone, refused = answers(driver)
    assert (undone.undone, undone.signals, undone.records) == (True, ["feature.age"], first.records)
    assert driver.changes[-1].profile_kind == "profile"
    assert driver.accepted == b""
    assert refused.why == "nothing is compared with its window (any more)"


def test_what_is_open_against_the_window_is_over_when_it_is_undone():
    """It was no change from the profile."""
    driver = Driver(detection()).run(
        [
            *timeline("ssss mmmm", KINDS),
            accept(8),
            *timeline("mmm bbb", KINDS, start=8),
            accept(14, undo=True),
        ]
    )
    assert told(driver)[-2:] == [(13, "age", "opened", "down"), (14, "age", "recovered", "configuration")]


def test_a_later_window_takes_the_place_of_an_earlier_one():
    """To undo the earlier one is then refused, and to undo the later one leads to the profile."""
    driver = Driver(detection()).run(
        [
            *timeline("ssss mmmm", KINDS),
            accept(8),
            *timeline("mmm bbbb", KINDS, start=8),
            accept(15, episode="e2"),
            *timeline("bbb", KINDS, start=15),
            accept(18, undo=True),
            accept(18, episode="e2", undo=True),
            *timeline("bbb", KINDS, start=18),
        ]
    )
    assert [type(one) for one in answers(driver)] == [Rebased, Rebased, Refused, Rebased]
    assert told(driver)[-2:] == [(15, "age", "recovered", "accepted"), (20, "age", "opened", "down")]


@pytest.mark.parametrize(
    ("drawn", "more", "why"),
    [
        ("ssssssss", {}, "none of its signals is open (any more)"),
        ("ssss mmmm", {"signals": ("feature.x",)}, "none of its signals is open (any more)"),
        ("ssss mmmm", {"kind": "quality"}, "none of its signals is open (any more)"),
        ("ssss mmmm", {"seen": 5}, "none of its signals is open (any more)"),
        ("ssss mmmm", {"undo": True}, "nothing is compared with its window (any more)"),
        ("", {}, "none of its signals is open (any more)"),
    ],
)
def test_what_is_refused(drawn, more, why):
    """With the reason, and nothing changes."""
    driver = Driver(detection()).run([*timeline(drawn, KINDS), accept(8, **more)])
    (refused,) = answers(driver)
    assert (refused.why, refused.what, refused.about, refused.by) == (why, "accept", "e1", "ann")
    assert driver.accepted == b""
    assert all(state == "opened" for _, _, state, _ in told(driver))


def test_too_few_records():
    """Of half a window at least, as thresholds hold for no smaller reference; later there are enough."""
    driver = Driver(detection()).run(
        [
            *timeline("ssss", KINDS, 1_000),
            *timeline("mm", KINDS, 300, start=4),
            accept(6),
            *timeline("m", KINDS, 300, start=6),
            accept(7),
        ]
    )
    first, second = answers(driver)
    assert first.why == "slides since 1970-01-01 00:04 have only 600 records (at least 800); say it again later"
    assert (type(second), second.records) == (Rebased, 900)


def test_a_moving_reference_needs_no_accepting():
    """What is compared with the time before it becomes normal by itself."""
    of = detection(previous_ms=6 * MINUTE)
    driver = Driver(of).run([*timeline("ssssssss mm", KINDS), accept(10)])
    assert [one.why for one in answers(driver)] == [
        "windows are compared with the time before them, and it becomes normal by itself"
    ]


def test_a_share_of_missing_values():
    """A quality signal: as many as in the window are normal, none is not any more."""
    of = detection(quality=QualityPlan())
    gaps = {"s": SAME, "m": [*SAME, 255, 255, 255, 255, 255]}
    driver = Driver(of).run(
        [
            *timeline("ssss mmmm", gaps),
            accept(8, ("quality.missing.age",), kind="quality"),
            *timeline("mmmm ssss", gaps, start=8),
        ]
    )
    assert [(minute, state, why) for minute, name, state, why in told(driver) if name == "quality.missing.age"] == [
        (6, "opened", "up"),
        (8, "recovered", "accepted"),
        (15, "opened", "down"),
    ]


def test_a_key_that_sleeps_keeps_it():
    """For 90 days after its last records; then it is compared with the profile again."""
    items = [*timeline("ssss mmmm", KINDS), accept(8)]
    days = 24 * 60
    driver = Driver(detection()).run([*items, 30 * days * MINUTE])
    assert driver.accepted
    assert driver.state
    driver.run(timeline("mmmmmm", KINDS, start=30 * days))
    assert told(driver)[-1] == (8, "age", "recovered", "accepted")
    driver.run([300 * days * MINUTE])
    assert (driver.state, driver.ring, driver.accepted, driver.next_ms) == (b"", b"", b"", None)


def test_another_profile_ends_it():
    """Codes that were counted mean something else; with other detectors they mean what they did."""
    items = [*timeline("ssss mmmm", KINDS), accept(8), *timeline("m", KINDS, start=8)]
    driver = Driver(detection()).run(items)
    before = driver.accepted
    driver.detection = detection(detectors=(DetectorPlan(name="psi"), DetectorPlan(name="adwin")))
    driver.run(timeline("mmmm", KINDS, start=9))
    assert driver.accepted == before
    assert told(driver)[-1] == (8, "age", "recovered", "accepted")
    more = msgspec.structs.replace(TENTHS, missing=7)
    driver.detection = detection({"age": more})
    driver.run(timeline("mmmm", KINDS, start=13))
    assert driver.accepted == b""
    assert told(driver)[-1][1:] == ("age", "opened", "up")


def test_bytes_that_are_none():
    """Are refused by name."""
    with pytest.raises(StateVersionError) as caught:
        accepting.unpack(KEY, b"TA\x09\x00\x92")
    assert str(caught.value) == (
        "what was accepted of churn/3/all: format 9 is not one that this release reads (1); "
        "upgrade tidemark or restore an older savepoint"
    )
