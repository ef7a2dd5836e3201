"""Events from a file sink: the parts that a job commits as it runs, and the sorted file that a finished run leaves.

The parts of ``events.jsonl`` are in the folder ``events.jsonl.parts``; a run is finished when the file is newer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from consumers.reading import Reader
from schemas.errors import DataError
from schemas.events import Event

LOOK_S = 0.5  # new parts come with checkpoints, every few seconds
DIGEST = 16  # bytes kept of each line that was read: two different ones never share them


class EventFiles:
    """Reads the events of a file sink; the same face as `Follower`.

    Each line is read once, though it stands in a part first and in the sorted file later.

    Parameters
    ----------
    path : Path
        The file that the configuration names.
    start : "earliest" or "latest"
        Whether what was there before is read.

    Raises
    ------
    DataError
        Neither the file nor its parts are there.
    """

    def __init__(self, path: Path, start: Literal["earliest", "latest"] = "earliest") -> None:
        self.reader = Reader()
        self._path = path
        self._folder = Path(f"{path}.parts")
        self._parts_read: set[Path] = set()
        self._lines_read: set[bytes] = set()
        if not path.exists() and not self._folder.exists():
            message = f"{path}: is not there; the job makes it when it starts"
            raise DataError(message)
        if start == "latest":
            for _ in self._lines([self._path] if self._finished() else self._unread()):
                pass

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Events as they come; of a finished run, those that there are.

        Parameters
        ----------
        timeout_s : float, optional
            Ends when no part came for so long; without it, follows a run until it is finished.
        """
        heard = time.monotonic()
        while True:
            finished = self._finished()
            unread = [self._path] if finished else self._unread()
            for line, place in self._lines(unread):
                event = self.reader.read(line, place)
                if event is not None:
                    yield event
            if unread:
                heard = time.monotonic()
            if finished or (timeout_s is not None and time.monotonic() - heard >= timeout_s):
                return
            if not unread:
                time.sleep(LOOK_S if timeout_s is None else min(LOOK_S, timeout_s))

    def _finished(self) -> bool:
        if not self._path.is_file():
            return False
        written = self._path.stat().st_mtime_ns
        return all(part.stat().st_mtime_ns <= written for part in self._parts())

    def _parts(self) -> list[Path]:
        """Committed parts by name; those still being written are hidden."""
        found = (file for file in self._folder.rglob("*") if file.is_file())
        return sorted(
            file for file in found if not any(name[0] in "._" for name in file.relative_to(self._folder).parts)
        )

    def _unread(self) -> list[Path]:
        return [part for part in self._parts() if part not in self._parts_read]

    def _lines(self, files: list[Path]) -> Iterator[tuple[bytes, str]]:
        """Lines that were not read before, with their places."""
        for file in files:
            self._parts_read.add(file)
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    digest = blake2b(line.rstrip(b"\n"), digest_size=DIGEST).digest()
                    if digest not in self._lines_read:
                        self._lines_read.add(digest)
                        yield line, f"{file}:{number}"

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def __enter__(self) -> EventFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
