"""Slice drifts: found where they are, as often by chance as is said, and none where all records have changed alike."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest

from config.plan import WindowPlan
from operators.metrics.slice_losses import LEVEL
from operators.monitoring.detection import Detection
from operators.monitoring.slice_drifts import SliceDrifts, drift_slices
from operators.profiles.references import ModelSignals
from schemas.profile import RecordSample
from tests.operators.metrics.test_slice_cells import signals
from tests.operators.signals import codes_of

KNOWN = signals([4, 6, 3])
SIZES = np.array([4, 6, 3])
AGE, RECORDS = 3, 8_000


def drawn(seed, count=RECORDS, there=None, moved=1.0):
    """Codes of records; of those with the codes in `there` age has moved, of all where it is empty."""
    rng = np.random.default_rng(seed)
    codes = np.empty((count, 4), np.uint8)
    codes[:, :3] = rng.random((count, 3)) ** 2 * SIZES
    changed = np.full(count, there is not None)
    for position, code in (there or {}).items():
        changed &= codes[:, position] == code
    codes[:, AGE] = codes_of(rng.normal(size=count) + moved * changed, KNOWN.signals[AGE].edges)
    return codes


@cache
def reference(seed, **more):
    """A profile with the sample of a reference."""
    sample = RecordSample(signals=KNOWN.names, codes=drawn(1_000 + seed).tobytes(), share=0.2)
    profile = msgspec.structs.replace(KNOWN.profile, sample=sample)
    return ModelSignals(msgspec.structs.replace(KNOWN.model, **more), profile)


def found(rows, seed=0, position=AGE, **more):
    """What is told."""
    known = reference(seed, **more)
    drifts = drift_slices(known)
    assert isinstance(drifts, SliceDrifts)
    return list(drifts.found(Detection(known).tables, position, rows, 10 * len(rows), 1))


@pytest.mark.parametrize("moved", [0.0, 0.7])
def test_all_records_have_changed_alike(moved):
    """However many slices there are, one change of all records in twenty names any (binomial, 99.9 %)."""
    named = sum(bool(found(drawn(seed, 3_000, {}, moved), seed // 20)) for seed in range(200))
    assert named <= 200 * LEVEL + 3.1 * (200 * LEVEL * (1 - LEVEL)) ** 0.5


@pytest.mark.parametrize(("there", "segment"), [({0: 1}, {"f0": "c001"}), ({0: 0, 2: 1}, {"f0": "c000", "f2": "c001"})])
def test_what_changed_is_told_once(there, segment):
    """The slice itself: none that it is a part of, and none that is a part of it."""
    rows = drawn(1, 4_000, there)
    (one,) = found(rows)
    inside = np.all([rows[:, position] == code for position, code in there.items()], axis=0)
    assert (one.segment, one.signal, one.detector) == (segment, "feature.age", "search")
    assert one.statistic > one.threshold > 0
    assert (one.effect.level, one.effect.direction) == ("large", "up")
    assert (one.count, one.share) == (int(inside.sum()), pytest.approx(float(inside.mean()), rel=1e-8))
    assert one.reference_share == pytest.approx(one.share, abs=0.03)


def test_a_feature_is_no_slice_of_itself():
    """Categories that came instead of others are told by the signal; where it is so, by the other features."""
    rows = drawn(1, 4_000)
    rows[(rows[:, 2] == 1) & (rows[:, 0] == 0), 0] = 3
    assert [one.segment for one in found(rows, position=0)] == [{"f2": "c001"}]


def test_a_slice_has_to_be_large_enough():
    """Of few records, or fewer than may be told, nothing is said; nor of a change below `min_effect`."""
    assert found(drawn(1, 300, {0: 3})) == []
    (one,) = found(drawn(1, 4_000, {0: 3}))
    assert found(drawn(1, 4_000, {0: 3}), disclose=one.count + 1) == []
    alarms = msgspec.structs.replace(KNOWN.model.alarms, min_effect="large")
    assert found(drawn(1, 4_000, {0: 3}, 0.5), alarms=alarms) == []
    assert found(np.zeros((0, 4), np.uint8)) == []


def test_what_cannot_be_searched():
    """Windows that are compared with those before, profiles without a sample, and signals that it does not have."""
    window = WindowPlan(size_ms=600_000, slide_ms=60_000, min_count=1, grow_to_ms=600_000, previous_ms=600_000)
    assert drift_slices(reference(0, window=window)) is None
    assert drift_slices(KNOWN) is None
    sample = RecordSample(signals=KNOWN.names[:3], codes=drawn(1)[:, :3].tobytes(), share=1.0)
    known = ModelSignals(KNOWN.model, msgspec.structs.replace(KNOWN.profile, sample=sample))
    drifts = drift_slices(known)
    assert drifts is not None
    assert list(drifts.found(Detection(known).tables, AGE, drawn(1, there={0: 1}), RECORDS, 1)) == []
