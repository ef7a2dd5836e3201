"""Events from a file sink."""

from __future__ import annotations

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
    assert files.reader.unknown == {"io.tidemark.retrain.requested": 1}


def test_committed_parts_are_read_in_order_of_their_names(tmp_path):
    """Those still being written are hidden, as Flink names them."""
    folder = tmp_path / "events" / "2026-01-05"
    folder.mkdir(parents=True)
    for name, id in (("part-0-1", "2"), ("part-0-0", "1"), (".part-0-2.inprogress.x", "3"), ("_part-9", "4")):
        (folder / name).write_bytes(lines(message(id)))
    assert ids(EventFiles(tmp_path / "events"), timeout_s=0) == ["1", "2"]


def test_latest_skips_the_parts_that_were_there(tmp_path):
    """Parts that come later are read."""
    (tmp_path / "part-0").write_bytes(lines(message("1")))
    files = EventFiles(tmp_path, start="latest")
    assert ids(files, timeout_s=0) == []
    (tmp_path / "part-1").write_bytes(lines(message("2")))
    assert ids(files, timeout_s=0) == ["2"]


def test_new_parts_are_followed(tmp_path, monkeypatch):
    """Each part once, as it is committed, until none came for the stated time."""
    monkeypatch.setattr(event_files, "LOOK_S", 0.01)
    (tmp_path / "part-0").write_bytes(lines(message("1")))

    def commit():
        for part in (1, 2):
            time.sleep(0.1)
            hidden = tmp_path / f".part-{part}"
            hidden.write_bytes(lines(message(str(part + 1))))
            hidden.rename(tmp_path / f"part-{part}")

    writer = threading.Thread(target=commit)
    writer.start()
    assert ids(EventFiles(tmp_path), timeout_s=2) == ["1", "2", "3"]
    writer.join()


def test_a_path_with_nothing_there_is_an_error(tmp_path):
    """The message says what makes it."""
    with pytest.raises(DataError) as raised:
        EventFiles(tmp_path / "none")
    assert str(raised.value) == f"{tmp_path / 'none'}: is not there; the job makes it when it starts"
