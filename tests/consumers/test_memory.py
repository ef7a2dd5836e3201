"""What was handled, across processes."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from consumers import memory as module
from consumers.memory import DEAD, DONE, Memory, key
from schemas.errors import SetupError

DAY_S = 86_400.0


class Twin(RuleBasedStateMachine):
    """A memory on disk beside a plain dictionary; closing and opening it changes nothing."""

    @initialize()
    def start(self):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.db"
        self.memory = Memory(self.path, DAY_S)
        self.states: dict[tuple[str, bytes], int] = {}

    @rule(handler=st.sampled_from("ab"), name=st.sampled_from([b"1", b"2"]))
    def begin(self, handler, name):
        state = self.states.get((handler, name), 0)
        self.states[handler, name] = state if state < 0 else state + 1
        assert self.memory.begin(self.memory.number(handler), name) == self.states[handler, name]

    @rule(handler=st.sampled_from("ab"), name=st.sampled_from([b"1", b"2"]), state=st.sampled_from([0, DONE, DEAD]))
    def end(self, handler, name, state):
        self.memory.end(self.memory.number(handler), name, state)
        if (handler, name) in self.states:
            self.states[handler, name] = state

    @rule(handler=st.sampled_from("ab"), all=st.booleans())
    def forget(self, handler, all):
        self.memory.forget([self.memory.number(handler)], all=all)
        self.states = {
            place: state for place, state in self.states.items() if place[0] != handler or not (all or state == DEAD)
        }

    @rule()
    def restart(self):
        self.memory.close()
        self.memory = Memory(self.path, DAY_S)

    def teardown(self):
        self.memory.close()
        self.folder.cleanup()


TestTwin = Twin.TestCase
TestTwin.settings = settings(max_examples=10, deadline=None)  # each opens files


def test_what_is_old_is_forgotten(tmp_path, monkeypatch):
    """After the stated time, so that the file stays small; what is younger is kept."""
    clock = [1e9]
    monkeypatch.setattr(module.time, "time", lambda: clock[0])
    memory = Memory(tmp_path / "m.db", 10 * DAY_S)
    handler = memory.number("h")
    for name in (b"old", b"young"):
        memory.begin(handler, name)
        memory.end(handler, name, DONE)
        clock[0] += 6 * DAY_S
    assert memory.begin(handler, b"young") == DONE
    assert memory.begin(handler, b"old") == 1


def test_two_listeners_share_a_file(tmp_path):
    """What one has handled, the other does not."""
    one, other = (Memory(tmp_path / "m.db", DAY_S) for _ in range(2))
    one.begin(one.number("h"), b"1")
    one.end(one.number("h"), b"1", DONE)
    one.flush()
    assert other.begin(other.number("h"), b"1") == DONE


def test_keys_tell_their_parts_apart():
    """Of 16 bytes."""
    assert len({key("a", "bc"), key("ab", "c"), key("abc")}) == 3
    assert len(key("a")) == 16


@pytest.mark.parametrize("how", ["folder", "garbage"])
def test_a_file_that_cannot_be_used_is_an_error(how, tmp_path):
    """Said at the start, with what to do."""
    path = tmp_path / "m.db"
    path.mkdir() if how == "folder" else path.write_bytes(b"x" * 5000)
    with pytest.raises(SetupError) as raised:
        Memory(path, DAY_S)
    why = "unable to open database file" if how == "folder" else "file is not a database"
    assert str(raised.value) == (
        f"memory {path}: cannot be used ({why}); name another file, or remove it and handle all again"
    )


def test_a_file_of_a_newer_release_is_an_error(tmp_path):
    """It is not touched."""
    with sqlite3.connect(tmp_path / "m.db") as file:
        file.execute("PRAGMA user_version = 2")
    with pytest.raises(SetupError) as raised:
        Memory(tmp_path / "m.db", DAY_S)
    assert str(raised.value) == (
        f"memory {tmp_path / 'm.db'}: format 2 is newer than this release reads (1); upgrade tidemark"
    )


def test_a_file_that_breaks_stops_the_handling(tmp_path):
    """Without it events could be handled twice."""
    memory = Memory(tmp_path / "m.db", DAY_S)
    memory.close()
    with pytest.raises(SetupError) as raised:
        memory.begin(1, b"1")
    assert str(raised.value) == (
        f"memory {tmp_path / 'm.db'}: cannot be used any more (Cannot operate on a closed database.); "
        "nothing is handled without it"
    )
