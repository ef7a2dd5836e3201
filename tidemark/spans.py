"""Spans: whether windows, and the time before them, come to enough records at the rate of the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator

from config.durations import duration
from config.plan import ModelPlan, WindowPlan
from operators.monitoring.detectable import inverse_for, smallest_shift
from operators.statistics.effects import SHIFTS

WEEK = 604_800_000  # in milliseconds
_, MEDIUM, LARGE = SHIFTS  # in standard deviations
FEW_BEFORE = 4  # windows in the time before one: with as many the smallest change found is 1.12 times the least


def needed_ms(window: WindowPlan, rate: float) -> int:
    """How long a window has to be for its fewest records, in whole slides, at so many records a millisecond.

    >>> needed_ms(WindowPlan(size_ms=60_000, slide_ms=10_000, min_count=500, grow_to_ms=60_000), 0.004)
    130000
    """
    return math.ceil(window.min_count / rate / window.slide_ms) * window.slide_ms


def readable(ms: int) -> int:
    """A length of more than a day in whole hours, of more than a week in whole days, rounded up.

    >>> readable(900_300_000) / 86_400_000, readable(87_000_000) / 3_600_000, readable(85_000)
    (11.0, 25.0, 85000)
    """
    unit = WEEK // 7 if ms > WEEK else WEEK // 168 if ms > WEEK // 7 else 1
    return -(-ms // unit) * unit


def too_small(level: float, count: int, known: int, hint: str) -> Iterator[tuple[str, str]]:
    """Whether one window shows not even a large change of independent values, and what would show a medium one.

    Parameters
    ----------
    level
        Of one evaluation.
    count, known
        Values of a window and of the reference.
    hint
        How a reference is made larger.
    """
    shown, inverse = smallest_shift(level, 1 / count + 1 / known), inverse_for(MEDIUM, level)
    if shown <= LARGE:
        return
    both = math.ceil(2 / inverse)  # of each, where both are few
    wanted = [] if known >= both else [f"a reference of {both} ({hint})"]
    if count < (alone := math.ceil(1 / (inverse - 1 / known)) if known >= both else both):
        wanted.append(f"windows of {alone} (a larger 'size' or 'min_count')")
    least = f"below {shown:.2g} sd" if math.isfinite(shown) else "at all"
    yield (
        "warning",
        f"at this budget {count} records against {known} show no shift {least}; to see one of {MEDIUM} sd take "
        f"{' and '.join(wanted)}, or allow more false alarms",
    )


def grown(window: WindowPlan, rate: float) -> Iterator[tuple[str, str]]:
    """Whether windows that may grow come to their fewest records."""
    needed = needed_ms(window, rate)
    if needed > window.grow_to_ms:
        yield (
            "warning",
            f"windows grow to {duration(window.grow_to_ms)}, in which there are {rate * window.grow_to_ms:,.0f} "
            f"records at the rate of the reference (min_count {window.min_count}); nothing will be found: let "
            f"them grow to {duration(readable(needed))}, or lower 'min_count'",
        )


def before(model: ModelPlan, rate: float | None, count: int, known: int) -> Iterator[tuple[str, str]]:
    """Whether the time before a window is long enough to compare with."""
    window = model.window
    span_ms = max(window.previous_ms, window.grow_to_ms)
    if rate and rate * span_ms < window.min_count:
        yield (
            "warning",
            f"the {duration(span_ms)} before a window come to {rate * span_ms:.0f} records (min_count "
            f"{window.min_count}); nothing will be found: make 'previous' longer",
        )
    elif known < FEW_BEFORE * count:
        yield (
            "warning",
            f"the {duration(window.previous_ms)} before a window have {known / count:.2g} times its records; with "
            f"{FEW_BEFORE} times as many smaller changes would be found: make 'previous' longer",
        )
