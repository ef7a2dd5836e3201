"""Calibrating a profile: its signals' earliest values, kept in the order of time while the reference is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import ABSENT, INVALID, MISSING, OTHER
from operators.encoding.coding import CategoryCoder, NumericCoder
from operators.profiles.dependence import calibrate
from operators.profiles.earliest import Earliest
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap
from schemas.profile import NumericSignal, Signal

VALUES = 8_000_000  # kept, of all signals together: 8 bytes each, twice that for a moment
RECORDS = 1_000_000  # kept: more makes the estimates hardly better
NAMES = 1_000  # told apart, of a signal; later ones count together
# In place of a name's number; -inf: the record does not carry it.
_GAPS: dict[str | Gap, float] = {Gap.MISSING: np.nan, Gap.INVALID: np.inf}

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Calibrating:
    """Values of some signals. A signal may be in both lists, if only the data decide what it is.

    Parameters
    ----------
    numbers, names : sequence of str
        Signals that are numbers, and those that are names.
    """

    def __init__(self, numbers: Sequence[str], names: Sequence[str]) -> None:
        self._numbers = {signal: column for column, signal in enumerate(numbers)}
        self._names = {signal: column for column, signal in enumerate(names, len(numbers))}
        self._known: dict[str, dict[str | Gap, float]] = {signal: dict(_GAPS) for signal in names}
        columns = len(numbers) + len(names)
        self._earliest = Earliest(columns, min(RECORDS, VALUES // max(columns, 1)))
        self._timed: bool | None = None  # None: there was no record yet
        self._records = 0

    @property
    def order(self) -> Literal["time", "file"] | None:
        """By what the records are in order: their time, or, without times or if all are the same, as they came."""
        if not self._timed:
            return None if self._timed is None else "file"
        times = self._earliest.times()
        return "file" if len(times) > 1 and times[0] == times[-1] else "time"

    def add(
        self,
        numbers: Mapping[str, Floats],
        names: Mapping[str, Sequence[str | Gap]],
        records: int,
        times_ms: Ints | None,
    ) -> None:
        """Take in records.

        Parameters
        ----------
        numbers, names
            By signal; NaN is missing, an infinity invalid. Records do not carry a signal that is not there.
        records
            How many.
        times_ms
            Event times; None if no record has one. The first records decide whether times count; if so, records
            without one are left out.
        """
        if not records:
            return
        if self._timed is None:
            self._timed = times_ms is not None and bool((times_ms != NO_TIME).any())
        times = np.arange(self._records, self._records + records)
        if self._timed:
            times = np.full(records, NO_TIME) if times_ms is None else times_ms
        self._records += records
        wanted = np.flatnonzero(self._earliest.wants(times) & (times != NO_TIME))
        if not len(wanted):
            return
        rows = np.full((len(wanted), len(self._numbers) + len(self._names)), -np.inf)
        for signal, column in self._numbers.items():
            if signal in numbers:
                read = numbers[signal][wanted]
                rows[:, column] = np.where(np.isneginf(read), np.inf, read)
        for signal, column in self._names.items():
            if signal in names:
                known, named = self._known[signal], map(names[signal].__getitem__, wanted.tolist())
                rows[:, column] = [known[name] if name in known else _learnt(known, name) for name in named]
        self._earliest.add(times[wanted], rows)

    def calibrated(self, signals: Mapping[str, Signal], truths: Collection[str]) -> dict[str, Signal]:
        """The signals with their calibration; ``truths`` are those that are booleans."""
        return {
            name: msgspec.structs.replace(signals[name], calibration=calibrate(signals[name], codes))
            for name, codes in self.codes(signals, truths)
        }

    def codes(self, signals: Mapping[str, Signal], truths: Collection[str]) -> Iterator[tuple[str, Codes]]:
        """Of each signal the codes of the values that are kept, in the order of time."""
        values = self._earliest.records()
        for name, signal in signals.items():
            if isinstance(signal, NumericSignal):
                column = np.ascontiguousarray(values[:, self._numbers[name]])
                codes = NumericCoder([signal]).codes(column[:, None]).ravel()
                codes[np.isneginf(column)] = ABSENT
                yield name, codes
            else:
                table = self._table(name, CategoryCoder(signal, truth=name in truths))
                column = values[:, self._names[name]]
                gaps = np.select([np.isnan(column), np.isposinf(column)], [NAMES + 1.0, NAMES + 2.0], NAMES + 3.0)
                yield name, table[np.where(np.isfinite(column), column, gaps).astype(np.int64)]

    def numbers(self, signal: str) -> Floats:
        """Of a signal of numbers the values that are kept, in the order of time; infinite where there is none."""
        return self._earliest.records()[:, self._numbers[signal]]

    @property
    def times_ms(self) -> Ints | None:
        """Times of the values that are kept, ascending; None where times do not count."""
        return self._earliest.times() if self._timed else None

    def _table(self, signal: str, coder: CategoryCoder) -> Codes:
        """Code of each name by its number."""
        names = [name for name in self._known[signal] if not isinstance(name, Gap)]
        table = np.full(NAMES + 4, OTHER, np.uint8)
        table[: len(names)] = coder.codes(names)
        table[NAMES + 1 :] = MISSING, INVALID, ABSENT
        return table


def _learnt(known: dict[str | Gap, float], name: str | Gap) -> float:
    """The number of a name that was not known."""
    if len(known) == NAMES + 2:
        return float(NAMES)
    known[name] = float(len(known) - 2)
    return known[name]
