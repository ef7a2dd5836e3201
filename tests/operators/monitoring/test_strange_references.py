"""Whatever a reference is like, thresholds, p-values and what `validate` says are numbers."""

from __future__ import annotations

import json
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from config.plan import ALL, AlarmsPlan, FeaturePlan, ModelPlan, QualityPlan, SourcePlan, WindowPlan
from operators.encoding.coding import NumericCoder
from operators.monitoring.chosen import WINDOWED
from operators.monitoring.detection import Detection
from operators.monitoring.window_tests import evaluate_counts, judge
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.reading.columns import extract
from operators.statistics.effects import effect_sizes, moves
from schemas.profile import Provenance
from tidemark.sensitivity import sensitivity

EDGES = (0.0, -0.0, 1.0, 5e-324, 2.2e-308, 1e-300, 1e15, 1e15 + 1, 1e300, 1.7e308, -1.7e308)
NUMBERS = st.one_of(st.sampled_from(EDGES), st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3))
GAPS = st.sampled_from([None, "text", True])
SOURCE = SourcePlan(name="p", kind="predictions", path="a.jsonl", format="jsonl")
MODEL = ModelPlan(
    name="m",
    window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=50, grow_to_ms=3_600_000),
    alarms=AlarmsPlan(budget=1.0, period_ms=86_400_000, confirm=2, recover=3, min_effect="small", critical="large"),
    features=(FeaturePlan(name="x", type="numeric"),),
    quality=QualityPlan(),
)
LEVEL = 1e-4


@st.composite
def references(draw):
    """From a few different values, in any order, as often as there are places."""
    pool = draw(st.lists(st.one_of(NUMBERS, NUMBERS, GAPS), min_size=1, max_size=8))
    size = draw(st.sampled_from([1, 49, 50, 51, 300]))
    chosen = np.random.default_rng(draw(st.integers(0, 1_000)))
    if draw(st.booleans()):
        return [pool[place] for place in chosen.integers(0, len(pool), size)]
    return [pool[place * len(pool) // size] for place in range(size)]  # one after the other


def profile_of(values):
    lines = [json.dumps({"timestamp": 1_700_000_000 + n, "features": {"x": x}}).encode() for n, x in enumerate(values)]
    builder = ProfileBuilder(MODEL)
    builder.add(extract(lines, SOURCE, ["x"]), SOURCE, 1_700_000_000_000 + 1_000 * np.arange(len(values)))
    times = ("2023-11-14T22:13:20Z", "2023-11-15T22:13:20Z")
    return builder.build(Provenance(source="a", rows=len(values), start=times[0], end=times[1], tidemark="0"), "1")


@pytest.mark.filterwarnings("error")
@settings(max_examples=25, deadline=None)
@given(known=references(), window=references())
def test_all_that_is_told_is_a_number(known, window):
    """Each detector's statistic, threshold, p-value and effect; and an alarm is what its p-value says."""
    profile = profile_of(known)
    detection = Detection(ModelSignals(MODEL, profile))
    signal = profile.signals["feature.x"]
    numbers = np.array([float(x) if isinstance(x, (int, float)) and x is not True else np.nan for x in window])
    codes = NumericCoder([signal]).codes(numbers[:, None]).ravel()
    counts = np.bincount(codes, minlength=256)[None]
    tests = evaluate_counts(detection.tables, counts, np.array([0.0]))
    for detector in WINDOWED:
        told = judge(tests, detector, LEVEL)
        effect = effect_sizes(tests, detector)
        moved = np.array(moves(tests, detector))
        for each in (told.statistic, told.threshold, told.p_value, effect, moved):
            assert np.isfinite(each).all(), detector
        assert 0 <= told.p_value[0] <= 1
        if abs(told.p_value[0] / LEVEL - 1) > 1e-6:
            assert (told.statistic[0] > told.threshold[0]) == (told.p_value[0] < LEVEL), detector
    limits = detection.thresholds(ALL, 0.01)
    assert (limits.delta >= 0).all()
    assert (limits.up > 0).all()  # infinite where that side cannot alarm
    assert (limits.down > 0).all()
    said = " ".join(text for _, text in sensitivity(MODEL, profile))
    assert not re.search(r"\b(nan|inf)\b", said), said
