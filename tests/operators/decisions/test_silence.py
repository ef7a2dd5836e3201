"""Silence: a stream that stands still is reported once, by the wall clock, and so is that it goes on."""

from __future__ import annotations

import msgspec
import pytest

from config.plan import JobPlan, Plan, SinkPlan
from operators.decisions.silence import arrived, looked
from schemas.cloudevents import timestamp
from schemas.errors import StateVersionError
from tests.operators.panes import MINUTE, detection

JOB = JobPlan(name="churn-monitor", environment="prod")
MODEL = msgspec.structs.replace(detection().signals.model, info={"owner": "growth"}, freshness_ms=10 * MINUTE)
PLAN = Plan(job=JOB, sources=(), events=SinkPlan(topic="e"), models=(MODEL,), configuration_id="sha256:1")


def day(drawn):
    """What is said: a letter a minute, ``x`` for records of the minute before, ``?`` for a look at the clock."""
    state, said = b"", []
    for minute, letter in enumerate(drawn):
        if letter == "x":
            state, events = arrived(state, MODEL, PLAN, (minute - 1) * MINUTE, minute * MINUTE)
            said += events
        elif letter == "?":
            state, events, _ = looked(state, MODEL, PLAN, minute * MINUTE, minute * MINUTE)
            said += events
    return said


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ("x.........?", [("silent", 10)]),
        ("x........?.", []),  # nine minutes
        ("xxxxxxxxxxx?", []),
        ("x.........??????", [("silent", 10)]),
        ("x...x.....?...?", [("silent", 14)]),
        ("x.........?..x...x", [("silent", 10), ("resumed", 13)]),
        ("x.........?..x.........?", [("silent", 10), ("resumed", 13), ("silent", 23)]),
    ],
)
def test_a_day(drawn, said):
    """Once when nothing came for `freshness`, once when something comes again."""
    events = day(drawn)
    assert [(event.type.rpartition(".")[2], event.time) for event in events] == [
        (kind, timestamp(minute * MINUTE)) for kind, minute in said
    ]


def test_what_is_said():
    """The newest record, how long it has been, and of which model; ids follow from the record, not from the clock."""
    silent, resumed = day(".x.........?..x")
    assert (silent.subject, silent.source) == ("churn", "tidemark/prod/churn-monitor")
    assert (silent.data.model, silent.data.last_record, silent.data.freshness_ms, silent.data.info) == (
        "churn",
        timestamp(0),
        10 * MINUTE,
        {"owner": "growth"},
    )
    assert silent.data.message == "churn: no record for 10 min; the newest is from 1970-01-01T00:00:00.000Z"
    assert resumed.data.message == "churn: records come again after 13 min"
    assert silent.id == day(".x..........?")[0].id
    assert len({silent.id, resumed.id, day("..x.........?")[0].id}) == 3


def test_older_records_do_not_move_the_newest():
    """Event times may go back."""
    state, _ = arrived(b"", MODEL, PLAN, 5 * MINUTE, 6 * MINUTE)
    state, _ = arrived(state, MODEL, PLAN, 2 * MINUTE, 7 * MINUTE)
    _, (event,), _ = looked(state, MODEL, PLAN, 20 * MINUTE, 20 * MINUTE)
    assert event.data.configuration == "sha256:1"
    assert event.data.last_record == timestamp(5 * MINUTE)


def test_a_job_that_stood_still_says_nothing_of_the_stream():
    """After a restart a look is made that was due long ago: the wait begins anew."""
    state, _ = arrived(b"", MODEL, PLAN, 0, MINUTE)
    state, events, next_ms = looked(state, MODEL, PLAN, 11 * MINUTE, 300 * MINUTE)
    assert (events, next_ms) == ([], 310 * MINUTE)
    _, events, next_ms = looked(state, MODEL, PLAN, 310 * MINUTE, 310 * MINUTE + 5)
    assert ([event.type for event in events], next_ms) == (["io.tidemark.stream.silent"], None)


def test_another_format_is_refused():
    """With what to do."""
    with pytest.raises(StateVersionError) as raised:
        looked(msgspec.msgpack.encode([2, 0, 0, False]), MODEL, PLAN, 0, 0)
    assert str(raised.value) == (
        "state of the silence of a stream: format 2 is not one that this release reads (1); "
        "upgrade tidemark or restore an older savepoint"
    )
