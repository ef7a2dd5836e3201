"""Reading JSON records: most by one call of msgspec, any other field by field.

What becomes of a record does not depend on which of the two ways it went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import SourcePlan
from operators.encoding.letters import UnusableError
from operators.hashing import hash64
from operators.reading.columns import article, follow, not_json, numbers, steps
from operators.reading.identities import Identities
from operators.reading.plain_times import NO_TIME
from operators.reading.raw_lines import is_plain, usable
from operators.reading.records import Layout, Reading, Records
from operators.reading.scanned_records import ScannedReading
from operators.reading.scanner import Scanner
from operators.reading.typed_records import (
    ENVELOPE,
    INVALID,
    FeatureReader,
    beyond_floats,
    is_beyond_floats,
    is_direct,
    name_of,
    record_struct,
)
from operators.reading.values import Gap, confidence


class JsonReader:
    """Reads the batches of a source of JSON lines.

    Parameters
    ----------
    source
        Where its records keep what.
    layouts
        What is read of each model's records.
    identities
        Tells whose they are.
    labels
        Whether their labels are read.
    """

    def __init__(
        self, source: SourcePlan, layouts: Mapping[str, Layout], identities: Identities, *, labels: bool = False
    ) -> None:
        self._source = source
        self._identities = identities
        self.models = {name: FeatureReader(layout) for name, layout in layouts.items()}
        self.label = source.fields.label if labels else None
        own = {self.label} if self.label is not None else set()
        self.beside = sorted({field for model in self.models.values() for field in model.beside} | own)
        one = source.model or (next(iter(layouts)) if len(layouts) == 1 else None)
        self._one = self.models.get(one) if one is not None else None
        self._record = record_struct(source, self._one.struct if self._one else None, self.beside)
        self._typed: Callable[[bytes], Any] | None = None
        if is_direct(source, self.beside):
            self._typed = msgspec.json.Decoder(self._record).decode
        self._scanner: Scanner | None = None
        # The scanner takes no arrays, and of probabilities the largest alone; it would only cost time.
        vectors = self._one.layout.vectors if self._one is not None else ()
        arrays = any(source.carries is None or name in source.carries for name in vectors)
        self._probabilities = any(layout.probabilities for layout in layouts.values())
        if self._typed is not None and self._one is not None and not arrays and not self._probabilities:
            self._scanner = Scanner(source, self._one.layout, sorted({*self._one.beside, *own}))
        # Numbers beyond floats come as infinities, so that they matter only where they are used.
        self._untyped = msgspec.json.Decoder(float_hook=float).decode
        self._paths = {name: steps(getattr(source.fields, name)) for name in (*ENVELOPE, "features")}
        self._beside_paths = [steps(field) for field in self.beside]
        self.late_features = self._one is None  # which are theirs is known with the model

    def read(self, lines: Sequence[bytes | None]) -> Reading:
        """Read a batch; None is a tombstone."""
        if self._scanner is None or self._one is None:
            return self.read_each(lines)
        scanned = self._scanner.scan(lines)
        rest = self.read_each([lines[row] for row in np.flatnonzero(~scanned.taken).tolist()])
        return ScannedReading(lines, self._scanner, scanned, rest, self._one.layout, self._identities, self.label)

    def read_each(self, lines: Sequence[bytes | None]) -> JsonReading:
        """Read a batch record by record."""
        records: list[Any] = [None] * len(lines)
        dead: dict[int, str] = {}
        typed = self._typed
        for row, line in enumerate(lines):
            try:
                if typed is not None and line is not None and is_plain(line):
                    records[row] = typed(line)
                else:
                    records[row] = self._checked(line)
            except (msgspec.DecodeError, UnusableError):
                # Once more, field by field: what does not fit may be of no use, or be one invalid value.
                try:
                    records[row] = self._by_field(line)
                except UnusableError as error:
                    dead[row] = str(error)
        return JsonReading(self, lines, records, dead, self._identities)

    def _checked(self, line: bytes | None) -> Any:
        """Read a record that may be anything; raises `UnusableError` or msgspec's own."""
        checked = usable(line)
        return self._by_field(checked) if self._typed is None else self._typed(checked)

    def _by_field(self, line: bytes | None) -> Any:
        document = self._parsed(usable(line))
        if type(document) is not dict:
            message = f"expected an object, got {article(document)}"
            raise UnusableError(message)
        values = {name: follow(document, path) for name, path in self._paths.items()}
        self._check(values, "id", (str, int), "a text or a whole number")
        self._check(values, "model", (str,), "a text")
        self._check(values, "version", (str, int, float), "a text or a number")
        self._check(values, "role", (str,), "a text")
        self._check_numbers(values)
        features, name = values.pop("features"), self._source.model or values["model"]
        if name in self.models:  # of others nothing is looked at
            values["features"] = self.models[name].convert(self._object(features), self._source.fields.features)
        sure = confidence(values["confidence"], values["probabilities"])
        values["confidence"] = None if sure is Gap.MISSING else INVALID if isinstance(sure, Gap) else sure
        if not self._probabilities:
            values["probabilities"] = None
        values["prediction"] = name_of(values["prediction"])
        values |= {f"s{i}": name_of(follow(document, path)) for i, path in enumerate(self._beside_paths)}
        return self._record(**values)

    def features_of(self, model: str, raw: msgspec.Raw) -> Any:
        """Features of a record whose model was not known before."""
        try:
            return self.models[model].read(raw)
        except msgspec.DecodeError:
            return self.models[model].convert(self._object(self._parsed(raw)), self._source.fields.features)

    def _object(self, features: Any) -> dict[str, Any]:
        if features is None:
            return {}
        if type(features) is not dict:
            raise UnusableError(self._misfit("features", "an object", features))
        return features

    def _parsed(self, data: bytes | msgspec.Raw) -> Any:
        try:
            return self._untyped(data)
        except msgspec.ValidationError:
            message = "not JSON: a number of more than 4,300 digits"
            raise UnusableError(message) from None
        except msgspec.DecodeError as error:
            raise UnusableError(not_json(bytes(data), error)) from None

    def _check(self, values: Mapping[str, Any], field: str, kinds: tuple[type, ...], expected: str) -> None:
        value = values[field]
        if value is not None and type(value) not in kinds:
            raise UnusableError(self._misfit(field, expected, value))

    def _check_numbers(self, values: Mapping[str, Any]) -> None:
        probabilities = values["probabilities"]
        given = {
            "version": [values["version"]],
            "prediction": [values["prediction"]],
            "confidence": [values["confidence"]],
            "probabilities": probabilities.values() if type(probabilities) is dict else (),
        }
        for field, numbers_ in given.items():
            if any(is_beyond_floats(number) for number in numbers_):
                raise UnusableError(beyond_floats(getattr(self._source.fields, field)))

    def _misfit(self, field: str, expected: str, value: Any) -> str:
        return f"'{field}': expected {expected}, got {article(value)} at {getattr(self._source.fields, field)}"


class JsonReading:
    """A batch of JSON records; see `records.Reading`."""

    def __init__(
        self,
        reader: JsonReader,
        lines: Sequence[bytes | None],
        records: list[Any],
        dead: dict[int, str],
        identities: Identities,
    ) -> None:
        self.rows = len(lines)
        self.dead = dead
        self._reader, self._lines, self._records = reader, lines, records
        rows: Sequence[int] = range(self.rows)
        if dead:
            rows = [row for row in rows if row not in dead]
        named = [(record.model, record.version, record.role) for record in records if record is not None]
        self.groups, self.ignored = identities.groups(rows, named, dead)
        if reader.late_features:
            self._read_features()

    def _read_features(self) -> None:
        for (model, _, _), rows in self.groups.items():
            for row in rows:
                record = self._records[row]
                if isinstance(record.features, msgspec.Raw):
                    try:
                        record.features = self._reader.features_of(model, record.features)
                    except UnusableError as error:
                        self.dead[row] = str(error)

    def plain_times(self) -> npt.NDArray[np.int64]:
        """None of them."""
        return np.full(self.rows, NO_TIME)

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the records say of their times."""
        return [None if (record := self._records[row]) is None else record.timestamp for row in rows]

    def take(self, model: str, rows: npt.NDArray[np.int64]) -> Records:
        """Some records of a group."""
        of = self._reader.models[model]
        records = self._records if len(rows) == self.rows else [self._records[row] for row in rows.tolist()]
        features = [msgspec.structs.astuple(record.features) for record in records]
        count = len(of.layout.numbers)
        others = (*of.layout.names, *of.layout.vectors)
        numbers_ = [values[:count] for values in features] if others else features
        return Records(
            rows=rows,
            numbers=np.array(numbers_, np.float64).reshape(len(records), count),
            names={name: [values[of.slots[name]] for values in features] for name in others},
            prediction=[record.prediction for record in records],
            confidence=_confidences(records),
            segments={name: self._segment(name, of.slots[name], features, records) for name in of.layout.segments},
            hashes=hash64(self._identities([record.id for record in records], rows)),
            labels=None if self._reader.label is None else self._beside(self._reader.label, records),
            probabilities=[record.probabilities for record in records] if of.layout.probabilities else None,
        )

    def _identities(self, ids: list[str | int | None], rows: npt.NDArray[np.int64]) -> list[bytes]:
        """What records are known by: their ids, else their whole texts."""
        if set(map(type, ids)) == {str}:
            return list(map(str.encode, ids))  # type: ignore[arg-type]  # they are texts
        return [_identity(one, self._lines[row]) for one, row in zip(ids, rows.tolist(), strict=True)]

    def _segment(self, field: str, slot: int, features: list[Any], records: list[Any]) -> list[Any]:
        """A segment's field: among the features, else beside them."""
        among = [values[slot] for values in features]
        if field not in self._reader.beside:
            return among
        beside = self._beside(field, records)
        return [value if value is not None else other for value, other in zip(among, beside, strict=True)]

    def _beside(self, field: str, records: list[Any]) -> list[Any]:
        """A field beside the features."""
        name = f"s{self._reader.beside.index(field)}"
        return [getattr(record, name) for record in records]

    def payload(self, row: int) -> bytes | None:
        """A record as it was written."""
        return self._lines[row]


def _confidences(records: list[Any]) -> npt.NDArray[np.float64]:
    """What records say of it, else their largest probabilities."""
    said = [record.confidence for record in records]
    if None in said:
        said = [
            max(record.probabilities.values()) if one is None and record.probabilities else one
            for one, record in zip(said, records, strict=True)
        ]
    return numbers(said)


def _identity(identity: str | int | None, line: bytes | None) -> bytes:
    if identity is None:
        return line or b""
    return identity.encode() if isinstance(identity, str) else b"%d" % identity
