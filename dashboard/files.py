"""Files of what a job said as a store: read into a database of their own, and followed as they grow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import msgspec

from schemas import dead_letters, events, summaries
from schemas.cloudevents import milliseconds
from schemas.dead_letters import DeadLetterEvent
from schemas.errors import DataError
from schemas.events import EventError, UnknownEventError
from store import Database, Letter, Message, Writer

POLL_S = 0.5  # with half a second of `Findings` and one of a page, what is written is seen within two
LINES = 2_000  # of one transaction: it is over before a page would notice that it waits


@contextmanager
def stored(paths: list[Path]) -> Iterator[Database]:
    """A database with what is in the files, and in what they grow by until this is left.

    Parameters
    ----------
    paths : list of Path
        Files of one event, summary or dead letter a line. One of a run that goes on stands in a folder
        ``FILE.parts``; it need not be there yet, but its folder does.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    for path in paths:
        if not path.parent.is_dir() or path.is_dir():
            message = f"{path}: is a folder" if path.is_dir() else f"{path}: there is no folder '{path.parent}'"
            raise DataError(message + "; name a file of events or summaries, as 'tidemark backtest --events' writes")
    with tempfile.TemporaryDirectory(prefix="tidemark-dashboard-") as folder:
        with Database(f"sqlite:///{folder}/read.db") as database:
            followed = Followed(paths, Writer(database))
            followed.read()
            done = Event()
            thread = Thread(target=followed.follow, args=(done,), daemon=True)
            thread.start()
            try:
                yield database
            finally:
                done.set()
                thread.join()


@dataclass
class Followed:
    """Files, and how far they are read."""

    paths: list[Path]
    writer: Writer
    unusable: int = 0  # lines that are none of these
    _read: dict[Path, int] = field(default_factory=dict)

    def follow(self, done: Event) -> None:
        """Read what comes, until it is done."""
        while not done.wait(POLL_S):
            self.read()

    def read(self) -> None:
        """Read all lines that are there and whole.

        Raises
        ------
        DataError
            A file cannot be read.
        """
        for path in self.paths:
            for part in (path, *sorted(path.with_name(f"{path.name}.parts").rglob("part-*"))):
                try:
                    self._read_part(part)
                except FileNotFoundError:
                    continue  # not yet; or parts are made one file
                except OSError as error:
                    message = f"{part}: {error.strerror}; choose a file of events or summaries"
                    raise DataError(message) from error

    def _read_part(self, path: Path) -> None:
        start = self._read.get(path, 0)
        if path.stat().st_size < start:
            start = 0  # it was written anew; what is stored already stays as it is
        with path.open("rb") as lines:
            lines.seek(start)
            batch: list[Message | Letter] = []
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # the rest of it is still to come
                batch += self._messages(line.strip(), path, start)
                start += len(line)
                if len(batch) >= LINES:
                    self._write(batch)
                    batch = []
            self._write(batch)
        self._read[path] = start

    def _write(self, batch: list[Message | Letter]) -> None:
        self.writer.write([each for each in batch if isinstance(each, Message)])
        self.writer.count([each for each in batch if isinstance(each, Letter)])

    def _messages(self, line: bytes, path: Path, place: int) -> Iterator[Message | Letter]:
        for decode in (summaries.decode, dead_letters.decode, events.decode) if line else ():
            try:
                read = decode(line)
            except UnknownEventError:
                return
            except (EventError, msgspec.MsgspecError):
                continue
            if isinstance(read, DeadLetterEvent):
                if path not in self.paths:
                    return  # counted by their places, they would count twice when parts are made one file
                time_ms = int(time.time() * 1000) if read.time is None else milliseconds(read.time)
                yield Letter(str(path), 0, place, time_ms, read)
            else:
                yield Message(line, read)
            return
        self.unusable += bool(line)
