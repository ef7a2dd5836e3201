from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import Database, Reader, StoreDown, Writer
from tests.store.messages import MINUTE, START_MS, asked, drift, window

DAY = 24 * 60
STORY = [drift("opened", 1), drift("updated", 2), drift("resolved", 9)]


def told(database):
    """All that a reader sees."""
    reader = Reader(database)
    keys = reader.keys()
    return (
        reader.models(),
        keys,
        reader.episodes(),
        reader.requests(),
        [reader.summaries(key) for key in keys],
        [reader.story(episode.episode) for episode in reader.episodes()],
        reader.held(),
        reader.held_by_day(),
    )


def test_each_message_once(database):
    """A message that comes again changes nothing, in the same batch or in another."""
    writer = Writer(database)
    batch = [*STORY, asked(), window(), window(5), window()]
    first = writer.write(batch)
    assert (first.new, first.repeated) == (6, 0)
    before = told(database)
    again = writer.write(batch)
    assert (again.new, again.repeated) == (0, 6)
    assert told(database) == before


def test_the_newest_event_tells_the_episode(database):
    """An episode is as its last event says, whatever of it comes again later."""
    writer = Writer(database)
    writer.write(STORY[:1])
    (episode,) = Reader(database).episodes(going_on=True)
    assert (episode.ended_ms, episode.updated_ms) == (None, START_MS + MINUTE)
    writer.write(STORY[1:])
    writer.write(STORY[:2])
    (episode,) = Reader(database).episodes()
    assert (episode.why, episode.ended_ms) == ("recovered", START_MS + 9 * MINUTE)
    assert Reader(database).episodes(going_on=True) == []
    assert Reader(database).story(episode.episode) == [each.read for each in STORY]


def test_a_request_keeps_the_time_of_its_first_event(database):
    """Its state is that of the last."""
    Writer(database).write([asked("waiting", 0), asked("requested", 30)])
    Writer(database).write([asked("completed", 90)])
    (request,) = Reader(database).requests("churn")
    assert (request.state, request.time_ms, request.updated_ms) == (
        "completed",
        START_MS,
        START_MS + 90 * MINUTE,
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_batches_do_not_matter(tmp_path, data):
    """However a topic's messages fall into batches, and however far it goes back between them."""
    messages = [*STORY, *(window(5 * number) for number in range(5)), asked("waiting", 3), asked("requested", 4)]
    with Database("sqlite://") as whole, Database("sqlite://") as parts:
        Writer(whole).write(messages)
        done = 0
        while done < len(messages):
            start = data.draw(st.integers(0, done))
            end = data.draw(st.integers(done + 1, len(messages)))
            Writer(parts).write(messages[start:end])
            done = end
        assert told(parts) == told(whole)


def test_several_writers_at_once(database):
    """Each message is written by one of them."""
    batches = [[window(5 * number, model=f"m{model}") for number in range(20)] for model in range(4)]
    found = []

    def write():
        found.extend(Writer(database).write(batch) for batch in batches)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(written.new for written in found) == 80
    assert sum(written.repeated for written in found) == 160


def test_a_mark_changes_with_what_is_written(database):
    """And only then: what was there already leaves it as it is."""
    writer, reader = Writer(database), Reader(database)
    marks = [reader.mark()]
    for batch in (STORY, STORY, [window()], [window()], [asked()]):
        writer.write(batch)
        marks.append(reader.mark())
    assert marks == [0, 1, 1, 2, 2, 3]


def test_what_is_given_once_is_written(database):
    """A batch may be looked through more than once."""
    assert Writer(database).write((*STORY, window())).new == 4


def test_pruning_keeps_what_goes_on(database):
    """What is older goes, but for episodes that are open: their first events say what they are about."""
    writer = Writer(database)
    yesterday = window(-DAY), window(-DAY, model="old")
    writer.write([*STORY, drift("opened", 1, model="fraud"), *yesterday, window(60), asked()])
    writer.prune(events_before_ms=START_MS + 30 * MINUTE, summaries_before_ms=START_MS + 30 * MINUTE)
    reader = Reader(database)
    assert [episode.model for episode in reader.episodes()] == ["fraud"]
    assert len(reader.story(reader.episodes()[0].episode)) == 1
    assert reader.requests() == []
    assert reader.held().windows == reader.fleet(0)[0].held.windows == 1
    assert [key.model for key in reader.keys()] == ["churn"]


def test_a_server_that_is_down_and_back(postgres):
    """Says so, writes nothing, and goes on where it was."""
    with Database(postgres.fresh("down")) as database:
        writer = Writer(database)
        writer.write(STORY[:1])
        postgres.stop()
        try:
            with pytest.raises(StoreDown, match=r"^store postgresql\+psycopg://tidemark@127.0.0.1:\d+/down: "):
                writer.write(STORY[1:])
        finally:
            postgres.start()
        assert writer.write(STORY).new == 2
