"""Windows: the slides of one evaluation, taken together, or for one signal from any of them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from operators.monitoring.detection import Detection
from operators.monitoring.onsets import Onset, likelihoods, likelihoods_of_shares, onset
from operators.monitoring.window_tests import LEAST, ReferenceTables
from operators.relations import correlations
from operators.sketches import moments, sketch
from operators.sketches.sketch import Counts, Slide
from operators.statistics import effects
from operators.statistics.g_test import g_test
from operators.statistics.grouping import group_counts
from operators.statistics.lepage import RankMoments, lepage
from operators.statistics.wasserstein import scale
from schemas.cloudevents import timestamp
from schemas.events import Window
from schemas.profile import NumericSignal

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How far the newest values of a signal lie from the reference."""

    size: float  # of the mean rank or spread rank, debiased, in standard deviations
    z_location: float  # in standard errors
    z_spread: float


class Slides:
    """The slides of a window, oldest first; what is asked for is counted when it is.

    Parameters
    ----------
    slides
        At least one, each with records.
    end_ms
        End of the window, not before that of the newest slide.
    """

    def __init__(self, detection: Detection, slides: Sequence[Slide], end_ms: int) -> None:
        self._detection, self._slides, self._end_ms = detection, slides, end_ms
        self._signals = len(detection.signals.names)
        self._slide_ms = detection.signals.model.window.slide_ms
        self.records = sum(slide.records for slide in slides)
        self._position = -1
        self._references: dict[tuple[tuple[int, float], ...], Floats] = {}

    @cached_property
    def counts(self) -> Counts:
        """By code, shape (signals, 256)."""
        return sketch.count(self._slides, self._signals)

    @cached_property
    def sums(self) -> Counts:
        """Shape (numeric signals, 5), see moments.py."""
        return sketch.sums(self._slides, len(self._detection.signals.numeric))

    @cached_property
    def outside(self) -> list[int]:
        """Values out of the range of each feature that has one; none where there are none."""
        return sketch.outside(self._slides)

    @property
    def by_class(self) -> list[int]:
        """Values of features by predicted class; none where they are not counted."""
        return sketch.summed(slide.by_class for slide in self._slides)

    @property
    def related(self) -> list[bytes]:
        """Of each slide the sums of products of features, see correlations.py."""
        return [slide.relations for slide in self._slides]

    @property
    def classified(self) -> list[list[int]]:
        """Of each slide what a domain classifier said of it; nothing where it said nothing."""
        return [slide.classified for slide in self._slides]

    @cached_property
    def relations(self) -> bytes:
        """The same of all of them."""
        return correlations.added(self.related)

    @cached_property
    def means(self) -> Floats:
        """Of each signal's values, from the reference's mean in its standard deviations; NaN for categories."""
        signals = self._detection.signals
        found = np.full(self._signals, np.nan)
        if signals.numeric:
            columns = list(signals.numeric)
            counts = (self.counts[columns] * self._detection.tables.is_value[columns]).sum(axis=1)
            found[columns] = signals.moments.mean(self.sums, counts)
        for position in signals.numeric:
            signal = signals.signals[position]
            assert isinstance(signal, NumericSignal)
            center, unit = scale(signal)
            found[position] = (found[position] - center) / unit
        return found

    @property
    def start_ms(self) -> int:
        """When it begins, which is earlier than its size where it had to grow."""
        start_ms = self._end_ms - self._detection.signals.model.window.size_ms
        return min(start_ms, self._slides[0].start_ms(self._slide_ms)) if self._slides else start_ms

    def span(self, whole: bool) -> Window:
        """As events name it."""
        return Window(
            start=timestamp(self.start_ms),
            end=timestamp(self._end_ms),
            count=self.records,
            share=1.0 if whole else None,
        )

    def unnamed(self, position: int, code: int) -> list[tuple[int, list[tuple[int, str]]]]:
        """Of each slide, how many values of a signal have the code of those without a name, and the sample of them."""
        found = [(slide, slide.names[position]) for slide in self._slides if position in slide.names]
        return [(int(slide.row(position, self._signals)[code]), names) for slide, names in found]

    def shift_since(self, position: int, onset_ms: int, direction: int, *, spread: bool) -> Shift:
        """Shift in the slides after an onset, or, where those have too few values, in the newest that have enough.

        The slide that the onset lies in counts too, if it shows more of a move that way (1: up, -1: down).
        """
        _, values = self._newest(position)
        after = sum(slide.start_ms(self._slide_ms) >= onset_ms for slide in self._slides)
        enough = int(np.searchsorted(values, LEAST)) + 1  # slides, from the newest on
        many = {min(max(slides, enough, 1), len(values)) for slides in (after, after + (direction != 0))}
        found = [self._shift(position, slides, spread=spread) for slides in sorted(many)]
        return max(found, key=lambda shift: direction * (shift.z_spread if spread else shift.z_location))

    def _shift(self, position: int, many: int, *, spread: bool) -> Shift:
        """Shift in so many of the newest slides."""
        row = self._newest(position)[0][many - 1]
        tables = self._compared_with(many)
        one = slice(position, position + 1)
        tau = tables.inflated(np.full(self._signals, float(row.sum())))
        found = lepage(
            row[None].astype(np.float64),
            tables.totals[one],
            tables.ranks[one],
            tables.spreads[one],
            RankMoments(tables.location.mean[one], tables.location.sd[one]),
            RankMoments(tables.spread.mean[one], tables.spread.sd[one]),
            tables.even[one],
            tau.location[one],
            tau.spread[one],
        )
        inverse = 1 / max(float(row.sum()), 1.0) + 1 / max(float(tables.totals[position]), 1.0)
        inverse *= float((tau.spread if spread else tau.location)[position])
        z = found.z_spread if spread else found.z_location
        return Shift(float(effects.rank_shift(z, inverse)[0]), float(found.z_location[0]), float(found.z_spread[0]))

    def onset(self, position: int) -> Onset:
        """When the signal's values began to differ from the reference.

        Of numbers by their mean rank or spread rank, whichever tells more: small shifts are placed better by one number
        than by ten. Of categories along the direction in which their shares differ since the slide at which that is
        clearest by the G test.
        """
        newest, _ = self._newest(position)
        tables = self._detection.tables
        rows = np.diff(newest, axis=0, prepend=0)[::-1].astype(np.float64)
        if self._detection.season is not None:
            rows = self._without_season(position, rows)
        reference = tables.counts[position]
        tau = tables.inflation.at(np.full(self._signals, float(rows.sum())))
        if tables.numeric[position]:
            found = max(
                (
                    likelihoods(rows, reference, ranks[position], float(grown[position]))
                    for ranks, grown in ((tables.ranks, tau.location), (tables.spreads, tau.spread))
                ),
                key=np.max,
            )
        else:
            many = np.full(len(newest), position)
            rows = np.maximum(rows, 0)
            counted = np.cumsum(rows[::-1], axis=0)
            tests = g_test(group_counts(counted, tables.counts[many], tables.groups[many], tables.continuous[many]))
            since = len(rows) - 1 - int(np.argmax(tests.statistic - tests.df))
            found = likelihoods_of_shares(rows, reference, since, float(tau.location[position]))
        return onset(found, *self.times())

    def present(self) -> npt.NDArray[np.bool_]:
        """Which of the numeric signals have values in the newest slide, by column."""
        extremes = np.frombuffer(self._slides[-1].sums, np.float64).reshape(-1, moments.FIELDS)
        return np.asarray(extremes[:, moments.LEAST] <= extremes[:, moments.LARGEST], np.bool_)

    def newest(self, position: int) -> Counts:
        """Counts by code of the newest slide that has values of a signal, shape (256,)."""
        is_value = self._detection.tables.is_value[position]
        rows = (slide.row(position, self._signals) * is_value for slide in reversed(self._slides))
        return next((row for row in rows if row.any()), np.zeros(len(is_value), np.int64))

    def rows(self, position: int) -> Floats:
        """Counts by code of a signal in each slide, shape (slides, 256)."""
        return np.array([slide.row(position, self._signals) for slide in self._slides], np.float64)

    def times(self) -> tuple[Counts, Counts]:
        """When each slide begins and ends, ms."""
        starts_ms = np.array([slide.start_ms(self._slide_ms) for slide in self._slides], np.int64)
        return starts_ms, np.array([slide.end_ms for slide in self._slides], np.int64)

    def kinds(
        self,
        position: int,
        codes: npt.NDArray[np.bool_],
        carried: npt.NDArray[np.bool_],
        ranged: int,
        sampled: int = -1,
    ) -> Floats:
        """Of each slide, records of a kind and other ones that carry the field, shape (slides, 2).

        Parameters
        ----------
        position
            Of the signal.
        codes, carried : bool, shape (256,)
            Codes of records of the kind, and of all that count.
        ranged
            Which of what is counted beside the codes the kind is; -1: none.
        sampled
            Likewise of the records that this is of; -1: by code.
        """
        rows = np.array([slide.row(position, self._signals) for slide in self._slides])
        found = (rows * codes).sum(axis=1)
        if ranged >= 0:
            found = np.array([slide.outside[ranged] if slide.outside else 0 for slide in self._slides], np.int64)
        records = (rows * carried).sum(axis=1)
        if sampled >= 0:
            records = np.array([slide.outside[sampled] if slide.outside else 0 for slide in self._slides], np.int64)
        return np.column_stack([found, records - found]).astype(np.float64)

    def _without_season(self, position: int, rows: Floats) -> Floats:
        """Counts of each slide, less what its time makes them differ from those of the whole window.

        They may be a little below 0, and add up to the window's.
        """
        reference = np.array([self._reference_at(slide)[position] for slide in self._slides])
        shares = reference / np.maximum(reference.sum(axis=1), 1.0)[:, None]
        values = rows.sum(axis=1)
        whole = values @ shares / max(float(values.sum()), 1.0)
        return np.asarray(rows - values[:, None] * (shares - whole), np.float64)

    def _reference_at(self, slide: Slide) -> Floats:
        """Counts of the reference at the time of a slide, which many share."""
        parts = self._detection.shares([slide])
        key = tuple(parts.items())
        if key not in self._references:
            self._references[key] = self._detection.reference_at(parts)
        return self._references[key]

    def _compared_with(self, slides: int) -> ReferenceTables:
        """Tables of the reference at the times of so many of the newest slides."""
        return self._detection.over(self._slides[-slides:]).tables

    def _newest(self, position: int) -> tuple[Counts, Counts]:
        """Counts by code of the newest slide, of the newest two, ...; and their values in all."""
        if position != self._position:
            rows = np.array([slide.row(position, self._signals) for slide in reversed(self._slides)])
            is_value = self._detection.tables.is_value[position].astype(np.int64)
            self._position, self._rows = position, np.cumsum(rows * is_value, axis=0)
        return self._rows, self._rows.sum(axis=1)
