"""References of segments: each is compared with what the reference has of it, signal by signal.

Codes are those of the whole reference, so a record is coded once for all its segments. Both sample sizes enter every
test, so a small reference is honest by itself; with fewer than `LEAST` values of a signal the tests are not exact, and
the segment's values of that signal are compared with those of all records.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SegmentPlan
from operators.encoding.codes import INVALID, MISSING, OTHER
from operators.encoding.segment_coding import REST, SegmentCoder
from operators.monitoring.window_tests import LEAST
from operators.profiles.references import ModelSignals
from operators.profiles.slices import Part, SliceReader
from operators.statistics.ranks import reference_counts, value_codes
from schemas import segments
from schemas.profile import NumericSignal, Profile, Signal, Slice

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class SegmentReferences:
    """What the reference has of each segment of a model version.

    Parameters
    ----------
    signals
        Of the whole traffic.
    """

    def __init__(self, signals: ModelSignals) -> None:
        self._whole = signals
        profile = signals.profile
        self._reader = SliceReader(profile.signals, dict(zip(signals.names, signals.signals, strict=True)))
        self._slices: dict[str, Slice] = {}
        if not isinstance(profile.slices, msgspec.UnsetType):
            self._slices = {text: one for of_fields in profile.slices.values() for text, one in of_fields.items()}
        self._plans = {_rest(plan): plan for plan in signals.model.segments}
        self._rests: dict[str, Part | None] = {}
        self._is_value = np.array([value_codes(signal) for signal in signals.signals])

    def signals(self, segment: str) -> tuple[Signal, ...] | None:
        """The model version's signals with the counts of a segment; None where the whole speaks for all of them."""
        part = self.part(segment)
        if part is None:
            return None
        found = list(self._whole.signals)
        means = dict(zip(self._whole.numeric, part.means.tolist(), strict=True))
        sds = dict(zip(self._whole.numeric, part.sds.tolist(), strict=True))
        own = np.flatnonzero((part.counts * self._is_value).sum(axis=1) >= LEAST).tolist()
        for position in own:
            moments = means.get(position, 0.0), sds.get(position, 0.0)
            found[position] = recounted_signal(found[position], part.counts[position], *moments)
        return tuple(found) if own else None

    def own(self, plan: SegmentPlan) -> tuple[int, int, int]:
        """Of one way of slicing: segments, their signals, and how many of these have a reference of their own."""
        texts = SegmentCoder(plan, self._whole.model, self._whole.profile.segments).texts
        found = [self.signals(text) or self._whole.signals for text in texts]
        own = sum(one is not whole for of in found for one, whole in zip(of, self._whole.signals, strict=True))
        return len(texts), len(texts) * len(self._whole.signals), own

    def part(self, segment: str) -> Part | None:
        """Records of the reference that are in a segment; None where they were not counted."""
        if segment in self._plans:
            if segment not in self._rests:
                self._rests[segment] = self._others(self._plans[segment])
            return self._rests[segment]
        packed = self._slices.get(segment)
        return None if packed is None else self._reader.read(packed)

    def _others(self, plan: SegmentPlan) -> Part | None:
        """All records less those of the segments that have a name; None where some of these were not counted."""
        whole, rest = self._whole, _rest(plan)
        if not self._slices:
            return None
        named = [text for text in SegmentCoder(plan, whole.model, whole.profile.segments).texts if text != rest]
        if any(text not in self._slices for text in named):
            return None
        numbers = [signal for signal in whole.signals if isinstance(signal, NumericSignal)]
        means, sds = (np.array([getattr(signal, what) for signal in numbers]) for what in ("mean", "sd"))
        counts = np.array([_counts(signal) for signal in whole.signals])
        values = _values(counts, self._is_value, whole.numeric)
        first, second = np.zeros(len(numbers)), values * sds**2
        for text in named:
            part = self._reader.read(self._slices[text])
            counts -= part.counts
            many = _values(part.counts, self._is_value, whole.numeric)
            first -= many * (part.means - means)
            second -= many * (part.sds**2 + (part.means - means) ** 2)
        # Counts of sensitive signals are smoothed, so that one of the rest may come out below 0.
        counts = np.maximum(counts, 0)
        left = np.maximum(_values(counts, self._is_value, whole.numeric), 1)
        return Part(counts, means + first / left, np.sqrt(np.maximum(second / left - (first / left) ** 2, 0)))


def _rest(plan: SegmentPlan) -> str:
    return segments.text(dict.fromkeys(plan.fields, REST))


def _values(counts: Counts, is_value: npt.NDArray[np.bool_], numeric: tuple[int, ...]) -> Counts:
    return np.asarray((counts * is_value).sum(axis=1)[list(numeric)], np.int64)


def _counts(signal: Signal) -> Counts:
    counts = reference_counts(signal).astype(np.int64)
    counts[MISSING], counts[INVALID] = signal.missing, signal.invalid
    return counts


def recounted_signal(whole: Signal, row: Counts, mean: float, sd: float) -> Signal:
    """A signal with other counts by code, shape (256,), and of a numeric one the moments that it has with them."""
    missing, invalid = int(row[MISSING]), int(row[INVALID])
    if isinstance(whole, NumericSignal):
        counts = tuple(row[: len(whole.counts)].tolist())
        return msgspec.structs.replace(
            whole,
            count=sum(counts),
            missing=missing,
            invalid=invalid,
            counts=counts,
            mean=mean,
            sd=sd,
            min=None,
            max=None,
        )
    counts = tuple(row[: len(whole.categories)].tolist())
    rest = int(row[OTHER])
    categories = tuple((name, n) for (name, _), n in zip(whole.categories, counts, strict=True))
    return msgspec.structs.replace(
        whole, count=sum(counts) + rest, missing=missing, invalid=invalid, categories=categories, rest=rest
    )


def segment_count(model: ModelPlan, profile: Profile) -> int:
    """Segments that a model's records may be in, those of other values included."""
    many = 0
    for segment in model.segments:
        listed = segment.values
        values = profile.segments.get(",".join(segment.fields), ()) if listed is None else listed
        many += min(len(values), segment.limit) + 1
    return many
