from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, inspect, text

from store import Database, Reader, StoreDown, StoreError, Writer
from store.tables import FORMAT
from tests.store.messages import window


def test_it_is_there_again_when_opened_again(database):
    """What was written stays; a second opening makes nothing anew."""
    Writer(database).write([window()])
    with Database(database._engine.url.render_as_string(hide_password=False)) as again:
        assert Writer(again).write([window()]).repeated == 1


def test_several_that_begin_at_once(empty):
    """All find the tables, which one of them has made."""
    with ThreadPoolExecutor(8) as pool:
        for made in [pool.submit(Database, empty) for _ in range(8)]:
            made.result().close()


def test_what_a_newer_release_wrote_is_refused(tmp_path):
    """It says what to do."""
    url = f"sqlite:///{tmp_path}/a.db"
    Database(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE tidemark SET format = 99"))
    with pytest.raises(StoreError, match=rf"format 99 is newer than this release reads \({FORMAT}\); upgrade tidemark"):
        Database(url)


def test_tables_of_others_are_not_touched(tmp_path):
    """A database with an `events` of somebody's is refused."""
    url = f"sqlite:///{tmp_path}/a.db"
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE events (a)"))
    with pytest.raises(StoreError, match=r"has tables of other software .* \(events\); give the store a database"):
        Database(url)


def test_what_is_no_database(tmp_path):
    """A file of something else."""
    (tmp_path / "a.db").write_text("no database at all " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Database(f"sqlite:///{tmp_path}/a.db")


def test_a_server_that_is_not_there():
    """It may be there later; the password is not in the message."""
    with pytest.raises(StoreDown) as raised:
        Database("postgresql+psycopg://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(raised.value)


def test_a_store_of_the_first_release(empty):
    """What it lacks is added, and what it holds is added up: as if this release had written it."""
    with Database(empty) as database:
        Writer(database).write([window(0, exceeded=1, expected=0.25), window(5), window(24 * 60), window(0, model="b")])
        days = Reader(database).held_by_day()
        with database.begin() as connection:
            for table in ("days", "letters", "places", "changes"):
                connection.execute(text(f"DROP TABLE {table}"))
            connection.execute(text("DROP INDEX summaries_held"))
            connection.execute(text("UPDATE tidemark SET format = 1"))
    with Database(empty) as grown:
        assert Reader(grown).held_by_day() == days != []
        assert "summaries_held" in {index["name"] for index in inspect(grown._engine).get_indexes("summaries")}
        assert Reader(grown).mark() == 1
        assert Writer(grown).write([window(0), window(10)]).new == 1
    with Database(empty) as again:
        assert Reader(again).held_by_day()[0].held.windows == 4
