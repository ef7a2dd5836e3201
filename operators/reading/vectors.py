"""Vectors: a column of embeddings as a matrix, whatever the records are written in.

A value that is no array of so many finite numbers is invalid as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from operators.jit import kernel
from operators.reading.columns import Column, listed
from operators.reading.scan_values import FLOAT, INTEGER, LARGE, scalar
from operators.reading.words import Texts

READ, INVALID, MISSING, UNSURE = range(4)  # what the kernel finds; what it is not sure of, msgspec reads
PADDING = 16  # bytes that `scalar` may look ahead

_BLANK, _COMMA, _OPEN, _CLOSE = b" ,[]"
_GAPS = np.array([0.0, np.inf, np.nan])
_decode = msgspec.json.Decoder(float_hook=float).decode

Floats = npt.NDArray[np.float64]


class Vectors:
    """A column of vectors.

    Parameters
    ----------
    column
        JSON as it is written (`msgspec.Raw`, or with ``texts`` the cells of a CSV), lists, or an array of lists.
    dim
        How many numbers a vector has.
    texts
        Whether a text is read as JSON.

    Attributes
    ----------
    values : float64, shape (vectors, dim)
        Zeros where there is none.
    gaps : float64, shape (vectors,)
        NaN for a missing vector, infinity for an invalid one, else 0.

    Examples
    --------
    >>> vectors = Vectors([[1, 2.5], None, [1], [1, "2"], msgspec.Raw(b"[3, 4e0]")], 2)
    >>> vectors.values.tolist(), vectors.gaps
    ([[1.0, 2.5], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [3.0, 4.0]], array([ 0., nan, inf, inf,  0.]))
    """

    def __init__(self, column: Column, dim: int, *, texts: bool = False) -> None:
        self.values = np.zeros((len(column), dim))
        self.gaps = np.full(len(column), np.nan)
        if isinstance(column, pa.Array) and pa.types.is_nested(column.type):
            self._take_arrays(column)
        elif isinstance(column, pa.Array) and texts:
            cells = Texts(column)
            self._parse(np.arange(len(column)), cells.data.tobytes(), cells.places, np.isnan(cells.gaps))
        else:
            self._take_objects(listed(column))
        self.values[self.gaps != 0] = 0.0
        self.values += 0.0  # one zero: bits are what vectors are told apart by

    def _take_arrays(self, column: pa.Array) -> None:
        """Lists of numbers; a null among them makes a vector invalid."""
        there = column.is_valid().to_numpy(zero_copy_only=False)
        self.gaps[there] = np.inf
        kind = column.type
        lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        if not lists or not _is_number(kind.value_type):
            return
        sizes = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
        fits = np.flatnonzero(sizes == self.values.shape[1])
        flat = (column if len(fits) == len(column) else column.take(pa.array(fits))).flatten()
        numbers = np.asarray(flat.to_numpy(zero_copy_only=False), np.float64)
        self.values[fits] = numbers.reshape(len(fits), self.values.shape[1])
        self.gaps[fits[np.isfinite(self.values[fits]).all(axis=1)]] = 0.0

    def _take_objects(self, column: Sequence[Any]) -> None:
        raw = [row for row, value in enumerate(column) if type(value) is msgspec.Raw]
        if raw:
            parts = [bytes(column[row]) for row in raw]
            ends = np.cumsum([0, *map(len, parts)])
            places = np.column_stack([ends[:-1], ends[1:]])
            self._parse(np.array(raw), b"".join(parts), places, np.zeros(len(raw), np.bool_))
        if len(raw) < len(column):
            for row, value in enumerate(column):
                if value is not None and type(value) is not msgspec.Raw:
                    self._put(row, value)

    def _parse(
        self, rows: npt.NDArray[np.int64], text: bytes, places: npt.NDArray[np.int64], empty: npt.NDArray[np.bool_]
    ) -> None:
        """Read JSON: all by the kernel, and what it leaves one by one."""
        data = np.frombuffer(bytearray(text) + bytes(PADDING), np.uint8)
        values, found = np.zeros((len(rows), self.values.shape[1])), np.empty(len(rows), np.int64)
        _read(data, np.ascontiguousarray(places, np.int64), values, found)
        found[empty] = MISSING
        if len(rows) == len(self.values):
            self.values = values
        else:
            self.values[rows] = values
        sure = found != UNSURE
        self.gaps[rows[sure]] = _GAPS[found[sure]]
        for at in np.flatnonzero(~sure).tolist():
            try:
                value = _decode(text[places[at, 0] : places[at, 1]])
            except (msgspec.DecodeError, RecursionError):
                value = ()
            if value is not None:
                self._put(int(rows[at]), value)

    def _put(self, row: int, value: Any) -> None:
        """One vector from a list of numbers."""
        self.gaps[row] = np.inf
        if type(value) is list and len(value) == self.values.shape[1] and set(map(type, value)) <= {int, float}:
            try:
                numbers = list(map(float, value))
            except OverflowError:
                return
            if all(map(math.isfinite, numbers)):
                self.values[row] = numbers
                self.gaps[row] = 0.0


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


@kernel
def _read(data, places, values, found):  # type: ignore[no-untyped-def]
    """Read arrays of numbers out of their texts; `data` goes on for PADDING bytes after the last."""
    dim = values.shape[1]
    for i in range(places.shape[0]):
        p, end = places[i, 0], places[i, 1]
        while p < end and data[p] <= _BLANK:
            p += 1
        found[i] = UNSURE
        if p >= end or data[p] != _OPEN:
            continue
        p += 1
        count = 0
        # Invariant: p is behind the bracket or a comma, and `count` numbers have been read.
        while True:
            while p < end and data[p] <= _BLANK:
                p += 1
            p, form, _, _, value = scalar(data, p, end)
            if p < 0 or p > end or form & (INTEGER | FLOAT | LARGE) == 0:
                break
            if count < dim:
                values[i, count] = value
            count += 1
            while p < end and data[p] <= _BLANK:
                p += 1
            if p < end and data[p] == _COMMA:
                p += 1
                continue
            if p < end and data[p] == _CLOSE:
                p += 1
                while p < end and data[p] <= _BLANK:
                    p += 1
                if p == end:
                    found[i] = READ if count == dim else INVALID
            break
