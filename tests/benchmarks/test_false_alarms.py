"""The benchmark of false alarms, small: the budget holds, changes are found, and a seed says it all."""

from __future__ import annotations

import pytest

from benchmarks.false_alarms import FAMILIES, abrupt, stationary


@pytest.mark.parametrize("family", FAMILIES)
def test_stationary_streams_keep_the_budget(family):
    """Six periods: a Poisson number with the mean of the budget is at most 12 in 99 % of cases."""
    assert stationary(family, 6, 100, 2, 0, 3)["episodes"] <= 12


@pytest.mark.parametrize(
    ("change", "family"), [("shift .5 sd", "normal"), ("spread x1.5", "normal"), ("shift .5 sd", "season")]
)
def test_changes_are_found(change, family):
    """In each of three streams, within half a window, with the onset close to where it was; and they are over again."""
    row = abrupt(change, 3, 100, 2, 0, 3, family)
    assert (row["found"], row["resolved"]) == (1.0, 1.0)
    assert row["delay_records"] < 600
    assert row["onset_error_90"] < 300
    assert row == abrupt(change, 3, 100, 2, 0, 3, family)
