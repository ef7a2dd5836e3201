"""Seasonal records, their profile, and a model to watch them with: values of a day go up and down with the hour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from config.plan import FeaturePlan, ModelPlan, SeasonPlan, SegmentPlan, SourcePlan
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from schemas.cloudevents import timestamp
from schemas.profile import Profile, Provenance
from tests.operators.profiles.test_profiling import model as plain

HOUR, DAY = 3_600_000, 86_400_000
MONDAY_MS = 4 * DAY
SOURCE = SourcePlan(name="predictions", kind="predictions", path="a.parquet", format="parquet")
SEASON = SeasonPlan(period_ms=DAY, bins=24)
FEATURES = (FeaturePlan(name="age", type="numeric"), FeaturePlan(name="plan", type="categorical"))


def model(season: SeasonPlan | None = SEASON, **changes: Any) -> ModelPlan:
    """Of an age and a plan."""
    return plain(**{"features": FEATURES, "segments": (), "season": season, **changes})


def times(days: float, an_hour: int, start_ms: int = MONDAY_MS) -> np.ndarray:
    """So many records an hour, evenly."""
    return start_ms + np.arange(int(24 * days * an_hour)) * HOUR // an_hour


def values(times_ms: np.ndarray, seed: int = 1, cycle: float = 2.0, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Ages up to 2 deviations higher by day than on average, and gold plans by day alone."""
    rng = np.random.default_rng(seed)
    day = np.sin(2 * np.pi * times_ms / DAY)
    plans = np.where(rng.random(len(day)) < 0.3 + 0.3 * np.minimum(cycle, 1) * day, "gold", "basic")
    return {"age": rng.normal(size=len(day)) + cycle * day + shift, "plan": plans}


def profile(
    plan: ModelPlan, times_ms: np.ndarray, columns: dict[str, np.ndarray], pieces: int = 1, like: Profile | None = None
) -> Profile:
    """As `tidemark profile` makes it, reading the records in pieces."""
    fields = list(dict.fromkeys(field for segment in plan.segments for field in segment.fields))
    builder = ProfileBuilder(plan, like)
    read = []
    for start in range(pieces):
        table = pa.table({name: column[start::pieces] for name, column in columns.items()})
        read.append((extract(table, SOURCE, [f.name for f in plan.features] + fields, fields), times_ms[start::pieces]))
    for part, part_ms in read:
        builder.add(part, SOURCE, part_ms)
    first, last = (timestamp(int(of(times_ms))) for of in (min, max))
    made = builder.build(Provenance(source="a", rows=len(times_ms), start=first, end=last, tidemark="0"), "3")
    counter = SliceCounter(plan, made)
    for part, part_ms in read:
        counter.add(part, SOURCE, part_ms)
    return counter.build(builder)


COUNTRY = SegmentPlan(fields=("country",))
