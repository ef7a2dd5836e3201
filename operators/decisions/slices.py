"""Slices: in which of a model's segments the signals of an episode of the whole traffic have changed most.

Beside segments that are watched there may be slices that were found by a search over features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from operators.decisions.outputs import SliceAlarms
from operators.statistics.effects import LEVELS
from schemas.events import SignalEvidence, SliceEvidence
from schemas.segments import text

NAMED = 5  # segments of an event
SEARCH = "search"  # in the place of a detector: the slice was found, it is no segment
FOUND = 3  # slices of an event that were found by a search
PERFORMANCE = "performance."
MORE = 1.25  # times as large a change as elsewhere stands out


class Slice(msgspec.Struct, array_like=True):
    """What a segment says of a signal, until it is evaluated again."""

    version: str
    until_ms: int
    evidence: SliceEvidence


def heard(known: dict[str, Slice], alarms: SliceAlarms) -> None:
    """Note what a segment says; ``known`` is by version, segment and signal."""
    for one in alarms.found:
        where = f"{SEARCH} {text(one.segment)}" if one.detector == SEARCH else alarms.segment
        known["\n".join((alarms.version, where, one.signal))] = Slice(alarms.version, alarms.until_ms, one)


def remembered(known: dict[str, Slice], time_ms: int) -> dict[str, Slice]:
    """What still holds after a time, of each signal of a version the strongest: others are never named."""
    named: dict[tuple[str, str, bool], int] = {}
    kept = {}
    for about, one in sorted(known.items(), key=lambda item: _strength(item[1].evidence)):
        signal = one.version, one.evidence.signal, one.evidence.detector == SEARCH
        if one.until_ms > time_ms and named.get(signal, 0) < NAMED:
            named[signal] = named.get(signal, 0) + 1
            kept[about] = one
    return kept


def of_signals(
    known: dict[str, Slice], version: str, signals: Sequence[SignalEvidence], time_ms: int
) -> tuple[SliceEvidence, ...]:
    """The segments in which signals of a version changed most, each by the one that did so most there.

    After them slices that were found by a search, first the one that lost or changed most; of an episode of
    performance those that lost, whichever of its measures fell.
    """
    wanted = {signal.signal for signal in signals}
    performance = any(signal.startswith(PERFORMANCE) for signal in wanted)
    found: dict[str, SliceEvidence] = {}
    searched: list[SliceEvidence] = []
    for one in known.values():
        evidence = one.evidence
        if one.version != version or one.until_ms <= time_ms:
            continue
        if evidence.detector == SEARCH:
            if performance if evidence.signal.startswith(PERFORMANCE) else evidence.signal in wanted:
                searched.append(evidence)
        elif evidence.signal in wanted:
            segment = text(evidence.segment)
            found[segment] = min(evidence, found.get(segment, evidence), key=_strength)
    searched.sort(key=lambda one: (-abs(one.statistic - one.threshold), text(one.segment)))
    first = {text(one.segment): one for one in reversed(searched)}
    named = sorted(found.values(), key=_strength)[:NAMED]
    return (*named, *[one for one in searched if first[text(one.segment)] is one][:FOUND])


def standing_out(slices: Sequence[SliceEvidence], signals: Sequence[SignalEvidence]) -> str | None:
    """The segment that has changed clearly more than the whole traffic and all others but its own parts, if one has.

    Else the slice that lost most of those that were found by a search, or if it is a part of that segment.
    """
    whole = {signal.signal: signal for signal in signals}
    watched = [one for one in slices if one.detector != SEARCH]
    searched = next((one for one in slices if one.detector == SEARCH), None)
    segment = _clearly_more(watched, whole)
    if searched is not None and (segment is None or segment.items() <= searched.segment.items()):
        return text(searched.segment)
    return None if segment is None else text(segment)


def _clearly_more(slices: Sequence[SliceEvidence], whole: Mapping[str, SignalEvidence]) -> dict[str, str] | None:
    for one in slices:
        others = [other for other in slices if not one.segment.items() <= other.segment.items()]
        if _is_more(one, whole[one.signal]) and all(_is_more(one, other) for other in others):
            return one.segment
    return None


def _is_more(one: SliceEvidence, other: SliceEvidence | SignalEvidence) -> bool:
    """Whether a change is clearly larger: in the same unit by its size, else by its level."""
    if (one.signal, one.detector) == (other.signal, other.detector):
        return one.effect.size >= MORE * other.effect.size
    return LEVELS.index(one.effect.level) > LEVELS.index(other.effect.level)


def _strength(evidence: SliceEvidence) -> tuple[int, float, str, str]:
    effect = evidence.effect
    return -LEVELS.index(effect.level), -effect.size, evidence.signal, text(evidence.segment)
