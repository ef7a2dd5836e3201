"""From records to chunks: values become codes, and the codes of a batch are cut by key and pane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from config.plan import ALL, SourcePlan
from operators.encoding import chunks, unnamed
from operators.encoding.codes import ABSENT
from operators.encoding.coding import CategoryCoder, NumericCoder
from operators.encoding.cutting import cut
from operators.encoding.entries import Entry
from operators.encoding.keys import monitor_key
from operators.encoding.measures import Measures, yardsticks_of
from operators.encoding.segment_coding import SegmentCoder
from operators.estimation.loss_trees import LossModel
from operators.estimation.prediction_scores import prediction_scores
from operators.estimation.proxies import PROXIES, proxies
from operators.metrics.slice_cells import Places, SliceCells
from operators.profiles.references import FEATURE, SCORE, ModelSignals
from operators.quality.signals import outside, ranged_features
from operators.reading.columns import Column, numbers
from operators.reading.records import Identity, Layout, Records
from operators.reading.values import disguised
from operators.relations.reconstruction import RECONSTRUCTION

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class RecordCoder:
    """Codes records of one source against one profile."""

    def __init__(self, signals: ModelSignals, layout: Layout, source: SourcePlan, pane_ms: int) -> None:
        self._signals = signals
        self._pane_ms = pane_ms
        self._texts = source.format == "csv"
        slots = {FEATURE + name: slot for slot, name in enumerate(layout.numbers)}
        self._runs = list(_runs([slots.get(signals.names[position]) for position in signals.numeric]))
        self._measures = Measures(signals.model, yardsticks_of(signals.profile))
        self._measured = {FEATURE + feature.name for feature in signals.model.features if feature.of is not None}
        self._columns = {position: at for at, position in enumerate(signals.numeric)}
        ranged = ranged_features(signals.model)
        self._ranged = [self._columns[position] for position in ranged]
        self._ranges = [signals.model.features[position].range or (0.0, 0.0) for position in ranged]
        self._segments = [
            SegmentCoder(plan, signals.model, signals.profile.segments) for plan in signals.model.segments
        ]
        self._sensitive = {feature.name for feature in signals.model.features if feature.sensitive}
        fields = {FEATURE + feature.name: FEATURE + feature.field for feature in signals.model.features}
        carried = [carries(source, fields.get(name, name)) for name in signals.names]
        if signals.reconstruction is not None:
            every = all(carried[position] for position in signals.reconstruction.positions)
            carried[signals.names.index(RECONSTRUCTION)] = every
        self._absent = [position for position, there in enumerate(carried) if not there]
        self._loss: LossModel | None = None
        self.expected: Floats | None = None  # errors of the records coded last; None where none are expected
        if (of := signals.estimation) is not None and of.loss is not None and source.kind == "predictions":
            self._loss = LossModel(of.loss, {name: position for position, name in enumerate(signals.names)})
            self._loss_coder = NumericCoder([of.score])
        searched = signals.model.searches_losses and source.kind == "predictions"
        self._cells = SliceCells(signals) if searched else None
        self.places: Places | None = None  # of the records coded last; None where slices are not searched

    def chunks(self, records: Records, times_ms: Ints, whose: Identity) -> Iterator[Entry]:
        """Chunks of records of one model, version and role: the whole traffic, then each segment.

        Parameters
        ----------
        records
            At least one.
        times_ms : int64
            Event times of these records.
        """
        signals = self._signals
        values = self._values(records)
        codes = self._codes(records, values)
        if self._loss is not None:
            self._expect(self._loss, records, values, codes)
        if self._cells is not None:
            self.places = self._cells.places(codes)
        found = self._unnamed(records, codes)
        starts = times_ms - times_ms % self._pane_ms
        raw = values[:, [self._columns[position] for position in signals.raw]]
        data = chunks.rows(times_ms - starts, records.hashes, codes, raw)
        numeric_codes = np.ascontiguousarray(codes[:, signals.numeric])
        out = outside(values[:, self._ranged], self._ranges) if self._ranged else None
        cutter = _Cutter(signals, data, values, numeric_codes, starts, records, found, out, self._pane_ms)
        whole = monitor_key(*whose, "")
        yield from cutter.chunks(np.zeros(len(data), np.int64), [whole + ALL])
        for segments in self._segments:
            numbers_ = segments.codes([records.segments[field] for field in segments.fields])
            yield from cutter.chunks(numbers_, [whole + text for text in segments.texts])

    def _unnamed(self, records: Records, codes: Bytes) -> list[_Unnamed]:
        """Signals of which some of the records have values without a name in the reference."""
        found = []
        for position, coder in zip(self._signals.named, self._signals.category_coders, strict=True):
            has = codes[:, position] == coder.absent
            if has.any():
                name = self._signals.names[position]
                hide = name.removeprefix(FEATURE) in self._sensitive
                found.append(_Unnamed(position, has, self._column(records, position), coder, hide))
        return found

    def _values(self, records: Records) -> Floats:
        """Values of the number-valued signals, shape (records, numeric signals)."""
        values = np.empty((len(records.rows), len(self._signals.numeric)))
        for column, slot, count in self._runs:
            values[:, column : column + count] = records.numbers[:, slot : slot + count]
        numbers_ = self._measures.measured(records.names.get, texts=self._texts).numbers
        measured = {FEATURE + name: column for name, column in numbers_.items()}
        undecided = self._proxies(records)
        for column, position in enumerate(self._signals.numeric):
            name = self._signals.names[position]
            if name in self._measured:
                values[:, column] = measured.get(name, np.nan)  # that of a field that is not carried
            elif name == "confidence":
                values[:, column] = records.confidence
            elif name in PROXIES:
                values[:, column] = undecided[:, PROXIES.index(name)]
            elif name == SCORE:
                values[:, column] = self._scores(records)
            elif name == RECONSTRUCTION:
                values[:, column] = np.nan  # until there are codes
            elif not name.startswith(FEATURE):
                values[:, column] = numbers(records.prediction, texts=self._texts)
        return values

    def _codes(self, records: Records, values: Floats) -> Bytes:
        signals = self._signals
        codes = np.empty((len(values), len(signals.names)), np.uint8)
        codes[:, signals.numeric] = signals.numeric_coder.codes(values)
        for position, coder in zip(signals.named, signals.category_coders, strict=True):
            codes[:, position] = coder.codes(self._column(records, position))
        codes[:, self._absent] = ABSENT
        if signals.reconstruction is not None and signals.names.index(RECONSTRUCTION) not in self._absent:
            signals.fill_errors(values, codes)
        return codes

    def _proxies(self, records: Records) -> Floats:
        model = self._signals.model
        if not isinstance(model.proxies, tuple):
            return np.empty((0, 2))
        return proxies(
            records.probabilities, records.prediction, records.confidence, model.prediction, texts=self._texts
        )

    def _scores(self, records: Records) -> Floats:
        plan = self._signals.model.prediction
        if plan is None or plan.task == "regression":
            return np.full(len(records.rows), np.nan)  # known with the codes
        return prediction_scores(records.prediction, records.confidence, plan, texts=self._texts)

    def _expect(self, loss: LossModel, records: Records, values: Floats, codes: Bytes) -> None:
        """Fill in the errors to be expected of predictions, by the codes of their features."""
        position = self._signals.names.index(SCORE)
        predicted = np.isfinite(numbers(records.prediction, texts=self._texts))
        expected = np.where(predicted, loss.losses(codes), np.nan)
        values[:, self._columns[position]] = self.expected = expected
        codes[:, position] = self._loss_coder.codes(np.ascontiguousarray(expected[:, None]))[:, 0]

    def _column(self, records: Records, position: int) -> Column:
        name = self._signals.names[position]
        return records.names[name.removeprefix(FEATURE)] if name.startswith(FEATURE) else records.prediction


def carries(source: SourcePlan, signal: str) -> bool:
    """Whether a source's records carry a signal; of what is measured, ask for the text or embedding."""
    if not signal.startswith(FEATURE):
        return source.kind == "predictions"
    return source.carries is None or signal.removeprefix(FEATURE) in source.carries


@dataclass(frozen=True)
class _Unnamed:
    """A signal's values that have no name in the reference."""

    position: int
    has: npt.NDArray[np.bool_]  # records of the batch
    column: Column
    coder: CategoryCoder
    hide: bool

    def sample(self, rows: Ints, hashes: npt.NDArray[np.uint64]) -> list[tuple[int, str]]:
        """Of some of the records."""
        rows = rows[self.has[rows]]
        rows = rows[unnamed.smallest(hashes[rows])]
        names = self.coder.names(self.column, rows)
        return unnamed.sample(hashes[rows].tolist(), map(disguised, names) if self.hide else names)


def _runs(slots: Sequence[int | None]) -> Iterator[tuple[int, int, int]]:
    """Columns that stand side by side as their slots do: the first one's column and slot, and how many.

    >>> list(_runs([2, 3, None, 0, 4]))
    [(0, 2, 2), (3, 0, 1), (4, 4, 1)]
    """
    start = 0
    for column, slot in enumerate(slots):
        if slot is None:
            start = column + 1
        elif column + 1 == len(slots) or slots[column + 1] != slot + 1:
            yield start, slot - (column - start), column + 1 - start
            start = column + 1


class _Cutter:
    """Cuts the rows of a batch into chunks, one way of slicing after the other."""

    def __init__(
        self,
        signals: ModelSignals,
        data: Bytes,
        values: Floats,
        numeric_codes: Bytes,
        starts_ms: Ints,
        records: Records,
        found: list[_Unnamed],
        out: Flags | None,
        pane_ms: int,
    ) -> None:
        self._signals, self._data, self._values, self._codes = signals, data, values, numeric_codes
        self._starts, self._rows, self._hashes, self._pane_ms = starts_ms, records.rows, records.hashes, pane_ms
        self._unnamed, self._outside = found, out
        self._panes = (starts_ms - starts_ms.min()) // pane_ms
        room = chunks.LIMIT - chunks.overhead(len(signals.numeric)) - min(len(found) * unnamed.BYTES, chunks.LIMIT // 2)
        self._most = max(1, room // data.shape[1])

    def chunks(self, groups: Ints, keys: list[str]) -> Iterator[Entry]:
        """Chunks of each (group, pane), each standing on the first of its records."""
        order, ends, moved = cut(groups + self._panes * len(keys), self._most)
        data, values, codes = self._data, self._values, self._codes
        if moved:
            data, values, codes = data[order], values[order], codes[order]
        sums = self._signals.moments.sums(values, codes, ends)
        text, width = data.tobytes(), data.shape[1]
        size = sums.nbytes // len(ends)
        all_sums = sums.tobytes()
        starts = np.append(0, ends[:-1])
        out = None if self._outside is None else self._outside[order].astype(np.int64)
        outsides = [None] * len(ends) if out is None else np.add.reduceat(out, starts, axis=0).tolist()
        firsts = order[starts]
        rows = self._rows[firsts].tolist()
        pane_ends = (self._starts[firsts] + self._pane_ms).tolist()
        count, raw, numeric = len(self._signals.names), len(self._signals.raw), sums.shape[1]
        start = 0
        for group, (end, key) in enumerate(zip(ends.tolist(), groups[firsts].tolist(), strict=True)):
            names = self._sampled(order[start:end]) if self._unnamed else None
            yield Entry(
                rows[group],
                keys[key],
                chunks.encode(
                    pane_ends[group], self._signals.meaning, count, raw, numeric, end - start,
                    all_sums[group * size : (group + 1) * size], text[start * width : end * width], names,
                    outsides[group],
                ),
                pane_ends[group],
            )  # fmt: skip
            start = end

    def _sampled(self, members: Ints) -> unnamed.Names:
        """Names that some records have and the reference has not."""
        found = {one.position: one.sample(members, self._hashes) for one in self._unnamed}
        return {position: some for position, some in found.items() if some}
