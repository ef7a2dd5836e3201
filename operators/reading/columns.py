"""The slow, fully general way to read records: each decoded whole, fields found by pointer or column.

Where a field stands is in the source's `FieldsPlan`. In JSON a text beginning with ``/`` is a pointer (RFC 6901;
``/`` alone is the record itself), anything else a key. In tables it is a column, of a pointer its last part, and
each feature is the column of its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from config.plan import SourcePlan
from operators.reading.values import Gap, boolean, category, numeric

FIELDS = (
    *("id", "timestamp", "model", "version", "role", "prediction", "probabilities", "confidence"),
    *("label", "group", "item", "score"),
)

# What msgspec says of a NaN or an infinity, at the first letter that is none of JSON.
INVALID_AT = re.compile(r"invalid character \(byte (\d+)\)")
NO_NUMBER = re.compile(rb"NaN|Infinity")

Column: TypeAlias = list[Any] | pa.Array  # of JSON and of tables; None and null are missing


class Columns(msgspec.Struct, frozen=True):
    """Records of a block by field. Fields that no record can have (a table without the column) are not there."""

    rows: npt.NDArray[np.int64]  # positions in the block of the records that could be read; columns are as long
    fields: dict[str, Column]  # by name of FIELDS
    features: dict[str, Column]
    others: dict[str, Column]  # fields asked for beside those, by their name
    errors: tuple[tuple[int, str], ...]  # position in the block, what is wrong; with types and places, not values

    def take(self, keep: npt.NDArray[np.bool_]) -> Columns:
        """Only some of the records."""
        if keep.all():
            return self
        chosen = np.flatnonzero(keep)

        def of(columns: dict[str, Column]) -> dict[str, Column]:
            return {name: take(column, chosen) for name, column in columns.items()}

        return Columns(self.rows[chosen], of(self.fields), of(self.features), of(self.others), self.errors)


def take(column: Column, chosen: npt.NDArray[np.int64]) -> Column:
    """Values of a column at some positions."""
    if isinstance(column, list):
        return [column[i] for i in chosen.tolist()]
    return column.take(pa.array(chosen))


def extract(
    records: Sequence[bytes] | pa.Table, source: SourcePlan, features: Sequence[str], others: Sequence[str] = ()
) -> Columns:
    """Read a block of records.

    Parameters
    ----------
    records
        Lines of JSON, or a table.
    features
        Names of the features wanted.
    others
        Further fields wanted: a pointer, or a key at the top level of the record (a column in tables).

    Examples
    --------
    >>> source = SourcePlan(name="predictions", kind="predictions", path="a.jsonl")
    >>> read = extract([b'{"id": 1, "features": {"age": 41}}', b"[]"], source, ["age"])
    >>> read.fields["id"], read.features, read.errors
    ([1], {'age': [41]}, ((1, 'expected an object, got an array'),))
    """
    if isinstance(records, pa.Table):
        return _of_table(records, source, features, others)
    return _of_lines(records, source, features, others)


def _of_table(table: pa.Table, source: SourcePlan, features: Sequence[str], others: Sequence[str]) -> Columns:
    names = set(table.column_names)

    def pick(wanted: dict[str, str]) -> dict[str, Column]:
        return {name: _plain(table.column(column)) for name, column in wanted.items() if column in names}

    return Columns(
        np.arange(len(table)),
        pick({name: column_name(getattr(source.fields, name)) for name in FIELDS}),
        pick({name: name for name in features}),
        pick({name: column_name(name) for name in others}),
        (),
    )


def column_name(place: str) -> str:
    """Column of a table that stands for a pointer: its last part.

    >>> column_name("/request/id"), column_name("y_pred")
    ('id', 'y_pred')
    """
    return steps(place)[-1] if place.strip("/") else ""


def _plain(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(array, pa.ChunkedArray):  # more text than one array holds
        array = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in array.chunks])
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _of_lines(lines: Sequence[bytes], source: SourcePlan, features: Sequence[str], others: Sequence[str]) -> Columns:
    decode = msgspec.json.Decoder().decode
    to_features = steps(source.fields.features)
    read: list[dict[str, Any]] = []
    holders: list[dict[str, Any]] = []  # of each record the object that has its features
    rows: list[int] = []
    errors: list[tuple[int, str]] = []
    for row, line in enumerate(lines):
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            errors.append((row, not_json(line, error)))
            continue
        if type(record) is not dict:
            errors.append((row, f"expected an object, got {article(record)}"))
            continue
        holder = follow(record, to_features)
        if holder is None:
            holder = {}
        elif type(holder) is not dict:
            errors.append((row, f"'features': expected an object, got {article(holder)} at {source.fields.features}"))
            continue
        read.append(record)
        holders.append(holder)
        rows.append(row)
    return Columns(
        np.array(rows, np.int64),
        {name: _followed(read, steps(getattr(source.fields, name))) for name in FIELDS},
        {name: [holder.get(name) for holder in holders] for name in features},
        {name: _followed(read, steps(name)) for name in others},
        tuple(errors),
    )


def steps(place: str) -> tuple[str, ...]:
    """Keys that lead to a place.

    >>> steps("/request/a~1b"), steps("id"), steps("/")
    (('request', 'a/b'), ('id',), ())
    """
    if not place.startswith("/"):
        return (place,) if place else ()
    if place == "/":
        return ()
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in place[1:].split("/"))


def _followed(records: list[dict[str, Any]], keys: tuple[str, ...]) -> list[Any]:
    if len(keys) == 1:
        key = keys[0]
        return [record.get(key) for record in records]
    return [follow(record, keys) for record in records]


def follow(value: Any, keys: tuple[str, ...]) -> Any:
    """Find what stands at the end of the keys; None where they lead nowhere."""
    for step in keys:
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def not_json(line: bytes, error: Exception) -> str:
    """Say why a line is not JSON, without a value of it."""
    if not line.strip():
        return "expected a JSON object, got an empty line"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "not JSON: nested too deeply"
    what = str(error).partition(" - at")[0].removeprefix("JSON is malformed: ")
    return f"not JSON: {_no_number(line, what) or f'{what[:1].lower()}{what[1:]}'}"


def _no_number(line: bytes, what: str) -> str | None:
    """Name a NaN or an infinity, which some programs write; None where it is another character."""
    place = INVALID_AT.fullmatch(what)
    found = NO_NUMBER.match(line, int(place[1])) if place else None
    if place is None or found is None:
        return None
    return f"{found[0].decode()} (byte {place[1]}), which JSON does not have; write null"


def article(value: Any) -> str:
    """Say of what type a JSON value is."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a text", bool: "a boolean"}
    return names.get(type(value), "a number")


def numbers(column: Column, *, texts: bool = False) -> npt.NDArray[np.float64]:
    """Numbers of a column: NaN where they are missing, infinity where they are invalid.

    >>> numbers([41, None, "41", 1e400]), numbers(pa.array(["4.1", None, "x"]), texts=True)
    (array([41., nan, inf, inf]), array([4.1, nan, inf]))
    """
    if isinstance(column, list):
        return _listed_numbers(column, texts)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _valid_numbers(column, pc.cast(column, pa.float64(), safe=False))
    if texts and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        try:
            return _valid_numbers(column, pc.cast(column, pa.float64()))
        except pa.ArrowInvalid:  # reads a little less than `numeric`, which has the last word
            return _listed_numbers(column.to_pylist(), texts)
    return np.where(column.is_null().to_numpy(zero_copy_only=False), np.nan, np.inf)


def _valid_numbers(column: pa.Array, cast: pa.Array) -> npt.NDArray[np.float64]:
    values = np.array(cast.fill_null(0.0).to_numpy(zero_copy_only=False), np.float64)
    values[~np.isfinite(values)] = np.inf
    if column.null_count:
        values[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return values


def _listed_numbers(column: list[Any], texts: bool) -> npt.NDArray[np.float64]:
    kinds = set(map(type, column))
    if kinds <= {float, int, type(None)}:
        filled = [np.nan if value is None else value for value in column] if type(None) in kinds else column
        try:
            values = np.array(filled, np.float64)
        except OverflowError:  # an integer beyond floats
            pass
        else:
            if not np.isinf(values).any() and np.isnan(values).sum() == column.count(None):
                return values
    gaps = {Gap.MISSING: np.nan, Gap.INVALID: np.inf}
    read = [numeric(value, texts=texts) for value in column]
    return np.array([gaps[value] if isinstance(value, Gap) else value for value in read], np.float64)


def names(column: Column, *, booleans: bool = False) -> list[str | Gap]:
    """Categories of a column; with `booleans` only ``true`` and ``false``.

    >>> names(["gold", 3, None]), names(pa.array([True, None]), booleans=True)
    (['gold', '3', <Gap.MISSING: 255>], ['true', <Gap.MISSING: 255>])
    """
    return list(map(boolean if booleans else category, listed(column)))


def listed(column: Column) -> list[Any]:
    """Values of a column."""
    return column if isinstance(column, list) else column.to_pylist()


def distinct(column: Column) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Values of a column, each once if that is known without comparing, and which of them each record has.

    >>> values, positions = distinct(pa.array(["a", "b", "a", None]))
    >>> values, positions
    (['a', 'b', None], array([0, 1, 0, 2]))
    """
    if isinstance(column, list) or pa.types.is_null(column.type) or pa.types.is_nested(column.type):
        return listed(column), np.arange(len(column))
    encoded = column.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    positions = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int64)
    return [*values, None], positions
