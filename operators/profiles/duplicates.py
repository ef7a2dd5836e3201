"""Duplicates: which share of a reference's records has an id that came shortly before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.hashing import hash64
from operators.profiles.dependence import calibrate, unknown
from operators.quality.signals import as_signal
from operators.reading.columns import Column, names
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap
from operators.sketches.seen import MOST_LEVEL, sampled
from schemas.profile import Share

MOST = 4_096  # ids that a key remembers, 16 bytes each: of shares of 1 % the standard error is then 0.16 %
RECORDS = 400_000  # of a reference whose ids are held against each other, 16 bytes each; of more a sample of ids

Ints = NDArray[np.int64]


class IdSample:
    """Ids of a reference, in any order and pieces, and their times."""

    def __init__(self) -> None:
        self._level = 0
        self._hashes, self._times_ms = np.empty(0, np.uint64), np.empty(0, np.int64)

    def add(self, ids: Column, times_ms: Ints | None) -> None:
        """Take in records; those without an id do not count. Without times all came at once."""
        read = names(ids)
        there = [at for at, name in enumerate(read) if not isinstance(name, Gap)]
        hashes = hash64([str(read[at]).encode("utf-8", "surrogatepass") for at in there])
        times = np.zeros(len(there), np.int64) if times_ms is None else times_ms[there]
        self._hashes, self._times_ms = np.append(self._hashes, hashes), np.append(self._times_ms, times)
        self._keep()

    def _keep(self) -> None:
        kept = sampled(self._hashes, self._level)
        while kept.sum() > RECORDS and self._level < MOST_LEVEL:
            self._level += 1
            kept = sampled(self._hashes, self._level)
        self._hashes, self._times_ms = self._hashes[kept], self._times_ms[kept]

    def share(self, span_ms: int) -> Share | None:
        """Records whose id came within a span before them, of those of the sample; None where none has an id."""
        if not len(self._hashes):
            return None
        order = np.lexsort((self._times_ms, self._hashes))
        hashes, times_ms = self._hashes[order], self._times_ms[order]
        again = np.zeros(len(hashes), np.bool_)
        apart_ms = np.where(times_ms[1:] == NO_TIME, 0, times_ms[1:] - np.maximum(times_ms[:-1], 0))
        again[1:] = (hashes[1:] == hashes[:-1]) & (apart_ms <= span_ms)
        flags = again[np.lexsort((hashes, times_ms))].astype(np.uint8)
        found = int(again.sum())
        some = 0 < found < len(flags)
        calibration = calibrate(as_signal(found, len(flags)), flags) if some else unknown(len(flags))
        return Share(found=found, records=len(flags), calibration=calibration)
