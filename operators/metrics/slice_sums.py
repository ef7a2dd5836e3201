"""Slice sums: how many labelled records the cells of `slice_cells.SliceCells` have, and the sums of their errors."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from operators.sketches import leb128

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class CellSums(NamedTuple):
    """Of each cell."""

    counts: Ints  # labelled records
    errors: Floats  # their sum
    squares: Floats  # likewise


class SliceSums(msgspec.Struct, array_like=True):
    """Sums as bytes; those of wrong classes, which are their own squares, in whole numbers."""

    of: int  # what the cells are: `SliceCells.id`
    cells: int
    counts: bytes  # LEB128
    wrong: bytes = b""  # LEB128
    errors: bytes = b""  # f64 of cells that are not empty: sums of errors, then of their squares

    @classmethod
    def pack(cls, of: int, sums: CellSums, *, classes: bool) -> SliceSums:
        """Bytes of sums; of ``classes`` errors are 0 and 1."""
        counts = leb128.pack(sums.counts)
        if classes:
            return cls(of, len(sums.counts), counts, leb128.pack(sums.errors.astype(np.int64)))
        there = sums.counts > 0
        errors = np.concatenate([sums.errors[there], sums.squares[there]]).astype("<f8").tobytes()
        return cls(of, len(sums.counts), counts, errors=errors)

    def unpack(self) -> CellSums:
        """What was packed."""
        counts, wrong = np.zeros(self.cells, np.int64), np.zeros(self.cells, np.int64)
        leb128.unpack(self.counts, counts)
        if self.wrong:
            leb128.unpack(self.wrong, wrong)
            return CellSums(counts, wrong.astype(np.float64), wrong.astype(np.float64))
        errors = np.zeros((2, self.cells))
        errors[:, counts > 0] = np.frombuffer(self.errors, "<f8").reshape(2, -1)
        return CellSums(counts, *errors)


def both(one: SliceSums | None, other: SliceSums | None) -> SliceSums | None:
    """Sums of both; of the newer one where they are of other cells, as after a change of the profile.

    >>> first = CellSums(np.array([2, 0, 1]), np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    >>> packed = SliceSums.pack(7, first, classes=True)
    >>> both(packed, packed).unpack().counts.tolist(), both(None, packed).unpack().errors.tolist()
    ([4, 0, 2], [1.0, 0.0, 0.0])
    """
    if one is None or other is None or (one.of, one.cells) != (other.of, other.cells):
        return other or one
    first, second = one.unpack(), other.unpack()
    errors, squares = first.errors + second.errors, first.squares + second.squares
    sums = CellSums(first.counts + second.counts, errors, squares)
    return SliceSums.pack(one.of, sums, classes=bool(one.wrong))
