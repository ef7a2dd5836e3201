"""Slicing: the second reading of the reference data: records by segment and season, on the bins of the first one.

Where bins end is known only when all records have been seen, so what they come to in parts takes another look. The
codes are those that the job gives to records: counts are exact, and take bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SegmentPlan, SourcePlan
from operators.encoding.codes import ABSENT, CODES
from operators.encoding.measures import Measures, Yardsticks, yardsticks_of
from operators.encoding.segment_coding import SegmentCoder
from operators.jit import kernel
from operators.monitoring.window_tests import reference_tables
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.season import Calendar
from operators.profiles.seasonal_dependence import calibrate_in_season
from operators.profiles.shrinkage import precisions
from operators.profiles.signal_values import Values, read_values, segment_column, watched
from operators.profiles.slices import SliceCodec, smoothed
from operators.quality.season import share_precisions
from operators.quality.signals import as_signal
from operators.reading.columns import Columns
from operators.reading.plain_times import NO_TIME
from operators.relations.reconstruction import RECONSTRUCTION
from operators.sketches import moments
from operators.statistics.ranks import reference_counts, value_codes
from schemas.errors import UsageError
from schemas.profile import Calibration, Profile, Season, Slice

CELLS = 1 << 27  # counts of all slices together, of 4 bytes each: 23,000 slices of 22 signals

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class SliceCounter:
    """Counts the records of a model version by segment and season, for the profile that has been made of them.

    Parameters
    ----------
    model
        Whose records they are.
    profile
        From `ProfileBuilder`. Of its segments' values the most frequent ones are counted, in equal numbers for each
        way of slicing, as many as `cells` has room for beside the season.
    yardsticks
        What the profile's own texts and embeddings were measured by, if it is not what later ones are.

    Raises
    ------
    UsageError
        The season has more parts than there is room for.
    """

    def __init__(
        self, model: ModelPlan, profile: Profile, cells: int = CELLS, yardsticks: Yardsticks | None = None
    ) -> None:
        self._signals = ModelSignals(msgspec.structs.replace(model, features=tuple(watched(model))), profile)
        self._measures = Measures(model, yardsticks or yardsticks_of(profile))
        room = cells // (CODES * len(self._signals.names))
        self._season: tuple[Calendar, _Slices] | None = None
        if model.season is not None:
            bins = model.season.bins
            if bins > room:
                message = (
                    f"models.{model.name}.season.bins: {bins} parts with {len(self._signals.names)} signals do not fit "
                    f"the memory of profiling (at most {room}); take fewer"
                )
                raise UsageError(message)
            self._season = Calendar(model.season), _Slices(self._signals, bins)
            self._times_ms: list[int] = []  # of the first and the last record
            room -= bins
        # Which values the configuration lists does not matter: it may list others when the job runs.
        plans = [msgspec.structs.replace(plan, values=None) for plan in model.segments]
        self._ways: list[tuple[SegmentPlan, SegmentCoder, _Slices]] = []
        for plan in plans:
            coder = SegmentCoder(plan, self._signals.model, profile.segments)
            size = min(len(coder.texts) - 1, room // len(plans))
            self._ways.append((plan, coder, _Slices(self._signals, size)))

    @property
    def needed(self) -> bool:
        """There is something to count."""
        return self._season is not None or any(slices.size for _, _, slices in self._ways)

    def add(self, columns: Columns, source: SourcePlan, times_ms: Ints | None = None) -> None:
        """Count records of the model, in any order and pieces.

        Parameters
        ----------
        columns
            The records.
        source
            How they were read.
        times_ms
            Their event times, `plain_times.NO_TIME` where one has none, None if all have none: these are in no season.
        """
        if not len(columns.rows):
            return
        read = read_values(self._signals.model, columns, source, self._measures, times_ms)
        values, codes = row_codes(self._signals, read, len(columns.rows))
        for plan, coder, slices in self._ways:
            found = coder.codes([segment_column(field, columns, len(codes)) for field in plan.fields])
            slices.add(np.where(found < slices.size, found, -1), values, codes)
        if self._season is not None and times_ms is not None:
            calendar, slices = self._season
            slices.add(np.where(times_ms == NO_TIME, -1, calendar.bins(times_ms)), values, codes)
            known = times_ms[times_ms != NO_TIME]
            if len(known):
                ends = [*self._times_ms, int(known.min()), int(known.max())]
                self._times_ms = [min(ends), max(ends)]

    def build(self, builder: ProfileBuilder | None = None) -> Profile:
        """The profile with its slices; ``builder``, for a season, is the one that made it."""
        made = self._signals.profile
        codec = SliceCodec(list(made.signals.values()))
        if self._ways:
            slices = {
                ",".join(plan.fields): dict(sorted(zip(coder.texts, counted.packed(codec), strict=False)))
                for plan, coder, counted in self._ways
            }
            made = msgspec.structs.replace(made, slices=slices)
        if self._season is not None:
            assert builder is not None, "what is calibrated in the season is there"
            calendar, counted = self._season
            season = Season(
                period_ms=calendar.plan.period_ms,
                timezone=calendar.plan.timezone,
                span_ms=self._times_ms[1] - self._times_ms[0] if self._times_ms else 0,
                slices=tuple(part if part.records else None for part in counted.packed(codec)),
                calibrations=self._calibrations(calendar, counted, builder),
            )
            made = msgspec.structs.replace(made, season=season)
        return made

    def _calibrations(self, calendar: Calendar, counted: _Slices, builder: ProfileBuilder) -> dict[str, Calibration]:
        signals, made = self._signals, self._signals.profile
        tables = reference_tables(signals.signals)
        is_value = tables.is_value.astype(np.uint32)
        precision = precisions((counts * is_value for counts in counted.counts), tables.counts, tables.groups)
        times_ms, series = builder.series(made.signals)
        kinds = builder.kinds(made.signals)
        if times_ms is None:  # the first records had none: they are in no season
            return {name: one.calibration for name, one in made.signals.items() if one.calibration is not None}
        parts, periods = calendar.bins(times_ms), calendar.periods(times_ms)
        rows = {name: row for row, name in enumerate(signals.names)}
        if signals.reconstruction is not None:
            series = self._with_errors(dict(series))
        found = {
            name: calibrate_in_season(
                made.signals[name],
                codes,
                parts,
                periods,
                np.ascontiguousarray(counted.counts[:, rows[name]]),
                float(precision[rows[name]]),
            )
            for name, codes in series
        }
        if signals.quality is None or isinstance(made.quality, msgspec.UnsetType):
            return found
        of_parts = [signals.quality.of_part(counts.astype(np.int64)) for counts in counted.counts]
        known, of = np.array([part.known for part in of_parts]), np.array([part.of for part in of_parts])
        precision = share_precisions(signals.quality, known, of)
        places = {one.name: row for row, one in enumerate(signals.quality.signals)}
        for _, one, codes in kinds:
            if one.what != "range" and (codes == 1).any():  # how many are out of a range is not counted by part
                row, share = places[one.name], made.quality[one.name]
                slices = np.zeros((len(counted.counts), CODES), np.uint32)
                slices[:, 0], slices[:, 1] = of[:, row] - known[:, row], known[:, row]
                kind = as_signal(share.found, share.records)
                in_season = calibrate_in_season(kind, codes, parts, periods, slices, float(precision[row]))
                found[one.name] = in_season
        return found

    def _with_errors(self, series: dict[str, Codes]) -> Iterator[tuple[str, Codes]]:
        """Codes of each signal, and of the errors that follow from them."""
        yield from series.items()
        records = len(next(iter(series.values())))
        codes = np.full((records, len(self._signals.names)), ABSENT, np.uint8)
        for name, column in series.items():
            codes[:, self._signals.names.index(name)] = column
        self._signals.fill_errors(np.empty((records, len(self._signals.numeric))), codes)
        yield RECONSTRUCTION, codes[:, self._signals.names.index(RECONSTRUCTION)]


def row_codes(signals: ModelSignals, read: Values, records: int) -> tuple[Floats, Codes]:
    """Values of the number-valued signals, and codes of all, a row for each record."""
    values = np.full((records, len(signals.numeric)), np.nan)
    for column, position in enumerate(signals.numeric):
        if signals.names[position] != RECONSTRUCTION:
            values[:, column] = read.numbers[signals.names[position]]
    codes = np.empty((records, len(signals.names)), np.uint8)
    codes[:, signals.numeric] = signals.numeric_coder.codes(values)
    for name, aside in read.aside.items():
        codes[aside, signals.names.index(name)] = ABSENT
    for position, coder in zip(signals.named, signals.category_coders, strict=True):
        codes[:, position] = coder.codes(read.names[signals.names[position]])
    signals.fill_errors(values, codes)
    return values, codes


class _Slices:
    """Counts and sums of slices, by their number."""

    def __init__(self, signals: ModelSignals, size: int) -> None:
        self._signals = signals
        self.size = size
        self._records = np.zeros(size, np.int64)
        self.counts = np.zeros((size, len(signals.names), CODES), np.uint32)
        self._sums = np.zeros((size, len(signals.numeric), moments.FIELDS), np.int64)

    def add(self, numbers: Ints, values: Floats, codes: Codes) -> None:
        """Count records; those of no slice have the number -1."""
        order = np.argsort(numbers, kind="stable")[np.count_nonzero(numbers < 0) :]
        if not len(order):
            return
        slices, codes = numbers[order], codes[order]
        ends = np.append(np.flatnonzero(np.diff(slices)) + 1, len(slices))
        seen = slices[ends - 1]
        sums = self._signals.moments.sums(values[order], np.ascontiguousarray(codes[:, self._signals.numeric]), ends)
        sums[:, :, moments.LEAST :] = 0  # the extremes, which are no sums
        self._sums[seen] += sums
        self._records[seen] += np.diff(ends, prepend=0)
        _count(codes, slices, self.counts)

    def packed(self, codec: SliceCodec) -> list[Slice]:
        """What has been counted."""
        signals = self._signals
        sensitive = {FEATURE + feature.name for feature in signals.model.features if feature.sensitive}
        hidden = [position for position, name in enumerate(signals.names) if name in sensitive]
        is_value = np.array([value_codes(signal) for signal in signals.signals])
        found: list[Slice] = []
        for number in range(self.size):
            counts = self.counts[number].astype(np.int64)
            for position in hidden:
                codes = np.flatnonzero(is_value[position])
                whole = reference_counts(signals.signals[position])[codes].astype(np.int64)
                counts[position, codes] = smoothed(counts[position, codes], whole, signals.model.disclose)
            many = (counts * is_value).sum(axis=1)[list(signals.numeric)]
            told = signals.moments.mean(self._sums[number], many), signals.moments.sd(self._sums[number], many)
            found.append(codec.pack(int(self._records[number]), counts, np.nan_to_num(np.column_stack(told))))
        return found


def count_slices(codes: Codes, slices: Ints, many: int) -> npt.NDArray[np.uint32]:
    """Counts by code of so many slices, shape (slices, signals, 256); those of no slice have the number -1."""
    counts = np.zeros((many, codes.shape[1], CODES), np.uint32)
    there = slices >= 0
    _count(np.ascontiguousarray(codes[there]), slices[there], counts)
    return counts


@kernel
def _count(codes, slices, counts):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            counts[slices[i], s, codes[i, s]] += np.uint32(1)
