"""Slices of an episode of the whole traffic: which segments are named, for how long, and which stands out."""

from __future__ import annotations

import msgspec
import pytest

from operators.decisions.outputs import SliceAlarms
from operators.decisions.slices import NAMED, SEARCH, standing_out
from operators.policy import add, advance
from schemas.events import Effect, SliceEvidence
from schemas.segments import parse
from tests.operators.changes import MINUTE, change
from tests.operators.test_policy import END, JOB, PLAN, progress


def said(segment, size=0.5, signal="feature.age", level="large", detector="psi"):
    return SliceEvidence(
        segment=parse(segment),
        count=500,
        signal=signal,
        detector=detector,
        statistic=size,
        threshold=0.1,
        effect=Effect(size=size, level=level, direction="up"),
    )


def alarms(minute, segment, *found, version="3"):
    found = list(found) or [said(segment)]
    return SliceAlarms(
        time_ms=minute * MINUTE,
        until_ms=(minute + 1) * MINUTE,
        model="churn",
        version=version,
        segment=segment,
        found=found,
    )


def events(*outputs):
    """Of whatever order the outputs come in."""
    told = advance(PLAN, JOB, "", add(b"", outputs), END)[1]
    assert advance(PLAN, JOB, "", add(b"", reversed(outputs)), END)[1] == told
    return told


def named(event):
    return [(one.segment, one.signal, one.effect.size) for one in event.data.slices or ()]


def test_an_episode_names_the_segments_that_changed_most():
    """Strongest first, each once, by those of the episode's signals that changed most there."""
    (event,) = events(
        change(20),
        alarms(20, "country=DE", said("country=DE", 0.6), said("country=DE", 0.9, "feature.income")),
        alarms(20, "country=FR", said("country=FR", 0.7)),
        alarms(20, "country=IT", said("country=IT", 0.8, level="medium")),
        alarms(20, "country=ES", said("country=ES", 2.0), version="4"),
    )
    assert named(event) == [
        ({"country": "FR"}, "feature.age", 0.7),
        ({"country": "DE"}, "feature.age", 0.6),
        ({"country": "IT"}, "feature.age", 0.8),
    ]
    assert event.data.message == "feature.age moved up: PSI 0.41 (alarm at 0.03)"


def test_five_are_named():
    """And no more are kept."""
    many = [alarms(20, f"country={n}", said(f"country={n}", 0.5 + n / 10)) for n in range(9)]
    state, (event,) = advance(PLAN, JOB, "", add(b"", [change(20), *many]), 20 * MINUTE)
    assert [segment["country"] for segment, _, _ in named(event)] == ["8", "7", "6", "5", "4"]
    assert state.count(b"\ncountry=") == NAMED
    later = change(20, "feature.b", time_ms=20 * MINUTE + 30_000)
    (event,) = advance(PLAN, JOB, "", add(state, [later]), END)[1]
    assert len(event.data.slices) == NAMED


@pytest.mark.parametrize(("seconds", "there"), [(-60, False), (0, True), (30, True), (60, False)])
def test_what_a_segment_says_holds_until_it_is_evaluated_again(seconds, there):
    """Not before, and not from then on."""
    opened = change(20, time_ms=20 * MINUTE + 1_000 * seconds)
    (event,) = events(alarms(20, "country=DE"), opened, progress(22))
    assert (event.data.slices is not None) == there


def test_events_of_segments_and_of_what_is_over_have_none():
    """They are of one place, or of none any more."""
    told = events(
        change(20, segment="country=DE"), alarms(20, "country=DE"), change(20), change(21, state="recovered"),
        alarms(21, "country=DE"),
    )  # fmt: skip
    assert [bool(event.data.slices) for event in told] == [True, False, False]


def test_the_message_ends_with_the_segment_that_stands_out():
    """After all else it says."""
    outputs = [change(20), alarms(20, "country=DE", said("country=DE", 0.8)), alarms(20, "country=FR")]
    assert events(*outputs)[0].data.message == "feature.age moved up: PSI 0.41 (alarm at 0.03); most in country=DE"


@pytest.mark.parametrize(
    ("found", "most"),
    [
        ([], None),
        ([("country=DE", 0.8)], "country=DE"),
        ([("country=DE", 0.5)], None),  # as everywhere
        ([("country=DE", 0.8), ("country=FR", 0.7)], None),
        ([("country=DE,device=ios", 0.9), ("country=DE", 0.8)], "country=DE"),  # of which the other is a part
        ([("country=DE,device=ios", 1.1), ("country=DE", 0.8)], "country=DE,device=ios"),
        ([("country=DE", 0.8), ("device=ios", 0.7)], None),
    ],
)
def test_what_stands_out(found, most):
    """Clearly more than the whole traffic, and than each other segment that is not a part of it."""
    signals = [change(20).evidence]
    assert standing_out([said(segment, size) for segment, size in found], signals) == most


def test_sizes_in_different_units_are_compared_by_level():
    """A statistic of one detector says nothing beside another's."""
    whole = [change(20, level="medium").evidence]
    assert standing_out([said("country=DE", 0.1, detector="lepage")], whole) == "country=DE"
    assert standing_out([said("country=DE", 9.0, detector="lepage", level="medium")], whole) is None


def found(segment, lost):
    """A slice that a search has found, by how much more than its threshold it has lost."""
    made = said(segment, 0.1 + lost, "performance.accuracy", "medium", SEARCH)
    return msgspec.structs.replace(made, threshold=0.1)


def test_slices_of_a_search_are_named_after_the_segments():
    """The one that lost most first, whatever measure the episode is of; of other kinds of episodes none."""
    search = alarms(20, "all", found("plan=gold,country=DE", 0.3), found("device=ios", 0.5))
    loss = change(20, kind="performance", signal="performance.roc_auc")
    (event,) = events(loss, search, alarms(20, "country=DE", said("country=DE", 0.7, "performance.roc_auc")))
    assert [one.segment for one in event.data.slices] == [
        {"country": "DE"}, {"device": "ios"}, {"plan": "gold", "country": "DE"}
    ]  # fmt: skip
    (event,) = events(change(20), search)
    assert event.data.slices is None


def test_which_slice_of_a_search_stands_out():
    """The one that lost most, unless a segment has changed clearly more that it is no part of."""
    whole = [change(20, kind="performance", signal="performance.roc_auc").evidence]
    segment = said("country=DE", 9.0, "performance.roc_auc")
    assert standing_out([found("device=ios", 0.5), found("plan=gold", 0.3)], whole) == "device=ios"
    assert standing_out([segment, found("device=ios", 0.5)], whole) == "country=DE"
    assert standing_out([segment, found("plan=gold,country=DE", 0.5)], whole) == "plan=gold,country=DE"
