"""Learning: a key's first records become its reference, and its later ones are coded by that.

A key keeps the values of its first records, in their order, until there are as many as the configuration asks for.
Of these a profile is made, the same that `tidemark profile` would make; from then on the key is watched like one
whose profile was given. Each key learns for itself, the whole traffic and every segment: nothing has to pass
between keys, so what is learned depends on the key's records and their order alone, and a segment is compared with
its own past. Segments have fewer records, and learn for longer.

State, kept beside that of the monitor: `LearnedState`, see state_format.py.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from config.availability import RELEASE
from config.plan import ALL, ModelPlan
from operators.encoding.chunks import Pane
from operators.encoding.codes import ABSENT, CODES, OTHER, UNSEEN
from operators.encoding.coding import Codes
from operators.encoding.measures import Measured, Measures, Yardsticks, yardsticks_of
from operators.encoding.name_ids import NameIds
from operators.encoding.unnamed import Names, sample, smallest
from operators.encoding.value_chunks import Ids, ValuePane
from operators.monitoring.state import Key
from operators.profiles.directions import VectorSample
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.profiles.signal_values import FEATURE, Values
from operators.profiles.unprofiled import Unprofiled, vector_column
from operators.profiles.vocabulary import FEWEST_RECORDS
from operators.quality.signals import outside, ranged_features
from operators.reading.values import Gap
from operators.reading.vectors import Vectors
from operators.state_format import StateFormat
from schemas import profile as profiles
from schemas.cloudevents import timestamp
from schemas.profile import CategoricalSignal, Profile, Provenance

# How long a key's reference outlives its records, which a monitor forgets when no window can reach them any more. The
# shorter, the sooner a segment that pauses learns anew, and what has changed meanwhile becomes its reference; the
# longer, the more references of versions that are gone are kept, about 20 KB a signal each.
KEPT_MS = 90 * 86_400_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class LearnedState(msgspec.Struct, array_like=True):
    """What is known of a key's reference."""

    meaning: int  # `Unprofiled.meaning`: what the values are
    pane_ms: int = -(2**63)  # end of the newest pane that it was learned from
    records: int = 0
    rows: bytes = b""  # of each record: time i64, numbers f64, ids u64, as in a `ValuePane`
    texts: dict[int, str] = {}  # names of the ids in them
    profile: bytes = b""  # when it is learned; then nothing is kept of the records
    forget_ms: int | None = None  # when, if the key has no state of a monitor


_format = StateFormat(b"TL", 1, LearnedState)
pack = _format.pack


def unpack(key: Key, data: bytes) -> LearnedState:
    """The state that `pack` made into bytes; StateVersionError where this release does not read them."""
    return _format.unpack(data, f"reference learned of {key}")


def gather(state: LearnedState, pane: ValuePane) -> None:
    """Keep a pane's records as well."""
    times = np.ascontiguousarray(pane.times_ms)[:, None]
    rows = np.hstack([times.view(np.uint8), pane.numbers.view(np.uint8), pane.ids.view(np.uint8)])
    state.rows += rows.tobytes()
    kept = set(np.unique(pane.ids).tolist())
    state.texts |= {number: text for number, text in pane.texts.items() if number in kept}
    state.records += len(pane)
    state.pane_ms = pane.end_ms


def learn(signals: Unprofiled, key: Key, state: LearnedState) -> Profile:
    """Make the profile of the records that were kept, at least one, and let go of them."""
    numbers = len(signals.numbers)
    rows = np.frombuffer(state.rows, np.uint64).reshape(state.records, -1)
    times = rows[:, 0].astype(np.int64)
    values = rows[:, 1 : 1 + numbers].copy().view(np.float64)
    ids = rows[:, 1 + numbers :]
    by = _yardsticks(signals, values, times)
    measures = Measures(signals.model, by)
    builder = ProfileBuilder(_counted(signals.model, key.segment), yardsticks=by)
    absent = np.hstack([values == -np.inf, ids == ABSENT])
    for pattern in np.unique(absent, axis=0):
        # The records of sources that carry the same signals: those that they do not carry are counted nowhere.
        some = (absent == pattern).all(axis=1)
        there = {
            name for name, out in zip((*signals.numbers, *signals.names), pattern.tolist(), strict=True) if not out
        }
        there -= signals.parts
        columns = {n: c[some] for n, c in zip(signals.numbers, values.T, strict=True) if n in there}
        named = {n: _names(c[some], state.texts) for n, c in zip(signals.names, ids.T, strict=True) if n in there}
        found = measured_of(signals, measures, values[some], times[some])
        builder.count(Values(columns | found.numbers, named, found.aside), int(some.sum()), times[some])
    of = "" if key.segment == ALL else f" of {key.segment}"
    made = builder.build(
        Provenance(
            source=f"first records{of}",
            rows=state.records,
            start=timestamp(int(times.min())),
            end=timestamp(int(times.max())),
            tidemark=RELEASE,
        ),
        key.version,
    )
    made = msgspec.structs.replace(made, segments={})  # the configuration lists them
    state.rows, state.texts, state.profile = b"", {}, profiles.encode(made)
    return made


def _yardsticks(signals: Unprofiled, values: Floats, times_ms: Ints) -> Yardsticks:
    """What texts and embeddings are measured by, from the records themselves where it is not a vocabulary."""
    by = Yardsticks(signals.texts, {}, {}, {})
    features = {feature.field: feature for feature in signals.model.features}
    for field, places in signals.vectors.items():
        sample = VectorSample(places.stop - places.start)
        sample.add(Vectors(vector_column(values[:, places]), places.stop - places.start), times_ms)
        fewest = max(FEWEST_RECORDS, signals.model.disclose if features[field].sensitive else 0)
        by.vectors[field], by.below[field] = sample.fit(fewest)
    return by


def measured_of(signals: Unprofiled, measures: Measures, values: Floats, times_ms: Ints | None = None) -> Measured:
    """What is measured of the vectors of records by name of the signal, as far as their sources carry them.

    Parameters
    ----------
    values : float64, shape (records, numbers)
        As in a `ValuePane`; of sources that carry the same.
    times_ms
        Of records that the yardsticks were made of.
    """
    columns = {field: vector_column(values[:, places]) for field, places in signals.vectors.items()}
    there = {field for field, places in signals.vectors.items() if not (values[:, places.start] == -np.inf).any()}
    found = measures.measured(lambda field: columns[field] if field in there else None, texts=False, times_ms=times_ms)
    numbers, aside = ({FEATURE + name: one for name, one in of.items()} for of in (found.numbers, found.aside))
    return Measured(numbers, aside)  # type: ignore[arg-type]  # of one kind each


def _counted(model: ModelPlan, segment: str) -> ModelPlan:
    """The model whose names are counted as decode hands them on: sensitive ones are disguised already.

    Pairs of features are watched in the whole traffic alone.
    """
    return msgspec.structs.replace(
        model,
        correlation=model.correlation if segment == ALL else None,
        features=tuple(
            feature if feature.type == "numeric" else msgspec.structs.replace(feature, sensitive=False)
            for feature in model.features
        ),
    )


def _names(column: Ids, texts: dict[int, str]) -> list[str | Gap]:
    """Names and gaps of a column."""
    known, positions = np.unique(column, return_inverse=True)
    gaps: dict[int, str | Gap] = {gap.code: gap for gap in Gap}
    found = [gaps[number] if number in gaps else texts[number] for number in known.tolist()]
    return [found[position] for position in positions.tolist()]


def blank(model: Unprofiled) -> ModelSignals:
    """Signals as they will be at most, before anything is learned."""
    builder = ProfileBuilder(model.model)
    classes = not any(name == "prediction" for name in model.numbers)
    numbers = [name for name in (*model.numbers, *model.measured) if name not in model.parts]
    builder.count(Values({name: np.zeros(1) for name in numbers}, {"prediction": ["a"]} if classes else {}), 1)
    nowhere = Provenance(source="", rows=0, start=None, end=None, tidemark=RELEASE)
    return ModelSignals(model.model, builder.build(nowhere, None), learned=True)


class LearnedCoder:
    """Codes values by what was learned: with a profile given, decode would have come to the same."""

    def __init__(self, unprofiled: Unprofiled, signals: ModelSignals) -> None:
        self._signals, self._unprofiled = signals, unprofiled
        self._measures = Measures(signals.model, yardsticks_of(signals.profile))
        names_of = [signals.names[position] for position in signals.numeric]
        self._measured = {column: name for column, name in enumerate(names_of) if name in unprofiled.measured}
        numbers = {name: column for column, name in enumerate(unprofiled.numbers)}
        names = {name: column for column, name in enumerate(unprofiled.names)}
        self._numeric = [numbers.get(signals.names[position], 0) for position in signals.numeric]  # 0: filled later
        self._raw = [signals.numeric.index(position) for position in signals.raw]
        ranged = ranged_features(signals.model)
        self._ranged = [numbers[signals.names[position]] for position in ranged]
        self._ranges = [signals.model.features[position].range or (0.0, 0.0) for position in ranged]
        self._named = [
            (position, names[signals.names[position]], _Names(unprofiled.name_ids[names[signals.names[position]]], one))
            for position in signals.named
            if isinstance(one := signals.signals[position], CategoricalSignal)
        ]

    def pane(self, pane: ValuePane) -> Pane:
        """The records of a pane as codes."""
        signals = self._signals
        codes = np.empty((len(pane), len(signals.names)), np.uint8)
        values = np.ascontiguousarray(pane.numbers[:, self._numeric])
        if self._measured:
            self._measure(pane.numbers, values)
        numeric = signals.numeric_coder.codes(values)
        numeric[values == -np.inf] = ABSENT
        codes[:, signals.numeric] = numeric
        unnamed: Names = {}
        for position, column, names in self._named:
            codes[:, position] = names.codes(pane.ids[:, column])
            rows = np.flatnonzero(codes[:, position] == names.absent)
            if len(rows):
                rows = rows[smallest(pane.hashes[rows])]
                texts = [pane.texts[number] for number in pane.ids[rows, column].tolist()]
                unnamed[position] = sample(pane.hashes[rows].tolist(), texts)
        signals.fill_errors(values, codes)
        numeric = np.ascontiguousarray(codes[:, signals.numeric])
        sums = signals.moments.sums(values, numeric, np.array([len(pane)]))[0]
        out: tuple[int, ...] = ()
        if self._ranged:
            out = tuple(outside(pane.numbers[:, self._ranged], self._ranges).sum(axis=0).tolist())
        wanted = signals.domain is not None or bool(signals.profile.sample)
        hashes = pane.hashes.astype(np.uint64) if wanted else None
        raw = np.ascontiguousarray(values[:, self._raw])
        return Pane(pane.end_ms, pane.times_ms, codes, sums, raw, unnamed, out, hashes)

    def _measure(self, numbers: Floats, values: Floats) -> None:
        """Fill in what is measured of embeddings, of the records whose sources carry them."""
        carried = [numbers[:, places.start] != -np.inf for places in self._unprofiled.vectors.values()]
        pattern = np.column_stack(carried)
        for one in np.unique(pattern, axis=0):
            some = (pattern == one).all(axis=1)
            found = measured_of(self._unprofiled, self._measures, numbers[some]).numbers
            for column, name in self._measured.items():
                values[some, column] = found.get(name, -np.inf)


class _Names:
    """Codes of one signal of names by their ids."""

    def __init__(self, ids: NameIds, signal: CategoricalSignal) -> None:
        self._codes = {ids.of_told(name): code for code, (name, _) in enumerate(signal.categories)}
        self.absent = OTHER if signal.rest else UNSEEN

    def codes(self, ids: Ids) -> Codes:
        known, positions = np.unique(ids, return_inverse=True)
        found = [number if number < CODES else self._codes.get(number, self.absent) for number in known.tolist()]
        return np.array(found, np.uint8)[positions]
