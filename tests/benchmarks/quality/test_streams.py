"""Streams: what is said of their truth is true, and a seed says it all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from benchmarks.quality import real, simulated

SHARED = Path(__file__).parents[4] / "shared" / "data"
CASES = [(family, change) for family in simulated.FAMILIES for change in simulated.changes(family)]


@pytest.mark.parametrize(("family", "change"), CASES)
def test_values_change_where_the_truth_says(family, change):
    """Before the first drift they are those of the stream without it; within a drift they are others."""
    one = simulated.stream(family, change, 3, 1)
    again = simulated.stream(family, change, 3, 1)
    assert np.array_equal(one.values, again.values)
    assert sum(one.slides) == len(one.values)
    assert len(one.truths) == {"none": 0}.get(change, simulated.SPELLS if "recurring" in change else 1)
    if one.truths and family in ("normal", "heavy-tailed", "discrete", "categories") and "5 %" not in change:
        truth = one.truths[0]
        before, inside = one.values[: truth.start, 0], one.values[truth.start : truth.end, 0]
        reference = one.reference[:, 0]
        assert ks_2samp(reference, before).pvalue > 1e-3
        if change != "shift 0.2 sd":
            assert ks_2samp(reference, inside).pvalue < 1e-3


@pytest.mark.parametrize("family", ["normal", "heavy-tailed", "discrete", "AR(0.5)", "AR(0.9)", "bursty"])
def test_shifts_are_in_standard_deviations(family):
    """Of the family's own, in the mean of ten streams."""
    moved = []
    for number in range(10):
        one = simulated.stream(family, "shift 1 sd", number, 1)
        values = one.values[one.truths[0].start :, 0]
        deviation = np.sqrt(simulated.COUNTS) if family == "discrete" else 1.0
        moved.append((values.mean() - (simulated.COUNTS if family == "discrete" else 0.0)) / deviation)
    assert np.mean(moved) == pytest.approx(1.0, abs=0.1)


def test_annotators_agree_within_five_values():
    """Three of them make a change point; near ones are one."""
    assert real._agreed([[100], [104], [97], [300]]) == [100]
    assert real._agreed([[100], [106], [300]]) == []
    assert real._agreed([[100, 200], [101, 201], [102, 199]]) == [101, 200]


def test_sets_that_are_not_there_are_named(tmp_path):
    """By the set and its folder."""
    with pytest.raises(real.MissingDataError, match=r"^NAB: no folder nab among the data$"):
        real.streams("NAB", tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data sets beside the repository")
@pytest.mark.parametrize("name", real.SETS)
def test_truths_of_the_sets_lie_in_their_streams(name):
    """And all values are finite."""
    for one in real.streams(name, SHARED):
        assert np.isfinite(one.reference).all()
        assert np.isfinite(one.values).all()
        assert len(one.reference) >= real.SHORT
        assert all(0 <= truth.start < truth.end <= len(one.values) for truth in one.truths)
        assert one.slide >= 1
