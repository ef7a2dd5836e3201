"""Cells: what a domain classifier is shown of a record, its features one by one and two by two.

A number lies in one of the quarters of the reference's values; categories have a cell each, the most frequent ones, and
one for the others. A value that is not there has a cell of its own. Two features have a cell for each two of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.statistics.ranks import rank_table, value_codes
from schemas.profile import NumericSignal, Signal

QUARTERS = 4
NAMED = 14  # categories with a cell; pairs have as many cells as the product, and each is to have some records
PAIRS = 300  # all pairs of 25 features; each takes about a microsecond of each record that is learned from

Codes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]


def cell_table(signal: Signal) -> tuple[npt.NDArray[np.int32], int]:
    """Cell of each code, shape (256,), and how many cells there are.

    Examples
    --------
    >>> from schemas.profile import CategoricalSignal
    >>> plan = CategoricalSignal(count=9, missing=0, invalid=0, categories=(("a", 6), ("b", 3)), rest=0, distinct=2)
    >>> cells, many = cell_table(plan)
    >>> cells[[0, 1, 253, 255]].tolist(), many
    ([0, 1, 2, 3], 4)
    """
    present = value_codes(signal)
    if isinstance(signal, NumericSignal):
        cells, many = np.full(CODES, QUARTERS, np.int32), QUARTERS + 1
        cells[present] = np.minimum(QUARTERS * rank_table(signal)[present], QUARTERS - 1)
        return cells, many
    named = min(len(signal.categories), NAMED)
    cells = np.full(CODES, named + 1, np.int32)
    cells[present] = named
    cells[:named] = np.arange(named)
    return cells, named + 2


class Cells:
    """Cells of the records of some features, and of some pairs of them.

    Parameters
    ----------
    signals
        Of the features, in the order of their codes.
    pairs
        Positions of two features, the lower one first.
    """

    def __init__(self, signals: Sequence[Signal], pairs: Ints) -> None:
        found = [cell_table(signal) for signal in signals]
        self._tables = np.array([cells for cells, _ in found], np.int32)
        self._widths = np.array([many for _, many in found], np.int32)
        self.one, self.other = (np.ascontiguousarray(pairs[:, side]) for side in (0, 1))
        sizes = np.concatenate([self._widths, self._widths[self.one] * self._widths[self.other]])
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)

    @property
    def size(self) -> int:
        """Of all features and pairs together."""
        return int(self._starts[-1])

    def keys(self, codes: Codes) -> Keys:
        """The cells that records lie in, one of each feature and then of each pair.

        Parameters
        ----------
        codes : uint8, shape (records, features)

        Returns
        -------
        int32, shape (records, features + pairs)
        """
        alone = self._tables[np.arange(codes.shape[1]), codes]
        both = alone[:, self.one] * self._widths[self.other] + alone[:, self.other]
        return np.asarray(np.concatenate([alone, both], axis=1) + self._starts[:-1], np.int32)

    def by_feature(self, parts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What features have of the parts of themselves and of pairs, of which each has half; shape (features,)."""
        many = len(self._widths)
        found = parts[:many].copy()
        for side in (self.one, self.other):
            found += np.bincount(side, weights=parts[many:] / 2, minlength=many)
        return found


def closest_pairs(signals: Sequence[Signal], codes: Codes) -> Ints:
    """All pairs of features; where there are more than `PAIRS`, those most closely related (Cramer's V of their cells).

    Parameters
    ----------
    signals
    codes : uint8, shape (records, features)
        Of reference records.

    Returns
    -------
    int64, shape (pairs, 2)
    """
    pairs = np.column_stack(np.triu_indices(len(signals), 1)).astype(np.int64)
    if len(pairs) <= PAIRS:
        return pairs
    found = [cell_table(signal) for signal in signals]
    cells = [table[column] for (table, _), column in zip(found, codes.T, strict=True)]
    widths = [many for _, many in found]
    size = [_cramers_v(cells[a], cells[b], widths[a], widths[b]) for a, b in pairs.tolist()]
    chosen = np.argsort(-np.round(size, 9), kind="stable")[:PAIRS]
    return pairs[np.sort(chosen)]


def _cramers_v(one: Keys, other: Keys, rows: int, columns: int) -> float:
    table = np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(len(one), 1)
    there = expected > 0
    chi_squared = float(((table - expected)[there] ** 2 / expected[there]).sum())
    least = min((table.sum(axis=1) > 0).sum(), (table.sum(axis=0) > 0).sum()) - 1
    return float(np.sqrt(chi_squared / max(len(one), 1) / least)) if least > 0 else 0.0
