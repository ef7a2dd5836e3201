from __future__ import annotations

from store import Reader, Writer
from tests.store.messages import MINUTE, START_MS, drift, window


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
