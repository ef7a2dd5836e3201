"""Batches of JSON records through `scan`: which keys are looked for, and the columns that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import SourcePlan
from operators.hashing import hash_places
from operators.jit import kernel
from operators.reading.columns import Column, listed, steps
from operators.reading.identities import Named
from operators.reading.plain_times import plain_times
from operators.reading.raw_lines import LIMIT
from operators.reading.records import Layout
from operators.reading.scan import CHANCES, FEATURES, NUMBER, TOKEN, scan
from operators.reading.scan_values import BOOLEAN, FLOAT, INTEGER, LARGE, NOTHING, TEXT

PADDING = b"\0" * 16  # the kernel looks eight bytes ahead
# Tokens beside the features, and the forms they may have. Others are msgspec's: what a name's text is, is its affair.
BESIDE = {
    "id": NOTHING | TEXT | INTEGER | LARGE,
    "timestamp": NOTHING | TEXT | INTEGER | LARGE | FLOAT,
    "model": NOTHING | TEXT,
    "version": NOTHING | TEXT | INTEGER,
    "role": NOTHING | TEXT,
    "prediction": NOTHING | TEXT | INTEGER | FLOAT | BOOLEAN,
}
ID, TIMESTAMP, MODEL, VERSION, ROLE, PREDICTION = range(len(BESIDE))
_NUMBERS = NOTHING | INTEGER | LARGE | FLOAT
_T = ord("t")

Ints = npt.NDArray[np.int64]
Wanted = tuple[str, int, int, int, int]  # a key, its level, use, forms and column, see `scan.scan`


class Scanner:
    """Looks for the fields of one model in the records of a source.

    Parameters
    ----------
    source
        Where its records keep what, each at the top level.
    layout
        What is read of the model's records.
    beside : sequence of str
        Fields of segments that may stand beside the features.

    Attributes
    ----------
    names : dict
        Columns of the tokens among the features, by name.
    beside : dict
        Columns of those beside them.
    """

    def __init__(self, source: SourcePlan, layout: Layout, beside: Sequence[str]) -> None:
        place = {name: steps(getattr(source.fields, name))[0] for name in source.fields.__struct_fields__}
        self.names = {name: len(BESIDE) + at for at, name in enumerate(layout.names)}
        self.beside = {name: len(BESIDE) + len(layout.names) + at for at, name in enumerate(beside)}
        name = BESIDE["prediction"]
        wanted: list[Wanted] = [
            *((place[field], 0, TOKEN, forms, at) for at, (field, forms) in enumerate(BESIDE.items())),
            (place["confidence"], 0, NUMBER, _NUMBERS, len(layout.numbers)),
            (place["probabilities"], 0, CHANCES, NOTHING, 0),
            (place["features"], 0, FEATURES, 0, 0),
            *((steps(field)[0], 0, TOKEN, name, at) for field, at in self.beside.items()),
            *((field, 1, NUMBER, _NUMBERS, at) for at, field in enumerate(layout.numbers)),
            *((field, 1, TOKEN, name, at) for field, at in self.names.items()),
        ]
        self._keys = keys_of(wanted, len(layout.numbers), len(BESIDE) + len(layout.names) + len(beside))

    def scan(self, lines: Sequence[bytes | None]) -> Scanned:
        """Scan a batch; tombstones and what is too long are left."""
        return scanned(self._keys, lines)


class Keys(NamedTuple):
    """What is looked for in lines; arrays as `scan.scan` has them."""

    words: npt.NDArray[np.uint64]
    masks: npt.NDArray[np.uint64]
    keys: Ints
    numbers: int  # columns, but for the confidence
    tokens: int


def keys_of(wanted: Sequence[Wanted], numbers: int, tokens: int) -> Keys:
    """The keys to look for, but for those that are not written as they are: the kernel takes no record with them."""
    wanted = [each for each in wanted if _is_plain(each[0])]
    texts = [f'"{key}":'.encode() for key, *_ in wanted]
    most = max(-(-len(text) // 8) for text in texts)
    bits = [b"\xff" * len(text) for text in texts]
    words, masks = (
        np.frombuffer(bytearray(b"".join(part.ljust(8 * most, b"\0") for part in parts)), "<u8").reshape(-1, most)
        for parts in (texts, bits)
    )
    keys = [(-(-len(text) // 8), len(text), *rest) for text, (_, *rest) in zip(texts, wanted, strict=True)]
    return Keys(words, masks, np.array(keys, np.int64), numbers, tokens)


def scanned(keys: Keys, lines: Sequence[bytes | None]) -> Scanned:
    """Scan a batch; tombstones and what is too long are left."""
    texts, lengths = _limited(lines)
    data = np.frombuffer(bytearray().join([*texts, PADDING]), np.uint8)
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    found = Scanned(data, starts, keys.numbers + 1, keys.tokens)
    scan(
        data, starts, keys.words, keys.masks, keys.keys,
        found.numbers, found.tokens, found.values, found.forms, found.taken,
    )  # fmt: skip
    return found


def _limited(lines: Sequence[bytes | None]) -> tuple[Sequence[bytes], Ints]:
    """Lines and their lengths, tombstones and what is too long empty.

    >>> _limited([b"{}", None])
    ([b'{}', b''], array([2, 0]))
    """
    try:
        lengths = np.fromiter(map(len, lines), np.int64, len(lines))  # type: ignore[arg-type]  # None raises
        if not (lengths > LIMIT).any():
            return lines, lengths  # type: ignore[return-value]  # none of them is None
    except TypeError:
        pass  # a tombstone
    texts = [line if line is not None and len(line) <= LIMIT else b"" for line in lines]
    return texts, np.fromiter(map(len, texts), np.int64, len(texts))


def _is_plain(key: str) -> bool:
    """Whether a key is written as it is."""
    return key.isascii() and key.isprintable() and '"' not in key and "\\" not in key


class Scanned:
    """A batch that was scanned; arrays as `scan.scan` has them."""

    def __init__(self, data: npt.NDArray[np.uint8], starts: Ints, numbers: int, tokens: int) -> None:
        records = len(starts) - 1
        self.data, self.starts = data, starts
        self.numbers = np.empty((records, numbers))
        self.tokens = np.empty((records, tokens, 2), np.int64)
        self.values = np.empty((records, tokens))
        self.forms = np.empty((records, tokens), np.uint8)
        self.taken = np.empty(records, np.bool_)

    def column(self, at: int, rows: Ints, *, truths: bool = False) -> Column:
        """Tokens of some records; with ``truths`` true and false as themselves, else as texts."""
        forms = self.forms[rows, at]
        if truths and (forms == BOOLEAN).any():
            if not (forms & ~np.uint8(BOOLEAN | NOTHING)).any():
                without = forms == NOTHING  # of which no place is known
                return pa.array(self.data[np.where(without, 0, self.tokens[rows, at, 0])] == _T, mask=without)
            written = zip(listed(self.column(at, rows)), forms.tolist(), strict=True)
            return [value == "true" if form == BOOLEAN else value for value, form in written]
        numbers, texts = forms & (INTEGER | FLOAT) != 0, forms & (TEXT | BOOLEAN) != 0
        if not numbers.any():
            return self._texts(at, rows, texts)
        if not texts.any():
            return pa.array(self.values[rows, at], mask=~numbers)
        values: list[Any] = self._texts(at, rows, texts).to_pylist()
        for row in np.flatnonzero(numbers).tolist():
            values[row] = float(self.values[rows[row], at])
        return values

    def texts(self, at: int, rows: Ints) -> pa.Array:
        """Tokens of some records as they are written."""
        return self._texts(at, rows, self.forms[rows, at] != NOTHING)

    def _texts(self, at: int, rows: Ints, there: npt.NDArray[np.bool_]) -> pa.Array:
        places = self.tokens[rows, at]
        places[~there] = 0
        ends = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(places[:, 1] - places[:, 0], out=ends[1:])
        text = _gathered(self.data, places, int(ends[-1]))
        valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
        return pa.StringArray.from_buffers(len(rows), pa.py_buffer(ends), pa.py_buffer(text), valid)

    def name_the_same(self, rows: Ints, fields: Sequence[int] = (MODEL, VERSION, ROLE)) -> bool:
        """Whether some records, one at least, all name one model, version and role."""
        return all(_same(self.data, self.tokens, self.forms, rows, at) for at in fields)

    def names(self, rows: Ints) -> list[Named]:
        """Model, version and role that each of some records names."""
        return list(zip(*(self.texts(at, rows).to_pylist() for at in (MODEL, VERSION, ROLE)), strict=True))

    def hashes(self, rows: Ints) -> npt.NDArray[np.uint64]:
        """Of the ids, or of the whole record where there is none."""
        places = self.tokens[rows, ID]
        without = self.forms[rows, ID] == NOTHING
        places[without, 0], places[without, 1] = self.starts[rows[without]], self.starts[rows[without] + 1]
        return hash_places(self.data, places)

    def plain_times(self) -> Ints:
        """Event times of all records in ms, `plain_times.NO_TIME` where they are not plain to see."""
        forms = np.where(self.taken, self.forms[:, TIMESTAMP], np.uint8(NOTHING))
        return plain_times(self.data, np.ascontiguousarray(self.tokens[:, TIMESTAMP]), forms)

    def timestamps(self, rows: Ints) -> list[object]:
        """What some records say of their times."""
        texts: list[Any] = self.texts(TIMESTAMP, rows).to_pylist()
        for row, form in enumerate(self.forms[rows, TIMESTAMP].tolist()):
            if form & (INTEGER | LARGE):
                texts[row] = int(texts[row])
            elif form == FLOAT:
                texts[row] = float(texts[row])
        return texts


def _gathered(data: npt.NDArray[np.uint8], places: Ints, length: int) -> npt.NDArray[np.uint8]:
    """Parts of an array of bytes, one behind the other.

    >>> data = np.frombuffer(bytearray(b"gold, silver"), np.uint8)
    >>> _gathered(data, np.array([[6, 12], [0, 4]]), 10).tobytes()
    b'silvergold'
    """
    out = np.empty(length, np.uint8)
    _gather(data, places, out)
    return out


@kernel
def _gather(data, places, out):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(places.shape[0]):
        for j in range(places[i, 0], places[i, 1]):
            out[at] = data[j]
            at += 1


@kernel
def _same(data, tokens, forms, rows, at):  # type: ignore[no-untyped-def]
    """Whether a token is written the same in all of some records."""
    one = rows[0]
    begin, length = tokens[one, at, 0], tokens[one, at, 1] - tokens[one, at, 0]
    for row in rows:
        if forms[row, at] != forms[one, at]:
            return False
        if forms[row, at] == NOTHING:
            continue
        if tokens[row, at, 1] - tokens[row, at, 0] != length:
            return False
        for j in range(length):
            if data[tokens[row, at, 0] + j] != data[begin + j]:
                return False
    return True
