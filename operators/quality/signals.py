"""Quality signals: of which fields which shares of records are watched, and what the reference has of each.

A record of a field is missing, invalid, unseen (a value that the reference has not) or out of its `range`. In
`quality.unseen.F` a value of the reference counts as unseen if no other record of the reference has it: as often
later records will have values that it lacks (Good 1953, Biometrika 40, doi:10.1093/biomet/40.3-4.237).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.plan import FeaturePlan, LabelsPlan, ModelPlan, QualityPlan
from operators.encoding.codes import CODES, INVALID, MISSING
from operators.relations.reconstruction import RECONSTRUCTION
from operators.statistics.ranks import reference_counts, unseen_codes, value_codes
from schemas.profile import Calibration, CategoricalSignal, NumericSignal, Profile, Signal

QUALITY = "quality."
FEATURE = "feature."
What = Literal["missing", "invalid", "unseen", "range", "duplicates"]
DUPLICATES = "quality.duplicates"

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class QualitySignal:
    """The share of a field's records that are of one kind."""

    name: str  # quality.missing.age
    what: What
    position: int  # of the signal whose codes tell

    @property
    def two_sided(self) -> bool:
        """Fewer are a change as well: gaps that are filled with something are none any more."""
        return self.what == "missing"


def watches_volume(model: ModelPlan) -> bool:
    """Whether a model watches how many records it gets; see volume.py."""
    return isinstance(model.quality, QualityPlan) and model.quality.volume


def watches_labels(model: ModelPlan) -> bool:
    """Whether a model watches how its labels come; see operators/labels/signals.py."""
    performing = isinstance(model.performance, tuple) and isinstance(model.labels, LabelsPlan)
    return performing and isinstance(model.quality, QualityPlan) and model.quality.labels


def label_tests(model: ModelPlan) -> int:
    """Tests that it comes to."""
    if not watches_labels(model) or not isinstance(model.labels, LabelsPlan):
        return 0
    return 2 + len(model.labels.by)


def quality_signals(model: ModelPlan, signals: Mapping[str, Signal]) -> tuple[QualitySignal, ...]:
    """Those that a model watches, in the order of its signals; none where it says nothing about quality.

    Parameters
    ----------
    model
    signals
        Of the model version by name, in its order.
    """
    plan = model.quality
    if not isinstance(plan, QualityPlan):
        return ()
    features = {FEATURE + feature.name: feature for feature in model.features}
    fields = {feature.field for feature in model.features}
    found: list[QualitySignal] = []
    seen: set[str] = set()
    for position, (name, signal) in enumerate(signals.items()):
        feature = features.get(name)
        if name == RECONSTRUCTION:
            continue  # no field of a record
        field = name if feature is None else feature.field
        if feature is None and field in fields:
            field = f"model.{field}"  # a feature is called so, too
        if field in seen:
            continue  # another number that is measured of the same field
        seen.add(field)
        found += [
            QualitySignal(f"{QUALITY}{what}.{field}", what, position)
            for what, wanted in _applicable(plan, feature, signal)
            if wanted
        ]
    return tuple(found)


def _applicable(
    plan: QualityPlan, feature: FeaturePlan | None, signal: Signal
) -> tuple[tuple[What, bool], tuple[What, bool], tuple[What, bool], tuple[What, bool]]:
    measured = feature is not None and feature.of is not None
    return (
        ("missing", plan.missing),
        ("invalid", plan.invalid),
        ("unseen", plan.unseen and not measured and has_unseen(feature, signal)),
        ("range", plan.range and feature is not None and feature.range is not None),
    )


def has_unseen(feature: FeaturePlan | None, signal: Signal) -> bool:
    """Whether values that the reference has not can be told from those that it has."""
    if isinstance(signal, NumericSignal):
        return signal.discrete and signal.count > 0
    both = feature is not None and feature.type == "boolean" and len(signal.categories) == 2
    return signal.rest == 0 and signal.count > 0 and not both


def unseen_by_others(signal: Signal) -> Flags:
    """Codes of values that a single record of the reference has, or none; shape (256,)."""
    codes = unseen_codes(signal)
    if isinstance(signal, NumericSignal):
        codes[: len(signal.counts)] |= np.array(signal.counts) == 1
    else:
        codes[: len(signal.categories)] |= np.array([count for _, count in signal.categories], np.int64) == 1
    return codes


@dataclass(frozen=True)
class QualityReference:
    """What a reference has of each quality signal; arrays of shape (quality signals,)."""

    signals: tuple[QualitySignal, ...]
    codes: Flags  # (S, 256) codes that are of the kind; of ranges none, which are counted beside
    own_codes: Flags  # (S, 256) likewise of records of the reference, as the other ones know them
    carried: Flags  # (S, 256) codes of records that carry the field
    # (S,) which of the numbers that are counted beside the codes: of the ranges, then of ids that came again; else -1
    ranged: NDArray[np.int64]
    sampled: NDArray[np.int64]  # (S,) likewise of the records that these are of; -1: by code
    known: Floats  # records of the kind
    of: Floats  # of so many
    calibrations: tuple[Calibration | None, ...]  # how they follow each other; None: not known
    told: Floats | None = None  # (S, lengths) of the stream, by 2, 4, 8, ... records; None: it has not told

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Of the signals that the codes are of."""
        return np.array([signal.position for signal in self.signals], np.int64)

    @cached_property
    def two_sided(self) -> Flags:
        """Where fewer are a change as well."""
        return np.array([signal.two_sided for signal in self.signals], np.bool_)

    def count(self, counts: Counts, outside: Counts) -> tuple[Floats, Floats]:
        """Records of each kind, and records that carry the field, of the stream.

        Parameters
        ----------
        counts : int64, shape (signals, 256)
            By code.
        outside : int64
            What is counted beside the codes: out of ranges, then ids that came again, which segments have none of.
        """
        if len(outside):
            missing = max(self.ranged.max(initial=-1), self.sampled.max(initial=-1)) + 1 - len(outside)
            outside = np.append(outside, np.zeros(max(missing, 0), np.int64))
        rows = counts[self.positions]
        found = (rows * self.codes).sum(axis=1)
        if len(outside):
            found = np.where(self.ranged >= 0, outside[self.ranged], found)
        records = (rows * self.carried).sum(axis=1)
        if len(outside):
            records = np.where(self.sampled >= 0, outside[self.sampled], records)
        return found.astype(np.float64), records.astype(np.float64)

    def tau(self, records: Floats) -> Floats:
        """Variance of shares of so many records, over that of independent ones."""
        if self.told is not None:
            lengths = np.log2(np.maximum(records, 2.0)).astype(np.int64) - 1
            tau = self.told[np.arange(len(records)), np.minimum(lengths, self.told.shape[1] - 1)]
            return np.asarray(np.where(tau > 1, (1 + few_bursts(tau, self.known, self.of)) * tau, 1.0))
        rows = zip(self.calibrations, records.tolist(), self.known.tolist(), self.of.tolist(), strict=True)
        return np.array([tau_of(*row) for row in rows], np.float64)

    def of_part(self, counts: Counts) -> QualityReference:
        """Of a part of the reference's records, by their counts by code; ranges, which these do not tell, of all."""
        rows, whole = counts[self.positions], self.ranged >= 0
        known, of = (rows * self.own_codes).sum(axis=1), (rows * self.carried).sum(axis=1)
        return replace(self, known=np.where(whole, self.known, known), of=np.where(whole, self.of, of))

    def of_span(self, counts: Counts, outside: Counts) -> QualityReference:
        """Of records of the stream."""
        known, of = self.count(counts, outside)
        return replace(self, known=known, of=of)


def tau_of(calibration: Calibration | None, records: float, known: float, of: float) -> float:
    """Variance of the share of so many records, over that of independent ones, of which ``known`` in ``of`` were.

    The larger, the less certain it is: also by how few bursts of the rarer of both the reference had.
    """
    if calibration is None or not calibration.tau:
        return 1.0
    length = int(math.log2(max(records, 2.0))) - 1
    tau = calibration.tau[min(length, len(calibration.tau) - 1)]
    return max(1.0, (1 + calibration.error + float(few_bursts(np.array(tau), np.array(known), np.array(of)))) * tau)


def few_bursts(tau: Floats, known: Floats, of: Floats) -> Floats:
    """By how much tau is taken larger, as the reference had few bursts of the rarer of both."""
    return np.asarray(2 / np.sqrt(np.maximum(np.minimum(known, of - known), 1.0) / tau))


def quality_reference(model: ModelPlan, profile: Profile, signals: Mapping[str, Signal]) -> QualityReference | None:
    """What a profile has of the quality signals of a model version; None where there are none."""
    found = quality_signals(model, signals)
    told = {} if isinstance(profile.quality, msgspec.UnsetType) else profile.quality
    ranges = ranged_features(model)
    tells = DUPLICATES in told and (model.prediction is None or "prediction" in signals)
    if signals and tells and isinstance(model.quality, QualityPlan) and model.quality.duplicates:
        found = (*found, QualitySignal(DUPLICATES, "duplicates", 0))
    if not found:
        return None
    listed = list(signals.values())
    # Records in no known order do not tell; then the stream does, see share_dependence.py.
    calibrations = {} if profile.provenance.order == "file" else {name: one.calibration for name, one in told.items()}
    if model.season is not None and not isinstance(profile.season, msgspec.UnsetType):
        calibrations |= profile.season.calibrations
    beside = ("range", "duplicates")
    columns = [ranges.index(one.position) if one.what == "range" else -1 for one in found]
    columns = [len(ranges) if one.what == "duplicates" else at for one, at in zip(found, columns, strict=True)]
    carried = np.array([_carried(listed[one.position]) for one in found])
    carried[[one.what == "duplicates" for one in found]] = False
    reference = QualityReference(
        signals=found,
        codes=np.array([codes_of(one.what, listed[one.position]) for one in found]),
        own_codes=np.array([codes_of(one.what, listed[one.position], own=True) for one in found]),
        carried=carried,
        ranged=np.array(columns, np.int64),
        sampled=np.array([len(ranges) + 1 if one.what == "duplicates" else -1 for one in found], np.int64),
        known=np.array([told[one.name].found if one.what in beside and one.name in told else 0.0 for one in found]),
        of=np.array(
            [told[one.name].records if one.what == "duplicates" else _records(listed[one.position]) for one in found],
            np.float64,
        ),
        calibrations=tuple(calibrations.get(one.name) for one in found),
    )
    counts = np.array([reference_counts(signal) for signal in listed]).astype(np.int64)
    counts[:, MISSING] = [signal.missing for signal in listed]
    counts[:, INVALID] = [signal.invalid for signal in listed]
    return reference.of_part(counts)


def codes_of(what: What, signal: Signal, *, own: bool = False) -> Flags:
    """Codes of records of a kind, shape (256,), ``own`` of those of the reference; of ranges there are none."""
    codes = np.zeros(CODES, np.bool_)
    if what == "missing":
        codes[MISSING] = True
    elif what == "invalid":
        codes[INVALID] = True
    elif what == "unseen":
        codes = unseen_by_others(signal) if own else unseen_codes(signal)
    return codes


def kind_count(what: What, signal: Signal) -> int:
    """Records of the reference that are of a kind, other than out of a range."""
    if what == "missing":
        return signal.missing
    if what == "invalid":
        return signal.invalid
    return int(reference_counts(signal)[codes_of(what, signal, own=True)].sum())


def as_signal(found: int, records: int) -> CategoricalSignal:
    """Records of a kind, code 1, and others, code 0, as a signal: how they follow each other is that of its values."""
    categories = (("other", records - found), ("kind", found))
    return CategoricalSignal(count=records, missing=0, invalid=0, categories=categories, rest=0, distinct=2)


def _carried(signal: Signal) -> Flags:
    codes = value_codes(signal)
    codes[[MISSING, INVALID]] = True
    return codes


def _records(signal: Signal) -> int:
    return signal.count + signal.missing + signal.invalid


def ranged_features(model: ModelPlan) -> list[int]:
    """Positions of the features whose values out of their range are counted."""
    if not isinstance(model.quality, QualityPlan) or not model.quality.range:
        return []
    return [at for at, feature in enumerate(model.features) if feature.range is not None]


def outside(values: Floats, limits: Sequence[tuple[float, float]]) -> Flags:
    """Which numbers are out of their range; those that are none are not.

    Parameters
    ----------
    values : float64, shape (records, ranges)
    limits
        Of each the lowest and the highest that is in it.
    """
    low, high = np.array(limits).reshape(-1, 2).T
    return np.asarray(np.isfinite(values) & ((values < low) | (values > high)), np.bool_)


def range_misfit(model: ModelPlan, profile: Profile) -> str | None:
    """Of which range a profile does not know how many values of the reference are out of it."""
    told = {} if isinstance(profile.quality, msgspec.UnsetType) else profile.quality
    for position in ranged_features(model):
        feature = model.features[position]
        assert feature.range is not None, "it is ranged"
        low, high = feature.range
        share = told.get(f"{QUALITY}range.{feature.field}")
        signal = profile.signals[FEATURE + feature.name]
        assert isinstance(signal, NumericSignal), "ranges are of numbers"
        if share is not None and share.range == feature.range:
            continue
        inside = signal.min is not None and signal.max is not None and low <= signal.min and signal.max <= high
        if not inside and signal.count:
            return f"{feature.field}: it does not tell how many values are out of the range [{low:g}, {high:g}]"
    return None
