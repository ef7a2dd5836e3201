from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from operators.monitoring.chosen import WINDOWED
from operators.monitoring.window_tests import WindowTests, evaluate_counts, reference_tables
from operators.statistics.effects import (
    HELLINGER_LEVELS,
    JENSEN_SHANNON_LEVELS,
    KS_LEVELS,
    LEVELS,
    PSI_LEVELS,
    RANK_LEVELS,
    SHARE_LEVELS,
    TOTAL_VARIATION_LEVELS,
    WASSERSTEIN_LEVELS,
    direction,
    effect_level,
    effect_levels,
    effect_sizes,
    l_infinity_levels,
    moves,
    rank_shift,
    reaches,
)
from tests.operators.signals import categorical_signal, codes_of, continuous_signal, window

DETECTORS = list(WINDOWED)
NORMAL = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
REFERENCE = continuous_signal(NORMAL)  # its middles of bins are means enough; the mean is 0, the sd 1


def changed(shift: float = 0.0, factor: float = 1.0) -> WindowTests:
    """A normal feature, moved and stretched, in samples so large that chance plays no part."""
    values = NORMAL * factor + shift
    counts, mean = window(codes_of(values, REFERENCE.edges)), np.array([values.mean()])
    return evaluate_counts(reference_tables([REFERENCE]), counts, mean)


def levels(tests: WindowTests, detector: str) -> list[str]:
    """Of each signal."""
    return [LEVELS[level] for level in effect_levels(tests, detector, effect_sizes(tests, detector))]


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(
    ("shift", "level"),
    [
        (0.0, "negligible"),
        (0.09, "negligible"),
        (0.11, "small"),
        (0.48, "small"),
        (0.52, "medium"),
        (-0.52, "medium"),
        (0.77, "medium"),
        (0.83, "large"),
        (3.0, "large"),
    ],
)
def test_levels_mean_the_same_shift_in_every_detector(detector: str, shift: float, level: str) -> None:
    """From 0.1 standard deviations on a change is small, from 0.5 medium, from 0.8 large."""
    assert levels(changed(shift), detector) == [level]


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(("shift", "level"), [(0.0, "negligible"), (0.15, "small"), (0.55, "medium"), (0.9, "large")])
def test_levels_are_those_of_the_change_also_in_small_windows(detector: str, shift: float, level: str) -> None:
    """On fifths of the reference as on tenths."""
    values = NORMAL[::500] + shift
    tests = evaluate_counts(
        reference_tables([REFERENCE]), window(codes_of(values, REFERENCE.edges)), np.array([values.mean()])
    )
    unbiased = dataclasses.replace(
        tests, inverse=np.zeros(1), ks_inverse=np.zeros(1), debiased_psi=tests.psi
    )  # drawn without chance
    sizes = tests.wasserstein.statistic if detector == "wasserstein" else effect_sizes(unbiased, detector)
    if detector == "lepage":
        sizes = tests.lepage.statistic * np.sqrt(tests.inverse)
    assert [LEVELS[one] for one in effect_levels(tests, detector, sizes)] == [level]


@pytest.mark.parametrize("detector", [one for one in DETECTORS if one not in ("ks", "lepage", "wasserstein")])
@pytest.mark.parametrize(("share", "level"), [(0.52, "negligible"), (0.56, "small"), (0.75, "medium"), (0.85, "large")])
def test_levels_mean_the_same_for_two_values(detector: str, share: float, level: str) -> None:
    """A coin is a number above or below its median: a share is moved by as much as there; by detectors of both."""
    coin = categorical_signal([1_000_000, 999_999])
    counts = np.zeros((1, 256), np.int64)
    counts[0, :2] = [1_000_000 * share, 1_000_000 * (1 - share)]
    assert levels(evaluate_counts(reference_tables([coin]), counts), detector) == [level]


@pytest.mark.parametrize(("factor", "level"), [(1.05, "negligible"), (1.3, "small"), (1.7, "medium"), (2.5, "large")])
def test_psi_and_lepage_agree_on_changes_of_spread(factor: float, level: str) -> None:
    """A stretched feature is at the same level by either."""
    tests = changed(factor=factor)
    assert [effect_level(name, effect_sizes(tests, name)[0]) for name in ("psi", "lepage")] == [level, level]


@pytest.mark.parametrize("detector", DETECTORS)
def test_chance_alone_is_negligible(detector: str) -> None:
    """Without change 95 of 100 windows of 1,000 values are negligible; PSI undebiased would call 2 in 5 small."""
    rng = np.random.default_rng(11)
    signal = continuous_signal(rng.normal(size=10_000))
    counts = np.array([window(codes_of(rng.normal(size=1_000), signal.edges))[0] for _ in range(400)])
    found = levels(evaluate_counts(reference_tables([signal] * 400), counts), detector)
    assert found.count("negligible") >= (0.93 if detector == "l_infinity" else 0.95) * 400
    assert not {"medium", "large"} & set(found)


@pytest.mark.parametrize("detector", DETECTORS)
def test_sizes_are_numbers_for_an_empty_window(detector: str) -> None:
    """Nothing compared is no effect."""
    empty = evaluate_counts(reference_tables([REFERENCE]), np.zeros((1, 256), dtype=np.int64))
    assert effect_sizes(empty, detector).tolist() == [0.0]


def test_rank_shift_takes_off_what_chance_adds() -> None:
    """On average z squared is 1 without change."""
    assert rank_shift(np.array([0.0, -1.0]), 0.01).tolist() == [0.0, 0.0]
    assert rank_shift(101**0.5, 0.01) == pytest.approx(1.0)


@pytest.mark.parametrize("detector", ["adwin", "adwin:spread", "page_hinkley", "page_hinkley:spread"])
def test_sequential_detectors_have_the_levels_of_ranks(detector: str) -> None:
    """Their effect is a shift of the mean rank as lepage's."""
    sizes = [0.099, 0.1, 0.48, 0.74]
    assert tuple(effect_level(detector, size) for size in sizes) == LEVELS


def test_gate_passes_its_own_level_and_those_above() -> None:
    """All sixteen pairs."""
    for i, level in enumerate(LEVELS):
        assert [reaches(level, minimum) for minimum in LEVELS] == [i >= j for j in range(4)]


@pytest.mark.parametrize(
    ("shift", "factor", "expected"),
    [(0.3, 1.0, "up"), (-0.3, 1.0, "down"), (0.0, 1.3, "spread"), (0.0, 0.7, "narrow"), (0.0, 1.0, "mix")],
)
def test_direction_is_that_of_the_clearer_rank_test(shift: float, factor: float, expected: str) -> None:
    """Moved, or apart and together; neither is a mix."""
    ranks = changed(shift, factor).lepage
    assert direction(True, ranks.z_location[0], ranks.z_spread[0]) == expected


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(
    ("shift", "factor", "expected"), [(0.3, 1.0, "up"), (-2.0, 1.0, "down"), (0.0, 1.3, "spread"), (0.0, 0.7, "narrow")]
)
def test_every_detector_tells_the_same_direction(detector: str, shift: float, factor: float, expected: str) -> None:
    """Of a move and of a change of spread."""
    z_location, z_spread = moves(changed(shift, factor), detector)
    assert direction(True, z_location[0], z_spread[0]) == expected


@pytest.mark.parametrize(("usual", "expected"), [(1.0, "down"), (0.0, "up")])
def test_leaving_an_end_is_a_move(usual: float, expected: str) -> None:
    """Of a share that is nearly always 1 (or 0), other values are a move, though spread ranks tell them as clearly."""
    rng = np.random.default_rng(3)
    others = rng.uniform(0.2, 0.8, 4_000)
    known = np.where(rng.random(4_000) < 0.01, others, usual)
    signal = continuous_signal(known)
    values = np.where(rng.random(1_000) < 0.1, others[:1_000], usual)
    ranks = evaluate_counts(reference_tables([signal]), window(codes_of(values, signal.edges))).lepage
    assert abs(ranks.z_spread[0]) == pytest.approx(abs(ranks.z_location[0]), rel=0.02)
    assert direction(True, ranks.z_location[0], ranks.z_spread[0]) == expected


def test_a_tail_that_runs_away_has_moved_by_its_mean() -> None:
    """Ranks have nothing beyond the largest: wasserstein tells what moved by the values themselves."""
    values = np.random.default_rng(2).normal(size=1_000)
    values[:10] = 1_000
    tests = evaluate_counts(
        reference_tables([REFERENCE]), window(codes_of(values, REFERENCE.edges)), np.array([values.mean()])
    )
    told = {name: direction(True, *(float(z[0]) for z in moves(tests, name))) for name in ("psi", "wasserstein")}
    assert told == {"psi": "mix", "wasserstein": "up"}
    assert effect_sizes(tests, "wasserstein")[0] == pytest.approx(10.0, rel=0.05)


def test_categories_have_no_direction() -> None:
    """Their order is by frequency only."""
    tables = reference_tables([categorical_signal([900, 100])])
    ranks = evaluate_counts(tables, np.array([[100, 900] + [0] * 254])).lepage
    assert ranks.z_location[0] > 10
    assert direction(bool(tables.numeric[0]), ranks.z_location[0], ranks.z_spread[0]) == "mix"


def test_documented_levels_are_those_in_force() -> None:
    """The last three columns of the table of sizes in docs/detection.md."""
    text = (Path(__file__).parents[3] / "docs" / "detection.md").read_text()
    for name, cuts in (
        ("psi", PSI_LEVELS),
        ("chi_squared", SHARE_LEVELS),
        ("jensen_shannon", JENSEN_SHANNON_LEVELS),
        ("hellinger", HELLINGER_LEVELS),
        ("total_variation", TOTAL_VARIATION_LEVELS),
        ("l_infinity", tuple(l_infinity_levels(10).round(3).tolist())),
        ("wasserstein", WASSERSTEIN_LEVELS),
        ("ks", KS_LEVELS),
        ("lepage", RANK_LEVELS),
    ):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}`") and line.count("|") == 6]
        assert tuple(float(cell) for cell in row.split("|")[3:6]) == cuts
