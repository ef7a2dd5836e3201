"""What state will take is known before, and what would not fit is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, CorrelationPlan, FeaturePlan, ModelPlan, SegmentPlan, WindowPlan
from operators.encoding.codes import MISSING
from operators.monitoring.detection import Detection
from operators.monitoring.footprint import LIMIT, Footprint, check, footprint
from operators.profiles.references import ModelSignals
from operators.relations.fitting import fit
from operators.sketches import sketch
from operators.sketches.sketch import Ring, Slide
from schemas.errors import UsageError
from schemas.profile import NumericSignal, Profile, Provenance

MODEL = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=0),
    alarms=AlarmsPlan(budget=1, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large"),
    features=tuple(FeaturePlan(name=f"x{i}", type="numeric") for i in range(4)),
    segments=(SegmentPlan(fields=("country",), values=(("DE",), ("FR",))),),
)
EDGES = tuple(float(i) for i in range(1, 250))
SIGNAL = NumericSignal(
    count=1000, missing=0, invalid=0, mean=125.0, sd=70.0, min=0.0, max=250.0, discrete=False,
    edges=EDGES, counts=(4,) * 250, means=(0.0,) * 250,
)  # fmt: skip
PROFILE = Profile(
    model="churn",
    version="1",
    provenance=Provenance(source="train.csv", rows=1000, start=None, end=None, tidemark="0.1.0"),
    signals={f"feature.x{i}": SIGNAL for i in range(4)},
)


@pytest.mark.parametrize("slides", [12, 500])
def test_a_full_ring_is_what_was_said(slides: int) -> None:
    """Windows of slides with many records take no more than the estimate, and not much less."""
    window = msgspec.structs.replace(MODEL.window, size_ms=slides * 300_000)
    detection = Detection(ModelSignals(msgspec.structs.replace(MODEL, window=window), PROFILE))
    found = footprint(detection, 1)
    rng = np.random.default_rng(1)
    ring = Ring()
    codes = rng.integers(0, 250, (50_000, 4), np.uint8)
    for number in range(slides + 1):
        slide = Slide((number + 1) * 300_000)
        sums = detection.signals.moments.sums(
            rng.uniform(0, 250, (50_000, 4)), np.zeros((50_000, 4), np.uint8), np.array([50_000])
        )
        slide.fold(codes, sums[0])
        ring.push(slide, window.size_ms, 0, 500)
        ring.coarsen(window.slide_ms, 4)
    tracks = detection.tracks
    ranked = sum(map(len, tracks.pack(tracks.start())))
    size = len(sketch.pack(ring)) + ranked
    assert size <= found.key <= 2 * size
    assert found.keys == 4  # all, DE, FR, other
    assert found.total == found.key * 4


def test_what_does_not_fit_is_refused() -> None:
    """With what it would need and what would help."""
    check(MODEL, Footprint(LIMIT, 1))
    with pytest.raises(UsageError) as caught:
        check(MODEL, Footprint(1 << 20, 10_000))
    assert str(caught.value) == (
        "models.churn: needs 9.77 GB of state, 1 MB for each of 10000 keys (at most 8 GB); "
        "list fewer segment values, or make 'window' of fewer slides"
    )


def test_relations_are_of_the_whole_traffic() -> None:
    """Slides with their sums take no more than the estimate: once a version, and not for each segment."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 250, (30_000, 4), np.uint8)
    codes[:, 1] = codes[:, 0]
    codes[rng.random(codes.shape) < 0.1] = MISSING
    profile = msgspec.structs.replace(PROFILE, relations=fit(PROFILE.signals, codes))
    detection = Detection(ModelSignals(msgspec.structs.replace(MODEL, correlation=CorrelationPlan()), profile))
    assert detection.relations is not None
    found = footprint(detection, 2)
    slide = len(detection.relations.columns.folded(b"", codes))
    assert slide * 13 * 2 <= found.whole <= 2 * slide * 13 * 2
    assert found.total == found.key * found.keys + found.whole
