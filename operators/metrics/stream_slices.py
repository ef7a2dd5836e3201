"""Errors of one segment of the baseline, gathered until it is known how those of all records are binned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.encoding.coding import NumericCoder
from operators.profiles.slices import SliceCodec
from operators.profiles.value_counts import ValueCounts
from schemas.profile import NumericSignal, Signal, Slice

CELLS = 4_096  # distinct values kept of a stream, 24 bytes each; errors that differ in their last bits are one

Floats = npt.NDArray[np.float64]


class StreamSlice:
    """Counts of the values of each stream."""

    def __init__(self) -> None:
        self._counts: list[ValueCounts] = []
        self._records = 0

    def add(self, streams: Sequence[Floats]) -> None:
        """Take in values of labelled records, of each stream as many."""
        self._counts = self._counts or [ValueCounts(CELLS) for _ in streams]
        self._records += len(streams[0])
        for counts, values in zip(self._counts, streams, strict=True):
            counts.add(values[np.isfinite(values)])

    def packed(self, signals: Sequence[Signal]) -> Slice:
        """Counts by the codes of the streams of all records."""
        rows, moments = np.zeros((len(signals), CODES), np.int64), np.zeros((len(signals), 2))
        for row, (counts, signal) in enumerate(zip(self._counts, signals, strict=True)):
            assert isinstance(signal, NumericSignal), "errors are numbers"
            values, (_, many) = counts.middles(), counts.cells()
            if len(values):
                np.add.at(rows[row], NumericCoder([signal]).codes(np.ascontiguousarray(values[:, None]))[:, 0], many)
                mean = float(np.average(values, weights=many))
                moments[row] = mean, float(np.sqrt(np.average((values - mean) ** 2, weights=many)))
        return SliceCodec(signals).pack(self._records, rows, moments)
