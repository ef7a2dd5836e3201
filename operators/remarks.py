"""What a person should know about a profile before a job trusts it, one line a matter."""

from __future__ import annotations

from collections.abc import Iterator

from config.plan import ModelPlan
from schemas.profile import CategoricalSignal, NumericSignal, Profile, Signal

INVALID_SHARE = 0.01  # of values of the wrong type, from which on the type is likely to be wrong
MANY = 1_000  # categories of which most values are not named: more like identifiers


def remarks(profile: Profile, model: ModelPlan) -> list[str]:
    """Signals that say nothing or are likely to be configured wrongly: which, how, and what to do."""
    lines = [line for name, signal in profile.signals.items() for line in _of_signal(name, signal)]
    if model.prediction is not None and "prediction" not in profile.signals:
        lines.append("prediction: missing in all records; correct 'fields' of the source or leave 'prediction' out")
    for name, values in profile.segments.items():
        if not values:
            lines.append(f"segment {name}: no value in {model.disclose} records or more; correct its name or remove it")
    return lines


def _of_signal(name: str, signal: Signal) -> Iterator[str]:
    number = isinstance(signal, NumericSignal)
    seen = signal.count + signal.invalid
    if not seen:
        yield f"{name}: missing in all {signal.missing:,} records; correct its name or remove it"
        return
    kind = "numbers" if number else "categories"
    if not signal.count:
        hint = "; is it categorical?" if number else ""
        yield f"{name}: none of its {seen:,} values are {kind}{hint}"
    elif signal.invalid > INVALID_SHARE * seen:
        yield f"{name}: {signal.invalid:,} of its {seen:,} values are no {kind}; they are counted as invalid"
    yield from _of_numbers(name, signal) if isinstance(signal, NumericSignal) else _of_names(name, signal)


def _of_numbers(name: str, signal: NumericSignal) -> Iterator[str]:
    if signal.count and signal.min is not None and signal.min == signal.max:
        yield f"{name}: always {signal.min:g}; any other value will be a change"


def _of_names(name: str, signal: CategoricalSignal) -> Iterator[str]:
    if signal.distinct == 1 and signal.count and signal.categories:
        yield f"{name}: always '{signal.categories[0][0]}'; any other value will be a change"
    elif signal.distinct >= MANY and signal.rest > signal.count / 2:
        yield f"{name}: {signal.distinct:,} different values, most of them rare; remove it if it is an identifier"
