"""What a page asks of the store is found by an index: a million summaries are never gone through."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from store import Database, Reader, Writer
from tests.store.messages import asked, drift, window

READ = {
    "models": lambda reader: reader.models(),
    "span": lambda reader: (reader.span(), reader.span("churn")),
    "fleet": lambda reader: reader.fleet(0),
    "thresholds": lambda reader: (reader.held_by_day(), reader.held_by_day("churn"), reader.held_by_window("churn")),
    "windows": lambda reader: [reader.summaries(key, most=10) for key in reader.keys("churn")],
    "episode": lambda reader: (
        [(reader.story(each.episode), reader.said_of(each), reader.told([each.episode])) for each in reader.episodes()],
        [(reader.requests_because_of(each), reader.incident(each.incident)) for each in reader.episodes()],
        reader.similar(drift().read),
    ),
    "mark": lambda reader: reader.mark(),
    "letters": lambda reader: (reader.letters(from_ms=0), reader.letters_by_day(from_ms=0)),
}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_no_summary_is_read_for_nothing(tmp_path, read):
    """Nor any event; the sums of days and the keys may be gone through, which are few."""
    with Database(f"sqlite:///{tmp_path}/a.db") as database:
        Writer(database).write([drift(), asked(), window(0), window(5, about="labels")])
        said = []
        event.listen(database._engine, "before_cursor_execute", lambda *call: said.append(call[2:4]))
        read(Reader(database))
        with database.begin() as connection:
            plans = [
                row[3]
                for statement, parameters in list(said)
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    assert plans
    assert [plan for plan in plans if plan in ("SCAN summaries", "SCAN events")] == []
