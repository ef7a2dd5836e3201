"""Reading the blocks of `files`: lines, cells or columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
import pyarrow as pa
import pyarrow.parquet

from config.plan import SourcePlan
from operators.reading import csv_rows
from operators.reading.csv_rows import Malformed
from operators.reading.files import Block, opened, reading, row_ends
from schemas.errors import DataError


class Rows(msgspec.Struct, frozen=True):
    """What a block holds, row i of it at position i."""

    records: list[bytes] | pa.Table  # lines of JSON, or a table: texts from CSV, types from Parquet
    malformed: tuple[Malformed, ...] = ()  # CSV: position, what is wrong, bytes; such rows are null in the table


class BlockReader:
    """Reads blocks: one after the other from an open file, any other by skipping to it.

    Parameters
    ----------
    source : SourcePlan
        With a path.
    wanted : collection of str, optional
        Columns of a table that are needed; all if not given. Those that a file lacks are not in its tables.
    """

    def __init__(self, source: SourcePlan, wanted: Collection[str] | None = None) -> None:
        self._source = source
        self._wanted = wanted
        self._file: _Lines | _Cells | _Table | None = None

    def read(self, block: Block) -> Rows:
        """Records of a block; DataError where the file is not as it was when it was listed."""
        with reading(block.path):
            if self._file is None or self._file.path != block.path:
                self.close()
                kind = _KINDS.get(self._source.format, _Lines)
                self._file = kind(block.path, self._source, self._wanted)
            rows = self._file.read(block)
        if len(rows.records) != block.rows:
            msg = f"{block.path}: has changed since it was listed; start again when it is complete"
            raise DataError(msg)
        return rows

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns of the file that was read last; none of lines."""
        return () if self._file is None else self._file.names

    def columns(self, path: str) -> tuple[str, ...]:
        """Names of the columns of a CSV or Parquet file."""
        with reading(path):
            if self._source.format == "parquet":
                with opened(path) as file:
                    return tuple(pyarrow.parquet.ParquetFile(file).schema_arrow.names)
            return _csv_columns(path, self._source)

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.file.close()
        self._file = None


class _Lines:
    names: tuple[str, ...] = ()

    def __init__(self, path: str, source: SourcePlan, wanted: Collection[str] | None) -> None:
        self.path = path
        self.file = opened(path)

    def read(self, block: Block) -> Rows:
        lines = self._bytes(block).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        return Rows(lines)

    def _bytes(self, block: Block) -> bytes:
        if self.file.tell() != block.offset:
            self.file.seek(block.offset)
        data: bytes = self.file.read(block.size)
        return data


class _Cells(_Lines):
    def __init__(self, path: str, source: SourcePlan, wanted: Collection[str] | None) -> None:
        super().__init__(path, source, wanted)
        self.names = self._columns = _csv_columns(path, source)
        self._wanted = _those(wanted, self._columns)

    def read(self, block: Block) -> Rows:
        return Rows(*csv_rows.parse(self._bytes(block), block.rows, self._columns, self._wanted))


def _csv_columns(path: str, source: SourcePlan) -> tuple[str, ...]:
    if source.columns is not None:
        return source.columns
    end = next(row_ends(path, quotes=True), 0)
    with opened(path) as file:
        names = csv_rows.header(file.read(end))
    check_header(path, names)
    return names


def check_header(path: str, names: tuple[str, ...]) -> None:
    """Raise DataError where the names of a CSV's columns are not one each."""
    if (found := csv_rows.separator(names)) is not None:
        msg = f"{path}: its cells seem to be separated by {found!r} ({names[0]!r}); write the file anew with commas"
        raise DataError(msg)
    if twice := [name for name in names if names.count(name) > 1]:
        msg = f"{path}: two columns are called {twice[0]!r}; give each its own name"
        raise DataError(msg)


def _those(wanted: Collection[str] | None, columns: Collection[str]) -> list[str] | None:
    return None if wanted is None else [name for name in columns if name in wanted]


class _Table:
    def __init__(self, path: str, source: SourcePlan, wanted: Collection[str] | None) -> None:
        self.path = path
        self.file = opened(path)
        self._parquet = pyarrow.parquet.ParquetFile(self.file)
        self.names = tuple(self._parquet.schema_arrow.names)
        self._columns = _those(wanted, self.names)
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._row = -1  # of the file, where the next batch begins
        self._rest: list[pa.RecordBatch] = []  # read and not yet given out

    def read(self, block: Block) -> Rows:
        if block.row != self._row:
            self._skip_to(block.row, block.rows)
        return Rows(self._take(block.rows))

    def _skip_to(self, row: int, size: int) -> None:
        facts = self._parquet.metadata
        group = start = 0
        while group < facts.num_row_groups - 1 and start + facts.row_group(group).num_rows <= row:
            start += facts.row_group(group).num_rows
            group += 1
        groups = list(range(group, facts.num_row_groups))
        self._batches = self._parquet.iter_batches(size, row_groups=groups, columns=self._columns)
        self._rest, self._row = [], start
        self._take(row - start)

    def _take(self, rows: int) -> pa.Table:
        taken: list[pa.RecordBatch] = []
        missing = rows
        while missing:
            batch = self._rest.pop() if self._rest else next(self._batches, None)
            if batch is None:
                break
            taken.append(batch.slice(0, missing))
            if len(batch) > missing:
                self._rest.append(batch.slice(missing))
            missing -= len(taken[-1])
        self._row += rows
        schema = self._parquet.schema_arrow
        if self._columns is not None:
            schema = pa.schema([schema.field(name) for name in self._columns])
        return _widened(pa.Table.from_batches(taken, schema) if taken else schema.empty_table())


def _widened(table: pa.Table) -> pa.Table:
    """Numbers of 16 bits as numbers of 32, which Python knows."""
    for position, field in enumerate(table.schema):
        if pa.types.is_float16(field.type):
            column = table.column(position).cast(pa.float32())
            table = table.set_column(position, field.name, column)
    return table


_KINDS: dict[str, type[_Lines] | type[_Table]] = {"csv": _Cells, "parquet": _Table}
