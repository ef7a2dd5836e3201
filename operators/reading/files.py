"""Files as a source: blocks of rows that can be listed once and read anywhere, in any order.

A block of JSON lines or CSV is a range of bytes of the (decompressed) file, one of Parquet a range of rows.
Paths go through fsspec: local files, and by URL whatever it has a package for. Rows have numbers from 0 through
all files of a source, ordered by name; an empty line is a row like any other.
"""

from __future__ import annotations

import glob
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Literal

import fsspec
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from config.plan import SourcePlan
from operators.reading import csv_rows
from operators.reading.csv_rows import RowScanner
from schemas.errors import DataError

ROWS = 10_000  # of a block: the Arrow batch of the job
BYTES = 16 << 20  # of a block, at which it ends early: wide rows must not fill the memory
_PIECE = 4 << 20  # bytes read at a time

Format = Literal["jsonl", "csv", "parquet"]
_FORMATS: dict[str, Format] = {
    **{".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"},
    **{".csv": "csv", ".parquet": "parquet", ".pq": "parquet"},
}
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


class Block(msgspec.Struct, frozen=True):
    """Some rows of a file."""

    path: str
    first_row: int  # number of the first one through all files of the source
    rows: int
    row: int = 0  # its number in the file, not counting a header
    offset: int = 0  # where its bytes begin in the decompressed file; Parquet has none
    size: int = 0  # how many they are


def guess_format(path: str) -> Format | None:
    """Format by the suffix, also before that of a compression.

    >>> guess_format("data/*.csv.gz"), guess_format("a.jsonl"), guess_format("a.txt")
    ('csv', 'jsonl', None)
    """
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return _FORMATS.get(suffixes[-1]) if suffixes else None


def list_paths(path: str) -> tuple[str, ...]:
    """Files that a path, glob or URL names, ordered by name; DataError where there is none."""
    try:
        system, place = fsspec.core.url_to_fs(path)
        if system.isdir(place):
            msg = f"{path}: is a folder (a file or a glob); write '{path.rstrip('/')}/*'"
            raise DataError(msg)
        if system.exists(place):
            return (path,)
        local = "://" not in path
        found = glob.glob(path, recursive=True) if local else map(system.unstrip_protocol, system.glob(place))
    except (OSError, ImportError, ValueError) as error:
        msg = f"{path}: cannot be looked up: {_reason(error)}"
        raise DataError(msg) from error
    if paths := tuple(sorted(found)):
        return paths
    msg = f"{path}: {'no file matches' if glob.has_magic(path) else 'no such file'}; check the path"
    raise DataError(msg)


def list_blocks(source: SourcePlan, rows: int = ROWS) -> tuple[Block, ...]:
    """Cut the files of a source into blocks.

    Parameters
    ----------
    source : SourcePlan
        With a path.
    rows : int
        Most rows of a block; one with wide rows has fewer.

    Raises
    ------
    DataError
        With the name of a file that is not there, not readable or not in the format.
    """
    blocks: list[Block] = []
    first_row = 0
    for path in list_paths(source.path or ""):
        row = 0
        with reading(path):
            for count, offset, size in _cuts(path, source, rows):
                blocks.append(Block(path, first_row + row, count, row, offset, size))
                row += count
        first_row += row
    return tuple(blocks)


def _cuts(path: str, source: SourcePlan, rows: int) -> Iterator[tuple[int, int, int]]:
    """Rows, first byte and bytes of each block of a file."""
    if source.format == "parquet":
        with opened(path) as file:
            facts = pyarrow.parquet.ParquetFile(file).metadata
            size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
            most = max(1, min(rows, BYTES * facts.num_rows // max(size, 1)))
            for row in range(0, facts.num_rows, most):
                yield min(most, facts.num_rows - row), 0, 0
        return
    ends = row_ends(path, quotes=source.format == "csv")
    start = 0
    if source.format == "csv" and source.columns is None:
        start = next(ends, 0)
        if start == 0:
            msg = f"{path}: is empty (a header and rows)"
            raise DataError(msg)
    count, end = 0, start
    for row_end in ends:
        if count and (count == rows or row_end - start > BYTES):
            yield count, start, end - start
            count, start = 0, end
        count, end = count + 1, row_end
    if count:
        yield count, start, end - start


def row_ends(path: str, *, quotes: bool) -> Iterator[int]:
    """Offset just after each row of a file of text."""
    scanner = RowScanner()
    offset = end = 0
    with opened(path) as file:
        while piece := file.read(_PIECE):
            if quotes:
                yield from scanner.ends(piece).tolist()
                continue
            ends = np.flatnonzero(np.frombuffer(piece, np.uint8) == csv_rows.LINE_FEED) + offset + 1
            yield from ends.tolist()
            offset += len(piece)
            end = int(ends[-1]) if len(ends) else end
    if quotes:
        yield from scanner.finish().tolist()
    elif offset > end:
        yield offset


def opened(path: str) -> Any:
    """Open a file for reading; its bytes are decompressed as its suffix says."""
    return fsspec.open(path, "rb", compression="infer").open()


@contextmanager
def reading(path: str) -> Iterator[None]:
    """What goes wrong while a file is read, as a message that names it."""
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ImportError, pa.ArrowException, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {_reason(error)}"
        raise DataError(msg) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its header is not UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).strip().split("\n")[0].removesuffix(".") or type(error).__name__
    return text[:1].lower() + text[1:]
