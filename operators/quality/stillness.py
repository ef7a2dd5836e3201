"""Stillness: which numbers of a key have stood still, and since when; runs.py says how unusual that is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from config.plan import QualityPlan
from operators.encoding.codes import ABSENT
from operators.monitoring.state import Still
from operators.profiles.references import ModelSignals
from operators.sketches.moments import FIELDS, LARGEST, LEAST
from operators.sketches.sketch import Slide
from operators.statistics.ranks import reference_counts
from operators.statistics.runs import Runs, frozen_name


class FrozenSignal(NamedTuple):
    """A number that is watched for standing still."""

    name: str  # quality.frozen.age
    position: int  # of its signal
    column: int  # of its sums
    runs: Runs


def frozen_signals(signals: ModelSignals, unordered: Collection[int]) -> tuple[FrozenSignal, ...]:
    """Numbers of a model version whose reference varied, and says for how long it did not.

    Parameters
    ----------
    signals
    unordered
        Positions of those whose reference is in no known order: their runs say nothing.
    """
    plan, told = signals.model.quality, signals.profile.quality
    if not isinstance(plan, QualityPlan) or not plan.frozen or isinstance(told, msgspec.UnsetType):
        return ()
    found = []
    for column, position in enumerate(signals.numeric):
        name = frozen_name(signals.names[position], signals.names)
        share = told.get(name)
        if share is None or share.runs is None or position in unordered:
            continue
        runs = Runs(share.runs, share.found, reference_counts(signals.signals[position]), share.lasted_ms)
        if runs.varied:
            found.append(FrozenSignal(name, position, column, runs))
    return tuple(found)


def follow(
    known: dict[int, Still], slide: Slide, watched: Sequence[FrozenSignal], signals: int, slide_ms: int
) -> dict[int, Still]:
    """What is still at the end of a slide with records.

    Parameters
    ----------
    known
        At the end of the slide before it, by position of the signal.
    watched
        Of `frozen_signals`.
    signals
        Of the codes of a record.
    """
    extremes = np.frombuffer(slide.sums, np.float64).reshape(-1, FIELDS)
    found: dict[int, Still] = {}
    for _, position, column, _ in watched:
        least, largest = float(extremes[column, LEAST]), float(extremes[column, LARGEST])
        before = known.get(position)
        if least > largest:  # no value, which is no change
            if before is not None:
                found[position] = before
        elif least == largest:
            many = int(slide.row(position, signals)[:ABSENT].sum())
            if before is not None and before.value == least:
                found[position] = Still(least, before.values + many, before.since_ms, slide.end_ms)
            else:
                found[position] = Still(least, many, slide.start_ms(slide_ms), slide.end_ms)
    return found
