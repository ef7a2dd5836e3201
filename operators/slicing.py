"""Slicing: the second reading of the reference data, which counts records by segment on the bins of the first one.

Where bins end is known only when all records have been seen, so what they come to in parts takes another look. The
codes are those that the job gives to records: counts are exact, and take bounded memory.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SegmentPlan, SourcePlan
from operators import moments
from operators.codes import CODES
from operators.columns import Columns
from operators.jit import kernel
from operators.measures import Measures, Yardsticks, yardsticks_of
from operators.profiling import Values, read_values, segment_column, watched
from operators.ranks import reference_counts, value_codes
from operators.references import FEATURE, ModelSignals
from operators.segment_coding import SegmentCoder
from operators.slices import SliceCodec, smoothed
from schemas.profile import Profile, Slice

CELLS = 1 << 27  # counts of all slices together, of 4 bytes each: 23,000 slices of 22 signals

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class SliceCounter:
    """Counts the records of a model version by segment, for the profile that has been made of them.

    Parameters
    ----------
    model
        Whose records they are.
    profile
        From `ProfileBuilder`. Of its segments' values the most frequent ones are counted, in equal numbers for each
        way of slicing, as many as `cells` has room for.
    yardsticks
        What the profile's own texts were measured by, if it is not what later ones are.
    """

    def __init__(
        self, model: ModelPlan, profile: Profile, cells: int = CELLS, yardsticks: Yardsticks | None = None
    ) -> None:
        self._signals = ModelSignals(msgspec.structs.replace(model, features=tuple(watched(model))), profile)
        self._measures = Measures(model, yardsticks or yardsticks_of(profile))
        # Which values the configuration lists does not matter: it may list others when the job runs.
        plans = [msgspec.structs.replace(plan, values=None) for plan in model.segments]
        room = cells // (CODES * len(self._signals.names) * max(1, len(plans)))
        self._ways = [_Way(plan, self._signals, room) for plan in plans]

    @property
    def needed(self) -> bool:
        """There is something to count."""
        return any(way.size for way in self._ways)

    def add(self, columns: Columns, source: SourcePlan) -> None:
        """Count records of the model, in any order and pieces."""
        if len(columns.rows):
            values, codes = self._coded(
                read_values(self._signals.model, columns, source, self._measures), len(columns.rows)
            )
            for way in self._ways:
                way.add(columns, values, codes)

    def build(self) -> Profile:
        """The profile with its slices."""
        signals = self._signals
        codec = SliceCodec(list(signals.profile.signals.values()))
        slices = {way.fields: way.slices(codec) for way in self._ways}
        return msgspec.structs.replace(signals.profile, slices=slices) if slices else signals.profile

    def _coded(self, read: Values, records: int) -> tuple[Floats, Codes]:
        """Values of the number-valued signals, and codes of all, a row for each record."""
        signals = self._signals
        values = np.empty((records, len(signals.numeric)))
        for column, position in enumerate(signals.numeric):
            values[:, column] = read.numbers[signals.names[position]]
        codes = np.empty((records, len(signals.names)), np.uint8)
        codes[:, signals.numeric] = signals.numeric_coder.codes(values)
        for position, coder in zip(signals.named, signals.category_coders, strict=True):
            codes[:, position] = coder.codes(read.names[signals.names[position]])
        return values, codes


class _Way:
    """One way of slicing: counts and sums of its slices, by their number."""

    def __init__(self, plan: SegmentPlan, signals: ModelSignals, room: int) -> None:
        self.fields = ",".join(plan.fields)
        self._plan, self._signals = plan, signals
        self._coder = SegmentCoder(plan, signals.model, signals.profile.segments)
        self.size = min(len(self._coder.texts) - 1, room)
        self._records = np.zeros(self.size, np.int64)
        self._counts = np.zeros((self.size, len(signals.names), CODES), np.uint32)
        self._sums = np.zeros((self.size, len(signals.numeric), moments.FIELDS), np.int64)

    def add(self, columns: Columns, values: Floats, codes: Codes) -> None:
        found = self._coder.codes([segment_column(field, columns, len(codes)) for field in self._plan.fields])
        order = np.argsort(found, kind="stable")[: np.count_nonzero(found < self.size)]
        if not len(order):
            return
        slices, codes = found[order], codes[order]
        ends = np.append(np.flatnonzero(np.diff(slices)) + 1, len(slices))
        seen = slices[ends - 1]
        sums = self._signals.moments.sums(values[order], np.ascontiguousarray(codes[:, self._signals.numeric]), ends)
        sums[:, :, moments.LEAST :] = 0  # the extremes, which are no sums
        self._sums[seen] += sums
        self._records[seen] += np.diff(ends, prepend=0)
        _count(codes, slices, self._counts)

    def slices(self, codec: SliceCodec) -> dict[str, Slice]:
        """What has been counted, by segment."""
        signals = self._signals
        sensitive = {FEATURE + feature.name for feature in signals.model.features if feature.sensitive}
        hidden = [position for position, name in enumerate(signals.names) if name in sensitive]
        is_value = np.array([value_codes(signal) for signal in signals.signals])
        found: dict[str, Slice] = {}
        for number in range(self.size):
            counts = self._counts[number].astype(np.int64)
            for position in hidden:
                codes = np.flatnonzero(is_value[position])
                whole = reference_counts(signals.signals[position])[codes].astype(np.int64)
                counts[position, codes] = smoothed(counts[position, codes], whole, signals.model.disclose)
            many = (counts * is_value).sum(axis=1)[list(signals.numeric)]
            told = signals.moments.mean(self._sums[number], many), signals.moments.sd(self._sums[number], many)
            packed = codec.pack(int(self._records[number]), counts, np.nan_to_num(np.column_stack(told)))
            found[self._coder.texts[number]] = packed
        return dict(sorted(found.items()))


@kernel
def _count(codes, slices, counts):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            counts[slices[i], s, codes[i, s]] += np.uint32(1)
