"""A backtest of a model with a season: only what is not of the season is told, however the records lie in files."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from config.plan import ModelPlan, SeasonPlan, SegmentPlan, SourcePlan, WindowPlan
from jobs import backtest
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from schemas.cloudevents import milliseconds
from schemas.profile import Profile, Provenance
from tests.jobs.test_backtest import START_MS, STEP_MS, events, model, run, write
from tests.operators.panes import MINUTE

PERIOD_MS = 10 * MINUTE
REFERENCE_MS = START_MS - 100 * PERIOD_MS


def seasonal(**changes: Any) -> ModelPlan:
    """With twenty parts of half a minute."""
    plan = msgspec.structs.replace(
        model(),
        window=WindowPlan(size_ms=2 * MINUTE, slide_ms=MINUTE, min_count=100, grow_to_ms=2 * MINUTE),
        segments=(SegmentPlan(fields=("country",)),),
        season=SeasonPlan(period_ms=PERIOD_MS, bins=20, timezone="Asia/Kathmandu"),
    )
    return msgspec.structs.replace(plan, **changes)


def records(count: int, seed: int, start_ms: int = START_MS, shift_at: int | None = None) -> list[dict[str, Any]]:
    """Ages go up and down in ten minutes; from a record on they are higher."""
    rng = np.random.default_rng(seed)
    times = start_ms + STEP_MS * np.arange(count)
    ages = rng.normal(size=count) + 1.5 * np.sin(2 * np.pi * times / PERIOD_MS)
    ages[count if shift_at is None else shift_at :] += 1.0
    countries = rng.choice(["DE", "FR"], count, p=[0.6, 0.4])
    return [
        {
            "id": f"{row}",
            "timestamp": int(times[row]),
            "model": "churn",
            "version": "1",
            "features": {"age": float(ages[row]), "country": str(countries[row])},
        }
        for row in range(count)
    ]


@pytest.fixture(scope="module")
def made() -> Profile:
    """Of a hundred minutes."""
    lines = [json.dumps(line).encode() for line in records(20_000, 5, REFERENCE_MS)]
    source = SourcePlan(name="reference", kind="predictions", path="a.jsonl", format="jsonl")
    columns = extract(lines, source, ["age", "country"], ["country"])
    times_ms = REFERENCE_MS + STEP_MS * np.arange(20_000)
    builder = ProfileBuilder(seasonal())
    builder.add(columns, source, times_ms)
    counter = SliceCounter(
        seasonal(), builder.build(Provenance(source="a", rows=20_000, start=None, end=None, tidemark="0"), None)
    )
    counter.add(columns, source, times_ms)
    return counter.build(builder)


def test_only_what_is_not_of_the_season_is_told(tmp_path, made):
    """Nothing in half an hour; then a shift, in the whole traffic and in both countries."""
    write(tmp_path / "quiet.jsonl", records(6_000, 6))
    assert run(tmp_path, "quiet.jsonl", models=(seasonal(),), profiles={"churn": {"": made}}).events == []
    write(tmp_path / "all.jsonl", records(6_000, 6, shift_at=3_000))
    result = run(tmp_path, "all.jsonl", models=(seasonal(),), profiles={"churn": {"": made}})
    opened = [event for event in result.events if event.type == "io.tidemark.drift.opened"]
    assert {event.subject for event in opened} == {"churn/1/all", "churn/1/country=DE", "churn/1/country=FR"}
    change_ms = START_MS + 3_000 * STEP_MS
    for event in opened:
        assert change_ms < milliseconds(event.time) <= change_ms + 5 * MINUTE
        assert event.data.signals[0].effect.direction == "up"
        assert event.data.reference.id == made.id


@pytest.mark.parametrize("ignore", [(), ((START_MS + 15 * MINUTE, START_MS + 20 * MINUTE + 5_000),)])
def test_how_records_lie_in_files_changes_nothing(tmp_path, monkeypatch, made, ignore):
    """One file, two sources, records out of order, or small blocks: the same events."""
    plan = seasonal(season=msgspec.structs.replace(seasonal().season, ignore=ignore))
    given = {"models": (plan,), "profiles": {"churn": {"": made}}}
    lines = records(6_000, 6, shift_at=3_000)
    write(tmp_path / "all.jsonl", lines)
    write(tmp_path / "even.jsonl", lines[::2])
    write(tmp_path / "odd.jsonl", lines[1::2])
    order = np.random.default_rng(3).permutation(10)
    write(tmp_path / "mixed.jsonl", [lines[10 * tens + number] for tens in range(600) for number in order])
    result = run(tmp_path, "all.jsonl", **given)
    expected = events(result)
    assert len(expected) >= 3
    assert result.counted == 6_000
    if ignore:
        assert min(milliseconds(event.time) for event in result.events) > ignore[0][1]
    assert events(run(tmp_path, "even.jsonl", "odd.jsonl", **given)) == expected
    assert events(run(tmp_path, "mixed.jsonl", **given)) == expected
    monkeypatch.setattr(backtest, "ROWS", 700)
    assert events(run(tmp_path, "all.jsonl", **given)) == expected
