from __future__ import annotations

import dataclasses

import msgspec

from schemas.cloudevents import timestamp
from schemas.evaluations import Evaluation
from schemas.events import encode
from store import Message, Reader, Writer
from store.tables import DAY_MS
from tests.store.messages import MINUTE, START_MS, asked, drift, window


def test_windows_of_a_key_in_a_span(database):
    """Those that end in it, in the order of time; of too many the newest."""
    messages = [window(5 * number, count=number) for number in range(10)]
    Writer(database).write([*messages, window(0, segment="country=DE"), window(0, about="labels")])
    reader = Reader(database)
    (key,) = [key for key in reader.keys("churn", segment="all") if key.about == "records"]
    counts = [summary.window.count for summary in reader.summaries(key)]
    assert counts == list(range(10))
    from_ms, to_ms = START_MS + 10 * MINUTE, START_MS + 25 * MINUTE
    assert [each.window.count for each in reader.summaries(key, from_ms=from_ms, to_ms=to_ms)] == [2, 3, 4]
    assert [each.window.count for each in reader.summaries(key, most=2)] == [8, 9]


def test_whether_thresholds_hold(database):
    """Added up over windows of records alone."""
    Writer(database).write(
        [
            window(0, exceeded=1, expected=0.25),
            window(5, exceeded=2, expected=0.25, segment="a=b"),
            window(5, exceeded=9, expected=9.0, about="performance"),
            window(5, exceeded=4, expected=1.0, model="other"),
        ]
    )
    held = Reader(database).held("churn")
    assert (held.windows, held.records, held.exceeded, held.expected) == (2, 200, 3, 0.5)
    assert Reader(database).held().exceeded == 7
    assert Reader(database).held("nobody").windows == 0


def test_episodes_of_a_span(database):
    """Those that went on at any time in it."""
    Writer(database).write([drift("opened", 10), drift("resolved", 20), drift("opened", 40, model="fraud")])
    reader = Reader(database)
    onset_ms = reader.episodes("churn")[0].onset_ms

    def models(**span):
        return sorted(episode.model for episode in reader.episodes(**span))

    assert models() == ["churn", "fraud"]
    assert models(from_ms=START_MS + 21 * MINUTE) == ["fraud"]
    assert models(from_ms=onset_ms, to_ms=onset_ms + 1) == ["churn", "fraud"]
    assert models(to_ms=onset_ms) == []
    assert reader.models() == ["churn", "fraud"]


def test_nothing(database):
    """An empty store has no span."""
    assert Reader(database).span() is None
    assert Reader(database).models() == []


def test_the_span_of_all(database):
    """From the first window to the last news."""
    Writer(database).write([window(0), drift("resolved", 90)])
    span = Reader(database).span("churn")
    assert span is not None
    assert span[1] == START_MS + 90 * MINUTE


def test_a_fleet(database):
    """A line a model: what it is, what goes on in it, and whether its thresholds hold."""
    labels = evaluation("labels.share", 0.25)
    Writer(database).write(
        [
            window(0, exceeded=1, expected=0.5, count=300, version="2"),
            window(5, exceeded=2, expected=0.25, count=600),
            window(5, exceeded=4, expected=0.25, segment="country=DE"),
            window(0, about="labels", evaluations=(evaluation("labels.share", 0.75),)),
            window(5, about="labels", evaluations=(labels,)),
            drift("opened", 7, muted=True),
            drift("opened", 7, model="fraud", severity="warning"),
        ]
    )
    churn, fraud = Reader(database).fleet(START_MS)
    assert (churn.model, churn.versions, churn.per_s, churn.labelled) == ("churn", ("3", "2"), 2.0, 0.25)
    assert (churn.critical, churn.warning, churn.muted) == (1, 0, True)
    assert (churn.held.windows, churn.held.exceeded, churn.held.expected) == (3, 7, 1.0)
    assert churn.newest_ms == START_MS + 10 * MINUTE
    assert (fraud.model, fraud.warning, fraud.newest_ms, fraud.held.windows) == ("fraud", 1, None, 0)
    assert Reader(database).fleet(START_MS + 2 * DAY_MS)[0].held.windows == 0


def test_thresholds_over_time(database):
    """Added up by day of all models, and by window of one."""
    day = 24 * 60
    Writer(database).write([window(0, exceeded=1, expected=0.5), window(0, segment="a=b", expected=0.25)])
    Writer(database).write([window(day, exceeded=2), window(day, model="other", exceeded=8)])
    reader = Reader(database)
    sums = [(each.held.windows, each.held.exceeded, each.held.expected) for each in reader.held_by_day()]
    assert sums == [(2, 1, 0.75), (2, 10, 0.0)]
    assert [each.held.exceeded for each in reader.held_by_day("churn", from_ms=START_MS + DAY_MS)] == [2]
    assert [(each.day_ms, each.held.windows) for each in reader.held_by_window("churn")] == [
        (START_MS + 5 * MINUTE, 2),
        (START_MS + (day + 5) * MINUTE, 1),
    ]


def test_similar_episodes(database):
    """Earlier ones of the model and kind, of another incident, in which the same signals went the same way."""
    earlier = drift("opened", 0, segment={"country": "DE"}, incident="then")
    with_it = drift("opened", 59, segment={"country": "IT"})
    now = drift("opened", 60)
    others = drift("opened", 0, kind="quality"), drift("opened", 0, model="fraud")
    other_signal = drift("opened", 0, segment={"country": "FR"}, signal="feature.income")
    Writer(database).write([at(earlier, -90), *others, at(other_signal, -80), at(with_it, -1), at(now, 0)])
    reader = Reader(database)
    ((found, like),) = reader.similar(at(now, 0).read)
    assert (found.segment, like) == ("country=DE", 1.0)
    assert reader.similar(at(earlier, -90).read) == []
    assert {each.model for each in reader.incident(now.read.data.incident)} == {"churn"}
    assert reader.episode(now.read.data.episode).model == "churn"
    assert reader.episode("nobody's") is None


def test_what_an_episode_that_is_over_was(database):
    """Its last event but for the one that it is over."""
    opened = drift("opened", 0)
    Writer(database).write([opened, drift("resolved", 9)])
    id = opened.read.data.episode
    assert Reader(database).episode(id).message == "feature.age is back to its reference"
    assert Reader(database).told([id])[id].message == "feature.age moved up: PSI 0.41"


def test_requests_because_of_an_episode(database):
    """By the reasons that they give, as their newest events are."""
    opened = drift("opened", 0)
    Writer(database).write([opened, asked("waiting", 5), asked("requested", 9)])
    reader = Reader(database)
    (reason,) = asked().read.data.reasons
    episode = reader.episodes("churn")[0]
    found = reader.requests_because_of(dataclasses.replace(episode, episode=reason.episode))
    assert [event.type.rpartition(".")[2] for event in found] == ["requested"]
    assert reader.requests_because_of(dataclasses.replace(episode, episode="another")) == []


def at(message, minute):
    """The event of an episode that began so many minutes after the first."""
    event = message.read
    data = msgspec.structs.replace(event.data, onset=timestamp(START_MS + minute * MINUTE))
    event = msgspec.structs.replace(event, data=data)
    return Message(encode(event), event)


def evaluation(signal, statistic):
    return Evaluation(
        time=timestamp(START_MS),
        model="churn",
        version="3",
        segment="all",
        signal=signal,
        detector="past",
        count=100,
        statistic=statistic,
        threshold=None,
        p_value=None,
        effect=None,
        alarm=False,
    )
