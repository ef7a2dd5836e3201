"""Merging profiles: of the records of both, from the profiles of each, on the same bins."""

from __future__ import annotations

import math
from collections import Counter

import msgspec
import numpy as np

from operators.profiles.slice_merging import cautious, merged_season, merged_slices
from schemas.errors import ProfileError
from schemas.profile import TOP, CategoricalSignal, Fields, NumericSignal, Profile, Provenance, Share, Signal

# Parts that are made of one profile's records alone, and why two of them are not put together.
_OWN = {
    "multivariate": "principal components are of each one's own ranks",
    "domain": "samples are of each one's own bins",
    "sample": "samples are of each one's own bins",
    "performance": "errors follow each other in each one's own order",
    "labels": "delays of labels are of each one's own spans",
    "estimation": "what performance is estimated from is fitted to each one's own labels",
}


def merge(one: Profile, other: Profile) -> Profile:
    """Make the profile of all records of two profiles.

    Counts are exact; means and deviations agree with those of the records to the last digits. Of two calibrations the
    more cautious one is taken. Categories that one of the profiles does not name stay unnamed, and of segment values
    that it does not list nothing is added. Relations between features are of each one's own ranks: there are none of
    both, so pairs of features are not watched, and ``correlation: true`` refuses the profile.

    Raises
    ------
    ProfileError
        Where the profiles are of different models or do not have the same signals with the same bins: make the
        second one with ``ProfileBuilder(model, like=first)``; and where one has a part that is of its own
        records alone.
    """
    name = one.model if one.version is None else f"{one.model} {one.version}"
    if (one.model, one.version) != (other.model, other.version):
        msg = f"profile of {name}: cannot be merged with one of {other.model} {other.version or ''}".rstrip()
        raise ProfileError(msg)
    if misfit := _misfit(one, other):
        msg = f"profile of {name}: cannot be merged: {misfit} (the same); make one profile with the bins of the other"
        raise ProfileError(msg)
    signals = {key: _merged(signal, other.signals[key]) for key, signal in one.signals.items()}
    return Profile(
        model=one.model,
        version=one.version,
        provenance=_both(one.provenance, other.provenance),
        signals=signals,
        segments={
            key: tuple(_ranked(Counter(dict(values)) + Counter(dict(other.segments.get(key, ())))))
            for key, values in one.segments.items()
        },
        slices=merged_slices(one, other, signals),
        texts=one.texts,
        season=merged_season(one, other, signals),
        vectors=one.vectors,
        quality=_shares(one, other),
        fields=_fields(one, other),
    )


def _fields(one: Profile, other: Profile) -> Fields | msgspec.UnsetType:
    """Of both, if both tell them, in one form."""
    mine, theirs = one.fields, other.fields
    if isinstance(mine, msgspec.UnsetType) or isinstance(theirs, msgspec.UnsetType) or mine.form != theirs.form:
        return msgspec.UNSET
    named = Counter(mine.named) + Counter(theirs.named)
    return Fields(
        form=mine.form,
        records=mine.records + theirs.records,
        named=dict(sorted(named.items())),
        rest=mine.rest + theirs.rest,
        most=mine.most + theirs.most,
    )


def _shares(one: Profile, other: Profile) -> dict[str, Share] | msgspec.UnsetType:
    """Of the quality signals that both know."""
    if isinstance(one.quality, msgspec.UnsetType) or isinstance(other.quality, msgspec.UnsetType):
        return msgspec.UNSET
    found: dict[str, Share] = {}
    for name, share in one.quality.items():
        twin = other.quality.get(name)
        if twin is not None and twin.range == share.range:
            found[name] = Share(
                found=share.found + twin.found if share.runs is None else max(share.found, twin.found),
                records=share.records + twin.records,
                range=share.range,
                calibration=cautious(share.calibration, twin.calibration),
                runs=None if share.runs is None or twin.runs is None else share.runs + twin.runs,
                lasted_ms=_longest(share.lasted_ms, twin.lasted_ms),
            )
    return found or msgspec.UNSET


def _longest(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _misfit(one: Profile, other: Profile) -> str | None:
    if one.signals.keys() != other.signals.keys():
        return f"{sorted(one.signals.keys() ^ other.signals.keys())[0]} is in one of them only"
    for key, signal in one.signals.items():
        twin = other.signals[key]
        if type(signal) is not type(twin):
            return f"{key} has two types"
        if isinstance(signal, NumericSignal) and isinstance(twin, NumericSignal) and signal.edges != twin.edges:
            return f"{key} has two sets of bins"
    if isinstance(one.slices, msgspec.UnsetType) != isinstance(other.slices, msgspec.UnsetType):
        return "counts of segments are in one of them only"
    if one.texts != other.texts:
        return "their texts are measured by different words"
    seasons = [
        None if isinstance(season, msgspec.UnsetType) else (season.period_ms, season.timezone, len(season.slices))
        for season in (one.season, other.season)
    ]
    if seasons[0] != seasons[1]:
        return "they do not have one season"
    for part, why in _OWN.items():
        if any(not isinstance(getattr(profile, part), msgspec.UnsetType) for profile in (one, other)):
            return why
    if one.vectors != other.vectors:
        return "their embeddings are measured along different directions"
    return None


def _both(one: Provenance, other: Provenance) -> Provenance:
    starts = [time for time in (one.start, other.start) if time is not None]
    ends = [time for time in (one.end, other.end) if time is not None]
    return Provenance(
        source=", ".join(sorted({one.source, other.source})),
        rows=one.rows + other.rows,
        start=min(starts, default=None),
        end=max(ends, default=None),
        tidemark=max(one.tidemark, other.tidemark),
        order=one.order if one.order == other.order else None,
    )


def _merged(one: Signal, other: Signal) -> Signal:
    calibration = cautious(one.calibration, other.calibration)
    if isinstance(one, NumericSignal) and isinstance(other, NumericSignal):
        return msgspec.structs.replace(_numbers(one, other), calibration=calibration)
    assert isinstance(one, CategoricalSignal)
    assert isinstance(other, CategoricalSignal)
    return msgspec.structs.replace(_names(one, other), calibration=calibration)


def _numbers(one: NumericSignal, other: NumericSignal) -> NumericSignal:
    if not one.count or not other.count:
        full = one if one.count else other
        return msgspec.structs.replace(full, missing=one.missing + other.missing, invalid=one.invalid + other.invalid)
    mean = _weighted(one.mean, one.count, other.mean, other.count)
    squares = [(part.count, part.sd, part.mean - mean) for part in (one, other)]
    scale = max(max(sd, abs(shift)) for _, sd, shift in squares)
    sd = 0.0
    if scale:
        share = sum(count * ((sd / scale) ** 2 + (shift / scale) ** 2) for count, sd, shift in squares)
        sd = scale * math.sqrt(share / (one.count + other.count))
    known = one.min is not None and other.min is not None and one.max is not None and other.max is not None
    return NumericSignal(
        count=one.count + other.count,
        mean=mean,
        sd=sd,
        min=min(one.min, other.min) if known else None,  # type: ignore[type-var]
        max=max(one.max, other.max) if known else None,  # type: ignore[type-var]
        discrete=one.discrete,
        edges=one.edges,
        counts=tuple(np.add(one.counts, other.counts).tolist()),
        means=tuple(map(_weighted, one.means, one.counts, other.means, other.counts)),
        missing=one.missing + other.missing,
        invalid=one.invalid + other.invalid,
    )


def _weighted(one: float, weight: int, other: float, other_weight: int) -> float:
    if one == other or not other_weight:
        return one
    total = weight + other_weight
    return one * (weight / total) + other * (other_weight / total)


def _names(one: CategoricalSignal, other: CategoricalSignal) -> CategoricalSignal:
    named = Counter(dict(one.categories)) + Counter(dict(other.categories))
    listed = _ranked(named)[:TOP]
    count = one.count + other.count
    return CategoricalSignal(
        count=count,
        categories=tuple(listed),
        rest=count - sum(n for _, n in listed),
        distinct=max(len(named), one.distinct, other.distinct),
        missing=one.missing + other.missing,
        invalid=one.invalid + other.invalid,
    )


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
