"""Decode: raw records in, one chunk of codes per (key, pane) and batch out; late and dead ones as letters.

What it decides depends on the plan and the record alone, so any worker may decode any batch. Of late records
it only says that they are.

Keys that it gives out, pieces percent-quoted:

- ``m|MODEL|VERSION|ROLE|SEGMENT``   a chunk (see chunks.py), for the window of its pane
- ``d|SOURCE``                       a dead letter, at once
- ``c|SOURCE``                       a `Batch`, at once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ALL, ModelPlan, SegmentPlan, SourcePlan
from operators import chunks
from operators.codes import ABSENT
from operators.columns import column_name, follow, steps
from operators.hashing import hash64
from operators.references import FEATURE, UNVERSIONED, JobReferences, ModelSignals, References
from operators.typed_records import Layout, is_direct, record_struct
from operators.values import Gap, category, confidence, disguised, numeric
from schemas import cloudevents, dead_letters, segments

RECORD_LIMIT = 1 << 20  # bytes a record: a batch of 10,000 of them must fit the memory; larger ones are dead letters
PAYLOAD_LIMIT = 64 << 10  # bytes of a record kept in a dead letter, so that the letter fits a message of 1 MB
REST = "other"  # the segment of values that have none of their own

Ints = npt.NDArray[np.int64]


class Place(msgspec.Struct, frozen=True):
    """Where a batch's records come from: a topic's partitions and offsets, or rows of the source's files."""

    topic: str | None = None
    partitions: Sequence[int] = ()
    offsets: Sequence[int] = ()
    path: str | None = None
    first_row: int = 0

    def of(self, row: int) -> dict[str, Any]:
        """Fields of a dead letter that say where record ``row`` of the batch stood."""
        if self.topic is not None:
            return {"topic": self.topic, "partition": int(self.partitions[row]), "offset": int(self.offsets[row])}
        return {"path": self.path, "row": self.first_row + row}


class Counts(msgspec.Struct, kw_only=True):
    """What became of records; ``read = used + dead + late``, and `ignored` are those used of unknown models."""

    read: int = 0
    used: int = 0
    dead: int = 0
    late: int = 0
    ignored: int = 0

    def add(self, other: Counts) -> None:
        """Count the records of another batch as well."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Batch(msgspec.Struct, kw_only=True):
    """What a batch of a source had: the counts, and the newest event time of each model."""

    counts: Counts
    newest_ms: dict[str, int]


class Entry(msgspec.Struct, frozen=True):
    """Something for a key, standing on a record of the batch."""

    row: int
    key: str
    data: bytes
    pane_end_ms: int | None = None  # chunks only


def monitor_key(model: str, version: str, role: str, segment: str) -> str:
    """The key under which a monitor keeps its state.

    >>> monitor_key("a|b", "1.0", "champion", "country=DE")
    'm|a%7Cb|1.0|champion|country=DE'
    """
    return "|".join(["m", *(quote(piece, safe="") for piece in (model, version, role)), segment])


def split_key(key: str) -> tuple[str, str, str, str]:
    """Model, version, role and segment of a monitor's key.

    >>> split_key('m|a%7Cb|1.0|champion|country=DE')
    ('a|b', '1.0', 'champion', 'country=DE')
    """
    _, model, version, role, segment = key.split("|", 4)
    return unquote(model), unquote(version), unquote(role), segment


class Decoder:
    """Decodes the batches of one source.

    Parameters
    ----------
    job
        The plan with its profiles.
    source
        One of its sources that carries records.
    """

    def __init__(self, job: JobReferences, source: SourcePlan) -> None:
        self._references = References(job)
        self._plan = job.plan
        self._source = source
        self._pane_ms = job.plan.job.pane_ms
        self._letters_from = cloudevents.source(job.plan.job.environment, job.plan.job.name)
        keep = job.plan.dead_letters is not None and job.plan.dead_letters.payload == "full"
        self._payload = PAYLOAD_LIMIT if keep else 0
        self._models = {
            model.name: _Reader(self._references.any(model.name), model, source) for model in job.plan.models
        }
        one = source.model or (job.plan.models[0].name if len(job.plan.models) == 1 else None)
        self._one = self._models.get(one) if one is not None else None
        self._beside = sorted({field for reader in self._models.values() for field in reader.beside})
        features = self._one.features if self._one else None
        self._record = record_struct(source, features, self._beside)
        direct = is_direct(source, self._beside)
        self._direct: Callable[[bytes], Any] | None = msgspec.json.Decoder(self._record).decode if direct else None
        self._field = _fields(source)
        self._texts = source.format == "csv"

    def decode(
        self, lines: Sequence[bytes | None], times_ms: Ints, late: npt.NDArray[np.bool_], place: Place
    ) -> list[Entry]:
        """Decode one batch of JSON records.

        Parameters
        ----------
        lines
            Raw bytes of each record; None for a tombstone.
        times_ms : int64, shape (records,)
            Event times that the windows go by.
        late : bool, shape (records,)
            Records whose pane is closed.
        place
            Where they stood.
        """
        records, dead = self.read(lines, late)
        return self.finish(records, dead, times_ms, late, place, lines)

    def read(self, lines: Sequence[bytes | None], late: npt.NDArray[np.bool_]) -> tuple[list[Any], dict[int, str]]:
        """Read JSON records, but for the late ones; None and an error for each that cannot be used."""
        records: list[Any] = [None] * len(lines)
        dead: dict[int, str] = {}
        direct = self._direct
        for row, line in enumerate(lines):
            if late[row]:
                continue
            try:
                if direct is None or line is None or len(line) > RECORD_LIMIT:
                    records[row] = self._document(line)
                else:
                    records[row] = direct(line)
            except msgspec.ValidationError:
                try:
                    records[row] = self._document(line)
                except _DeadError as error:
                    dead[row] = str(error)
            except msgspec.DecodeError as error:
                dead[row] = f"not JSON: {error}"
            except (UnicodeDecodeError, RecursionError) as error:
                dead[row] = f"not JSON: {_reason(error)}"
            except _DeadError as error:
                dead[row] = str(error)
        return records, dead

    def read_table(
        self, documents: Sequence[Mapping[str, Any]], malformed: Mapping[int, str]
    ) -> tuple[list[Any], dict[int, str]]:
        """Read the rows of a table, each a mapping from column to cell."""
        records: list[Any] = [None] * len(documents)
        dead = dict(malformed)
        for row, document in enumerate(documents):
            if row in dead:
                continue
            try:
                records[row] = self.from_document(document, texts=self._texts)
            except _DeadError as error:
                dead[row] = str(error)
        return records, dead

    def finish(
        self,
        records: list[Any],
        dead: dict[int, str],
        times_ms: Ints,
        late: npt.NDArray[np.bool_],
        place: Place,
        lines: Sequence[bytes | None],
    ) -> list[Entry]:
        """From read records (None: late or dead) to chunks, letters and counts."""
        groups: dict[tuple[str, str, str], list[int]] = {}
        ignored = self._group(records, dead, groups)
        entries: list[Entry] = []
        for (model, version, role), rows in groups.items():
            signals = self._references.find(model, version)
            if signals is None:
                ignored += len(rows)
                continue
            chosen = [records[row] for row in rows]
            entries += self._models[model].chunks(
                signals, chosen, np.array(rows), times_ms, (model, version, role), self._pane_ms, lines, self._beside
            )
        late_rows = np.flatnonzero(late).tolist()
        letters = [(row, "dead", dead[row]) for row in sorted(dead)]
        letters += [(row, "late", "its pane was already closed when it came") for row in late_rows]
        for row, reason, error in letters:
            entries.append(
                Entry(row, f"d|{quote(self._source.name)}", self._letter(row, reason, error, times_ms, place, lines))
            )
        read = len(records)
        counts = Counts(
            read=read, used=read - len(dead) - len(late_rows), dead=len(dead), late=len(late_rows), ignored=ignored
        )
        newest_ms: dict[str, int] = {}
        for (model, _, _), rows in groups.items():
            newest_ms[model] = max(newest_ms.get(model, 0), int(times_ms[rows].max()))
        if read:
            batch = Batch(counts=counts, newest_ms=newest_ms)
            entries.append(Entry(0, f"c|{quote(self._source.name)}", msgspec.json.encode(batch)))
        return entries

    def _group(self, records: list[Any], dead: dict[int, str], groups: dict[tuple[str, str, str], list[int]]) -> int:
        """Sort records by model, version and role; finish the reading of those whose model was not known before."""
        constant_model, constant_version = self._source.model, self._source.version
        ignored = 0
        for row, record in enumerate(records):
            if record is None:
                continue
            model = constant_model or record.model
            reader = self._models.get(model)
            if reader is None:
                if model is None:
                    dead[row] = f"{self._source.fields.model}: the record names no model (neither does the source)"
                elif self._plan.on_unknown_model == "dead_letter":
                    dead[row] = f"{self._source.fields.model}: a model that the configuration does not have"
                else:
                    ignored += 1
                continue
            if self._one is None and isinstance(record.features, msgspec.Raw):
                try:
                    record.features = reader.read(record.features)
                except msgspec.ValidationError:
                    try:
                        record.features = reader.convert(_mapping(msgspec.json.decode(record.features)), texts=False)
                    except _DeadError as error:
                        dead[row] = str(error)
                        continue
            version = constant_version or record.version
            version = UNVERSIONED if version is None else version if type(version) is str else str(category(version))
            role = record.role or self._references.role(model, version)
            groups.setdefault((model, version, role), []).append(row)
        return ignored

    def _document(self, line: bytes | None) -> Any:
        """Read a record field by field."""
        if line is None:
            message = "a tombstone: the record has no value"
            raise _DeadError(message)
        if len(line) > RECORD_LIMIT:
            message = f"a record of {len(line)} bytes (at most {RECORD_LIMIT})"
            raise _DeadError(message)
        return self.from_document(msgspec.json.decode(line), texts=False)

    def from_document(self, document: Any, *, texts: bool) -> Any:
        """A record from a mapping; ``texts`` where all its values are texts, as in CSV."""
        if not isinstance(document, Mapping):
            message = f"expected an object, got {_type(document)}"
            raise _DeadError(message)
        get = self._field
        model = self._source.model or get["model"](document)
        if model is not None and not isinstance(model, str):
            message = f"{self._source.fields.model}: expected text, got {_type(model)}"
            raise _DeadError(message)
        reader = self._models.get(model) if model is not None else None
        version, role = get["version"](document), get["role"](document)
        for name, value, kinds in (("version", version, (str, int, float)), ("role", role, (str,))):
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
                message = f"{getattr(self._source.fields, name)}: expected text, got {_type(value)}"
                raise _DeadError(message)
        identity = get["id"](document)
        if identity is not None and not isinstance(identity, (str, int)):
            message = f"{self._source.fields.id}: expected text or a whole number, got {_type(identity)}"
            raise _DeadError(message)
        probabilities = get["probabilities"](document)
        sure = confidence(get["confidence"](document), probabilities, texts=texts)
        features = get["features"](document)
        return self._record(
            id=identity,
            timestamp=get["timestamp"](document),
            model=model,
            version=version,
            role=role,
            prediction=get["prediction"](document),
            confidence=None if sure is Gap.MISSING else float("inf") if sure is Gap.INVALID else sure,
            features=reader.convert(_mapping(features), texts=texts) if reader else msgspec.Raw(b"{}"),
            **{f"s{i}": _text(document.get(name)) for i, name in enumerate(self._beside)},
        )

    def _letter(
        self, row: int, reason: str, error: str, times_ms: Ints, place: Place, lines: Sequence[bytes | None]
    ) -> bytes:
        line = lines[row] if self._payload else None
        letter = dead_letters.DeadLetter(
            source=self._source.name,
            reason="late" if reason == "late" else "dead",
            error=error,
            event_time=cloudevents.timestamp(int(times_ms[row])),
            payload=None if line is None else line[: self._payload],
            truncated=line is not None and len(line) > self._payload,
            **place.of(row),
        )
        return dead_letters.encode(self._letters_from, letter)


class _DeadError(Exception):
    """A record that cannot be used; the text says types and places, never values."""


class _Reader:
    """What is read of one model's records, and how it becomes chunks."""

    def __init__(self, signals: ModelSignals, model: ModelPlan, source: SourcePlan) -> None:
        fields = list(dict.fromkeys(field for segment in model.segments for field in segment.fields))
        numbers = [f.name for f in model.features if f.type == "numeric"]
        names = [f.name for f in model.features if f.type != "numeric"]
        self.layout = Layout(tuple(numbers), tuple(names + [field for field in fields if field not in names]))
        self.features = self.layout.struct()
        self.read = msgspec.json.Decoder(self.features).decode
        self.beside = [field for field in fields if field not in numbers]
        self._slots = {name: slot for slot, name in enumerate((*self.layout.numbers, *self.layout.names))}
        self._carries = None if source.carries is None else frozenset(source.carries)
        self._predicts = source.kind == "predictions"
        self._texts = source.format == "csv"
        self._segments = [_Segments(plan, signals) for plan in model.segments]

    def convert(self, features: Mapping[str, Any], *, texts: bool) -> Any:
        """The features field by field; what is not valid is marked so."""
        values: list[Any] = []
        for name in self.layout.numbers:
            number = numeric(features.get(name), texts=texts)
            values.append(number if isinstance(number, float) else None if number is Gap.MISSING else float("inf"))
        values += [_text(features.get(name)) for name in self.layout.names]
        return self.features(*values)

    def chunks(
        self,
        signals: ModelSignals,
        records: list[Any],
        rows: Ints,
        times_ms: Ints,
        identity: tuple[str, str, str],
        pane_ms: int,
        lines: Sequence[bytes | None],
        beside: Sequence[str],
    ) -> Iterator[Entry]:
        """Chunks of records of one model, version and role: the whole traffic, then each segment."""
        tuples = [msgspec.structs.astuple(record.features) for record in records]
        values = self._numbers(signals, records, tuples)
        codes = self._codes(signals, records, tuples, values)
        times = times_ms[rows]
        starts = times - times % pane_ms
        hashes = hash64([_identity(r.id, lines, row) for r, row in zip(records, rows.tolist(), strict=True)])
        column = {position: at for at, position in enumerate(signals.numeric)}
        raw = values[:, [column[position] for position in signals.raw]]
        data = chunks.rows(times - starts, hashes, codes, raw)
        numeric_codes = np.ascontiguousarray(codes[:, signals.numeric])
        builder = _Builder(signals, data, values, numeric_codes, starts, rows, pane_ms)
        yield from builder.build(np.zeros(len(rows), np.int64), [monitor_key(*identity, ALL)])
        for segments_ in self._segments:
            columns = [self._values_of(field, records, tuples, beside) for field in segments_.fields]
            yield from builder.build(segments_.codes(columns), [monitor_key(*identity, t) for t in segments_.texts])

    def _numbers(
        self, signals: ModelSignals, records: list[Any], tuples: list[tuple[Any, ...]]
    ) -> npt.NDArray[np.float64]:
        """Values of the number-valued signals, shape (records, numeric signals); NaN is missing, inf invalid."""
        count = len(self.layout.numbers)
        read = np.array([t[:count] for t in tuples], np.float64).reshape(len(records), count)
        columns = []
        for position in signals.numeric:
            name = signals.names[position]
            if name.startswith(FEATURE):
                columns.append(read[:, self._slots[name.removeprefix(FEATURE)]])
            elif name == "confidence":
                columns.append(_confidences(records))
            else:
                columns.append(_predictions(records, self._texts))
        return np.ascontiguousarray(np.column_stack(columns)) if columns else np.empty((len(records), 0))

    def _codes(
        self, signals: ModelSignals, records: list[Any], tuples: list[tuple[Any, ...]], values: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.uint8]:
        codes = np.empty((len(records), len(signals.names)), np.uint8)
        if signals.numeric:
            codes[:, signals.numeric] = signals.numeric_coder.codes(values)
        for position, coder in zip(signals.named, signals.category_coders, strict=True):
            name = signals.names[position]
            if name.startswith(FEATURE):
                slot = self._slots[name.removeprefix(FEATURE)]
                codes[:, position] = coder.codes([t[slot] for t in tuples])
            else:
                codes[:, position] = coder.codes([r.prediction for r in records])
        for position, name in enumerate(signals.names):
            if name.startswith(FEATURE):
                carried = self._carries is None or name.removeprefix(FEATURE) in self._carries
            else:
                carried = self._predicts
            if not carried:
                codes[:, position] = ABSENT
        return codes

    def _values_of(
        self, field: str, records: list[Any], tuples: list[tuple[Any, ...]], beside: Sequence[str]
    ) -> list[object]:
        """A segment's field: among the features, else beside them."""
        slot = self._slots[field]
        if field not in beside:
            return [t[slot] for t in tuples]
        other = f"s{beside.index(field)}"
        return [getattr(r, other) if t[slot] is None else t[slot] for r, t in zip(records, tuples, strict=True)]


class _Segments:
    """One way of slicing: the known values, each with a number, and `other` for the rest."""

    def __init__(self, plan: SegmentPlan, signals: ModelSignals) -> None:
        self.fields = plan.fields
        sensitive = {feature.name for feature in signals.model.features if feature.sensitive}
        self._shown = [disguised if field in sensitive else None for field in plan.fields]
        if plan.values is not None:
            known = tuple(zip(*map(_shown, zip(*plan.values, strict=True), self._shown), strict=True))
        else:
            listed = signals.profile.segments.get(",".join(plan.fields), ())
            known = tuple(tuple(segments.parse(text).values()) for text, _ in listed[: plan.limit])
        self.texts = [segments.text(dict(zip(plan.fields, values, strict=True))) for values in known]
        self.texts.append(segments.text({field: REST for field in plan.fields}))
        self._numbers = {values: number for number, values in enumerate(known)}

    def codes(self, columns: list[list[object]]) -> Ints:
        """Number of each record's segment."""
        rest = len(self.texts) - 1
        names = [[v if type(v) is str else category(v) for v in column] for column in columns]
        shown = [_shown(column, disguise) for column, disguise in zip(names, self._shown, strict=True)]
        found = (self._numbers.get(values, rest) for values in zip(*shown, strict=True))
        return np.fromiter(found, np.int64, len(names[0]))


def _shown(names: Sequence[str | Gap], disguise: Callable[[str], str] | None) -> Sequence[str | Gap]:
    """Values of a segment's field as the profile has them: those of a sensitive one stand for themselves nowhere."""
    return names if disguise is None else [disguise(name) if type(name) is str else name for name in names]


class _Builder:
    """Cuts the rows of a batch into chunks, one way of slicing after the other."""

    def __init__(
        self,
        signals: ModelSignals,
        data: npt.NDArray[np.uint8],
        values: npt.NDArray[np.float64],
        numeric_codes: npt.NDArray[np.uint8],
        starts_ms: Ints,
        rows: Ints,
        pane_ms: int,
    ) -> None:
        self._signals, self._data, self._values, self._codes = signals, data, values, numeric_codes
        self._starts, self._rows, self._pane_ms = starts_ms, rows, pane_ms
        self._panes = (starts_ms - starts_ms.min()) // pane_ms
        self._most = max(1, (chunks.LIMIT - 64 * len(signals.names) - 64) // max(1, data.shape[1]))

    def build(self, groups: Ints, keys: list[str]) -> Iterator[Entry]:
        """Chunks of each (group, pane), each standing on the first of its records."""
        both = groups + self._panes * len(keys)
        if bool((both == both[0]).all()):
            order, data, values, codes = np.arange(len(both)), self._data, self._values, self._codes
        else:
            order = np.argsort(both, kind="stable")
            data, values, codes = self._data[order], self._values[order], self._codes[order]
        ordered = both[order]
        cuts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        ends = np.append(cuts[1:], len(ordered))
        if int((ends - cuts).max()) > self._most:
            ends = np.array(
                [e for a, b in zip(cuts, ends, strict=True) for e in (*range(a + self._most, b, self._most), b)]
            )
            cuts = np.append(0, ends[:-1])
        sums = self._signals.moments.sums(values, codes, ends)
        text, width = data.tobytes(), data.shape[1]
        count, raw = len(self._signals.names), len(self._signals.raw)
        for group, (start, end) in enumerate(zip(cuts.tolist(), ends.tolist(), strict=True)):
            first = order[start]
            pane_end = int(self._starts[first]) + self._pane_ms
            chunk = chunks.encode(pane_end, count, raw, sums[group], end - start, text[start * width : end * width])
            yield Entry(int(self._rows[first]), keys[int(groups[first])], chunk, pane_end)


def _confidences(records: list[Any]) -> npt.NDArray[np.float64]:
    missing = float("nan")
    return np.array(
        [
            r.confidence if r.confidence is not None else max(r.probabilities.values()) if r.probabilities else missing
            for r in records
        ],
        np.float64,
    )


def _predictions(records: list[Any], texts: bool) -> npt.NDArray[np.float64]:
    gaps = {Gap.MISSING: float("nan"), Gap.INVALID: float("inf")}
    numbers = (numeric(r.prediction, texts=texts) for r in records)
    return np.array([gaps[n] if isinstance(n, Gap) else n for n in numbers], np.float64)


def _identity(identity: str | int | None, lines: Sequence[bytes | None], row: int) -> bytes:
    """What the record is known by: its id, else its whole text."""
    if identity is None:
        return lines[row] or b""
    return identity.encode("utf-8", "surrogatepass") if isinstance(identity, str) else b"%d" % identity


def _fields(source: SourcePlan) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """How to find each field in a document."""
    if source.format in ("csv", "parquet"):
        columns = {name: column_name(getattr(source.fields, name)) for name in source.fields.__struct_fields__}
        found = {name: _finder(column) for name, column in columns.items()}
        return found | {"features": lambda document: document}  # each feature is the column of its name
    return {name: _finder(getattr(source.fields, name)) for name in source.fields.__struct_fields__}


def _finder(place: str) -> Callable[[Mapping[str, Any]], Any]:
    keys = steps(place)
    return lambda document: follow(document, keys)


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = f"features: expected an object, got {_type(value)}"
        raise _DeadError(message)
    return value


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float)) else Gap.INVALID


def _type(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"not UTF-8 at byte {error.start}" if isinstance(error, UnicodeDecodeError) else type(error).__name__
