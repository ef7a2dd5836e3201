"""Reading tables (CSV, Parquet): whole columns at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import SourcePlan
from operators.hashing import hash64, hash_rows
from operators.reading.columns import FIELDS, Column, Columns, column_name, distinct, extract, listed, names, numbers
from operators.reading.csv_rows import Malformed
from operators.reading.identities import Identities
from operators.reading.plain_times import NO_TIME
from operators.reading.records import Layout, Records
from operators.reading.values import Gap, confidence


class TableReader:
    """Reads the tables of a source; parameters as of `JsonReader`.

    Attributes
    ----------
    columns : set of str
        Those that are looked at.
    """

    def __init__(
        self, source: SourcePlan, layouts: Mapping[str, Layout], identities: Identities, *, labels: bool = False
    ) -> None:
        self._source = source
        self._identities = identities
        self._labels = labels
        self.layouts = layouts
        self._features = sorted({name for one in layouts.values() for name in (*one.numbers, *one.names, *one.vectors)})
        self._beside = sorted({field for one in layouts.values() for field in one.segments})
        fields = (column_name(getattr(source.fields, name)) for name in FIELDS)
        self.columns = {*fields, *self._features, *map(column_name, self._beside)}

    def read(self, table: pa.Table, malformed: Sequence[Malformed]) -> TableReading:
        """Read a block; malformed rows are null in the table."""
        columns = extract(table, self._source, self._features, self._beside)
        texts = self._source.format == "csv"
        how = {"texts": texts, "labels": self._labels}
        return TableReading(table, columns, malformed, self.layouts, self._identities, **how)


class TableReading:
    """A block of a table; see `records.Reading`."""

    def __init__(
        self,
        table: pa.Table,
        columns: Columns,
        malformed: Sequence[Malformed],
        layouts: Mapping[str, Layout],
        identities: Identities,
        *,
        texts: bool,
        labels: bool,
    ) -> None:
        self.rows = len(table)
        self.dead = {row: error for row, error, _ in malformed}
        self._table, self._columns, self._layouts, self._texts = table, columns, layouts, texts
        self._labels = labels
        self._malformed = {row: data for row, _, data in malformed}
        whose = [self._names(name) for name in ("model", "version", "role")]
        named = list(zip(*whose, strict=True))
        rows = [row for row in range(self.rows) if row not in self.dead]
        self.groups, self.ignored = identities.groups(rows, [named[row] for row in rows], self.dead)

    def _names(self, field: str) -> list[str | Gap]:
        column = self._columns.fields.get(field)
        return [Gap.MISSING] * self.rows if column is None else names(column)

    def plain_times(self) -> npt.NDArray[np.int64]:
        """None of them."""
        return np.full(self.rows, NO_TIME)

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the records say of their times."""
        column = self._columns.fields.get("timestamp")
        if column is None:
            return [None] * len(rows)
        said = listed(column)
        return [said[row] for row in rows]

    def take(self, model: str, rows: npt.NDArray[np.int64]) -> Records:
        """Some records of a group."""
        layout = self._layouts[model]
        columns = self._columns
        if len(rows) < self.rows:
            chosen = np.zeros(self.rows, np.bool_)
            chosen[rows] = True
            columns = columns.take(chosen)
        nothing = pa.nulls(len(rows))
        read = [numbers(columns.features.get(name, nothing), texts=self._texts) for name in layout.numbers]
        others = (*layout.names, *layout.vectors)
        among = {name: columns.features.get(name, nothing) for name in (*layout.numbers, *others)}
        records = Records(
            rows=rows,
            numbers=np.column_stack(read) if read else np.empty((len(rows), 0)),
            names={name: among[name] for name in others},
            prediction=columns.fields.get("prediction", nothing),
            confidence=self._confidence(columns, nothing),
            segments={name: _either(among[name], columns.others.get(name, nothing)) for name in layout.segments},
            hashes=np.empty(0, np.uint64),
            labels=columns.fields.get("label") if self._labels else None,
            probabilities=columns.fields.get("probabilities") if layout.probabilities else None,
        )
        return msgspec.structs.replace(records, hashes=_hashes(columns.fields.get("id", nothing), records))

    def _confidence(self, columns: Columns, nothing: pa.Array) -> npt.NDArray[np.float64]:
        own, probabilities = (columns.fields.get(name, nothing) for name in ("confidence", "probabilities"))
        if probabilities.null_count == len(probabilities):
            return numbers(own, texts=self._texts)
        gaps = {Gap.MISSING: np.nan, Gap.INVALID: np.inf}
        pairs = zip(own.to_pylist(), probabilities.to_pylist(), strict=True)
        read = [confidence(one, other, texts=self._texts) for one, other in pairs]
        return np.array([gaps[value] if isinstance(value, Gap) else value for value in read], np.float64)

    def payload(self, row: int) -> bytes | None:
        """A record as it was written, or what its row holds."""
        if row in self._malformed:
            return self._malformed[row]
        document: dict[str, Any] = self._table.slice(row, 1).to_pylist()[0]
        return msgspec.json.encode(document, enc_hook=str)


def _either(among: pa.Array, beside: pa.Array) -> Column:
    """A segment's field: among the features, else beside them."""
    if beside is among or beside.null_count == len(beside):
        return among
    if among.null_count == len(among):
        return beside
    return [one if one is not None else other for one, other in zip(among.to_pylist(), beside.to_pylist(), strict=True)]


def _hashes(column: pa.Array, records: Records) -> npt.NDArray[np.uint64]:
    """Of the ids; of what is read of a record where there is none."""
    ids = names(column)
    missing = np.fromiter((isinstance(name, Gap) for name in ids), np.bool_, len(ids))
    hashes = hash64([b"" if isinstance(name, Gap) else name.encode() for name in ids])
    if missing.any():
        read = [records.numbers.view(np.uint64), records.confidence.view(np.uint64)]
        for other in (*records.names.values(), records.prediction, *records.segments.values()):
            values, positions = distinct(other)
            read.append(hash64([repr(value).encode() for value in values])[positions])
        hashes[missing] = hash_rows(np.column_stack(read))[missing]
    return hashes
