"""Events from a file sink: the sorted file of a run that is over, or the committed parts of one that goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from consumers.reading import Reader
from schemas.errors import DataError
from schemas.events import Event

LOOK_S = 0.5  # new parts come with checkpoints, every few seconds


class EventFiles:
    """Reads the events of a file sink; the same face as `Subscriber`.

    Parameters
    ----------
    path : Path
        What the configuration says: the sorted file, or while the job runs the folder of its parts.
    start : "earliest" or "latest"
        Whether parts that were there before are read.

    Raises
    ------
    DataError
        There is nothing at the path.
    """

    def __init__(self, path: Path, start: Literal["earliest", "latest"] = "earliest") -> None:
        self.reader = Reader()
        self._path = path
        if not path.exists():
            message = f"{path}: is not there; the job makes it when it starts"
            raise DataError(message)
        self._seen = set(self._parts()) if start == "latest" else set()

    def _parts(self) -> list[Path]:
        """Committed parts by name; those still being written are hidden."""
        if self._path.is_file():
            return [self._path]
        found = (file for file in self._path.rglob("*") if file.is_file())
        return sorted(file for file in found if not any(name[0] in "._" for name in file.relative_to(self._path).parts))

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Events as they come; of a file, those that are in it.

        Parameters
        ----------
        timeout_s : float, optional
            Ends when no part came for so long; without it, follows a folder for ever.
        """
        heard = time.monotonic()
        while True:
            finished = self._path.is_file()
            new = [part for part in self._parts() if part not in self._seen]
            for part in new:
                self._seen.add(part)
                yield from self._in(part)
                heard = time.monotonic()
            if finished or (timeout_s is not None and time.monotonic() - heard >= timeout_s):
                return
            if not new:
                time.sleep(LOOK_S if timeout_s is None else min(LOOK_S, timeout_s))

    def _in(self, part: Path) -> Iterator[Event]:
        with part.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                event = self.reader.read(line, f"{part}:{number}")
                if event is not None:
                    yield event

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def __enter__(self) -> EventFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
