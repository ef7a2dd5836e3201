"""What a person should know about a profile before a job trusts it, one line a matter."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from config.plan import ModelPlan
from operators.monitoring.window_tests import LEAST
from operators.profiles.references import calibrated
from schemas.profile import CategoricalSignal, NumericSignal, Profile, Signal

MANY = 1_000  # categories of which most values are not named: more like identifiers
FEW = 500  # values, below which only large changes can be told from chance
CORRECT = "correct its name or remove it"
CONSTANT = "any other value will be a change; remove it if that is no news"
PERIODS = 2  # of a season: a single one does not tell what comes back from what happened once
THIN = 50  # records of a part of a season: of a Monday morning, the least that a window needs to be judged
SLOW = 100  # independent values that a signal comes to, below which even their variance is a guess


def remarks(profile: Profile, model: ModelPlan) -> list[str]:
    """Signals that say nothing or are likely to be configured wrongly: which, how, and what to do."""
    signals = calibrated(profile.signals, profile, model)
    measured = {
        f"feature.{feature.name}": "texts" if feature.dim is None else f"embeddings of {feature.dim} numbers"
        for feature in model.features
        if feature.of is not None
    }
    measured |= {f"feature.{feature.name}": "booleans" for feature in model.features if feature.type == "boolean"}
    least = min(LEAST, model.window.min_count)
    rows = profile.provenance.rows
    lines = [
        line for name, signal in signals.items() for line in _of_signal(name, signal, measured.get(name), least, rows)
    ]
    if model.prediction is not None and "prediction" not in profile.signals:
        lines.append("prediction: missing in all records; correct 'fields' of the source or leave 'prediction' out")
    if rows < least:
        lines.append(f"it has {rows:,} records (at least {least}), so nothing is found; profile more")
    elif rows < FEW:
        lines.append(f"it has {rows:,} records, too few to tell any but large changes from chance; profile more")
    elif profile.provenance.order == "file":
        times = "no times" if profile.provenance.start is None else "all the same time"
        lines.append(
            f"its records have {times}, so that nobody knows in which order they came: how closely they follow each "
            "other will be learned from the stream; to know it from the start give 'fields.timestamp' of the source"
        )
    lines += season_remarks(profile)
    lines += _of_errors(profile)
    for name, values in profile.segments.items():
        if not values:
            lines.append(f"segment {name}: no value in {model.disclose} records or more; correct its name or remove it")
    for name, slices in profile.slices.items() if profile.slices else ():
        if len(slices) < (many := len(profile.segments[name])):
            lines.append(
                f"segment {name}: only the {len(slices):,} most frequent of {many:,} values are counted on their own "
                "(memory); the others will be compared with all records"
            )
    return lines


def season_remarks(profile: Profile) -> list[str]:
    """What its season lacks: periods to tell it from chance, or records in some of its parts."""
    season = profile.season
    if isinstance(season, msgspec.UnsetType):
        return []
    lines = []
    periods = season.span_ms / season.period_ms
    if periods < PERIODS:
        lines.append(
            f"season: the reference covers {periods:.2g} of its periods (at least {PERIODS}): what comes back cannot "
            "be told from chance, and only large changes will be found; profile a longer time"
        )
    thin = sum(part is None or part.records < THIN for part in season.slices)
    if thin:
        lines.append(
            f"season: {thin} of its {len(season.slices)} parts have fewer than {THIN} records and are compared mostly "
            "with the whole; profile a longer time, or take fewer bins"
        )
    return lines


def _of_errors(profile: Profile) -> Iterator[str]:
    """Whether labelled data seem to be sorted, or of too short a time: then no loss differs from what they are like."""
    known = profile.performance
    error = None if isinstance(known, msgspec.UnsetType) else known.streams.get("error")
    if isinstance(known, msgspec.UnsetType) or error is None or error.count < LEAST:
        return
    tau = longest_tau(error)
    if tau > 1 and error.count < SLOW * tau:
        by_file = known.order == "file"
        hint = "is the file sorted? give records with times, or in the order in which they came"
        yield (
            f"performance: errors follow each other so closely in the order of {'the file' if by_file else 'time'} "
            f"that {error.count:,} labels say as much as {error.count / tau:.0f} independent ones, and only large "
            f"losses will be found; {hint if by_file else 'give labels of a longer time'}"
        )


def _of_signal(name: str, signal: Signal, of: str | None, least: int, rows: int) -> Iterator[str]:
    number = isinstance(signal, NumericSignal)
    seen = signal.count + signal.invalid
    if not seen:
        yield f"{name}: missing in all {signal.missing:,} records, so nothing is found in it; {CORRECT}"
        return
    kind = of or ("numbers" if number else "categories")
    if not signal.count:
        hint = "is it categorical?" if number and of is None else CORRECT
        yield f"{name}: none of its {seen:,} values are {kind}, so nothing is found in it; {hint}"
    elif signal.count < least <= rows:  # of few records it is said once
        yield (
            f"{name}: has {signal.count:,} values (at least {least}), so nothing is found in it; "
            "profile more, or remove it"
        )
    if signal.count and signal.invalid:
        wrong = "no finite numbers" if kind == "numbers" else f"no {kind}"
        what = f"{name}: {signal.invalid:,} of its {seen:,} values are {wrong}; they are counted as invalid"
        yield f"{what}: correct the data if they should not be"
    if signal.count < least:
        return
    yield from _of_numbers(name, signal) if isinstance(signal, NumericSignal) else _of_names(name, signal)
    tau = longest_tau(signal)
    if tau > 1 and signal.count < SLOW * tau:
        yield (
            f"{name}: moves so slowly that its {signal.count:,} values say as much as {signal.count / tau:.0f} "
            "independent ones; profile a longer time"
        )


def dependent(signal: Signal) -> bool:
    """Whether the profile found that its values follow each other."""
    return signal.calibration is not None and bool(signal.calibration.tau)


def longest_tau(signal: Signal) -> float:
    """How many values say as much as one independent value, in the longest windows; 1 where it is not known."""
    found = signal.calibration
    return max(found.tau[-1], found.spread_tau[-1]) if found is not None and found.tau else 1.0


def _of_numbers(name: str, signal: NumericSignal) -> Iterator[str]:
    if signal.count and signal.min is not None and signal.min == signal.max:
        yield f"{name}: always {signal.min:g}; {CONSTANT}"


def _of_names(name: str, signal: CategoricalSignal) -> Iterator[str]:
    if signal.distinct == 1 and signal.count and signal.categories:
        yield f"{name}: always '{signal.categories[0][0]}'; {CONSTANT}"
    elif signal.distinct >= MANY and signal.rest > signal.count / 2:
        yield f"{name}: {signal.distinct:,} different values, most of them rare; remove it if it is an identifier"
