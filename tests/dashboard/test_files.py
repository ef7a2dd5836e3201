from __future__ import annotations

import time

import pytest

from dashboard.files import POLL_S, stored
from schemas.errors import DataError
from store import Reader
from tests.store.messages import drift, window


def test_files_are_followed(tmp_path):
    """Half a line waits for its rest; a file that comes later, and parts of one, count as well."""
    events, summaries = tmp_path / "e.jsonl", tmp_path / "s.jsonl"
    first, second = window().body, window(5).body
    summaries.write_bytes(first + b"\n" + second[:50])
    with stored([events, summaries]) as database:
        reader = Reader(database)
        assert [key.end_ms for key in reader.keys()] == [window().read and reader.span()[1]]
        before = reader.mark()
        with summaries.open("ab") as more:
            more.write(second[50:] + b"\nnothing\n")
        part = tmp_path / "e.jsonl.parts" / "2026-01-05" / "part-0"
        part.parent.mkdir(parents=True)
        part.write_bytes(drift().body + b"\n")
        for _ in range(20):
            time.sleep(POLL_S / 2)
            if reader.episodes() and reader.held().windows == 2:
                break
        assert (len(reader.episodes()), reader.held().windows) == (1, 2)
        assert reader.mark() != before


def test_a_file_that_is_none(tmp_path):
    """A folder, or one in a folder that is not there."""
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "x" / "e", "there is no folder")):
        with pytest.raises(DataError, match=said), stored([path]):
            pass
