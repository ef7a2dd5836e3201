"""Slice cells: in which slices of one and of two features a labelled record is, as one number beside its prediction.

A cell is all records, a value of a feature, or a pair of values of two. Decode says by the codes of a record which
value of each feature it has, so that nothing more than a number waits for the label; errors are summed up by cell when
it comes. Values beyond the most frequent ones of the reference are one, `(other)`, and records without one another.

::

    u64   4 bits for each feature: number of its value, 15 where it has none of those; from bit 32 on 24 bits that
          say what the numbers are of, never 0: 0 is a record of which nothing is known
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, PredictionPlan, SourcePlan
from config.slices import MOST
from operators.encoding.measures import Measures, yardsticks_of
from operators.jit import kernel
from operators.metrics.baseline import ERROR, baseline_of, errors_of
from operators.metrics.slice_sums import CellSums, SliceSums, both
from operators.monitoring.slice_parts import Parts, part_of
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.signal_values import read_values, watched
from operators.profiles.slicing import row_codes
from operators.reading.columns import Columns
from schemas.profile import Profile

VALUES = 12  # of a feature that are cells of their own, at most: with `(other)` and `(missing)` 14 numbers of 4 bits
CELLS = 2_048  # of all features and pairs: 3 KB a slide of the state for classes, 37 KB for numbers; with more features
# each has fewer values of its own
NONE = 15
_OF = np.uint64(32)  # bits

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.uint64]

_sums = msgspec.msgpack.Decoder(SliceSums)


def sliced_features(model: ModelPlan) -> tuple[str, ...]:
    """Features whose slices are searched; nothing where the configuration asks for none.

    Where it names none they are the first categorical and boolean ones.
    """
    if not isinstance(model.slices, tuple):
        return ()
    return model.slices or tuple(one.name for one in model.features if one.type != "numeric")[:MOST]


def slices_misfit(model: ModelPlan, profile: Profile) -> str | None:
    """Why slices cannot be searched with a profile; None: they can, or nobody asks for it."""
    if not isinstance(model.slices, tuple):
        return None
    names, known = sliced_features(model), baseline_of(profile)
    if lacking := [name for name in names if FEATURE + name not in profile.signals]:
        return f"has no feature {', '.join(lacking)}, which 'slices' asks for"
    if not names:
        return "has no categorical or boolean feature, which 'slices' asks for"
    if not model.searches_losses:
        return None
    if known is None or not isinstance(known.sliced, bytes):
        return "was made without errors by value of features, which 'slices' asks for"
    if known.sliced and SliceCells(ModelSignals(model, profile)).id != decoded_slices(known.sliced).of:
        return "its errors are by value of other features than 'slices' asks for"
    return None


@lru_cache(maxsize=4_096)
def decoded_slices(sums: bytes) -> SliceSums:
    """Sums of a baseline."""
    return _sums.decode(sums)


class SliceCells:
    """Cells of the features of a model version.

    Attributes
    ----------
    id : int
        What places and sums are of.
    parts : tuple of Part
        Values of each feature.
    count : int
        Cells.
    """

    def __init__(self, signals: ModelSignals) -> None:
        positions = [signals.names.index(FEATURE + name) for name in sliced_features(signals.model)]
        for values in range(VALUES, 0, -1):
            found = [part_of(signals.signals[position], position, values) for position in positions]
            self.parts = tuple(part for part in found if len(part.names) > 1)
            self._sizes = np.array([len(part.names) for part in self.parts], np.int64)
            pairs = list(combinations(range(len(self.parts)), 2))
            self._left, self._right = (np.array([pair[end] for pair in pairs], np.int64) for end in (0, 1))
            widths = [1, *self._sizes.tolist(), *(self._sizes[self._left] * self._sizes[self._right]).tolist()]
            self._starts = np.cumsum([0, *widths])
            self.count = int(self._starts[-1])
            if self.count <= CELLS:
                break
        self._names = [signals.names[part.position].removeprefix(FEATURE) for part in self.parts]
        about = hashlib.blake2b(digest_size=3)
        for name, part in zip(self._names, self.parts, strict=True):
            about.update(msgspec.json.encode([name, part.names]) + part.of.astype("<i8").tobytes())
        self.id = int.from_bytes(about.digest(), "little") or 1

    def places(self, codes: Codes) -> Places:
        """In which values records are, by their codes; uint64, shape (records,)."""
        found = np.full(len(codes), self.id << 32, np.uint64)
        for at, part in enumerate(self.parts):
            numbers = (part.of & NONE).astype(np.uint64) << np.uint64(4 * at)  # of -1: NONE
            found |= numbers[codes[:, part.position]]
        return found

    def members(self, codes: Codes) -> Ints:
        """Cells that records are in, by their codes, shape (records, 1 + features + pairs); -1: no value of those."""
        of = [part.of[codes[:, part.position]] for part in self.parts]
        found = np.full((len(codes), len(self._starts) - 1), -1)
        found[:, 0] = 0
        for at, numbers in enumerate(of):
            found[:, 1 + at] = np.where(numbers < 0, -1, self._starts[1 + at] + numbers)
        pairs = zip(self._left.tolist(), self._right.tolist(), strict=True)
        for at, (left, right) in enumerate(pairs, start=1 + len(of)):
            there = (of[left] >= 0) & (of[right] >= 0)
            found[there, at] = self._starts[at] + of[left][there] * self._sizes[right] + of[right][there]
        return found

    def blocks_without(self, position: int) -> Ints:
        """Columns of `members` of slices that a signal, by its position, is no part of."""
        mine = np.array([part.position == position for part in self.parts], np.bool_)
        return np.flatnonzero(~np.concatenate([[False], mine, mine[self._left] | mine[self._right]]))

    def sums(self, plan: PredictionPlan, values: Floats, places: Places) -> SliceSums | None:
        """Errors of labelled records by cell; None where no record has places of these cells.

        Parameters
        ----------
        values : float64, shape (records, 3)
            Predicted, probability and outcome, see outcomes.py. Sums are taken in the order of the records.
        places
            Of `places`, or 0.
        """
        errors = errors_of(plan, values)[ERROR]
        known = (places >> _OF == self.id) & np.isfinite(errors)
        if not known.any():
            return None
        found = CellSums(np.zeros(self.count, np.int64), np.zeros(self.count), np.zeros(self.count))
        _add(places[known], errors[known], self._sizes, self._starts, *found)
        return SliceSums.pack(self.id, found, classes=plan.task != "regression")

    def parts_of(self, cell: int) -> Parts:
        """Numbers of the features of a cell and of their values."""
        block = int(np.searchsorted(self._starts, cell, side="right")) - 1
        inside = cell - int(self._starts[block])
        if block == 0:
            return ()
        if block <= len(self.parts):
            return ((block - 1, inside),)
        pair = block - 1 - len(self.parts)
        left, right = int(self._left[pair]), int(self._right[pair])
        first, second = divmod(inside, int(self._sizes[right]))
        return (left, first), (right, second)

    def text(self, parts: Parts) -> dict[str, str]:
        """Names of features and values."""
        return {self._names[feature]: self.parts[feature].names[number] for feature, number in parts}


class SliceSumsBuilder:
    """Sums up errors of the reference's labelled records by cell.

    Parameters
    ----------
    model
        Whose predictions they are.
    profile
        Of the model, with its signals.
    """

    def __init__(self, model: ModelPlan, profile: Profile) -> None:
        assert model.prediction is not None, "labels are of what is predicted"
        self._plan = model.prediction
        model = msgspec.structs.replace(model, features=tuple(watched(model)), estimated=msgspec.UNSET)
        self._signals = ModelSignals(model, profile)
        self._measures = Measures(model, yardsticks_of(profile))
        self._cells = SliceCells(self._signals)
        self._sums: SliceSums | None = None

    def add(self, columns: Columns, source: SourcePlan, times_ms: Ints | None, values: Floats) -> None:
        """Take records, as `EstimationBuilder.add` does."""
        read = read_values(self._signals.model, columns, source, self._measures, times_ms)
        places = self._cells.places(row_codes(self._signals, read, len(values))[1])
        self._sums = both(self._sums, self._cells.sums(self._plan, values, places))

    def build(self) -> bytes:
        """What is kept in the profile; without a record nothing."""
        return b"" if self._sums is None else msgspec.msgpack.encode(self._sums)


def warm() -> None:
    """Compile what a worker would wait for."""
    sums = CellSums(np.zeros(2, np.int64), np.zeros(2), np.zeros(2))
    _add(np.zeros(1, np.uint64), np.zeros(1), np.ones(1, np.int64), np.array([0, 1, 2]), *sums)


@kernel
def _add(places, errors, sizes, starts, counts, totals, squares):  # type: ignore[no-untyped-def]
    features = sizes.shape[0]
    for row in range(places.shape[0]):
        place, error = places[row], errors[row]
        counts[0] += 1
        totals[0] += error
        squares[0] += error * error
        pair = features  # block of the pair before the next one
        for left in range(features):
            number = np.int64((place >> np.uint64(4 * left)) & np.uint64(NONE))
            if number == NONE:
                pair += features - 1 - left
                continue
            cell = starts[1 + left] + number
            counts[cell] += 1
            totals[cell] += error
            squares[cell] += error * error
            for right in range(left + 1, features):
                pair += 1
                other = np.int64((place >> np.uint64(4 * right)) & np.uint64(NONE))
                if other != NONE:
                    cell = starts[pair] + number * sizes[right] + other
                    counts[cell] += 1
                    totals[cell] += error
                    squares[cell] += error * error
