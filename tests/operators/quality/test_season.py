"""Quality signals in a season, and of segments: each is compared with its own share of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from config.plan import QualityPlan, SegmentPlan
from operators.monitoring.detection import Detection
from operators.profiles.references import ModelSignals
from operators.sketches.sketch import Slide
from tests.operators.seasons import DAY, HOUR, MONDAY_MS, model, profile, times, values

MISSING_AGE = "quality.missing.age"


def columns(times_ms: np.ndarray) -> dict[str, np.ndarray]:
    """Four ages in ten are missing from midnight on for six hours, else one in ten; of the country b always."""
    found = values(times_ms)
    rng = np.random.default_rng(5)
    night = times_ms % DAY < 6 * HOUR
    country = rng.choice(["a", "b"], len(times_ms), p=[0.9, 0.1])
    gone = (rng.random(len(times_ms)) < np.where(night, 0.4, 0.1)) | (country == "b")
    return found | {"age": np.where(gone, None, found["age"]), "country": country}


@pytest.fixture(scope="module")
def detection() -> Detection:
    plan = model(segments=(SegmentPlan(fields=("country",)),), quality=QualityPlan())
    when = times(14, 60)
    return Detection(ModelSignals(plan, profile(plan, when, columns(when))))


def share(detection: Detection) -> tuple[float, float]:
    """Of ages that are missing: their share, and from how many records it is known."""
    found = detection.quality
    assert found is not None
    row = [signal.name for signal in found.signals].index(MISSING_AGE)
    return float(found.known[row] / found.of[row]), float(found.of[row])


def at(hour: int) -> list[Slide]:
    return [Slide(MONDAY_MS + hour * HOUR, records=100)]


def test_the_time_of_the_day_counts(detection):
    """By night the reference has many missing, by day few; known from the records of these times and a little more."""
    whole, by_night, by_day = (share(one) for one in (detection, detection.over(at(3)), detection.over(at(13))))
    assert whole[0] == pytest.approx(0.26, abs=0.02)
    assert by_night[0] == pytest.approx(0.46, abs=0.03)
    assert by_day[0] == pytest.approx(0.19, abs=0.03)
    assert whole[1] == 14 * 24 * 60
    assert 14 * 60 <= by_day[1] < 3 * 14 * 60


def test_a_season_is_no_dependence(detection):
    """In the season gaps follow each other by chance alone; without it the cycle would be a long burst."""
    assert detection.quality is not None
    assert float(detection.quality.tau(np.full(len(detection.quality.signals), 1_000.0)).max()) < 1.5
    plan = model(season=None, segments=(), quality=QualityPlan())
    when = times(14, 60)
    without = Detection(ModelSignals(plan, profile(plan, when, columns(when)))).quality
    assert without is not None
    assert float(without.tau(np.full(len(without.signals), 1_000.0)).max()) > 10


def test_a_segment_has_its_own(detection):
    """The country of which the age was always missing, though it has no value to be compared."""
    assert share(detection.of("country=b"))[0] == 1.0
    assert share(detection.of("country=a"))[0] == pytest.approx(0.175, abs=0.02)
    assert share(detection.of("country=c")) == share(detection)
    assert share(detection.of("country=a").over(at(3)))[0] == pytest.approx(0.31, abs=0.06)
