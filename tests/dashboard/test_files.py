from __future__ import annotations

import time

import pytest

from dashboard.files import POLL_S, stored
from schemas.dead_letters import encode
from schemas.errors import DataError
from store import Reader
from tests.store.messages import drift, window
from tests.store.test_letters import letter


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


def test_dead_letters_of_a_file_are_counted(tmp_path):
    """Once each, also while a run that goes on has them in parts, which are made one file at its end."""
    lines = b"".join(encode("tidemark/prod/job", letter(number).read.data) + b"\n" for number in range(3))
    for path in (tmp_path / "d.jsonl", tmp_path / "d.jsonl.parts" / "part-0"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lines)
    with stored([tmp_path / "d.jsonl"]) as database:
        assert [found.number for found in Reader(database).letters()] == [3]
