"""From records to chunks of values, for versions without a profile: cut by key and pane like those of codes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from config.plan import ALL, SourcePlan
from operators.encoding import chunks, value_chunks
from operators.encoding.codes import ABSENT
from operators.encoding.cutting import cut
from operators.encoding.entries import Entry
from operators.encoding.keys import monitor_key
from operators.encoding.measures import Measures, Yardsticks
from operators.encoding.record_coding import carries
from operators.encoding.segment_coding import SegmentCoder
from operators.profiles.signal_values import CONFIDENCE, FEATURE
from operators.profiles.unprofiled import Unprofiled
from operators.reading.columns import numbers
from operators.reading.records import Identity, Layout, Records
from operators.reading.vectors import Vectors

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class ValueCoder:
    """Puts the values of records of one source into chunks."""

    def __init__(self, signals: Unprofiled, layout: Layout, source: SourcePlan, pane_ms: int) -> None:
        self._signals = signals
        self._pane_ms = pane_ms
        self._texts = source.format == "csv"
        self._slots = {FEATURE + name: slot for slot, name in enumerate(layout.numbers)}
        self._measures = Measures(signals.model, Yardsticks(texts=signals.texts))
        fields = {FEATURE + feature.name: FEATURE + feature.field for feature in signals.model.features}
        fields |= {
            name: FEATURE + field for field, places in signals.vectors.items() for name in signals.numbers[places]
        }
        self._segments = [SegmentCoder(plan, signals.model, {}) for plan in signals.model.segments]
        self._carried = {n for n in (*signals.numbers, *signals.names) if carries(source, fields.get(n, n))}

    def chunks(self, records: Records, times_ms: Ints, whose: Identity) -> Iterator[Entry]:
        """Chunks of records of one model, version and role: the whole traffic, then each segment.

        Parameters
        ----------
        records
            At least one.
        times_ms : int64
            Event times of these records.
        """
        values, ids = self._numbers(records), self._ids(records)
        texts = {number: text for one in self._signals.name_ids for number, text in one.texts.items()}
        starts = times_ms - times_ms % self._pane_ms
        data = value_chunks.rows(times_ms - starts, records.hashes, values, ids)
        whole = monitor_key(*whose, "")
        ways = [(np.zeros(len(data), np.int64), [whole + ALL])]
        for segments in self._segments:
            numbers_ = segments.codes([records.segments[field] for field in segments.fields])
            ways.append((numbers_, [whole + text for text in segments.texts]))
        most = max(1, chunks.LIMIT // data.shape[1])
        for groups, keys in ways:
            order, ends, _ = cut(groups + (starts - starts.min()) // self._pane_ms * len(keys), most)
            start = 0
            for end in ends.tolist():
                chosen = order[start:end]
                pane_end = int(starts[chosen[0]]) + self._pane_ms
                chunk = value_chunks.encode(
                    pane_end, self._signals.meaning, values.shape[1], ids[chosen], data[chosen].tobytes(), texts
                )
                yield Entry(int(records.rows[chosen[0]]), keys[int(groups[chosen[0]])], chunk, pane_end)
                start = end

    def _numbers(self, records: Records) -> Floats:
        values = np.full((len(records.rows), len(self._signals.numbers)), -np.inf)
        measured = self._measured(records)
        for column, name in enumerate(self._signals.numbers):
            if name not in self._carried:
                continue
            if name in measured:
                read = measured[name]
            elif name.startswith(FEATURE):
                read = records.numbers[:, self._slots[name]]
            elif name == CONFIDENCE:
                read = records.confidence
            else:
                read = numbers(records.prediction, texts=self._texts)
            # One NaN and one infinity: their bits are part of the order of records.
            values[:, column] = np.where(np.isnan(read), np.nan, np.where(np.isinf(read), np.inf, read + 0.0))
        return values

    def _measured(self, records: Records) -> dict[str, Floats]:
        """What is measured of texts, and the numbers of vectors."""
        texts = {field: records.names[field] for field in self._signals.texts if field in records.names}
        found = self._measures.measured(texts.get, texts=self._texts).numbers
        numbers_ = {FEATURE + name: column for name, column in found.items()}
        for field, places in self._signals.vectors.items():
            if field not in records.names:
                continue  # not carried
            vectors = Vectors(records.names[field], places.stop - places.start, texts=self._texts)
            values = np.where((vectors.gaps == 0)[:, None], vectors.values, vectors.gaps[:, None])
            numbers_ |= dict(zip(self._signals.numbers[places], values.T, strict=True))
        return numbers_

    def _ids(self, records: Records) -> Ids:
        ids = np.full((len(records.rows), len(self._signals.names)), ABSENT, np.uint64)
        for column, (name, reader) in enumerate(zip(self._signals.names, self._signals.name_ids, strict=True)):
            if name in self._carried:
                feature = name.startswith(FEATURE)
                ids[:, column] = reader.of(records.names[name.removeprefix(FEATURE)] if feature else records.prediction)
        return ids
