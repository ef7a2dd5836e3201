"""Rules: which records of a batch do not keep to what is expected of them, and where some of them stand.

One chunk of facts for each pane of a model version, under a key of its own (`EXPECT` in the place of the segment)::

    header   as of a chunk of codes (chunks.py), without signals; what the rules mean in the place of what codes do
    facts    msgpack, `Facts`

Examples are the earliest records, of equal times those with the smallest hash: the same however batches fell.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, RulePlan, SourcePlan
from operators.encoding import chunks
from operators.encoding.codes import INVALID, MISSING, UNSEEN
from operators.encoding.coding import CategoryCoder
from operators.encoding.entries import Entry, Place
from operators.encoding.keys import monitor_key
from operators.encoding.measures import measured_number
from operators.encoding.record_coding import carries
from operators.profiles.references import ModelSignals
from operators.quality.unique_values import Values, hashes_of, values_of
from operators.quality.unseen_values import Unseen, unseen_of
from operators.reading.columns import Column, numbers
from operators.reading.records import Identity, Layout, Records
from schemas.events import Example
from schemas.profile import CategoricalSignal

EXPECT = "expect"  # no segment is called so: segments have an equals sign in them
EXAMPLES = 3  # of each rule and slide
FEATURE, LABEL, CONFIDENCE = "feature.", "label", "confidence"

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Found = tuple[int, int, Example]  # event time, hash, place


class Facts(msgspec.Struct, array_like=True):
    """Of each rule: records that carry the field, those of them that do not keep to it, and the first of these."""

    carried: list[int]
    broken: list[int]
    examples: list[list[Found]]
    values: dict[int, list[Values]] = {}  # by rule: of those that have to be unique

    @classmethod
    def none(cls, rules: int) -> Facts:
        """Of no records."""
        return cls([0] * rules, [0] * rules, [[] for _ in range(rules)])

    def add(self, other: Facts) -> None:
        """Those of other records as well."""
        self.carried = [a + b for a, b in zip(self.carried, other.carried, strict=True)]
        self.broken = [a + b for a, b in zip(self.broken, other.broken, strict=True)]
        self.examples = [first([*a, *b]) for a, b in zip(self.examples, other.examples, strict=True)]
        for number, parts in other.values.items():
            self.values = self.values | {number: [*self.values.get(number, ()), *parts]}


def first(found: Iterable[Found]) -> list[Found]:
    """The examples that are kept, earliest first."""
    return heapq.nsmallest(EXAMPLES, found, key=lambda one: (*one[:2], msgspec.json.encode(one[2])))


def rules_of(model: ModelPlan) -> tuple[RulePlan, ...]:
    """What is expected of a model's records."""
    return () if isinstance(model.expect, msgspec.UnsetType) else model.expect


def meaning(rules: Sequence[RulePlan]) -> int:
    """What the facts are about, as a number of 32 bits."""
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(rules), digest_size=4).digest(), "little")


_decoder = msgspec.msgpack.Decoder(Facts)


def decode(parts: Sequence[bytes], rules: int) -> tuple[int, int, Facts]:
    """End of a pane, its records and their facts, from all chunks of it, at least one."""
    records = end_ms = 0
    facts = Facts.none(rules)
    for part in parts:
        _, _, many, end_ms = chunks.header(part)
        records += many
        facts.add(_decoder.decode(memoryview(part)[chunks.HEADER.size :]))
    return end_ms, records, facts


class RuleCoder:
    """Holds records of one model and source against the rules."""

    def __init__(self, model: ModelPlan, layout: Layout, source: SourcePlan, pane_ms: int) -> None:
        self._rules = rules_of(model)
        self._meaning = meaning(self._rules)
        self._pane_ms, self._freshness_ms = pane_ms, model.freshness_ms
        self._texts = source.format == "csv"
        self._slots = {name: slot for slot, name in enumerate(layout.numbers)}
        self._features = {feature.name: feature for feature in model.features}
        self._coders = [
            None if rule.number else _coder(rule.values, truth=self._is_truth(rule.field)) for rule in self._rules
        ]
        self._fields = {feature.field: feature for feature in model.features}
        # A number that is measured, and, of an embedding itself, its norm: whether there is one.
        self._measured = {feature.name: feature for feature in model.features if feature.of is not None}
        self._measured |= {field: feature for field, feature in self._fields.items() if feature.dim is not None}
        self._carried = [carries(source, self._signal(rule.field)) for rule in self._rules]
        self._unseen: dict[int, dict[str, Unseen | None]] = {}  # by signals and field

    def _signal(self, field: str) -> str:
        whole = self._measured[field].field if field in self._measured else field
        return FEATURE + whole if whole in self._fields else field

    def _label(self, field: str) -> bool:
        return field == LABEL and field not in self._fields

    def _is_truth(self, field: str) -> bool:
        return field in self._features and self._features[field].type == "boolean"

    def facts(
        self, records: Records, times_ms: Ints, whose: Identity, place: Place, signals: ModelSignals | None
    ) -> Iterator[Entry]:
        """A chunk of facts for each pane, standing on the first of its records.

        Parameters
        ----------
        records
            Of one model, version and role, at least one.
        times_ms : int64
            Event times of these records.
        place
            Of the batch.
        signals
            Of the version; None while it learns them.
        """
        held = [self._held(records, times_ms, number, place, signals) for number in range(len(self._rules))]
        if all(one is None for one in held):
            return
        broken = np.column_stack([_none(len(records.rows)) if one is None else one for one in held])
        unique = {
            number: hashes_of(self._read(records, rule.field))
            for number, rule in enumerate(self._rules)
            if rule.what == "unique" and held[number] is not None
        }
        panes = times_ms // self._pane_ms
        for pane in np.unique(panes).tolist():
            rows = np.flatnonzero(panes == pane)
            found = [self._examples(records, times_ms, rows[broken[rows, n]], place) for n in range(len(self._rules))]
            carried = [len(rows) * (one is not None) for one in held]
            values = {
                number: [values_of(hashes[kept], times_ms[kept], records.hashes[kept], records.rows[kept], place)]
                for number, (hashes, there) in unique.items()
                for kept in [rows[there[rows]]]
            }
            facts = Facts(carried, broken[rows].sum(axis=0).tolist(), found, values)
            data = msgspec.msgpack.encode(facts)
            end_ms = (pane + 1) * self._pane_ms
            head = chunks.encode(end_ms, self._meaning, 0, 0, 0, len(rows), b"", data)
            yield Entry(int(records.rows[rows[0]]), monitor_key(*whose, EXPECT), head, end_ms)

    def _examples(self, records: Records, times_ms: Ints, rows: Ints, place: Place) -> list[Found]:
        rows = rows[np.lexsort((records.hashes[rows], times_ms[rows]))][:EXAMPLES]
        return [
            (int(times_ms[row]), int(records.hashes[row]), Example(**place.of(int(records.rows[row]))))
            for row in rows.tolist()
        ]

    def _held(
        self, records: Records, times_ms: Ints, number: int, place: Place, signals: ModelSignals | None
    ) -> Flags | None:
        """Which records break a rule by themselves; None where it says nothing of any."""
        rule, coder = self._rules[number], self._coders[number]
        if rule.what == "stale":
            if not len(place.arrived_ms):
                return None
            arrived_ms = np.asarray(place.arrived_ms, np.int64)[records.rows]
            return np.asarray(arrived_ms - times_ms > self._freshness_ms, np.bool_)
        if not self._carried[number] or (self._label(rule.field) and records.labels is None):
            return None
        if rule.what == "unique":
            return _none(len(records.rows))
        if rule.what == "unseen":
            known = None if signals is None else self._known(rule.field, signals)
            return None if known is None else known.among(self._read(records, rule.field))
        if coder is not None:
            codes = coder.codes(self._names(records, rule.field))
            wanted = {"values": UNSEEN, "missing": MISSING, "invalid": INVALID}[rule.what]
            return np.asarray(codes == wanted, np.bool_)
        values = self._numbers(records, rule.field)
        if rule.what == "missing":
            return np.isnan(values)
        if rule.what == "invalid":
            return np.isinf(values)
        if rule.what == "values":
            return np.isfinite(values) & ~np.isin(values, [float(value) for value in rule.values])
        beyond = values < rule.limit if rule.what == "min" else values > rule.limit
        return np.asarray(np.isfinite(values) & beyond, np.bool_)

    def _known(self, field: str, signals: ModelSignals) -> Unseen | None:
        kept = self._unseen.setdefault(id(signals), {})
        if field not in kept:
            kept[field] = unseen_of(signals, self._signal(field))
        return kept[field]

    def _read(self, records: Records, field: str) -> npt.NDArray[np.float64] | Column:
        number = next(rule.number for rule in self._rules if rule.field == field)
        return self._numbers(records, field) if number else self._names(records, field)

    def _names(self, records: Records, field: str) -> Column:
        if field in self._fields:
            return records.names[field]
        if self._label(field):
            assert records.labels is not None, "they are read"
            return records.labels
        return records.prediction

    def _numbers(self, records: Records, field: str) -> npt.NDArray[np.float64]:
        if field in self._slots:
            return np.ascontiguousarray(records.numbers[:, self._slots[field]])
        if field in self._measured:
            return measured_number(self._measured[field], records.names, texts=self._texts)
        own = field == CONFIDENCE and field not in self._fields
        return records.confidence if own else numbers(self._names(records, field), texts=self._texts)


def _none(records: int) -> Flags:
    return np.zeros(records, np.bool_)


def _coder(values: Sequence[str], *, truth: bool) -> CategoryCoder:
    """Codes of the names that there may be; others are unseen."""
    listed = tuple((value, 1) for value in dict.fromkeys(values))
    signal = CategoricalSignal(count=len(listed), missing=0, invalid=0, categories=listed, rest=0, distinct=len(listed))
    return CategoryCoder(signal, truth=truth)
