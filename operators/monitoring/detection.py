"""Detection: which detectors look at which signal of a model version, and where their thresholds are.

All of it follows from the plan, the profile and, for the sequential detectors, the rate at which a key's records
come; the rate is taken in steps, upwards, so that thresholds move seldom and on the safe side.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from config.plan import ALL
from operators import calibration
from operators.estimation.concept import relation_edges
from operators.estimation.estimates import Estimator
from operators.metrics.baseline import stream_tests, tested
from operators.monitoring.chosen import WINDOWED, chosen, tracks_of
from operators.monitoring.class_counts import ClassCounts
from operators.monitoring.layout import Parts, id_of
from operators.monitoring.share_dependence import ShareDependence
from operators.monitoring.slice_drifts import drift_slices
from operators.monitoring.stream_dependence import Slowed, StreamDependence, unordered
from operators.monitoring.track import Track
from operators.monitoring.tracks import Bank, Thresholds, Tracks
from operators.monitoring.verdicts import Verdict, verdicts
from operators.monitoring.window_tests import LEAST, ReferenceTables, WindowTests, recounted, reference_tables
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.season_references import SeasonReferences
from operators.profiles.segment_references import SegmentReferences, segment_count
from operators.quality.field_reference import tells_fields
from operators.quality.season import SeasonShares
from operators.quality.signals import label_tests, watches_volume
from operators.quality.stillness import frozen_signals
from operators.relations.correlations import RelationColumns
from operators.relations.domain_sample import DomainReference
from operators.relations.references import RelationReference
from operators.sketches.sketch import Slide
from operators.statistics.lepage import is_even
from schemas import segments

TABLES = 15_000  # bytes of a signal of a segment: tables, and the counts that they come from
KEPT = 512 << 20  # bytes of tables for a model version's segments; of more the ones used last are kept
STEPS = 4  # of the rate of records, to twice of it: more, and thresholds move often; fewer, and they are too high
SLOWER = 4  # of what a key's stream has told; more take memory in each segment, fewer are made anew at each pane
PARTS = 2  # of the season whose tracks are kept, of the whole and of each segment: panes come in the order of time

Floats = npt.NDArray[np.float64]


class Detection:
    """Detectors and thresholds of a model version."""

    def __init__(self, signals: ModelSignals, *, one_sided: bool = False) -> None:
        self.signals = signals
        self.one_sided = one_sided  # only rises count, and values are not followed as spread ranks
        self.tables: ReferenceTables = reference_tables(signals.signals)
        self._always = self.tables  # of the whole or a segment, at all times
        self.least = min(LEAST, signals.model.window.min_count)  # values, on either side, of a signal that is judged
        self.is_known = self.tables.totals >= self.least
        self.detectors = chosen(signals)
        tracks = tracks_of(signals, self.detectors)
        if one_sided:
            tracks = [track for track in tracks if track.form != "spread"]
        self.tracks = self._follow(tracks, self.tables)
        self.stream = StreamDependence(signals, unordered(signals), self.tables)
        self._slowed: Slowed | None = None  # what a key's stream has told
        self._slower: OrderedDict[bytes, Detection] = OrderedDict()  # by what it has told
        self.segments = segment_count(signals.model, signals.profile)
        budgeted = [[d.name for d in ds if d.in_budget] for ds in self.detectors]
        for track in self.tracks.tracks:
            if track.form == "spread" and track.plan.in_budget:
                budgeted[track.signal].append(track.name)
        parts = [calibration.weights(names) for names in budgeted]
        self._weights = [parts[track.signal].get(track.name, 1) for track in self.tracks.tracks]
        self.quality = signals.quality  # what the quality signals are compared with
        self.followed = ShareDependence(signals, self.quality)
        model = signals.model
        self.estimated = model.estimated if signals.estimation and isinstance(model.estimated, tuple) else ()
        self.edges = relation_edges(signals.profile)
        self.estimator: Estimator | None = None
        if signals.estimation is not None and model.prediction is not None:
            self.estimator = Estimator(signals.estimation, model.prediction.task)
        # Without detectors a model has one test all the same, so that its budget is divided by something.
        # Relations are watched in the whole traffic, as the profile has none of segments.
        self.relations: RelationReference | None = signals.relations
        self.related: RelationColumns | None = signals.related
        others = len(self.estimated) + (0 if self.quality is None else len(self.quality.signals))
        self.tests = others + (calibration.count_tests(budgeted) if any(budgeted) or not others else 0)
        self.tests += 0 if self.relations is None else self.relations.tests
        self.domain: DomainReference | None = signals.domain
        self.looks_up = self.quality is not None and bool((self.quality.sampled >= 0).any())  # whether ids came before
        self.by_class = ClassCounts.of(signals)  # of the whole traffic
        self.drifts = drift_slices(signals)  # of the whole traffic, against its profile
        # Of ids of records of the whole traffic.
        self.wants_hashes = self.looks_up or self.domain is not None or self.drifts is not None
        self.schema = tells_fields(signals.model, signals.profile)
        self.frozen = frozen_signals(signals, unordered(signals))
        # The volume of a model is one test, whichever of its versions it is held against the budget of.
        self.tests += watches_volume(model) + len(tested(model, signals.profile)) + stream_tests(model, signals.profile)
        self.tests += (self.domain is not None) + label_tests(model) + len(self.frozen) + self.schema
        self.references = SegmentReferences(signals)
        self._kept: OrderedDict[str, Detection] = OrderedDict()
        self.accepted: OrderedDict[bytes, Detection] = OrderedDict()  # see accepting.py
        self._given: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}
        self._tilts_of: dict[str, tuple[Floats, Floats]] = {}
        self._limits: dict[tuple[bool, float], Thresholds] = {}
        self._parts: OrderedDict[int, Tracks] = OrderedDict()
        self._segment, self._whole = ALL, self  # the whole is it also of segments
        self.season = SeasonReferences(signals, self.tables.groups) if signals.model.season else None
        self._season_shares: SeasonShares | None = None
        if self.season is not None and self.quality is not None:
            of = dict(zip(signals.names, signals.signals, strict=True))
            self._season_shares = SeasonShares(self.quality, signals.profile, of)

    def of(self, segment: str) -> Detection:
        """The same detectors against the reference of a segment; itself where that has none of its own."""
        found = self._kept.get(segment)
        if found is not None:
            self._kept.move_to_end(segment)
            return found
        found, signals = self, None if segment == ALL else self.references.signals(segment)
        if signals is not None:
            tables = replace(reference_tables(signals), is_value=self.tables.is_value)  # the same, and kept once
            found = self.against(self.signals.compared_with(signals), tables, segment)
        beside = (self.related, self.domain, self.drifts)
        if segment != ALL and any(one is not None for one in beside):
            found = copy.copy(found)
            found.relations = found.related = found.domain = found.drifts = None
        if self.quality is not None and segment != ALL and (part := self.references.part(segment)) is not None:
            found = copy.copy(found)
            found.quality = self.quality.of_part(part.counts)
            found.followed = ShareDependence(found.signals, found.quality)
        if found is not self:
            found.__dict__.pop("parts", None)  # the whole's
        self._kept[segment] = found
        if len(self._kept) > KEPT // (TABLES * max(1, len(self.signals.names))):
            self._kept.popitem(last=False)
        return found

    def against(self, signals: ModelSignals, tables: ReferenceTables, name: str) -> Detection:
        """The same detectors against another reference of the same signals, which the name stands for."""
        found = copy.copy(self)
        found.signals, found.tables, found._always = signals, tables, tables
        found.stream = StreamDependence(self.signals, unordered(self.signals), tables)
        found._slower, found._parts, found.accepted = OrderedDict(), OrderedDict(), OrderedDict()
        found.tracks, found._segment, found._limits = found._follow(self.tracks.tracks, tables), name, {}
        found.drifts = None
        return found

    @property
    def told(self) -> Floats | None:
        """Tau of long spans of each signal's values, as far as a key's stream has told; None where it has not."""
        return None if self._slowed is None else self._slowed.location

    def slowed(self, told: bytes, of_shares: bytes = b"") -> Detection:
        """The same detectors with thresholds for values that follow each other as a key's stream has told.

        ``told`` is from `StreamDependence.told`, ``of_shares`` from `ShareDependence.told`.
        """
        found = self._slower.get(told) if told else self
        if found is None:
            found = copy.copy(self)
            found._slowed = self.stream.slowed(told, self.tables.inflation)
            found.tables = replace(self.tables, inflation=found._slowed.inflation)
            found._limits = {}
            self._slower[told] = found
            if len(self._slower) > SLOWER:
                self._slower.popitem(last=False)
        if of_shares and self.quality is not None:
            found = copy.copy(found)
            found.quality = self.followed.slowed(of_shares, self.quality)
        return found

    def during(self, time_ms: int) -> Tracks:
        """The sequential detectors on the ranks of the part of the season that a time is in."""
        if self.season is None:
            return self.tracks
        part = int(self.season.calendar.bins(np.array([time_ms]))[0])
        if part not in self._parts:
            self._parts[part] = self._at({part: 1.0}).tracks
            if len(self._parts) > PARTS:
                self._parts.popitem(last=False)
        return self._parts[part]

    def over(self, slides: Sequence[Slide]) -> Detection:
        """The same detectors against the reference of the times of slides, weighted by their records."""
        if self.season is None or not slides:
            return self
        found, parts = copy.copy(self), self.shares(slides)
        found.tables = self._tables_at(parts)
        if self._season_shares is not None and self.quality is not None:
            found.quality = self._season_shares.at(parts, self.quality)
        return found

    def shares(self, slides: Sequence[Slide]) -> dict[int, float]:
        """Shares of the records of slides in the parts of the season, as far as the slides' times tell."""
        assert self.season is not None, "asked for by those who have one"
        records, slide_ms = sum(slide.records for slide in slides), self.signals.model.window.slide_ms
        found: dict[int, float] = {}
        for slide in slides:
            for part, share in self.season.shares(slide.start_ms(slide_ms), slide.end_ms).items():
                found[part] = found.get(part, 0.0) + share * slide.records / records
        return found

    def reference_at(self, parts: Mapping[int, float]) -> Floats:
        """Counts by code of what the reference is in parts of the season, by their shares; shape (signals, 256)."""
        assert self.season is not None, "asked for by those who have one"
        return self.season.counts(parts, self._always.counts)

    def _tables_at(self, parts: Mapping[int, float]) -> ReferenceTables:
        return recounted(self._always, self.reference_at(parts))

    def _at(self, parts: Mapping[int, float]) -> Detection:
        found = copy.copy(self)
        found.tables = self._tables_at(parts)
        found.tracks = found._follow(self.tracks.tracks, found.tables)
        return found

    def _follow(self, tracks: Sequence[Track], tables: ReferenceTables) -> Tracks:
        columns = {position: column for column, position in enumerate(self.signals.raw)}
        return Tracks(tracks, tables, columns, self._always)

    @cached_property
    def id(self) -> bytes:
        """Hash of what a key's state depends on."""
        return id_of(self)

    @cached_property
    def parts(self) -> Parts:
        """What the state of its keys consists of."""
        return Parts(self)

    @cached_property
    def windowed(self) -> dict[str, tuple[npt.NDArray[np.bool_], Floats]]:
        """Of each windowed detector in use: which signals it watches, and the user's own thresholds (NaN: budget)."""
        found: dict[str, tuple[npt.NDArray[np.bool_], Floats]] = {}
        count = len(self.signals.names)
        for name in WINDOWED:
            watched, own = np.zeros(count, np.bool_), np.full(count, np.nan)
            for position, detectors in enumerate(self.detectors):
                for plan in detectors:
                    if plan.name == name:
                        watched[position] = True
                        own[position] = np.nan if plan.threshold is None else plan.threshold
            if watched.any():
                found[name] = (watched, own)
        return found

    def given(self, segment: str) -> npt.NDArray[np.bool_]:
        """Signals that say what the segment is: in `country=DE` every country is DE, and no detector looks at it."""
        fields = tuple(segments.parse(segment))
        if fields not in self._given:
            self._given[fields] = np.array([n.removeprefix(FEATURE) in fields for n in self.signals.names], np.bool_)
        return self._given[fields]

    def budget(self, segment: str) -> float:
        """False episodes that a key may have in the budget's period."""
        return calibration.key_budget(self.signals.model.alarms, self.segments, segment == ALL)

    def level(self, segment: str) -> float:
        """Level of one windowed test at one evaluation of a key."""
        model = self.signals.model
        return calibration.evaluation_level(model.alarms, self.budget(segment), self.tests, model.window.slide_ms)

    def judge(self, tests: WindowTests, segment: str) -> list[Verdict]:
        """What each windowed detector says of a window."""
        return verdicts(tests, self.windowed, ~self.given(segment), self.level(segment))

    def thresholds(self, segment: str, values_per_ms: float) -> Thresholds:
        """What the sequential detectors alarm at, at a rate of records.

        Parameters
        ----------
        values_per_ms
            Records of the key a millisecond; taken as the next power of 2^(1/STEPS).
        """
        rate = 2.0 ** (math.ceil(STEPS * math.log2(values_per_ms)) / STEPS) if values_per_ms > 0 else 0.0
        whole = segment == ALL
        if (whole, rate) not in self._limits:
            self._limits[whole, rate] = self._thresholds(whole, rate)
        return self._limits[whole, rate]

    def _thresholds(self, whole: bool, rate: float) -> Thresholds:
        budget = self.budget(ALL if whole else "")
        alarms = self.signals.model.alarms

        def values_between(bank: Bank) -> Floats:
            """Or blocks, where it sees their means."""
            return np.array(
                [
                    calibration.values_between_alarms(alarms, budget, self.tests, rate / block, self._weights[track])
                    for block, track in zip(bank.blocks.tolist(), bank.tracks, strict=True)
                ]
            )

        delta = calibration.adwin_delta(values_between(self.tracks.adwin))
        bank = self.tracks.page_hinkley
        between = values_between(bank) * np.where(bank.is_smooth, calibration.OVERSHOOT, 1.0)
        up, down = bank.thresholds(between, *self._tilts, self._tau(bank))
        if self._slowed is not None:
            delta = calibration.slowed_delta(delta, self._tau(self.tracks.adwin))
        return Thresholds(delta, up, down)

    def _tau(self, bank: Bank) -> Floats:
        """Beyond that of the profile, by row."""
        told = self._slowed
        if told is None:
            return np.ones(len(bank.tracks))
        return np.where(bank.spread, told.spread[bank.signals], told.location[bank.signals])

    @property
    def _tilts(self) -> tuple[Floats, Floats]:
        """Kept for all segments, small as they are: they take longer to find than the tables."""
        if self._segment not in self._tilts_of:
            up, down = self.tracks.page_hinkley.tilts(self._always.counts)
            if self.season is not None:
                least_up, least_down = self._whole._least_tilts
                up, down = np.minimum(up, least_up), np.minimum(down, least_down)
            self._tilts_of[self._segment] = up, down
        return self._tilts_of[self._segment]

    @cached_property
    def _least_tilts(self) -> tuple[Floats, Floats]:
        """Of all parts of the season.

        A sum goes on from part to part. While each part's values exp(theta (z - k)) come to 1 on average or less, high
        sums are as rare as with that theta always; so it is the least of all parts'. Continuous signals have the same
        in each: those of which one value is frequent in a part differ.
        """
        assert self.season is not None, "asked for by those who have one"
        up, down = (np.full(len(self.tracks.page_hinkley.tracks), np.inf) for _ in range(2))
        for part in range(self.season.calendar.plan.bins):
            counts = self.reference_at({part: 1.0})
            if not is_even(counts)[self.tracks.page_hinkley.signals].all():
                up_here, down_here = self._at({part: 1.0}).tracks.page_hinkley.tilts(counts)
                up, down = np.minimum(up, up_here), np.minimum(down, down_here)
        return up, down
