"""Merging slices of profiles: of the records of both, from the slices of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from operators.profiles.slices import Part, SliceCodec, SliceReader
from operators.statistics.ranks import value_codes
from schemas.profile import Calibration, NumericSignal, Profile, Season, Signal, Slice


def merged_slices(
    one: Profile, other: Profile, signals: Mapping[str, Signal]
) -> dict[str, dict[str, Slice]] | msgspec.UnsetType:
    """Slices of two profiles with the same bins, on the codes of the merged signals.

    A segment value that one of them lists and has no slice of has none then, as that would lack records.
    """
    if isinstance(one.slices, msgspec.UnsetType) or isinstance(other.slices, msgspec.UnsetType):
        return msgspec.UNSET
    merge = _Merge(signals)
    pairs = [
        (one, one.slices, SliceReader(one.signals, signals)),
        (other, other.slices, SliceReader(other.signals, signals)),
    ]
    found: dict[str, dict[str, Slice]] = {}
    for fields in one.slices:
        parts: dict[str, list[tuple[int, Part]]] = {}
        lacking: set[str] = set()
        for profile, slices, reader in pairs:
            for text, _ in profile.segments.get(fields, ()):
                part = slices.get(fields, {}).get(text)
                if part is None:
                    lacking.add(text)
                else:
                    parts.setdefault(text, []).append((part.records, reader.read(part)))
        found[fields] = {text: merge.of(many) for text, many in sorted(parts.items()) if text not in lacking}
    return found


def merged_season(one: Profile, other: Profile, signals: Mapping[str, Signal]) -> Season | msgspec.UnsetType:
    """Parts of the season of both profiles, which have the same one or none."""
    if isinstance(one.season, msgspec.UnsetType) or isinstance(other.season, msgspec.UnsetType):
        return msgspec.UNSET
    merge = _Merge(signals)
    readers = [SliceReader(profile.signals, signals) for profile in (one, other)]
    parts = []
    for pair in zip(one.season.slices, other.season.slices, strict=True):
        there = [(part.records, reader.read(part)) for part, reader in zip(pair, readers, strict=True) if part]
        parts.append(merge.of(there) if there else None)
    calibrations = [one.season.calibrations, other.season.calibrations]
    names = dict.fromkeys([*signals, *calibrations[0], *calibrations[1]])  # quality signals, too
    found = {name: cautious(*(of.get(name) for of in calibrations)) for name in names}
    known = {name: calibration for name, calibration in found.items() if calibration is not None}
    span_ms = one.season.span_ms + other.season.span_ms
    return msgspec.structs.replace(one.season, span_ms=span_ms, slices=tuple(parts), calibrations=known)


def cautious(one: Calibration | None, other: Calibration | None) -> Calibration | None:
    """The one with more dependence; of two without, the less certain one."""
    known = [calibration for calibration in (one, other) if calibration is not None]
    return max(known, key=lambda c: (max((*c.tau[-1:], *c.spread_tau[-1:]), default=1.0), c.error), default=None)


class _Merge:
    def __init__(self, signals: Mapping[str, Signal]) -> None:
        self._codec = SliceCodec(list(signals.values()))
        self._is_number = np.array([isinstance(signal, NumericSignal) for signal in signals.values()])
        self._is_value = np.array([value_codes(signal) for signal in signals.values()])

    def of(self, parts: Sequence[tuple[int, Part]]) -> Slice:
        counts = sum((part.counts for _, part in parts), np.zeros(self._is_value.shape, np.int64))
        many = np.array([(part.counts * self._is_value).sum(axis=1)[self._is_number] for _, part in parts])
        weights = many / np.maximum(many.sum(axis=0), 1)
        means = np.array([part.means for _, part in parts])
        sds = np.array([part.sds for _, part in parts])
        mean = (weights * means).sum(axis=0)
        sd = np.sqrt((weights * (sds**2 + (means - mean) ** 2)).sum(axis=0))
        return self._codec.pack(sum(records for records, _ in parts), counts, np.column_stack([mean, sd]))
