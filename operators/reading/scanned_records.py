"""A batch of JSON records of which the scanner read most, and msgspec the rest."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from operators.reading.columns import Column, listed
from operators.reading.identities import Identities
from operators.reading.records import Layout, Reading, Records, merged
from operators.reading.scanner import PREDICTION, Scanned, Scanner

Ints = npt.NDArray[np.int64]


class ScannedReading:
    """A batch of JSON records; see `records.Reading`.

    Parameters
    ----------
    lines
        All records.
    scanner, scanned
        What has scanned them, and what it found.
    rest
        Those that it left.
    layout
        What is read of the model's records.
    label
        Where their labels are; None where they are not read.
    """

    def __init__(
        self,
        lines: Sequence[bytes | None],
        scanner: Scanner,
        scanned: Scanned,
        rest: Reading,
        layout: Layout,
        identities: Identities,
        label: str | None,
    ) -> None:
        self.rows = len(lines)
        self._lines, self._scanner, self._scanned, self._rest, self._layout = lines, scanner, scanned, rest, layout
        self._label = label
        self._left: Ints = np.flatnonzero(~scanned.taken)
        left = self._left.tolist()
        self.dead = {left[row]: error for row, error in rest.dead.items()}
        rows = np.flatnonzero(scanned.taken)
        positions: list[int] = rows.tolist()
        if positions and scanned.name_the_same(rows):
            self.groups, self.ignored = identities.group(positions, scanned.names(rows[:1])[0], self.dead)
        else:
            self.groups, self.ignored = identities.groups(positions, scanned.names(rows), self.dead)
        self.ignored += [left[row] for row in rest.ignored]
        for whose, others in rest.groups.items():
            self.groups[whose] = sorted([*self.groups.get(whose, ()), *(left[row] for row in others)])

    def plain_times(self) -> Ints:
        """Event times of records in ms where they are plain to see."""
        return self._scanned.plain_times()

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the records say of their times."""
        at = np.array(rows, np.int64)
        taken = self._scanned.taken[at]
        left: Ints = np.searchsorted(self._left, at[~taken])
        said = iter(self._scanned.timestamps(at[taken])), iter(self._rest.timestamps(left.tolist()))
        return [next(said[0] if is_taken else said[1]) for is_taken in taken.tolist()]

    def take(self, model: str, rows: Ints) -> Records:
        """Some records of a group."""
        taken = self._scanned.taken[rows]
        if taken.all():
            return self._take(rows)
        others = rows[~taken]
        rest = self._rest.take(model, np.searchsorted(self._left, others))
        return merged(self._take(rows[taken]), msgspec.structs.replace(rest, rows=others), taken)

    def _take(self, rows: Ints) -> Records:
        scanned, scanner, layout = self._scanned, self._scanner, self._layout
        numbers = scanned.numbers if len(rows) == self.rows else scanned.numbers[rows]
        names = {name: scanned.column(at, rows) for name, at in scanner.names.items()}
        return Records(
            rows=rows,
            numbers=numbers[:, :-1],
            names=names,
            prediction=scanned.column(PREDICTION, rows),
            confidence=numbers[:, -1],
            segments={name: self._segment(name, names, numbers, rows) for name in layout.segments},
            hashes=scanned.hashes(rows),
            labels=None if self._label is None else scanned.column(scanner.beside[self._label], rows, truths=True),
        )

    def _segment(self, field: str, names: dict[str, Column], numbers: npt.NDArray[np.float64], rows: Ints) -> Column:
        """A segment's field: among the features, else beside them."""
        if field in self._layout.numbers:
            values = numbers[:, self._layout.numbers.index(field)]
            return [None if value != value else value for value in values.tolist()]  # NaN is none
        beside = self._scanned.column(self._scanner.beside[field], rows)
        among = names[field]
        if not isinstance(among, list) and among.null_count == len(among):
            return beside
        pairs = zip(listed(among), listed(beside), strict=True)
        return [other if one is None else one for one, other in pairs]

    def payload(self, row: int) -> bytes | None:
        """A record as it was written."""
        return self._lines[row]
