"""Events from a file sink."""

from __future__ import annotations

import os
import threading
import time

import pytest

from consumers import event_files
from consumers.event_files import EventFiles
from schemas.errors import DataError
from tests.consumers.events import UNKNOWN, message


def ids(files, timeout_s=None):
    return [event.id for event in files.events(timeout_s)]


def lines(*messages):
    return b"".join(line + b"\n" for line in messages)


def test_a_finished_file_is_read_to_its_end(tmp_path):
    """Without a timeout too: nothing more will come."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(message("1"), b"?", UNKNOWN, message("2")))
    files = EventFiles(path)
    assert ids(files) == ["1", "2"]
    assert files.reader.last_malformed.startswith(f"{path}:2: event: ")
    assert files.reader.unknown == {"io.tidemark.forecast.made": 1}


def test_committed_parts_are_read_in_order_of_their_names(tmp_path):
    """Those still being written are hidden, as Flink names them."""
    folder = tmp_path / "events.parts" / "2026-01-05"
    folder.mkdir(parents=True)
    for name, id in (("part-0-1", "2"), ("part-0-0", "1"), (".part-0-2.inprogress.x", "3"), ("_part-9", "4")):
        (folder / name).write_bytes(lines(message(id)))
    assert ids(EventFiles(tmp_path / "events"), timeout_s=0) == ["1", "2"]


def part(tmp_path, number, *ids):
    folder = tmp_path / "events.parts"
    folder.mkdir(exist_ok=True)
    hidden = folder / f".part-{number}"
    hidden.write_bytes(lines(*(message(id) for id in ids)))
    hidden.rename(folder / f"part-{number}")


def test_latest_skips_the_parts_that_were_there(tmp_path):
    """Parts that come later are read, and of the finished file only what they did not have."""
    part(tmp_path, 0, "1")
    files = EventFiles(tmp_path / "events", start="latest")
    assert ids(files, timeout_s=0) == []
    part(tmp_path, 1, "2")
    assert ids(files, timeout_s=0) == ["2"]
    (tmp_path / "events").write_bytes(lines(*map(message, "0123")))
    assert ids(files) == ["0", "3"]


def test_a_run_is_followed_to_its_end(tmp_path, monkeypatch):
    """Each event once, from the parts as they are committed and the rest from the sorted file."""
    monkeypatch.setattr(event_files, "LOOK_S", 0.01)
    part(tmp_path, 0, "1")

    def run():
        for number in (1, 2):
            time.sleep(0.1)
            part(tmp_path, number, str(number + 1))
        time.sleep(0.1)
        (tmp_path / ".sorted").write_bytes(lines(*map(message, "01234")))
        (tmp_path / ".sorted").rename(tmp_path / "events")

    writer = threading.Thread(target=run)
    writer.start()
    assert ids(EventFiles(tmp_path / "events")) == ["1", "2", "3", "0", "4"]
    writer.join()


def test_the_timeout_counts_from_the_last_part(tmp_path):
    """A run that goes on may have nothing to tell."""
    part(tmp_path, 0, "1")
    assert ids(EventFiles(tmp_path / "events"), timeout_s=0.1) == ["1"]


def test_the_file_of_an_earlier_run_is_not_the_end_of_this_one(tmp_path):
    """Parts newer than the file belong to a run that goes on."""
    (tmp_path / "events").write_bytes(lines(message("0")))
    os.utime(tmp_path / "events", (1, 1))
    part(tmp_path, 0, "1")
    assert ids(EventFiles(tmp_path / "events"), timeout_s=0) == ["1"]


def test_a_path_with_nothing_there_is_an_error(tmp_path):
    """The message says what makes it."""
    with pytest.raises(DataError) as raised:
        EventFiles(tmp_path / "none")
    assert str(raised.value) == f"{tmp_path / 'none'}: is not there; the job makes it when it starts"
