"""A change that was there before is known again, however far its window has moved; another one is not taken for it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.decisions.recurrence import CELLS, PAST, recurring, remembered
from schemas.events import CategoryChange, Effect, Histogram
from tests.operators.changes import change
from tests.operators.decisions.test_advice import episode
from tests.operators.test_policy import told

TENTHS = np.full(10, 0.1)
RISE = np.array([0.02, 0.03, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.21])
WIDER = np.array([0.2, 0.14, 0.08, 0.05, 0.03, 0.03, 0.05, 0.08, 0.14, 0.2])
AGE = ["feature.age"]


def shown(shares, signal="feature.age", count=5_000, seed=None, minute=20, direction="up", **more):
    """A signal that has these shares in its window, as they are drawn where there is a seed."""
    if seed is not None:
        shares = np.random.default_rng(seed).multinomial(count, shares) / count
    found = change(minute, signal, **more)
    histogram = Histogram(
        edges=tuple(range(1, 10)), reference=tuple(TENTHS.tolist()), current=tuple(map(float, shares))
    )
    effect = Effect(size=0.41, level="large", direction=direction)
    evidence = msgspec.structs.replace(found.evidence, histogram=histogram, effect=effect)
    return msgspec.structs.replace(
        found, evidence=evidence, window=msgspec.structs.replace(found.window, count=count)
    )  # fmt: skip


def mixed(part, shares=RISE):
    return (1 - part) * TENTHS + part * shares


def past(*episodes):
    known = []
    for number, one in enumerate(episodes):
        known = remembered(known, msgspec.structs.replace(one, id=f"e{number}"), number, "recovered", list(one.members))
    return known


def test_the_same_change_is_known_whatever_part_of_the_window_it_has():
    """On average 99 of 100 times, the level of the test."""
    known = [
        recurring(past(episode(shown(mixed(0.8), seed=seed))), episode(shown(mixed(part), seed=1000 + seed)), AGE)
        for seed in range(100)
        for part in (0.3, 0.6, 1.0)
    ]
    assert sum(one is not None for one in known) >= 290


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_another_change_is_not_taken_for_it(part):
    """Of another shape, or of the opposite direction."""
    before = past(episode(shown(RISE, seed=1)))
    others = [shown(mixed(part, WIDER), seed=2), shown(mixed(part, RISE[::-1]), seed=3)]
    assert [recurring(before, episode(one), AGE) for one in others] == [None, None]
    assert recurring(before, episode(shown(mixed(part), seed=4, direction="down")), AGE) is None


def test_it_has_to_be_the_same_signal_segment_and_kind():
    """The newest that fits is named; the strongest signal has to be known, others count if both have them."""
    there = episode(shown(RISE))
    assert recurring(past(there, there), there, AGE).episode == "e1"
    assert recurring(past(there), msgspec.structs.replace(there, segment="country=DE"), AGE) is None
    assert recurring(past(there), msgspec.structs.replace(there, kind="prediction"), AGE) is None
    both = episode(shown(RISE), shown(WIDER, "feature.income"))
    assert recurring(past(there), both, ["feature.age", "feature.income"]).episode == "e0"
    assert recurring(past(there), both, ["feature.income", "feature.age"]) is None
    assert recurring(past(both), episode(shown(RISE), shown(RISE, "feature.income")), list(both.members)) is None


def test_what_has_too_few_shares_is_not_remembered():
    """In one direction every change of two shares is the same; nor are shares of other categories comparable."""
    names = "abcdef"

    def plans(current):
        rest = change(20, "feature.plan")
        reference = 1 / len(current)
        told = tuple(
            CategoryChange(category=names[at], reference=reference, current=share) for at, share in enumerate(current)
        )
        return episode(msgspec.structs.replace(rest, evidence=msgspec.structs.replace(rest.evidence, categories=told)))

    assert past(plans([0.9, 0.1])) == []
    three = plans([0.6, 0.3, 0.1])
    assert CELLS == 3
    assert recurring(past(three), three, ["feature.plan"]) is not None
    assert recurring(past(three), plans([0.5, 0.3, 0.1, 0.1]), ["feature.plan"]) is None
    assert past(episode(change(20, "quality.missing.age", kind="quality"))) == []


def test_what_is_remembered_is_bounded():
    """The oldest are forgotten."""
    known = past(*[episode(shown(RISE))] * (PAST + 3))
    assert [one.episode for one in known][:: PAST - 1] == ["e3", f"e{PAST + 2}"]


def test_the_event_says_so():
    """In its message when it opens, and in all its events."""
    outputs = [
        shown(RISE),
        shown(RISE, minute=30, state="recovered"),
        shown(mixed(0.5), minute=60),
        shown(mixed(0.9), minute=70, state="changed"),
        shown(WIDER, minute=60, segment="country=DE"),
    ]
    first, over, second, other, again = told(outputs)
    assert [first.data.recurs, over.data.recurs, other.data.recurs] == [None] * 3
    assert second.data.recurs == again.data.recurs == first.data.episode
    assert second.data.message == (
        "feature.age moved up: PSI 0.41 (alarm at 0.03); "
        f"like episode {first.data.episode[:8]}, which passed at 1970-01-01 00:30"
    )
    assert again.data.message == "still drifting: feature.age moved up: PSI 0.41 (alarm at 0.03)"
