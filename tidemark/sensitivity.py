"""What a model's budget comes to with its profile: thresholds, and the smallest change that will be found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
from scipy.special import ndtri

from config.durations import duration
from config.plan import ALL, CorrelationPlan, ModelPlan, QualityPlan
from operators.labels.footprint import rate_of
from operators.monitoring.detectable import INDEPENDENT, UNEVEN, UNSOUND, Sensitivity, Slow, describe
from operators.monitoring.detection import Detection
from operators.monitoring.footprint import footprint
from operators.monitoring.footprint import text as size
from operators.monitoring.window_tests import LEAST
from operators.profiles.references import ModelSignals
from operators.profiles.remarks import SLOW, dependent, longest_tau, remarks
from operators.quality.signals import QualityReference
from operators.relations.domain_classifier import SAMPLE
from operators.relations.references import RelationReference
from operators.statistics.shares import bounds
from schemas.profile import Profile
from tidemark.spans import before, grown, needed_ms, readable, too_small

CLOSEST = 5  # pairs of features that are named
BLIND = 1.0  # smallest shift in standard deviations, from which on a user has to know that hardly anything is found
FEW_IN_WINDOW = 50  # independent values: of 20, runs of 50 records gave four times the promised alarms at 1e-4


def sensitivity(model: ModelPlan, profile: Profile) -> Iterator[tuple[str, str]]:
    """Describe the whole traffic's detection for one profile, at the rate of its reference data.

    Yields
    ------
    tuple of str and str
        What, and what holds.
    """
    detection = Detection(ModelSignals(model, profile))
    segments = detection.segments
    rate = rate_of(profile)
    window = model.window
    expected = math.ceil(rate * window.size_ms) if rate else 0
    count = max(expected, window.min_count)
    known = _known(detection, max(1, profile.provenance.rows))
    if window.previous_ms:
        known = max(math.ceil((rate or count / window.size_ms) * window.previous_ms), window.min_count)
    slow = _slow(detection, count, known)

    def described(position: int | None) -> Sensitivity:
        """Of a signal; None: of one whose values are independent."""
        return describe(
            model.alarms,
            tests=detection.tests,
            segments=segments,
            whole=True,
            slide_ms=model.window.slide_ms,
            count=count,
            reference=known,
            values_per_ms=rate or count / model.window.size_ms,
            slow=INDEPENDENT if position is None else slow[position],
        )

    found = described(None)
    yield budget(detection, found)
    why = "at the rate of the reference" if expected >= window.min_count else "min_count"
    if rate and expected < window.min_count:
        why += f", which takes {duration(readable(needed_ms(window, rate)))} at the rate of the reference"
    what = f"the {duration(window.previous_ms)} before it {known}"
    if not window.previous_ms:
        what = f"reference {profile.provenance.rows}"
    if detection.season is not None:
        what += f", at the times of a window as good as {known}"
    yield "typical window", f"{count} records ({why}), {what}"
    if len(slow) < len(detection.signals.names):
        yield from thresholds(detection, found, "")
        if not window.previous_ms:
            yield from too_small(found.level, count, known, "'tidemark profile' of more data")
    if detection.quality is not None:
        yield from _quality(detection, detection.quality, profile, count)
    if detection.relations is not None:
        yield from _relations(detection, detection.relations, count)
    elif model.pairs is not None and profile.relations is msgspec.UNSET:
        yield "correlation", "not watched: the profile was made without; 'tidemark profile' makes one with them"
    elif isinstance(model.correlation, CorrelationPlan):
        yield "warning", "correlation: fewer than two features vary in the reference, so no pair is watched"
    elif model.pairs is not None:
        yield "correlation", "not watched: fewer than two features vary in the reference"
    if not isinstance(profile.multivariate, msgspec.UnsetType) and detection.related is not None:
        many = len(profile.multivariate.components) // (8 * len(detection.related.of))
        yield (
            "multivariate",
            f"{many} components with {profile.multivariate.explained:.0%} of the variance of "
            f"{len(detection.related.signals)} features",
        )
    elif model.multivariate is not msgspec.UNSET:
        yield "warning", "multivariate: fewer than two features vary in the reference, so it is not watched"
    if detection.domain is not None:
        yield (
            "classifier",
            f"learns from {len(detection.domain.learned)} records of the reference, and is judged by "
            f"{len(detection.domain.held)} others beside {SAMPLE} of each {duration(window.slide_ms)} of the stream",
        )
    for plan in model.segments:
        many, pairs, own = detection.references.own(plan)
        rest = f", the others (fewer than {LEAST} values) with all records" if own < pairs else ""
        yield (
            f"segments by {', '.join(plan.fields)}",
            f"{many}; {own} of their {pairs} signals are compared with their own reference{rest}",
        )
    if detection.season is not None:
        yield _season(profile, detection)
    needed = footprint(detection, 1)
    yield "state", f"at most {size(needed.key)} for each of {needed.keys} keys, {size(needed.total)} in a checkpoint"
    yield from _dependence(profile, detection, count)
    for position, alike in _alike(detection, slow):
        name = detection.signals.names[position] + (f" and {alike} more" if alike else "")
        of = described(position)
        yield from thresholds(detection, of, f"in {name}: ")
        if of.smallest_shift > BLIND:
            yield (
                "warning",
                f"{name}: almost nothing can be found (no shift{_below(of.smallest_shift)}), as the values "
                "follow each other so closely that window and reference say little: profile a longer time and take "
                "larger windows; or, if order and times of the reference do not say when its records came, profile it "
                "with --unordered",
            )
    for line in remarks(profile, model):
        yield "warning", line
    if rate and not window.previous_ms:
        yield from grown(window, rate)
    if window.previous_ms:
        yield from before(model, rate, count, known)
    else:
        yield from uneven(found, f"give 'tidemark profile' {math.ceil(count / UNEVEN)} records or more")


def budget(detection: Detection, found: Sensitivity) -> tuple[str, str]:
    """How many false episodes are expected, and the level of one evaluation of the whole traffic."""
    segments = detection.segments
    each = f", {detection.budget(''):.2g} for each of {segments} segments" if segments else ""
    period = duration(detection.signals.model.alarms.period_ms)
    return "budget", f"{detection.budget(ALL):g} false per {period} for all traffic{each}; level {found.level:.2g}"


def uneven(found: Sensitivity, hint: str) -> Iterator[tuple[str, str]]:
    """Whether the reference is too small for the budget to hold other than on average."""
    if found.window_share > UNEVEN:
        more = "most" if found.window_share > UNSOUND else "many"
        yield (
            "warning",
            f"the reference has {1 / found.window_share:.2g} times the records of a window; {more} references of that "
            f"size alarm always or never: {hint}",
        )


def _quality(
    detection: Detection, reference: QualityReference, profile: Profile, count: int
) -> Iterator[tuple[str, str]]:
    """How large shares of a typical window have to be."""
    records = np.full(len(reference.signals), float(count))
    level = detection.level(ALL)
    levels = np.where(reference.two_sided, level / 2, level)
    most, _ = bounds(records, reference.known, reference.of, reference.tau(records), levels)
    share = reference.known / np.maximum(reference.of, 1)
    ends = dict.fromkeys((int(np.argmin(share)), int(np.argmax(share))))
    shown = ", ".join(
        f"{reference.signals[row].name} from {(most[row] + 1) / count:.3g} (reference {share[row]:.3g})" for row in ends
    )
    yield "quality", f"{len(reference.signals)} signals; alarms of {shown}"
    if not profile.quality:
        yield (
            "warning",
            "the profile does not say whether missing values come in bursts: they are taken for independent, and there "
            "will be false alarms if they are not; run 'tidemark profile' again",
        )
        return
    plan = detection.signals.model.quality
    assert isinstance(plan, QualityPlan), "asked for where there is one"
    if detection.frozen:
        longest = max(detection.frozen, key=lambda one: one.runs.bound(level))
        bound = longest.runs.bound(level)
        yield "", f"{len(detection.frozen)} for standing still; alarms of {longest.name} from {bound:,} values in a row"
    elif plan.frozen and detection.signals.numeric:
        yield "warning", "the profile does not say for how long numbers stand still: quality.frozen watches nothing"
    if plan.duplicates and not detection.looks_up:
        yield "warning", "the profile knows no ids of records: quality.duplicates watches nothing"


def _relations(detection: Detection, reference: RelationReference, count: int) -> Iterator[tuple[str, str]]:
    """Which pairs of features are closely related, and by how much a typical pair's correlation has to change."""
    many, matter = len(reference.matters), int(reference.matters.sum())
    known = float(np.median(reference.told.records))
    words = []
    for what, group in (("these", reference.matters), ("others", ~reference.matters)):
        if group.any():
            level = detection.level(ALL) * float(reference.shares[group][0])
            apart = -float(ndtri(level / 2)) * math.sqrt(1 / count + 1 / max(known, 1))
            words.append(f"{apart:.3g} of {what}")
    size = [abs(one.value) for one in reference.strengths]
    order = sorted(np.flatnonzero(reference.matters).tolist(), key=lambda pair: -size[pair])
    closest = ", ".join(
        f"{reference.name(pair).removeprefix('correlation.')} {reference.strengths[pair].value:.2g}"
        for pair in order[:CLOSEST]
    )
    listed = f", closest {closest}" if closest else ""
    yield (
        "correlation",
        f"{many} pairs, {matter} of them related in the reference{listed}; alarms from a move of Fisher's z by "
        f"{', '.join(words)}",
    )
    out = [name for name in (f.name for f in detection.signals.model.features) if name not in reference.names]
    if out:
        more = f" and {len(out) - CLOSEST} more" if len(out) > CLOSEST else ""
        yield "correlation", f"not of {', '.join(out[:CLOSEST])}{more}: constant in the reference, or no room for them"


def thresholds(detection: Detection, found: Sensitivity, where: str) -> Iterator[tuple[str, str]]:
    """What detectors alarm at, and the smallest change that they find."""
    asked = "".join(_above(name, found.distances[name]) for name in detection.windowed if name in found.distances)
    page_hinkley = "" if detection.signals.model.window.previous_ms else f"page_hinkley {found.page_hinkley:.3g}, "
    blocks = f", both in means of {found.block} values" if found.block > 1 and page_hinkley else ""
    yield (
        "alarms above",
        f"{where}{_above('psi', found.psi)}{_above('ks', found.ks)}lepage {found.lepage:.3g}, "
        f"chi_squared {found.chi_squared:.3g}, {asked}{page_hinkley}adwin at delta {found.adwin_delta:.2g}{blocks}",
    )
    yield (
        "smallest found",
        f"{where}psi {found.smallest_psi:.3g}, {_shift(found.smallest_shift)}, {_spread(found.smallest_spread)}",
    )


def _above(name: str, threshold: float) -> str:
    """A threshold, if the statistic can reach it: all are at most 1 but psi and wasserstein."""
    if threshold >= 1 and name not in ("psi", "wasserstein"):
        return f"{name} cannot alarm, "
    return f"{name} {threshold:.3g}, "


def _slow(detection: Detection, count: int, known: int) -> dict[int, Slow]:
    """By position of the signals whose values follow each other: by how much, in a typical window."""
    tables = detection.tables
    if detection.signals.model.window.previous_ms:
        tables = replace(
            tables, moving=np.ones(len(tables.totals), np.bool_), totals=np.full(len(tables.totals), float(known))
        )
    grown, long = tables.inflated(np.full(len(tables.totals), float(count))), tables.inflation.long
    return {
        position: Slow(
            location=float(grown.location[position]),
            spread=float(grown.spread[position]),
            gap=float(grown.gap[position]),
            rough=float(grown.rough[position]),
            shares=tuple(grown.shares[position].tolist()),
            long=float(long.location[position]),
        )
        for position in np.flatnonzero(tables.inflation.dependent).tolist()
    }


def _alike(detection: Detection, slow: dict[int, Slow]) -> Iterator[tuple[int, int]]:
    """The slowest signals, each with how many more there are of at least half its tau."""
    tau = {position: longest_tau(detection.signals.signals[position]) for position in slow}
    left = sorted(slow, key=lambda position: -tau[position])
    while left:
        alike = [position for position in left if 2 * tau[position] > tau[left[0]]]
        yield left[0], len(alike) - 1
        left = left[len(alike) :]


def _season(profile: Profile, detection: Detection) -> tuple[str, str]:
    """How much of the reference there is at the times of a window."""
    season = detection.season
    assert season is not None, "asked for"
    assert not isinstance(profile.season, msgspec.UnsetType), "profile_files refuses it"
    records = [part.records if part else 0 for part in profile.season.slices]
    kept = np.median(season.values / np.maximum(season.values + season.precision, 1), axis=0)
    strongest = int(np.argmax(kept))
    return (
        "season",
        f"the reference covers {profile.season.span_ms / profile.season.period_ms:.3g} periods, "
        f"{min(records)} to {max(records)} records in a part; strongest in {detection.signals.names[strongest]}, where "
        f"{kept[strongest]:.0%} of what a window is compared with is of its part alone",
    )


def _dependence(profile: Profile, detection: Detection, count: int) -> Iterator[tuple[str, str]]:
    """How closely values follow each other, and what that means for windows and reference."""
    signals = dict(zip(detection.signals.names, detection.signals.signals, strict=True))
    if any(signal.calibration is None for signal in signals.values()):
        yield (
            "autocorrelation",
            "not known: records are taken for independent, and there will be false alarms if they are not; "
            "run 'tidemark profile' again",
        )
        return
    tau = {name: longest_tau(signal) for name, signal in signals.items() if dependent(signal)}
    if not tau:
        known = "none: records of the reference are independent"
        if detection.stream.streams:
            known = "learned from the stream, as the reference is in no known order; thresholds above are those without"
        elif profile.provenance.order is None:
            known += ", if they are in the order in which they came"
        yield "autocorrelation", known
        return
    slowest = max(tau, key=lambda name: tau[name])
    yield (
        "autocorrelation",
        f"in {len(tau)} of {len(signals)} signals; most in {slowest}, where {tau[slowest]:.3g} values say as much as "
        "one independent one",
    )
    for name, values in tau.items():
        if signals[name].count / values >= SLOW and count / values < FEW_IN_WINDOW:
            yield (
                "warning",
                f"{name}: a window comes to {count / values:.0f} independent values (at least {FEW_IN_WINDOW}); "
                "small changes are not found, and long runs may alarm too often: take a larger window",
            )


def _known(detection: Detection, rows: int) -> int:
    """From how many records the reference of a typical window is known."""
    season, window = detection.season, detection.signals.model.window
    if season is None:
        return rows
    plan = season.calendar.plan
    parts = max(1, round(window.size_ms * plan.bins / plan.period_ms))
    return max(1, min(rows, int(parts * np.median(season.values + season.precision))))


def _below(sd: float) -> str:
    return f" below {sd:.2g} sd" if math.isfinite(sd) else " at all"


def _shift(sd: float) -> str:
    return f"shift of {sd:.2g} sd" if math.isfinite(sd) else "no shift"


def _spread(factor: float) -> str:
    return f"spread by a factor of {factor:.3g}" if math.isfinite(factor) else "no spread"
