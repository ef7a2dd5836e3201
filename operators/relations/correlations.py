"""Relations between features: sums of products over records, from which their correlations follow.

Each feature has columns. A number has one, the normal scores of its ranks (van der Waerden; a shift or another scale
of a normal feature leaves their correlations as they are); categories have one for each of the most frequent ones, in
which a record has it or not, so that a table of two such features, and the means of a number by category, follow from
the same sums. Scores are whole multiples of 1/16: sums are exact, whatever the order and grouping of records.

A record that lacks one of two features says nothing of the pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from operators.encoding.codes import CODES
from operators.jit import kernel
from operators.sketches import leb128
from operators.statistics.ranks import rank_table, reference_counts, value_codes
from schemas.errors import StateVersionError
from schemas.profile import NumericSignal, Signal

UNIT = 16  # of a score: finer ones would not fit the sums of a batch, coarser ones show in nearly equal features
FARTHEST = 63  # units, 3.9 standard deviations of a normal feature
ROWS = 4_096  # of a batch: FARTHEST^2 times as many is below 2^24, up to where floats of 32 bits add up exactly
WIDEST = 16  # columns of a feature of categories: what more have is rare
ROOMY = 40  # columns of all features up to which categories have as many; the work grows with the square
NARROW = 5  # columns of a feature of categories beside many others
RARE = 0.01  # share of records, below which a category has no column: so few say little about anything
CONSTANT = 1e-9  # square units of a variance: what is below is rounding

Measure = Literal["correlation", "correlation_ratio", "cramers_v"]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]


def widest(signal: Signal) -> int:
    """How many columns a feature may have; none where all of its values are the same.

    >>> from schemas.profile import CategoricalSignal
    >>> widest(CategoricalSignal(count=9, missing=0, invalid=0, categories=(("a", 6), ("b", 3)), rest=0, distinct=2))
    1
    """
    if isinstance(signal, NumericSignal):
        scores = column_scores(signal, 1)[0]
        return int(len(np.unique(scores[reference_counts(signal) > 0])) > 1)
    shown = sum(count >= max(1.0, RARE * signal.count) for _, count in signal.categories)
    others = len(signal.categories) > shown or signal.rest > 0
    return min(shown - (not others), WIDEST) if shown else 0


def column_scores(signal: Signal, columns: int) -> Floats:
    """Scores of each code in the columns of a feature, shape (columns, 256), in units; 0 for codes that are no values.

    What lies beyond the reference, and unseen categories, have the scores of the farthest rank, and of no column.
    """
    scores = np.zeros((columns, CODES))
    if isinstance(signal, NumericSignal):
        ranks = rank_table(signal)
        known = np.isfinite(ranks)
        with np.errstate(divide="ignore"):
            scores[0, known] = np.clip(np.rint(UNIT * ndtri(ranks[known])), -FARTHEST, FARTHEST)
        return scores
    scores[np.arange(columns), np.arange(columns)] = UNIT
    return scores


@dataclass(frozen=True)
class Crossed:
    """Sums over records; C columns of F features."""

    records: int
    totals: Counts  # (C,) of scores
    products: Counts  # (C, C) of scores of two columns
    gaps: Counts  # (F, F) records that lack both
    lost: Counts  # (C, F) sums of the scores of records that lack another feature
    lost_squares: Counts  # (C, F) and of their squares

    def of(self, columns: Counts, features: Counts) -> Crossed:
        """Of some columns and features."""
        return Crossed(
            self.records,
            self.totals[columns],
            self.products[np.ix_(columns, columns)],
            self.gaps[np.ix_(features, features)],
            self.lost[np.ix_(columns, features)],
            self.lost_squares[np.ix_(columns, features)],
        )


class EntrySums(NamedTuple):
    """Sums over the records that have both features of an entry; shape (entries,)."""

    records: Counts
    one: Counts  # of the scores of the first
    other: Counts
    square_one: Counts  # of their squares
    square_other: Counts
    product: Counts


class RelationColumns:
    """Columns of some features.

    Parameters
    ----------
    signals
        Of the features, in the order of their codes.
    positions
        Of the codes of each.
    widths
        Columns of each, from `widest` at most.

    Examples
    --------
    >>> from schemas.profile import CategoricalSignal
    >>> plan = CategoricalSignal(count=9, missing=0, invalid=0, categories=(("a", 6), ("b", 3)), rest=0, distinct=2)
    >>> columns = RelationColumns([plan, plan], [0, 1], [1, 1])
    >>> sums = columns.fold(columns.empty(), np.array([[0, 0], [0, 1], [1, 1], [0, 255]], np.uint8))
    >>> columns.correlations(columns.crossed(sums)).correlation.round(3).tolist()
    [0.5]
    """

    def __init__(self, signals: Sequence[Signal], positions: Sequence[int], widths: Sequence[int]) -> None:
        self.signals = tuple(signals)
        self.widths = tuple(widths)
        self.positions = np.array(positions, np.int64)
        self.of = np.repeat(np.arange(len(widths)), widths)  # feature of each column
        self.starts = np.cumsum([0, *widths])
        rows = [column_scores(signal, width) for signal, width in zip(signals, widths, strict=True)]
        self.scores: Scores = np.concatenate([np.zeros((0, CODES)), *rows]).astype(np.float32)
        present = [value_codes(signal) for signal in signals]
        self.present = np.array(present, np.bool_).reshape(len(signals), CODES)
        columns, features = len(self.of), len(signals)
        self._upper = np.triu_indices(columns)
        self._gaps = np.triu_indices(features)
        shapes = (1, columns, len(self._upper[0]), len(self._gaps[0]), columns * features, columns * features)
        self._cuts = np.cumsum(shapes)[:-1]
        self.size = int(sum(shapes))
        # Entries: two columns of different features, pair after pair.
        one, other = np.triu_indices(columns, 1)
        apart = self.of[one] != self.of[other]
        one, other = one[apart], other[apart]
        order = np.lexsort((other, one, self.of[other], self.of[one]))
        self.one, self.other = one[order], other[order]
        numbers = self.of[self.one] * features + self.of[self.other]
        self.firsts = np.flatnonzero(np.diff(numbers, prepend=-1))  # entry with which each pair begins
        self.pairs = [(int(self.of[self.one[at]]), int(self.of[self.other[at]])) for at in self.firsts]

    def empty(self) -> Counts:
        """Sums of no records, shape (size,)."""
        return np.zeros(self.size, np.int64)

    def fold(self, sums: Counts, codes: npt.NDArray[np.uint8]) -> Counts:
        """Sums with those of more records.

        Parameters
        ----------
        sums : int64, shape (size,)
        codes : uint8, shape (records, signals), C-contiguous
        """
        columns, features = len(self.of), len(self.signals)
        totals, products = np.zeros(columns), np.zeros((columns, columns))
        gaps = np.zeros((features, features))
        lost, squares = np.zeros((2, columns, features))
        for start in range(0, len(codes), ROWS):
            scores, lacks = self.spread(codes[start : start + ROWS])
            totals += scores.sum(axis=0, dtype=np.float64)
            products += scores.T @ scores
            lacking = np.flatnonzero(lacks.any(axis=0))
            if len(lacking):
                some = lacks[:, lacking].astype(np.float32)
                gaps[np.ix_(lacking, lacking)] += some.T @ some
                lost[:, lacking] += scores.T @ some
                squares[:, lacking] += (scores * scores).T @ some
        parts = [len(codes)], totals, products[self._upper], gaps[self._gaps], lost.ravel(), squares.ravel()
        return np.asarray(sums + np.concatenate(parts).astype(np.int64), np.int64)

    def folded(self, before: bytes, codes: npt.NDArray[np.uint8]) -> bytes:
        """Bytes of sums, from `pack`, with those of more records; none are those of no records."""
        return pack(self.fold(unpack(before) if before else self.empty(), codes))

    def spread(self, codes: npt.NDArray[np.uint8]) -> tuple[Scores, npt.NDArray[np.bool_]]:
        """Scores of records, shape (records, columns), and which features they lack, shape (records, features)."""
        scores = np.empty((len(codes), len(self.of)), np.float32)
        lacks = np.empty((len(codes), len(self.signals)), np.bool_)
        _spread(codes, self.positions, self.starts, self.scores, self.present, scores, lacks)
        return scores, lacks

    def crossed(self, sums: Counts) -> Crossed:
        """Sums by what they are of."""
        columns, features = len(self.of), len(self.signals)
        records, totals, upper, gaps, lost, squares = np.split(sums, self._cuts)
        return Crossed(
            records=int(records[0]),
            totals=totals,
            products=_whole(upper, self._upper, columns),
            gaps=_whole(gaps, self._gaps, features),
            lost=lost.reshape(columns, features),
            lost_squares=squares.reshape(columns, features),
        )

    def sums(self, found: Crossed, entries: slice | Counts = slice(None)) -> EntrySums:
        """Of some of the entries, over the records that have both features."""
        one, other = self.one[entries], self.other[entries]
        a, b = self.of[one], self.of[other]
        missing, squares = np.diag(found.gaps), np.diag(found.products)
        return EntrySums(
            records=found.records - missing[a] - missing[b] + found.gaps[a, b],
            one=found.totals[one] - found.lost[one, b],
            other=found.totals[other] - found.lost[other, a],
            square_one=squares[one] - found.lost_squares[one, b],
            square_other=squares[other] - found.lost_squares[other, a],
            product=found.products[one, other],
        )

    def correlations(self, found: Crossed) -> Correlations:
        """Correlation of each entry, over the records that have both features."""
        sums = self.sums(found)
        # Whole numbers up to here: of a constant nothing is left.
        many = np.maximum(sums.records, 1)
        product = sums.product - sums.one * (sums.other / many)
        variance_one = sums.square_one - sums.one * (sums.one / many)
        variance_other = sums.square_other - sums.other * (sums.other / many)
        moves = (variance_one > CONSTANT * many) & (variance_other > CONSTANT * many)
        scale = np.sqrt(np.where(moves, variance_one * variance_other, 1.0))
        found_ = np.where(moves, np.clip(product / scale, -1.0, 1.0), np.nan)
        return Correlations(found_, sums.records.astype(np.float64))

    @cached_property
    def kurtosis(self) -> Floats:
        """Fourth moment of each column in its standard deviations, by the reference's counts; shape (columns,)."""
        found = np.empty(len(self.of))
        for column, feature in enumerate(self.of.tolist()):
            counts = reference_counts(self.signals[feature])
            shares = counts / max(counts.sum(), 1.0)
            moved = self.scores[column] - shares @ self.scores[column]
            found[column] = shares @ moved**4 / max(float(shares @ moved**2) ** 2, 1e-30)
        return found

    def strength(self, found: Crossed, pair: int, correlation: float) -> Strength:
        """How closely the features of a pair are related; ``correlation`` is that of its first entry."""
        a, b = self.pairs[pair]
        numbers = [isinstance(self.signals[feature], NumericSignal) for feature in (a, b)]
        if all(numbers):
            return Strength("correlation", correlation)
        if any(numbers):
            number, categories = (a, b) if numbers[0] else (b, a)
            return Strength("correlation_ratio", self._ratio(found, number, categories))
        return Strength("cramers_v", _cramers_v(self._table(found, a, b)))

    def _table(self, found: Crossed, a: int, b: int) -> Floats:
        """Records by category of one feature and of another, the last for all categories without a column."""
        rows, columns = slice(*self.starts[a : a + 2]), slice(*self.starts[b : b + 2])
        missing = np.diag(found.gaps)
        records = found.records - missing[a] - missing[b] + found.gaps[a, b]
        inner = found.products[rows, columns] / UNIT**2
        left = (found.totals[rows] - found.lost[rows, b]) / UNIT
        top = (found.totals[columns] - found.lost[columns, a]) / UNIT
        table = np.empty((len(left) + 1, len(top) + 1))
        table[:-1, :-1] = inner
        table[:-1, -1], table[-1, :-1] = left - inner.sum(axis=1), top - inner.sum(axis=0)
        table[-1, -1] = records - table[:-1].sum() - table[-1, :-1].sum()
        return table

    def _ratio(self, found: Crossed, number: int, categories: int) -> float:
        """Correlation ratio: the root of the share of a number's variance that lies between categories."""
        column, cells = self.starts[number], slice(*self.starts[categories : categories + 2])
        missing = np.diag(found.gaps)
        records = found.records - missing[number] - missing[categories] + found.gaps[number, categories]
        total = float(found.totals[column] - found.lost[column, categories])
        square = float(found.products[column, column] - found.lost_squares[column, categories])
        many = (found.totals[cells] - found.lost[cells, number]) / UNIT
        sums = found.products[column, cells] / UNIT
        many, sums = np.append(many, records - many.sum()), np.append(sums, total - sums.sum())
        there = many > 0
        mean = total / max(records, 1)
        between = float((sums[there] ** 2 / many[there]).sum()) - total * mean
        variance = square - total * mean
        return float(np.sqrt(np.clip(between / variance, 0.0, 1.0))) if variance > CONSTANT * records else np.nan


@dataclass(frozen=True)
class Correlations:
    """Of each entry; shape (entries,)."""

    correlation: Floats  # NaN where one of both does not vary
    records: Floats  # that have both features


class Strength(NamedTuple):
    """How closely two features are related: rank correlation, correlation ratio or Cramer's V; NaN: not defined."""

    measure: Measure
    value: float


def pack(sums: Counts) -> bytes:
    """Bytes of sums: how many, then each by `leb128`, its sign in the lowest bit."""
    return len(sums).to_bytes(4, "little") + leb128.pack((sums << 1) ^ (sums >> 63))


def unpack(data: bytes) -> Counts:
    """The sums that `pack` made into bytes.

    Raises
    ------
    StateVersionError
        They are not as many as the bytes say.
    """
    found = np.zeros(int.from_bytes(data[:4], "little"), np.int64)
    if leb128.unpack(data[4:], found) != len(found):
        message = f"relations: {len(data)} bytes are not {len(found)} sums; restore another savepoint"
        raise StateVersionError(message)
    return np.asarray((found >> 1) ^ -(found & 1), np.int64)


def added(parts: Sequence[bytes]) -> bytes:
    """Bytes of the sums of several; of none, none."""
    there = [part for part in parts if part]
    if len(there) < 2:
        return there[0] if there else b""
    total = unpack(there[0])
    for part in there[1:]:
        total += unpack(part)
    return pack(total)


def widths_of(signals: Mapping[str, Signal], most: int) -> dict[str, int]:
    """Columns of each feature that varies, at most so many: of categories fewer where there is no room for all."""
    found = {name: width for name, signal in signals.items() if (width := widest(signal))}
    for width in range(WIDEST, 0, -1):
        narrow = {name: min(many, width) for name, many in found.items()}
        if sum(narrow.values()) <= (min(ROOMY, most) if width > NARROW else most):
            return narrow
    return narrow if found else {}


def _whole(upper: Counts, where: tuple[Counts, Counts], size: int) -> Counts:
    found = np.zeros((size, size), np.int64)
    found[where] = upper
    found.T[where] = upper
    return found


def _cramers_v(table: Floats) -> float:
    total = table.sum()
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    least = min(table.shape, default=0) - 1
    if least < 1:
        return float("nan")
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / total
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / total / least))


@kernel
def _spread(codes, positions, starts, table, present, scores, lacks):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for f in range(positions.shape[0]):
            code = codes[i, positions[f]]
            lacks[i, f] = not present[f, code]
            for c in range(starts[f], starts[f + 1]):
                scores[i, c] = table[c, code]
