"""What becomes of an event: handled once, tried again, buried, skipped."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import msgspec
import pytest

from consumers import pump
from consumers.pump import HandlerError
from consumers.subscriber import Counts
from schemas.errors import UsageError
from schemas.events import encode
from tests.consumers.events import UNKNOWN
from tidemark import DriftEvent, GiveUp, Retries, RetryLater, StreamEvent, Subscriber, UnknownEvent
from tidemark.testing import Crash, FakeTopic, drift_event, profile_event, stream_event


def subscriber(**settings):
    return Subscriber("", "drift-events", group="test", **settings)


def collecting(reading, *types, **filters):
    """Let a handler keep the ids that it gets."""
    seen = []
    reading.on(*types, **filters)(lambda event: seen.append(event.id))
    return seen


ONE, OTHER = drift_event(model="churn"), drift_event(model="fraud", severity="warning", kind="quality")


def test_each_event_is_handled_once():
    """A restored job writes events again with the same ids; a handler sees the first."""
    reading = subscriber()
    seen = collecting(reading)
    topic = FakeTopic(ONE, OTHER, ONE)
    assert topic.run(reading) == Counts(handled=2, repeated=1)
    topic.publish(OTHER, ONE)
    assert topic.run(reading) == Counts(repeated=2)
    assert seen == [ONE.id, OTHER.id]


def test_a_crash_in_a_handler_gives_the_event_again_and_no_other():
    """What was handled before is not, though its place may not have been committed."""
    reading, seen = subscriber(), []

    @reading.on()
    def handler(event):
        seen.append(event.id)
        if event is not None and seen.count(OTHER.id) == 1 and event.id == OTHER.id:
            raise Crash

    assert FakeTopic(ONE, OTHER).run(reading) == Counts(handled=1)
    assert seen == [ONE.id, OTHER.id, OTHER.id]


def test_an_event_that_ends_the_process_each_time_becomes_a_dead_letter():
    """Those behind it are handled."""
    reading, seen = subscriber(), []

    @reading.on()
    def handler(event):
        seen.append(event.id)
        if event.id == ONE.id:
            raise Crash

    topic = FakeTopic(ONE, OTHER)
    assert topic.run(reading) == Counts(handled=1, dead=1)
    assert seen == 5 * [ONE.id] + [OTHER.id]
    [(value, failure)] = topic.dead
    assert value == encode(ONE)
    assert failure == ("handler", "the process ended 5 times in its handler", 5)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ValueError("no such table"), "ValueError: no such table"),
        (SystemExit(3), "SystemExit: 3"),
        (RetryLater("busy", 0.5), "busy"),
    ],
    ids=["error", "exit", "later"],
)
def test_what_fails_is_tried_with_growing_waits_then_buried(raised, said):
    """Half of each wait is chance; the next event follows."""
    reading = subscriber(retries=Retries(within_s=20, first_s=2, longest_s=6))

    @reading.on()
    def handler(event):
        if event.id == ONE.id:
            raise raised

    topic = FakeTopic(ONE, OTHER)
    assert topic.run(reading) == Counts(handled=1, dead=1)
    [(value, failure)] = topic.dead
    assert (value, failure.error) == (encode(ONE), said)
    assert failure.attempts == len(topic.waits) + 1
    for wait, longest in zip(topic.waits, [2, 4, 6, 6, 6, 6], strict=False):
        assert longest / 2 <= wait <= longest
    assert 20 - 6 <= sum(topic.waits) <= 20


def test_what_works_at_last_is_handled():
    """An endpoint that was down for an hour; who said when to come back was waited for."""
    reading, tries = subscriber(retries=Retries(within_s=7200, longest_s=300)), []

    @reading.on()
    def handler(event):
        tries.append(event.id)
        if len(tries) == 1:
            message = "429"
            raise RetryLater(message, after_s=120)
        if sum(topic.waits) < 3600:
            raise ConnectionRefusedError

    topic = FakeTopic(ONE)
    assert topic.run(reading) == Counts(handled=1)
    assert topic.waits[0] == 120
    assert 3600 <= sum(topic.waits) <= 3900


def test_a_handler_may_give_up_at_once():
    """Without a second attempt."""
    reading = subscriber()

    @reading.on()
    def handler(event):
        message = "there is no such job"
        raise GiveUp(message)

    topic = FakeTopic(ONE)
    topic.run(reading)
    assert topic.dead == [(encode(ONE), ("handler", "there is no such job", 1))]
    assert topic.waits == []


def test_a_dead_event_stays_dead_until_it_is_played_again():
    """The same event from a restored job is not tried; again, it is, and what was handled as well."""
    reading, seen, broken = subscriber(retries=Retries(within_s=0)), [], True

    @reading.on()
    def handler(event):
        seen.append(event.id)
        if broken and event.id == ONE.id:
            raise ValueError

    topic = FakeTopic(ONE, OTHER, ONE)
    assert topic.run(reading) == Counts(handled=1, dead=1, repeated=1)
    broken = False
    assert topic.run(reading, again=True) == Counts(handled=2, repeated=1)
    assert seen == [ONE.id, OTHER.id, ONE.id, OTHER.id]


def test_handlers_of_one_event_are_independent():
    """One fails for good, the others act once."""
    reading = subscriber(retries=Retries(within_s=0))
    first = collecting(reading, name="first")

    @reading.on()
    def broken(event):
        raise ValueError

    last = collecting(reading, name="last")
    assert FakeTopic(ONE).run(reading) == Counts(handled=2, dead=1)
    assert first == last == [ONE.id]


def test_handlers_by_type():
    """Texts, patterns, classes; an event for which there is none is counted."""
    reading = subscriber()
    seen = {name: [] for name in ("text", "pattern", "class")}
    reading.handle(
        {
            "io.tidemark.drift.resolved": lambda event: seen["text"].append(event.type),
            "io.tidemark.drift.*": lambda event: seen["pattern"].append(event.type),
            StreamEvent: lambda event: seen["class"].append(event.type),
        }
    )
    topic = FakeTopic(ONE, drift_event("resolved"), stream_event(), profile_event())
    assert topic.run(reading) == Counts(handled=4, unwanted=1)
    assert seen == {
        "text": ["io.tidemark.drift.resolved"],
        "pattern": ["io.tidemark.drift.opened", "io.tidemark.drift.resolved"],
        "class": ["io.tidemark.stream.silent"],
    }


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"models": ["ch*"]}, ["churn", "churn"]),
        ({"kinds": ["quality"]}, ["fraud", "churn"]),
        ({"severity": "critical"}, ["churn", "churn"]),
        ({"severity": "warning"}, ["churn", "fraud", "churn"]),
    ],
)
def test_filters(filters, wanted):
    """What has no kind or severity is not held back by them."""
    reading, seen = subscriber(), []
    reading.on(**filters)(lambda event: seen.append(event.data.model))
    FakeTopic(ONE, OTHER, stream_event(model="churn")).run(reading)
    assert seen == wanted


def test_muted_models_call_nobody():
    """Unless one asks for their events too."""
    muted = drift_event(muted=True)
    for wants in (False, True):
        reading = subscriber(muted=wants)
        seen = collecting(reading)
        assert FakeTopic(muted).run(reading) == (Counts(handled=1) if wants else Counts(muted=1))
        assert seen == [muted.id] * wants


def test_what_is_unknown_is_for_those_who_want_it():
    """As it was; to others it is skipped and counted, like what is no event."""
    newer = msgspec.json.encode({**msgspec.json.decode(encode(ONE)), "dataschema": "urn:tidemark:drift:2"})
    messages = [UNKNOWN, newer, b"?", None, ONE, b'{"specversion":"1.0","type":"x","id":"1","subject":[]}']
    plain, curious, seen = subscriber(), subscriber(), []
    collecting(plain)
    assert FakeTopic(*messages).run(plain) == Counts(handled=1, unknown=3, malformed=2)
    assert plain.reader.unknown == {"io.tidemark.forecast.made": 1, "io.tidemark.drift.opened": 1, "x": 1}
    curious.on(UnknownEvent)(seen.append)
    assert FakeTopic(*messages).run(curious) == Counts(handled=2, unwanted=1, malformed=3)
    assert [(event.type, event.dataschema) for event in seen] == [
        ("io.tidemark.forecast.made", "urn:tidemark:forecast:1"),
        ("io.tidemark.drift.opened", "urn:tidemark:drift:2"),
    ]
    assert seen[1].data["model"] == "churn"


def test_asynchronous_handlers():
    """They run to their end, fail and time out like others; one that timed out is tried again."""
    reading, seen = subscriber(timeout_s=0.05), []

    @reading.on()
    async def handler(event):
        seen.append(event.id)
        await asyncio.sleep(10 if len(seen) == 1 else 0)

    topic = FakeTopic(ONE)
    assert topic.run(reading) == Counts(handled=1)
    assert seen == [ONE.id, ONE.id]
    assert len(topic.waits) == 1


def test_a_function_that_hangs_is_left_behind():
    """It cannot be stopped, so it is not called twice; its event is a dead letter, other handlers and events go on."""
    reading, release, seen = subscriber(timeout_s=0.2), threading.Event(), []

    @reading.on(models=["churn"])
    def hangs(event):
        seen.append("hangs")
        release.wait(30)

    others = collecting(reading)
    topic = FakeTopic(ONE, OTHER)
    assert topic.run(reading) == Counts(handled=2, dead=1)
    release.set()
    assert seen == ["hangs"]
    assert others == [ONE.id, OTHER.id]
    assert topic.dead[0][1] == ("hangs", "did not return within 0.2 s and still runs, so it was not tried again", 1)


def test_when_all_hang_the_subscriber_ends(monkeypatch):
    """Threads that hang are not piled up for ever."""
    monkeypatch.setattr(pump, "HANGING", 2)
    reading, release = subscriber(timeout_s=0.1), threading.Event()
    reading.on()(lambda event: release.wait(30))
    with pytest.raises(HandlerError) as raised:
        FakeTopic(ONE, OTHER).run(reading)
    release.set()
    assert str(raised.value) == "subscriber: 2 handlers hang; find out what they wait for, give them time-outs"


def test_a_handler_may_stop_the_subscriber():
    """Its event is handled; the next waits for the next run."""
    reading, seen = subscriber(), []

    @reading.on()
    def handler(event):
        seen.append(event.id)
        reading.stop()

    topic = FakeTopic(ONE, OTHER)
    assert topic.run(reading) == Counts(handled=1)
    assert topic.run(reading) == Counts(handled=1)
    assert seen == [ONE.id, OTHER.id]


def test_a_stop_between_attempts_keeps_the_event():
    """It is tried again by the next run, and a few stops do not make it a dead letter."""
    reading, seen = subscriber(), []

    class Stopping(FakeTopic):
        def wait(self, seconds):
            reading.stop()
            return True

    @reading.on()
    def handler(event):
        seen.append(event.id)
        if len(seen) < 8:
            raise ValueError

    topic = Stopping(ONE)
    for _ in range(7):
        assert topic.run(reading) == Counts()
    assert topic.run(reading) == Counts(handled=1)
    assert topic.dead == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda reading: reading.on("io.tidemark.drift.opend"),
            "'io.tidemark.drift.opend' is not a type of event (io.",
        ),
        (lambda reading: reading.on(int), "<class 'int'> is not a class of events (DriftEvent, StreamEvent, "),
        (lambda reading: reading.on(severity="high"), "'high' is not a severity (warning, critical)"),
        (lambda reading: reading.on(models="churn"), "'churn' is a text, not a list of texts"),
        (lambda reading: reading.on(DriftEvent)(print), "two handlers are called 'print'; give one a 'name'"),
        (lambda reading: subscriber(start="yesterday"), "'yesterday' is not a start (earliest, latest or a time "),
    ],
)
def test_what_is_wrong_is_said_when_it_is_written(make, said):
    """Not at the first event."""
    reading = subscriber()
    reading.on()(print)
    with pytest.raises(UsageError) as raised:
        make(reading)(sys.exit)
    assert str(raised.value).startswith(f"subscriber: {said}")


def test_a_subscriber_without_handlers_is_an_error():
    """It would skip all events."""
    with pytest.raises(UsageError) as raised:
        FakeTopic(ONE).run(subscriber())
    assert str(raised.value) == "subscriber: has no handlers; decorate a function with 'on'"


def test_every_outcome_is_told():
    """Also that it is tried again, and when."""
    told = []
    reading = subscriber(retries=Retries(within_s=3, first_s=2), tell=told.append)
    reading.on(name="never")(lambda event: 1 / 0)
    topic = FakeTopic(ONE)
    topic.run(reading)
    assert [outcome.wait_s for outcome in told] == [*topic.waits, None]
    assert {outcome.handler for outcome in told} == {"never"}
    assert told[-1].failure.error == "ZeroDivisionError: division by zero"


def test_a_handler_at_work_keeps_nothing_waiting():
    """While it works the topic is asked to stay in the group."""
    stays = []

    class Group(FakeTopic):
        def stay(self):
            stays.append(time.monotonic())

    reading = subscriber()
    reading.on()(lambda event: time.sleep(0.35))
    assert Group(ONE).run(reading) == Counts(handled=1)
    assert len(stays) >= 2
