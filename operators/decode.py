"""Decode: raw records in, one chunk of codes per (key, pane) and batch out; late and dead ones as letters.

What it decides depends on the plan and the record alone, so any worker may decode any batch. Of late records
it only says that they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.durations import duration
from config.plan import RetrainPlan, SourcePlan
from operators.decisions.offsets import widen
from operators.encoding.entries import Batch, Counts, Entry, LabelCounts, Place
from operators.encoding.keys import COUNTS, LABELS, source_key
from operators.encoding.letters import Letters
from operators.encoding.record_coding import RecordCoder
from operators.encoding.value_coding import ValueCoder
from operators.labels.chunks import LabelChunks
from operators.labels.incoming import LabelReading
from operators.labels.scanned import ScannedLabelReader
from operators.profiles.references import JobReferences, ModelSignals, References
from operators.profiles.unprofiled import Unprofiled
from operators.quality.field_reference import FieldReference, field_reference
from operators.quality.field_samples import FieldSampler
from operators.quality.rules import LABEL, RuleCoder, rules_of
from operators.reading.csv_rows import Malformed
from operators.reading.identities import Identities
from operators.reading.json_records import JsonReader
from operators.reading.plain_times import NO_TIME
from operators.reading.records import Identity, Reading, layout
from operators.reading.table_records import TableReader
from operators.reading.values import Gap, event_time

LATEST_MS = 7_258_118_400_000  # 2200; a broker's time from there on, or before 1970, is none

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Decoder:
    """Decodes the batches of one source.

    Parameters
    ----------
    job
        The plan with its profiles.
    source
        One of its sources.
    """

    def __init__(self, job: JobReferences, source: SourcePlan) -> None:
        self._references = References(job)
        self._source = source
        self._pane_ms = job.plan.job.pane_ms
        self._letters = Letters(job.plan, source)
        self._layouts = {model.name: layout(model, source.fields.group) for model in job.plan.models}
        self._coders: dict[int, RecordCoder | ValueCoder] = {}
        self._ruled = {
            model.name: RuleCoder(model, self._layouts[model.name], source, self._pane_ms)
            for model in job.plan.models
            if rules_of(model)
        }
        self._sampler = FieldSampler(source, self._pane_ms) if source.kind == "predictions" else None
        self._fields: dict[int, FieldReference | None] = {}
        self._asking = {
            model.name: model.window.slide_ms for model in job.plan.models if isinstance(model.retrain, RetrainPlan)
        }
        self._labels = LabelChunks(self._references, source, self._pane_ms, self._letters)
        self._tables: TableReader | ScannedLabelReader
        self._lines: JsonReader | ScannedLabelReader
        if source.kind == "labels":
            self._tables = self._lines = ScannedLabelReader(job.plan, source)
        else:
            identities = Identities(self._references, source)
            ruled = any(rule.field == LABEL for model in job.plan.models for rule in rules_of(model))
            own = source.kind == "predictions" and (ruled or bool(self._labels.models))
            self._tables = TableReader(source, self._layouts, identities, labels=own)
            self._lines = JsonReader(source, self._layouts, identities, labels=own)

    @property
    def columns(self) -> set[str] | None:
        """Columns of a table that are needed; None for all."""
        return None if self._letters.keeps else self._tables.columns

    def decode(
        self,
        lines: Sequence[bytes | None],
        times_ms: Ints,
        late: Flags,
        place: Place,
        broker_ms: Ints | None = None,
    ) -> list[Entry]:
        """Decode one batch of JSON records from a topic.

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
        broker_ms : int64, shape (records,)
            The broker's times; with ``time: payload`` only.
        """
        reading = self.read(lines)
        if self._source.time.kind == "payload":
            assert broker_ms is not None, "payload time is held against the broker's"
            self._check_times(reading, times_ms, broker_ms)
            times_ms = np.where(_flags(reading.rows, reading.dead), NO_TIME, times_ms)
            place = msgspec.structs.replace(place, arrived_ms=broker_ms)
        else:
            broker_ms = times_ms
        for row in np.flatnonzero((broker_ms <= 0) | (broker_ms >= LATEST_MS)).tolist():
            reading.dead[row] = "the broker's time of the record is not between 1970 and 2200"
        return self.finish(reading, times_ms, late, place)

    def read(
        self, records: Sequence[bytes | None] | pa.Table, malformed: Sequence[Malformed] = ()
    ) -> Reading | LabelReading:
        """Read a batch of JSON records or of a table."""
        return self._tables.read(records, malformed) if isinstance(records, pa.Table) else self._lines.read(records)

    def payload_times(self, reading: Reading | LabelReading) -> Ints:
        """Times that records say themselves; one that does not becomes a dead letter."""
        times_ms = reading.plain_times()
        times_ms[list(reading.dead)] = NO_TIME
        texts = self._source.format == "csv"
        rows = [row for row in np.flatnonzero(times_ms == NO_TIME).tolist() if row not in reading.dead]
        for row, value in zip(rows, reading.timestamps(rows), strict=True):
            time_ms = event_time(value, texts=texts)
            if isinstance(time_ms, Gap):
                what = "is missing" if time_ms is Gap.MISSING else "expected RFC 3339 text or a number"
                reading.dead[row] = f"'timestamp': {what} at {self._source.fields.timestamp}"
            else:
                times_ms[row] = time_ms
        return times_ms

    def _check_times(self, reading: Reading | LabelReading, times_ms: Ints, broker_ms: Ints) -> None:
        """Records are used if the time that their window goes by is their own."""
        own_ms = self.payload_times(reading)
        known, ahead = own_ms != NO_TIME, own_ms > broker_ms + self._source.max_skew_ms
        limit = duration(self._source.max_skew_ms)
        for row in np.flatnonzero(known & (ahead | (own_ms != times_ms))).tolist():
            # SQL takes the time from the text by itself; what it reads otherwise, the windows do not go by.
            other = "has no form that the job can order records by"
            what = f"more than {limit} ahead of the broker's time" if ahead[row] else other
            reading.dead[row] = f"'timestamp': {what} at {self._source.fields.timestamp}"

    def finish(self, reading: Reading | LabelReading, times_ms: Ints, late: Flags, place: Place) -> list[Entry]:
        """From read records to chunks, letters and counts; dead ones are not late besides.

        Parameters
        ----------
        reading
            Of `read`.
        times_ms : int64, shape (records,)
            Event times; NO_TIME of dead records whose time is not known.
        late : bool, shape (records,)
        place
            Where the records stood.
        """
        alive = ~_flags(reading.rows, reading.dead)
        late = late & alive
        entries: list[Entry] = []
        batch = Batch(counts=Counts(), newest_ms={})
        for whose, positions in reading.groups.items():
            rows = np.array(positions, np.int64)
            rows = rows[(alive & ~late)[rows]]
            if not len(rows):
                continue
            model, times = whose[0], times_ms[rows]
            entries += self._chunks(reading, whose, rows, times, place, batch)
            if model in self._asking and whose[2] == "champion" and place.topic is not None:
                widen(batch.offsets.setdefault(model, {}), times, rows, place, self._asking[model])
            batch.newest_ms[model] = max(batch.newest_ms.get(model, NO_TIME), int(times.max()))
        entries += self._told(reading, times_ms, np.flatnonzero(late).tolist(), place)
        if reading.rows:
            ignored = int((alive & ~late)[reading.ignored].sum())
            fates = {"dead": len(reading.dead), "late": int(late.sum()), "ignored": ignored}
            counted: LabelCounts | Batch
            if self._source.kind == "labels":
                key, counted = LABELS, LabelCounts(read=reading.rows, **fates)
            else:
                used = reading.rows - fates["dead"] - fates["late"]
                batch.counts = Counts(read=reading.rows, used=used, **fates)
                key, counted = COUNTS, batch
            entries.append(Entry(0, source_key(key, self._source.name), msgspec.json.encode(counted)))
        return entries

    def _chunks(
        self, reading: Reading | LabelReading, whose: Identity, rows: Ints, times_ms: Ints, place: Place, batch: Batch
    ) -> Iterator[Entry]:
        """Chunks of usable records of one model, version and role."""
        model, version, _ = whose
        if isinstance(reading, LabelReading):
            yield from self._labels.of_labels(model, reading, rows, times_ms)
            return
        records = reading.take(model, rows)
        without = self._labels.without_group(model, records)
        if without.any():
            place_of = self._source.fields.group
            reading.dead.update(dict.fromkeys(rows[without].tolist(), f"'group': is missing at {place_of}"))
            rows, times_ms = rows[~without], times_ms[~without]
            if not len(rows):
                return
            records = reading.take(model, rows)
        coder = self._coder(model, version)
        yield from coder.chunks(records, times_ms, whose)
        if model in self._ruled:
            known = self._references.find(model, version)
            signals = known if isinstance(known, ModelSignals) else None
            yield from self._ruled[model].facts(records, times_ms, whose, place, signals)
        if self._sampler is not None and (of := self._field_reference(model, version)) is not None:
            slide_ms = self._references.models[model].window.slide_ms
            yield from self._sampler.chunks(records, times_ms, whose, place, slide_ms, of.meaning, reading.payload)
        if model in self._labels.models:
            beside = (coder.expected, coder.places) if isinstance(coder, RecordCoder) else (None, None)
            yield from self._labels.of_records(reading, records, whose, times_ms, place, batch, *beside)

    def _told(self, reading: Reading | LabelReading, times_ms: Ints, late: list[int], place: Place) -> Iterator[Entry]:
        def payload(row: int) -> bytes | None:
            return reading.payload(row) if self._letters.keeps else None

        for row in sorted(reading.dead):
            time_ms = int(times_ms[row])
            error = reading.dead[row]
            yield self._letters.dead(row, error, None if time_ms == NO_TIME else time_ms, place, payload(row))
        for row in late:
            yield self._letters.late(row, int(times_ms[row]), place, payload(row))

    def _field_reference(self, model: str, version: str) -> FieldReference | None:
        signals = self._references.find(model, version)
        if not isinstance(signals, ModelSignals):
            return None
        if id(signals) not in self._fields:
            found = field_reference(signals.model, signals.profile, self._references.plan.sources)
            self._fields[id(signals)] = found if isinstance(found, FieldReference) else None
        return self._fields[id(signals)]

    def _coder(self, model: str, version: str) -> RecordCoder | ValueCoder:
        signals = self._references.find(model, version)
        assert signals is not None, "records of versions that the configuration ignores are left out"
        coder = self._coders.get(id(signals))
        if coder is None:
            how = self._layouts[model], self._source, self._pane_ms
            coder = ValueCoder(signals, *how) if isinstance(signals, Unprofiled) else RecordCoder(signals, *how)
            self._coders[id(signals)] = coder
        return coder


def _flags(rows: int, positions: Iterable[int]) -> Flags:
    flags = np.zeros(rows, np.bool_)
    flags[list(positions)] = True
    return flags
