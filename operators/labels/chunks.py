"""Chunks that are about labels: labels of a source, predictions that wait for theirs, and labels within records.

With a source of labels both go to the join. Without one a record's own label counts at once: it goes with its
prediction to performance, in the window of its pane, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import LabelsPlan, RetrainPlan, SourcePlan
from operators.decisions.offsets import count_labelled
from operators.encoding.entries import Batch, Entry, LabelCounts, Place
from operators.encoding.keys import LABELS, source_key
from operators.encoding.letters import Letters
from operators.joins import absent_outcome, is_measured, joined, labelled
from operators.labels.groups import group_hashes, group_numbers, item_hashes
from operators.labels.incoming import LabelReading
from operators.labels.join_chunks import LABELS as OF_LABELS
from operators.labels.join_chunks import PREDICTIONS, Bytes, Hashes, Ints, Rows, cut_chunks, sampled
from operators.labels.join_rows import Floats, Matches, by_pane, label_data
from operators.labels.own_labels import OwnLabels, own_labels
from operators.labels.prediction_rows import PredictionRows
from operators.profiles.references import References
from operators.reading.records import Identity, Reading, Records, some


class LabelChunks:
    """Makes the chunks of one source that are about labels."""

    def __init__(self, references: References, source: SourcePlan, pane_ms: int, letters: Letters) -> None:
        self._references, self._source, self._pane_ms, self._letters = references, source, pane_ms, letters
        self.models = {} if source.kind == "features" else labelled(references.plan)
        self._joined = joined(references.plan)
        self._performing = {model for model in self.models if is_measured(references.models[model])}
        self._ranked = {model for model in self._joined if references.models[model].is_ranking}
        self._rows: dict[int, PredictionRows] = {}
        models = references.models.values()
        self._asking = {one.name: one.window.slide_ms for one in models if isinstance(one.retrain, RetrainPlan)}

    def of_labels(self, model: str, reading: LabelReading, rows: Ints, times_ms: Ints) -> Iterator[Entry]:
        """Chunks of labels for the join."""
        given = Rows(reading.hashes[rows], times_ms, self._data(model, reading.outcomes[rows]))
        return cut_chunks(OF_LABELS, model, self.models[model], given, rows, self._pane_ms, by=reading.by[rows])

    def without_group(self, model: str, records: Records) -> npt.NDArray[np.bool_]:
        """Which records of a model are in no group, although what turns out is told of groups."""
        if model not in self._ranked:
            return np.zeros(len(records.rows), np.bool_)
        return ~group_hashes(records.segments[self._source.fields.group])[1]

    def _data(self, model: str, outcomes: Floats) -> Bytes:
        if model not in self._performing:
            return np.empty((len(outcomes), 0), np.uint8)
        by, name = self.models[model].by, self._source.name
        return label_data(outcomes, (1 + by.index(name) if name in by else 0) if by else None)

    def of_records(
        self,
        reading: Reading,
        records: Records,
        whose: Identity,
        times_ms: Ints,
        place: Place,
        batch: Batch,
        expected: Floats | None = None,
        places: Hashes | None = None,
    ) -> Iterator[Entry]:
        """Chunks, letters and counts of records of one version and role; the last two as for `PredictionRows.rows`."""
        model = whose[0]
        plan = self._references.models[model]
        labels = own_labels(
            records.labels, plan.prediction, self._source.fields.label, texts=self._source.format == "csv"
        )
        joins, absent = model in self._joined, absent_outcome(plan)
        if labels is None and not joins and absent is None:
            return
        hashes = by = records.hashes
        if model in self._ranked:
            by, _ = group_hashes(records.segments[self._source.fields.group])
            hashes, expected = item_hashes(by, hashes), group_numbers(by)
        if labels is None and absent is None:  # of ids outside the sample nothing is kept or told
            at = np.flatnonzero(sampled(by, self.models[model]))
            if len(at) < len(times_ms):
                records, times_ms, hashes, by = some(records, at), times_ms[at], hashes[at], by[at]
                expected = None if expected is None else expected[at]
                places = None if places is None else places[at]
        kept, texts = Rows(hashes, times_ms, np.empty((len(times_ms), 0), np.uint8)), list[str]()
        if model in self._performing:
            data, texts = self._prediction_rows(whose).rows(records, whose, expected, places)
            kept = Rows(hashes, times_ms, data)
        about = model, self.models[model]
        if joins:
            yield from cut_chunks(PREDICTIONS, *about, kept, records.rows, self._pane_ms, texts, by)
        if labels is not None:
            yield from self._told(reading, records, labels, times_ms, place)
            yield self._counted(by, records.rows, labels, self.models[model], joins=joins)
        if labels is not None and joins:
            at = labels.positions
            own = Rows(kept.hashes[at], times_ms[at], self._data(model, labels.outcomes))
            yield from cut_chunks(OF_LABELS, *about, own, records.rows[at], self._pane_ms, by=by[at])
        if not joins and model in self._asking and whose[2] == "champion":
            there = self._with_outcome(model, kept, labels, absent)
            count_labelled(batch.labelled.setdefault(model, {}), times_ms[there], self._asking[model])
        if not joins and model in self._performing:
            yield from self._at_once(model, kept, texts, records.rows, labels, absent)

    def _told(
        self, reading: Reading, records: Records, labels: OwnLabels, times_ms: Ints, place: Place
    ) -> Iterator[Entry]:
        for at, error in labels.wrong:
            row = int(records.rows[at])
            payload = reading.payload(row) if self._letters.keeps else None
            yield self._letters.dead(row, f"{error}; the record itself is used", int(times_ms[at]), place, payload)

    def _counted(self, by: Hashes, rows: Ints, labels: OwnLabels, plan: LabelsPlan, *, joins: bool) -> Entry:
        """What is known of labels; what becomes of the others, the join says."""
        chosen = int(sampled(by[labels.positions], plan).sum())
        counts = LabelCounts(
            read=len(labels.positions) + len(labels.wrong),
            matched=0 if joins else chosen,
            ignored=len(labels.positions) - chosen,
            dead=len(labels.wrong),
        )
        return Entry(int(rows[0]), source_key(LABELS, self._source.name), msgspec.json.encode(counts))

    def _at_once(
        self, model: str, kept: Rows, texts: Sequence[str], rows: Ints, labels: OwnLabels | None, absent: float | None
    ) -> Iterator[Entry]:
        """Predictions with their outcomes, by pane and key."""
        outcomes = np.full(len(rows), np.nan if absent is None else absent)
        if labels is not None:
            outcomes[labels.positions] = labels.outcomes
        at = self._with_outcome(model, kept, labels, absent)
        matches = Matches(
            kept.hashes[at], kept.times_ms[at], kept.times_ms[at], kept.data[at], label_data(outcomes[at])
        )
        for first, key, part, end_ms in by_pane(model, matches, texts, self._pane_ms):
            yield Entry(int(rows[at[first]]), key, part, end_ms)

    def _with_outcome(self, model: str, kept: Rows, labels: OwnLabels | None, absent: float | None) -> Ints:
        """Positions of the predictions whose outcome is known at once."""
        there = np.full(len(kept.hashes), absent is not None)
        if labels is not None:
            there[[at for at, _ in labels.wrong]] = False
            there[labels.positions] = True
        return np.flatnonzero(there & sampled(kept.hashes, self.models[model]))

    def _prediction_rows(self, whose: Identity) -> PredictionRows:
        signals = self._references.find(*whose[:2])
        assert signals is not None, "records of versions that the configuration ignores are left out"
        made = self._rows.get(id(signals))
        if made is None:
            made = self._rows[id(signals)] = PredictionRows(self._references.models[whose[0]], signals, self._source)
        return made
