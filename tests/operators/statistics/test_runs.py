"""Runs: how long those of a reference are, and how unusual longer ones."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from operators.encoding.codes import INVALID, MISSING
from operators.statistics.runs import Runs, frozen_name, runs

HALVES = np.array([500.0, 500.0])


def naive(codes: list[int]) -> tuple[int, int, int]:
    values = [code for code in codes if code < 250]
    lengths: list[int] = []
    for at, value in enumerate(values):
        if at and value == values[at - 1]:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return len(lengths), max(lengths, default=0), len(values)


@given(st.lists(st.sampled_from([0, 1, 7, INVALID, MISSING]), max_size=40))
def test_runs_are_counted(codes):
    """As a loop counts them; what is no value is no part of a run, and ends none."""
    assert runs(np.array(codes, np.uint8))[:3] == naive(codes)


def test_what_the_reference_had_is_no_news():
    """A run as long as its longest has the chance 1, one more a small one that falls from there."""
    known = Runs(10_000, 30, HALVES)
    assert known.chance(30) == 1.0
    chances = [known.chance(values) for values in range(31, 200)]
    assert all(one > other for one, other in itertools.pairwise(chances))
    assert chances[0] < 0.01


def test_runs_of_single_values():
    """They last no time, so that times say nothing of those that do."""
    known = Runs(20, 1, HALVES, 0)
    assert known.chance(9, 60_000) == known.chance(9) < 1.0


def test_shares_alone():
    """Where runs seem short, a value that nearly all have may still come a long time."""
    known = Runs(10_000, 5, np.array([99.0, 1.0]))
    assert known.chance(100) == pytest.approx(0.99**100 + 0.01**100)


@pytest.mark.parametrize("level", [0.5, 1e-3, 1e-6, 1e-12])
@pytest.mark.parametrize("longest", [1, 30, 100_000])
def test_the_bound_is_the_least_that_is_unusual(level, longest):
    """Its chance is below the level, that of one value less is not."""
    known = Runs(1_000, longest, HALVES)
    assert known.chance(known.bound(level)) < level <= known.chance(known.bound(level) - 1)


def test_a_reference_of_one_value():
    """It never varied, so nothing can stop."""
    assert not Runs(1, 1_000, np.array([0.0, 1_000.0])).varied
    assert Runs(2, 999, np.array([1.0, 999.0])).varied


def test_runs_are_held_against_time_as_well():
    """Three times as many records make longer runs that last no longer."""
    known = Runs(10_000, 30, HALVES, lasted_ms=60_000)
    assert known.chance(90, 60_000) == 1.0
    assert known.chance(90, 120_000) == pytest.approx(known.chance(60))
    assert known.chance(60, 1_000_000) == known.chance(60)
    assert runs(np.array([1, 1, 2, 2, 2], np.uint8), np.array([0, 50, 60, 70, 80])).lasted_ms == 50


def test_names():
    """A prediction beside a feature of that name is the model's."""
    assert frozen_name("feature.title.length", []) == "quality.frozen.title.length"
    assert frozen_name("feature.prediction", ["feature.prediction", "prediction"]) == "quality.frozen.prediction"
