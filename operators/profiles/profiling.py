"""Building the profile of a model from its reference data, in one pass and bounded memory.

The profile depends on the set of records alone: neither on their order nor on how they come in pieces. Exceptions
are names beyond `name_counts.LIMIT` a signal, of which rare ones may be missed, and the calibration of records without
times, which are taken in the order in which they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import FeaturePlan, ModelPlan, QualityPlan, SegmentPlan, SourcePlan
from operators.encoding.codes import ABSENT
from operators.encoding.measures import Measures, Yardsticks, yardsticks_of
from operators.profiles.calibrating import Calibrating, Codes
from operators.profiles.dependence import calibrate, unknown
from operators.profiles.duplicates import IdSample
from operators.profiles.name_counts import NameCounts
from operators.profiles.record_sample import record_sample
from operators.profiles.signal_counts import NumberCounts, PredictionCounts
from operators.profiles.signal_values import (
    CONFIDENCE,
    FEATURE,
    PREDICTION,
    Values,
    read_values,
    segment_column,
    watched,
)
from operators.quality.signals import (
    DUPLICATES,
    QualitySignal,
    as_signal,
    codes_of,
    kind_count,
    outside,
    quality_signals,
)
from operators.reading.columns import Columns, names
from operators.reading.values import Gap, disguised
from operators.relations.reconstruction import RECONSTRUCTION
from operators.relations.relating import relate
from operators.statistics.runs import frozen_name, runs
from schemas import segments
from schemas.profile import NumericSignal, Profile, Provenance, Share, Signal

CELLS = 12_000_000  # distinct numbers kept, of all signals together: 24 bytes each, of 1 GB in all
MOST_CELLS = 1_000_000  # of one signal
FEWEST_CELLS = 4_096


class ProfileBuilder:
    """Counts the records of a model version and makes their profile.

    Parameters
    ----------
    model
        Whose features, prediction and segments are counted.
    like
        Take the bins of that profile, so that the two can be compared and merged.
    yardsticks
        What texts and embeddings are measured by, from a `YardstickMaker`; without it, and with ``like``, its own.

    Examples
    --------
    >>> from config.plan import AlarmsPlan, WindowPlan
    >>> from operators.reading.columns import extract
    >>> age = FeaturePlan(name="age", type="numeric")
    >>> window = WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=3_600_000)
    >>> alarms = AlarmsPlan(
    ...     budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large")
    >>> model = ModelPlan(name="churn", window=window, alarms=alarms, features=(age,))
    >>> source = SourcePlan(name="predictions", kind="predictions", path="a.jsonl")
    >>> builder = ProfileBuilder(model)
    >>> builder.add(extract([b'{"features": {"age": 41}}', b'{"features": {"age": null}}'], source, ["age"]), source)
    >>> profile = builder.build(Provenance(source="a.jsonl", rows=2, start=None, end=None, tidemark="0.1.0"), "3")
    >>> profile.signals["feature.age"].mean, profile.signals["feature.age"].missing
    (41.0, 1)
    """

    def __init__(self, model: ModelPlan, like: Profile | None = None, yardsticks: Yardsticks | None = None) -> None:
        self._model = model
        self._like = like
        self._yardsticks = yardsticks or (Yardsticks() if like is None else yardsticks_of(like))
        self._measures = Measures(model, self._yardsticks)
        self._features = watched(model)
        numeric = sum(feature.type == "numeric" for feature in self._features) + 2
        self._cells = int(np.clip(CELLS // numeric, FEWEST_CELLS, MOST_CELLS))
        self._counts: dict[str, NumberCounts | NameCounts] = {
            feature.name: NumberCounts(self._cells, feature.range) if feature.type == "numeric" else NameCounts()
            for feature in self._features
        }
        self._prediction = PredictionCounts(model, self._cells)
        self._confidence = NumberCounts(self._cells)
        wanted = model.proxies if isinstance(model.proxies, tuple) else ()
        self._proxies = {name: NumberCounts(self._cells) for name in wanted}
        self._segments = {",".join(plan.fields): Counter[tuple[str, ...]]() for plan in model.segments}
        numeric_names = [FEATURE + f.name for f in self._features if f.type == "numeric"]
        other_names = [FEATURE + f.name for f in self._features if f.type != "numeric"]
        self._calibrating = Calibrating(
            [*numeric_names, PREDICTION, CONFIDENCE, *self._proxies], [*other_names, PREDICTION]
        )
        watches = model.quality if isinstance(model.quality, QualityPlan) else None
        self._ids = IdSample() if watches is not None and watches.duplicates else None
        self.rows = 0

    def add(self, columns: Columns, source: SourcePlan, times_ms: npt.NDArray[np.int64] | None = None) -> None:
        """Count records of the model; those of other models and versions must be out.

        Parameters
        ----------
        columns
            The records.
        source
            How they were read.
        times_ms
            Their event times, `plain_times.NO_TIME` where one has none; None where they come in the order of time.
        """
        self.count(read_values(self._model, columns, source, self._measures, times_ms), len(columns.rows), times_ms)
        if self._ids is not None and "id" in columns.fields:
            self._ids.add(columns.fields["id"], times_ms)
        for plan in self._model.segments:
            self._add_segments(plan, columns, len(columns.rows))

    def count(self, values: Values, records: int, times_ms: npt.NDArray[np.int64] | None = None) -> None:
        """Count values of so many records that have been read already."""
        self._calibrating.add(values.numbers, values.names, records, times_ms)
        self.rows += records
        for feature in self._features:
            counts, name = self._counts[feature.name], FEATURE + feature.name
            if isinstance(counts, NameCounts):
                counts.add(values.names.get(name, ()))
            elif name in values.numbers:
                aside = values.aside.get(name)
                counts.add(values.numbers[name] if aside is None else values.numbers[name][~aside])
        self._prediction.add(values)
        if CONFIDENCE in values.numbers:
            self._confidence.add(values.numbers[CONFIDENCE])
        for name, proxy in self._proxies.items():
            if name in values.numbers:
                proxy.add(values.numbers[name])

    def _add_segments(self, plan: SegmentPlan, columns: Columns, rows: int) -> None:
        by_field = [names(segment_column(field, columns, rows)) for field in plan.fields]
        counts = Counter(zip(*by_field, strict=True))
        kept = {values: n for values, n in counts.items() if not any(isinstance(value, Gap) for value in values)}
        self._segments[",".join(plan.fields)].update(kept)

    def build(self, provenance: Provenance, version: str | None) -> Profile:
        """Make the profile of what has been counted so far."""
        signals: dict[str, Signal] = {}
        for feature in self._features:
            signals[FEATURE + feature.name] = self._feature_signal(feature)
        if (prediction := self._prediction.signal(self._of_like(PREDICTION), self._model.disclose)) is not None:
            signals[PREDICTION] = prediction
        if self._confidence.present:
            signals[CONFIDENCE] = self._confidence.signal(self._of_like(CONFIDENCE))
        for name, proxy in self._proxies.items():
            if proxy.present:
                signals[name] = proxy.signal(self._of_like(name))
        calibrated = self._calibrating.calibrated(signals, self._truths)
        related = relate(self._model, calibrated, self._codes)
        return Profile(
            model=self._model.name,
            version=version,
            provenance=msgspec.structs.replace(provenance, order=self._calibrating.order),
            signals=calibrated | dict(related.signals),
            segments={",".join(plan.fields): self._segment_values(plan) for plan in self._model.segments},
            texts=self._yardsticks.texts or msgspec.UNSET,
            vectors=self._yardsticks.vectors or msgspec.UNSET,
            quality=self._shares(calibrated) or msgspec.UNSET,
            relations=related.relations,
            multivariate=related.multivariate,
            domain=related.domain,
            sample=record_sample(self._model, calibrated, self._codes),
        )

    def _shares(self, signals: Mapping[str, Signal]) -> dict[str, Share]:
        found: dict[str, Share] = {}
        features = {FEATURE + feature.name: feature for feature in self._model.features}
        for name, one, codes in self.kinds(signals):
            signal = signals[name]
            limits = features[name].range if one.what == "range" else None
            counts = self._counts.get(name.removeprefix(FEATURE))
            if limits is not None and isinstance(counts, NumberCounts):
                many = counts.outside
            else:
                many = kind_count(one.what, signal)
            records = signal.count + signal.missing + signal.invalid
            there = bool((codes == 1).any())
            calibration = calibrate(as_signal(many, records), codes) if there else unknown(int((codes == 0).sum()))
            found[one.name] = Share(found=many, records=records, range=limits, calibration=calibration)
        if isinstance(self._model.quality, QualityPlan) and self._model.quality.frozen:
            for name, codes in self._calibrating.codes(signals, self._truths):
                if isinstance(signals[name], NumericSignal):
                    held = runs(codes, self._calibrating.times_ms)
                    found[frozen_name(name, signals)] = Share(
                        found=held.longest, records=held.values, runs=held.many, lasted_ms=held.lasted_ms
                    )
        if self._ids is not None and (share := self._ids.share(self._model.window.size_ms)) is not None:
            found[DUPLICATES] = share
        return found

    def kinds(self, signals: Mapping[str, Signal]) -> Iterator[tuple[str, QualitySignal, Codes]]:
        """Of the earliest records, in the order of time, which are of the kind of each quality signal.

        Yields
        ------
        name
            Of the signal that it is about.
        signal
        codes : uint8
            1 for a record of the kind, 0 for another one, ABSENT where it does not carry the field.
        """
        watched_ = quality_signals(self._model, signals)
        if not watched_:
            return
        names_ = list(signals)
        by_name: dict[str, list[QualitySignal]] = {}
        for one in watched_:
            by_name.setdefault(names_[one.position], []).append(one)
        features = {FEATURE + feature.name: feature for feature in self._model.features}
        for name, codes in self._codes(signals):
            for one in by_name.get(name, ()):
                if one.what == "range":
                    limits = features[name].range
                    assert limits is not None, "it is ranged"
                    flags = outside(self._calibrating.numbers(name)[:, None], [limits])[:, 0]
                else:
                    flags = codes_of(one.what, signals[name], own=True)[codes]
                yield name, one, np.where(codes == ABSENT, np.uint8(ABSENT), flags.astype(np.uint8))

    def series(self, signals: Mapping[str, Signal]) -> tuple[npt.NDArray[np.int64] | None, Iterator[tuple[str, Codes]]]:
        """Times of the earliest records, ascending, and their codes of each signal of the profile that was built.

        Without times (None) they are as they came.
        """
        return self._calibrating.times_ms, self._codes(signals)

    def _codes(self, signals: Mapping[str, Signal]) -> Iterator[tuple[str, Codes]]:
        """Of each signal the codes of the earliest records, in the order of time, but for what follows from others."""
        own = {name: signal for name, signal in signals.items() if name != RECONSTRUCTION}
        return self._calibrating.codes(own, self._truths)

    def earliest(self, name: str) -> npt.NDArray[np.float64]:
        """Numbers of a signal of the earliest records, in the order of time."""
        return self._calibrating.numbers(name)

    @property
    def _truths(self) -> set[str]:
        return {FEATURE + feature.name for feature in self._features if feature.type == "boolean"}

    def _feature_signal(self, feature: FeaturePlan) -> Signal:
        counts = self._counts[feature.name]
        disclose = self._model.disclose
        if isinstance(counts, NameCounts):
            public = ("true", "false") if feature.type == "boolean" else ()
            return counts.signal(disclose=disclose, public=public, sensitive=feature.sensitive)
        return counts.signal(self._of_like(FEATURE + feature.name), private=disclose if feature.sensitive else 0)

    def _of_like(self, name: str) -> Signal | None:
        return None if self._like is None else self._like.signals.get(name)

    def _segment_values(self, plan: SegmentPlan) -> tuple[tuple[str, int], ...]:
        sensitive = {feature.name for feature in self._model.features if feature.sensitive}
        shown = Counter[str]()
        for values, count in self._segments[",".join(plan.fields)].items():
            if count >= self._model.disclose:
                pairs = zip(plan.fields, values, strict=True)
                shown[segments.text({f: disguised(v) if f in sensitive else v for f, v in pairs})] = count
        return tuple(sorted(shown.items(), key=lambda item: (-item[1], item[0]))[: plan.limit])
