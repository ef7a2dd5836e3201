"""Messages: a drift event in one line for people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from config.metrics import CONCEPT
from config.plan import FRESHNESS, RIVER
from schemas.cloudevents import significant, timestamp
from schemas.events import Acknowledged, Moments, Returned, SignalEvidence
from schemas.segments import ALL
from schemas.terms import Escalation

NAMED = 3  # signals named in a message; the rest is a number

_MOVED = {
    "up": "moved up",
    "down": "moved down",
    "spread": "spread out",
    "narrow": "narrowed",
    "mix": "changed its mix",
}
SHARE = "share"  # the detector of quality signals
EXPECTATION = "expectation"  # and of rules
RELATION = "fisher"  # and of relations between features
AUC = "auc"  # and of the classifier that tells records from the reference's
LIMIT = "limit"  # and of measures of performance, that have one or are compared with the baseline
MEASURES = ("measure", "estimate", LIMIT)
_ROSE = {"up": "rose", "down": "fell", "mix": "changed"}
_MEASURES = {"correlation": "rank correlation", "correlation_ratio": "correlation ratio", "cramers_v": "Cramer's V"}
FIELDS = "fields"  # and of which fields records have
RATE = "rate"  # and of the volume
RUN = "run"  # and of what stands still
PAST = "past"  # and of how labels come
_DETECTORS = {
    "psi": "PSI",
    "lepage": "Lepage",
    "ks": "KS",
    "chi_squared": "chi-squared",
    "jensen_shannon": "Jensen-Shannon",
    "hellinger": "Hellinger",
    "total_variation": "total variation",
    "l_infinity": "L-infinity",
    "wasserstein": "Wasserstein",
    "adwin": "ADWIN",
    "page_hinkley": "Page-Hinkley",
}
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def opened(signals: Sequence[SignalEvidence], segment: str) -> str:
    """What has changed; `signals` strongest first, as in the event."""
    first = signals[0]
    if first.signal == FRESHNESS:
        late = _percent(_share(first.current))
        return _with_others(f"{first.signal}: {late} of records arrived later than 'freshness' allows", signals)
    if first.detector == EXPECTATION:
        text = f"{first.signal} is not kept{_place(segment)}: {_broken(first)}"
        return _with_others(text, signals)
    if first.detector == FIELDS:
        return _with_others(f"{first.signal}: {_changed(first)}", signals)
    if first.detector == RUN:
        text = f"{first.signal}: the last {_many(first.statistic)} values are all the same"
        return _with_others(f"{text} (alarm above {_many(first.threshold)})", signals)
    if first.detector == CONCEPT:
        text = f"{first.signal} changed{_place(segment)}: chi-squared {_number(first.statistic)}"
        return _with_others(f"{text} (alarm at {_number(first.threshold)})", signals)
    if first.detector == AUC:
        text = f"records can be told from the reference: AUC {_number(first.statistic)}"
        return _with_others(f"{text} (alarm above {_number(first.threshold)}){_mostly(first)}", signals)
    moved = _ROSE if first.detector in (SHARE, RATE, RELATION, PAST, *MEASURES) else _MOVED
    text = f"{first.signal} {moved[first.effect.direction]}{_place(segment)}: {_finding(first)}"
    return _with_others(text + _mostly(first), signals)


def _mostly(evidence: SignalEvidence) -> str:
    named = [one.feature for one in evidence.contributions or ()]
    return f", mostly by {listed(named)}" if named else ""


def _with_others(text: str, signals: Sequence[SignalEvidence]) -> str:
    others = [signal.signal for signal in signals[1:]]
    return f"{text}; also {listed(others)}" if others else text


def _broken(evidence: SignalEvidence) -> str:
    """How much does not keep to a rule, and where an example is."""
    share = _share(evidence.current)
    found = f"{_percent(share)} of records (less than {_percent(evidence.threshold)})"
    if not share:
        many = round(evidence.statistic)
        found = f"{many:,} record{'s' * (many != 1)}"
    where = ""
    for example in (evidence.examples or ())[:1]:
        at = f"{example.topic}[{example.partition}]@{example.offset}"
        where = f", as {at if example.path is None else f'row {example.row} of {example.path}'}"
    return found + where


def _changed(evidence: SignalEvidence) -> str:
    """Which fields are new, and which are gone."""
    told = evidence.fields or ()
    found = []
    for change, one, many in (("new", "is a new field", "are new fields"), ("gone", "is gone", "are gone")):
        names = [field.field for field in told if field.change == change]
        if names:
            found.append(f"{listed(names)} {one if len(names) == 1 else many}")
    if evidence.more_fields:
        found.append(f"{evidence.more_fields} more have changed")
    return "; ".join(found)


def updated(signals: Sequence[SignalEvidence], segment: str) -> str:
    """What is the matter now, in an episode that was known."""
    return f"still drifting: {opened(signals, segment)}"


def resolved(signals: Sequence[SignalEvidence], segment: str, duration_ms: int, *, moving: bool = False) -> str:
    """What is as it was, and for how long it was not; or, of a moving reference, what is as it has been for a while."""
    names = [signal.signal for signal in signals]
    one, many = "is back to its reference", "are back to their reference"
    if all(signal.detector == EXPECTATION for signal in signals):
        one, many = "is kept again", "are kept again"
    if all(signal.detector == FIELDS for signal in signals):
        one = many = "has settled: fields are there again, or new ones are usual now,"
    if all(signal.detector == LIMIT for signal in signals):
        one, many = "is within its limit again", "are within their limits again"
    if moving:
        one, many = "is like the time before it", "are like the time before them"
    back = one if len(names) == 1 else many
    return f"{listed(names)} {back}{_place(segment)} after {duration(duration_ms)}"


def acknowledged(signals: Sequence[SignalEvidence], segment: str, said: Acknowledged) -> str:
    """What somebody has said of what is the matter."""
    who, why = f" by {said.by}" if said.by else "", f" ({said.why})" if said.why else ""
    return f"acknowledged as {said.as_}{who}{why}: {opened(signals, segment)}"


def replaced(signals: Sequence[SignalEvidence], segment: str, version: str, duration_ms: int) -> str:
    """What is over because another version has come."""
    names = listed([signal.signal for signal in signals])
    return f"{names}{_place(segment)}: version {version} has come, after {duration(duration_ms)}"


def recurs(episode: str, ended_ms: int, why: str) -> str:
    """That the same was there before."""
    how = {"recovered": "passed", "accepted": "was accepted", "new_version": "ended with a new version"}
    return f"like episode {episode[:8]}, which {how.get(why, 'ended')} at {timestamp(ended_ms)[:16].replace('T', ' ')}"


def returned(back: Returned, version: str) -> str:
    """That what was normal before is there again."""
    whose = f"of version {back.version}" if back.version != version else f"before episode {back.episode[:8]}"
    return f"like the reference {whose}"


def escalated(what: Escalation, lasted_ms: int) -> str:
    """In which way it is worse than when people were told."""
    return {
        "severity": "it is critical now",
        "signals": "more signals than before",
        "duration": f"nobody has acknowledged it for {duration(lasted_ms)}",
    }[what]


def accepted(signals: Sequence[SignalEvidence], segment: str, duration_ms: int) -> str:
    """What is the new normal."""
    names = listed([signal.signal for signal in signals])
    return f"{names}{_place(segment)}: accepted as the new normal, after {duration(duration_ms)}"


def most(segment: str) -> str:
    """Where it has changed more than elsewhere."""
    return f"most in {segment}"


def dropped(signals: Sequence[SignalEvidence], segment: str, duration_ms: int) -> str:
    """What is no longer compared with what it differed from."""
    names = listed([signal.signal for signal in signals])
    return f"{names}{_place(segment)}: watched anew, by another profile or configuration, after {duration(duration_ms)}"


def duration(span_ms: int) -> str:
    """A span of time in its two largest units.

    >>> duration(7_500_000), duration(90_061_000), duration(0)
    ('2 h 5 min', '1 d 1 h', '0 s')
    """
    left_ms = span_ms
    parts = []
    for unit, length_ms in _UNITS:
        count, left_ms = divmod(left_ms, length_ms)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _place(segment: str) -> str:
    return "" if segment == ALL else f" in {segment}"


def _finding(evidence: SignalEvidence) -> str:
    if evidence.detector == SHARE:
        then, now = _share(evidence.reference), _share(evidence.current)
        bound = then + evidence.threshold * (1 if evidence.effect.direction == "up" else -1)
        word = "above" if evidence.effect.direction == "up" else "below"
        return f"{_percent(now)} of records, in the reference {_percent(then)} (alarm {word} {_percent(bound)})"
    if evidence.detector == RELATION:
        apart = f"Fisher z {_number(evidence.statistic)} apart"
        return f"{_related(evidence)} ({apart}, alarm at {_number(evidence.threshold)})"
    if evidence.detector in MEASURES:
        return _measure(evidence)
    if evidence.detector == PAST:
        return _labels(evidence)
    if evidence.detector == RATE:
        word = "above" if evidence.effect.direction == "up" else "below"
        usual = _many(evidence.reference.records or 0.0)
        return f"{_many(evidence.statistic)} records, usually {usual} (alarm {word} {_many(evidence.threshold)})"
    if evidence.detector.startswith(RIVER):
        return f"{evidence.detector} alarmed"
    name, _, variant = evidence.detector.partition(":")
    detector = _DETECTORS.get(name, evidence.detector) + (" of the spread" if variant == "spread" else "")
    return f"{detector} {_number(evidence.statistic)} (alarm at {_number(evidence.threshold)})"


def _related(evidence: SignalEvidence) -> str:
    """How closely two features are related, now and in the reference."""
    then, now = (msgspec.to_builtins(moments) for moments in (evidence.reference, evidence.current))
    what, value = next(iter(then.items()))
    return f"{_MEASURES[what]} {_number(now[what])}, in the reference {_number(value)}"


def _labels(evidence: SignalEvidence) -> str:
    then, now = evidence.reference.value or 0.0, evidence.current.value or 0.0
    if evidence.signal == "labels.delay":
        return f"half of the labels within {duration(round(now * 1000))}, before {duration(round(then * 1000))}"
    bound = then + evidence.threshold * (1 if evidence.effect.direction == "up" else -1)
    word = "above" if evidence.effect.direction == "up" else "below"
    return f"{_percent(now)} of predictions, before {_percent(then)} (alarm {word} {_percent(bound)})"


def _measure(evidence: SignalEvidence) -> str:
    now, then = evidence.current, evidence.reference.value
    found = _number(evidence.statistic)
    if now.low is not None and now.high is not None:
        found += f" ({_number(now.low)} to {_number(now.high)})"
    if then is not None:
        found += f", in the baseline {_number(then)}"
    if evidence.detector == LIMIT:
        least = "at least" if evidence.effect.direction == "down" else "at most"
        return f"{found} (has to be {least} {_number(evidence.threshold)})"
    return (
        f"{found} (alarm {'below' if evidence.effect.direction == 'down' else 'above'} {_number(evidence.threshold)})"
    )


def _share(moments: Moments) -> float:
    """The one share that is told of a quality signal."""
    return next((value for value in msgspec.structs.astuple(moments) if value is not None), 0.0)


def _percent(share: float) -> str:
    return f"{_number(100 * share)} %"


def _many(records: float) -> str:
    return f"{round(significant(records)):,}"


def _number(value: float) -> str:
    # Rounded twice, so that a difference in the last digits of a float cannot show.
    return f"{significant(value):.3g}"


def listed(names: Sequence[str]) -> str:
    """Names as a list in words.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a, b and c', 'a, b, c and 2 more')
    """
    named = list(names[:NAMED])
    more = len(names) - len(named)
    last = f"{more} more" if more else named.pop()
    return f"{', '.join(named)} and {last}" if named else last
