"""Rows of a CSV file (RFC 4180, UTF-8, commas): where they end, and a table of their cells.

The scanner and pyarrow's parser agree on where a row ends: at a line feed, a carriage return or both, outside
of a quoted cell; a quote opens a quoted cell only at the beginning of a cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from operators.jit import kernel

COMMA, QUOTE, LINE_FEED, CARRIAGE_RETURN = b',"\n\r'
CELL, PLAIN, QUOTED, QUOTE_SEEN, RETURN_SEEN = range(5)  # the scanner is at the beginning of, or within

Malformed = tuple[int, str, bytes]  # position of the row, what is wrong, its bytes


class RowScanner:
    r"""Finds the ends of rows in a file that comes piece by piece.

    Examples
    --------
    >>> scanner = RowScanner()
    >>> scanner.ends(b'a,b\n"x'), scanner.ends(b'\ny",2\n'), scanner.finish()
    (array([4]), array([12]), array([], dtype=int64))
    """

    def __init__(self) -> None:
        self.offset = 0  # bytes seen
        self._state = CELL
        self._last_end = 0

    def ends(self, piece: bytes) -> npt.NDArray[np.int64]:
        """Offsets in the file just after each row that the piece ends."""
        found = np.empty(len(piece) + 1, np.int64)
        data = np.frombuffer(bytearray(piece), np.uint8)  # writable, as the kernel is compiled for
        count, self._state = _scan(data, self._state, found)
        ends = found[:count] + self.offset
        self.offset += len(piece)
        if count:
            self._last_end = int(ends[-1])
        return ends

    def finish(self) -> npt.NDArray[np.int64]:
        """End of a last row without line end, if there is one."""
        return np.array([self.offset] if self.offset > self._last_end else [], np.int64)

    @property
    def within_quotes(self) -> bool:
        """A quoted cell has begun and not ended."""
        return self._state == QUOTED


@kernel
def _scan(data, state, found):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(data.shape[0]):
        byte = data[i]
        if state == RETURN_SEEN:  # the row ends here, or after the line feed that belongs to the return
            state = CELL
            if byte == LINE_FEED:
                found[count] = i + 1
                count += 1
                continue
            found[count] = i
            count += 1
        if state == QUOTED:
            if byte == QUOTE:
                state = QUOTE_SEEN
        elif byte == COMMA:
            state = CELL
        elif byte == LINE_FEED:
            found[count] = i + 1
            count += 1
            state = CELL
        elif byte == CARRIAGE_RETURN:
            state = RETURN_SEEN
        elif byte == QUOTE and (state == CELL or state == QUOTE_SEEN):
            state = QUOTED
        else:
            state = PLAIN
    return count, state


def row_ends(data: bytes) -> tuple[npt.NDArray[np.int64], bool]:
    """Ends of all rows of whole rows' bytes, and whether the last one ends within a quoted cell."""
    scanner = RowScanner()
    ends = np.concatenate([scanner.ends(data), scanner.finish()])
    return ends, scanner.within_quotes


def header(row: bytes) -> tuple[str, ...]:
    r"""Names in the first row of a file; UnicodeDecodeError where it is not UTF-8.

    >>> header(b'\xef\xbb\xbfage,"plan, now"\r\n')
    ('age', 'plan, now')
    """
    return tuple(next(csv.reader(io.StringIO(row.decode("utf-8-sig"), newline="")), ()))


def separator(names: Sequence[str]) -> str | None:
    """What the cells of a header seem to be separated by, where it is no comma.

    >>> separator(["age;plan"]), separator(["age", "plan"]), separator(["age"])
    (';', None, None)
    """
    if len(names) != 1:
        return None
    return next((one for one in (";", "\t", "|") if one in names[0]), None)


def parse(
    data: bytes, rows: int, columns: tuple[str, ...], wanted: list[str] | None = None
) -> tuple[pa.Table, tuple[Malformed, ...]]:
    r"""Read rows as a table of texts; an empty cell is null.

    Parameters
    ----------
    data
        Bytes of whole rows, without header.
    rows
        How many rows they are.
    columns
        Names of all columns.
    wanted
        Those that are read; None: all.

    Returns
    -------
    table
        As many rows as there are; those of malformed rows are null.
    malformed
        Rows with another number of cells, rows that are not UTF-8, and a last row with a quoted cell that never
        ends.

    Examples
    --------
    >>> table, malformed = parse(b"1,x\n2\n3,\n", 3, ("a", "b"))
    >>> table.to_pylist()
    [{'a': '1', 'b': 'x'}, {'a': None, 'b': None}, {'a': '3', 'b': None}]
    >>> malformed
    ((1, 'expected 2 cells, got 1', b'2\n'),)
    """
    names = list(columns) if wanted is None else wanted
    if not rows:
        return pa.table({name: pa.nulls(0, pa.string()) for name in names}), ()
    ends, unclosed = row_ends(data) if b'"' in data else (None, False)
    table = _table(data, columns, names)
    if not isinstance(table, str) and len(table) == rows and not unclosed:
        return table, ()
    if ends is None:
        ends, _ = row_ends(data)
    starts = np.concatenate([[0], ends[:-1]])
    pieces: list[pa.Table] = []
    malformed: list[Malformed] = []
    empty_row = pa.table({name: pa.nulls(1, pa.string()) for name in names})

    # Halving finds few bad rows in many with few calls of the parser, and reads the others as it would alone.
    waiting = [(0, len(ends))]
    while waiting:
        first, last = waiting.pop()
        row = data[starts[first] : ends[last - 1]] if last > first else b""
        table = _table(row, columns, names)
        closed = not (unclosed and last == len(ends))
        if not isinstance(table, str) and len(table) == last - first and closed:
            pieces.append(table)
        elif last - first > 1:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
        else:
            malformed.append((first, _wrong(row, str(table), closed), row))
            pieces.append(empty_row)
    return pa.concat_tables(pieces), tuple(malformed)


def _wrong(row: bytes, message: str, closed: bool) -> str:
    if not closed:
        return "a quoted cell does not end"
    if not row.strip():
        return "expected a row, got an empty line"
    if cells := re.search(r"Expected (\d+) columns, got (\d+)", message):
        return f"expected {cells[1]} cells, got {cells[2]}"
    return "not UTF-8"


def _table(data: bytes, columns: tuple[str, ...], wanted: list[str]) -> pa.Table | str:
    """Table of the rows, or the parser's message where one of them is malformed."""
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(columns)),
            pyarrow.csv.ParseOptions(
                newlines_in_values=True,
                ignore_empty_lines=len(columns) > 1,  # then it is a row less, and found; else it is an empty cell
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                include_columns=wanted,
            ),
        )
    except pa.ArrowInvalid as error:
        return str(error)
