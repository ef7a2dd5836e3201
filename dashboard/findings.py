"""What pages read: the store, and the configuration where there is one."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock

from config.load import Configuration
from schemas.control import Command
from store import Reader

FRESH_S = 0.5  # many browsers ask whether anything is new once a second each; the store is asked twice a second


@dataclass(frozen=True)
class Findings:
    """What a job has found, read-only; used from many threads.

    Attributes
    ----------
    title : str
        The job's name, or the store's address.
    reader : Reader
        Of the store.
    configuration : Configuration or None
        None where only a store or files were given.
    tell : callable or None
        Sends the job a message on its control topic; None where there is none.
    """

    title: str
    reader: Reader
    configuration: Configuration | None = None
    tell: Callable[[Command], object] | None = None
    _marks: _Marks = field(default_factory=lambda: _Marks(), repr=False, compare=False)

    def mark(self) -> Hashable:
        """Something that differs as soon as the store holds anything new; at most half a second old.

        Raises
        ------
        StoreDown, StoreError
            The store cannot be read.
        """
        with self._marks.lock:
            now_s = time.monotonic()
            if now_s >= self._marks.until_s:
                self._marks.mark = self.reader.mark()
                self._marks.until_s = now_s + FRESH_S
            return self._marks.mark


@dataclass
class _Marks:
    """The mark that was read last, and until when it is taken for new."""

    lock: Lock = field(default_factory=Lock)
    mark: Hashable = None
    until_s: float = 0.0
