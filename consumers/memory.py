"""What was handled: ids of events in SQLite, so that an event that comes again does nothing again.

``handlers``: name, number. ``events``: number of the handler, key (16 bytes that stand for an event), state, time of
the last change in seconds since 1970. ``episodes``: those that are open, of incidents that a handler was called
for. The state is `DONE`, `DEAD`, or how often its handler was begun without ever
coming back: an event that ends the process each time is found by that.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from schemas.errors import SetupError

DONE, DEAD = -1, -2
FORMAT = 1  # of the tables, in SQLite's user_version
KEY_BYTES = 16  # two events never share a key
PRUNE_EVERY_S = 3600.0  # a pass over the table takes milliseconds; what is kept an hour too long harms nobody
BUSY_S = 30.0  # another listener with the same file holds it for microseconds; a backup of it, for longer
# Bytes: each event changes a page or two, somewhere; larger ones mean more to write, smaller ones deeper trees.
PAGE = 1024
JOURNAL_PAGES = 16_000  # 16 MB beside the file: smaller, and a busy topic waits for the disk; larger, and opening does

_TABLES = """
CREATE TABLE IF NOT EXISTS handlers (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS events (handler INTEGER, key BLOB, state INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY (handler, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS episodes (handler INTEGER, incident TEXT, episode TEXT, time INTEGER NOT NULL,
  PRIMARY KEY (handler, incident, episode)) WITHOUT ROWID;
"""
_BEGIN = """INSERT INTO events VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE
  SET state = CASE WHEN state < 0 THEN state ELSE state + 1 END RETURNING state"""
_SET = "UPDATE events SET state = ?, time = ? WHERE handler = ? AND key = ?"


def key(*parts: str) -> bytes:
    """What stands for an event, or for whatever else is to happen once."""
    return blake2b("\0".join(parts).encode(), digest_size=KEY_BYTES).digest()


class Memory:
    """The ids of events that were handled.

    What was noted outlives the process that is killed: `begin` and `flush` leave it in the file. What `end` notes goes
    with the next of either, since to write is most of what handling an event costs; until then others wait.

    Parameters
    ----------
    path : Path or None
        The file, made where it is not there; listeners on one machine may share it. None: kept while the process
        lives.
    keep_s : float
        For how long an event is remembered; longer than the topic keeps it.

    Raises
    ------
    SetupError
        The file cannot be written, or is none of this release's.
    """

    def __init__(self, path: Path | None, keep_s: float) -> None:
        self._keep_s = keep_s
        self._pruned_s = 0.0
        self._lock = threading.Lock()
        self._where = f"memory {path}"
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._open()
        except (OSError, sqlite3.Error) as error:
            message = f"{self._where}: cannot be used ({error}); name another file, or remove it and handle all again"
            raise SetupError(message) from error

    def _open(self) -> None:
        self._file.execute(f"PRAGMA page_size = {PAGE}")
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_PAGES}")
        self._file.execute("PRAGMA synchronous = NORMAL")  # outlives a killed process; FULL: power failures too
        found = self._file.execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            message = f"{self._where}: format {found} is newer than this release reads ({FORMAT}); upgrade tidemark"
            raise SetupError(message)
        self._file.executescript(_TABLES)
        self._file.execute(f"PRAGMA user_version = {FORMAT}")

    def number(self, handler: str) -> int:
        """What stands for a handler in the other methods."""
        self._do("INSERT OR IGNORE INTO handlers (name) VALUES (?)", (handler,))
        number: int = self._do("SELECT number FROM handlers WHERE name = ?", (handler,))[0][0]
        return number

    def begin(self, handler: int, key: bytes) -> int:
        """Note that an event is given to its handler now.

        Returns
        -------
        int
            `DONE` or `DEAD`, which stay, or how often it was begun since it last came back, this time included.
        """
        now_s = time.time()
        if now_s - self._pruned_s > PRUNE_EVERY_S:
            self._pruned_s = now_s
            for table in ("events", "episodes"):
                self._do(f"DELETE FROM {table} WHERE time < ?", (int(now_s - self._keep_s),))
        state: int = self._do(_BEGIN, (handler, key, int(now_s)))[0][0]
        self.flush()
        return state

    def end(self, handler: int, key: bytes, state: int) -> None:
        """Note how it ended: `DONE`, `DEAD`, or 0 for a handler that came back without having done it."""
        if not self._file.in_transaction:
            self._do("BEGIN IMMEDIATE", ())
        self._do(_SET, (state, int(time.time()), handler, key))

    def state(self, handler: int, key: bytes) -> int:
        """How it ended, 0 for what was never begun or came back undone."""
        found = self._do("SELECT state FROM events WHERE handler = ? AND key = ?", (handler, key))
        return found[0][0] if found else 0

    def open(self, handler: int, incident: str, episode: str) -> None:
        """Note that an episode of an incident is open."""
        self._do("INSERT OR REPLACE INTO episodes VALUES (?, ?, ?, ?)", (handler, incident, episode, int(time.time())))

    def resolve(self, handler: int, incident: str, episode: str) -> int:
        """Note that an episode is over; return how many of its incident are open still."""
        self._do(
            "DELETE FROM episodes WHERE handler = ? AND incident = ? AND episode = ?", (handler, incident, episode)
        )
        left = self._do("SELECT count(*) FROM episodes WHERE handler = ? AND incident = ?", (handler, incident))
        return int(left[0][0])

    def flush(self) -> None:
        """Write what was noted."""
        if self._file.in_transaction:
            self._do("COMMIT", ())

    def forget(self, handlers: Iterable[int], *, all: bool) -> None:
        """Let handlers have dead events again, or all of them."""
        for handler in handlers:
            self._do("DELETE FROM events WHERE handler = ? AND (? OR state = ?)", (handler, all, DEAD))
            if all:
                self._do("DELETE FROM episodes WHERE handler = ?", (handler,))

    def _do(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            try:
                return self._file.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                message = f"{self._where}: cannot be used any more ({error}); nothing is handled without it"
                raise SetupError(message) from error

    def close(self) -> None:
        """Write and close the file; may be called again."""
        with contextlib.suppress(sqlite3.Error, SetupError):
            self.flush()
        with self._lock:
            self._file.close()
