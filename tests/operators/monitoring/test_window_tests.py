from __future__ import annotations

from dataclasses import fields

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from scipy.signal import lfilter
from scipy.stats import poisson

from operators.encoding.codes import CODES, INVALID, MISSING, OTHER, UNSEEN
from operators.monitoring.chosen import WINDOWED
from operators.monitoring.window_tests import WindowTests, evaluate_counts, judge, reference_tables
from operators.profiles.dependence import calibrate
from operators.statistics.distances import DISTANCES
from operators.statistics.effects import effect_sizes
from operators.statistics.ranks import reference_counts, value_codes
from schemas.profile import Calibration, Signal
from tests.operators.signals import (
    categorical_signal,
    codes_of,
    continuous_signal,
    discrete_signal,
    numeric_signal,
    placed,
    signals,
    tables,
    unhurried,
    window,
)

DETECTORS = list(WINDOWED)
KINDS = ["continuous", "discrete", "categorical"]


def arrays(tests: WindowTests) -> list[np.ndarray]:
    """Every array of an evaluation, in a fixed order."""
    found: list[np.ndarray] = []
    for name in [*(field.name for field in fields(tests) if field.name != "window"), "distances", "wasserstein"]:
        value = getattr(tests, name)
        found += [one for one in value if one is not None] if isinstance(value, tuple) else [value]
    return found


def reference(kind: str) -> Signal:
    """A continuous, a discrete and a categorical reference of 4,000 values."""
    rng = np.random.default_rng(7)
    if kind == "continuous":
        return continuous_signal(rng.normal(size=4_000))
    if kind == "discrete":
        return discrete_signal(rng.poisson(2, size=4_000))
    return categorical_signal([2_500, 1_000, 480, 15, 5])


@unhurried
@given(rows=st.lists(st.tuples(signals(), tables()), max_size=4))
def test_never_nan_and_always_in_range(rows: list[tuple[Signal, list[int]]]) -> None:
    """Whatever the reference and the window, also codes that a signal does not have."""
    tests = evaluate_counts(
        reference_tables([signal for signal, _ in rows]),
        np.array([row for _, row in rows], dtype=np.int64).reshape(-1, CODES),
    )
    for values in arrays(tests):
        assert values.shape == (len(rows),)
        assert np.all(np.isfinite(values))
    for p_values in (tests.g.p_value, tests.ks.p_value, tests.lepage.p_value, tests.wasserstein.p_value):
        assert np.all((p_values >= 0) & (p_values <= 1))
    assert np.all((tests.ks.statistic >= 0) & (tests.ks.statistic <= 1))
    assert np.all(tests.debiased_psi <= tests.psi)
    for distance in tests.distances[:4]:
        assert np.all((distance >= 0) & (distance <= 1))


@unhurried
@given(signal=signals(), row=tables(), level=st.floats(1e-12, 0.4), detector=st.sampled_from(DETECTORS))
def test_alarm_is_statistic_above_threshold_is_p_value_below_level(
    signal: Signal, row: list[int], level: float, detector: str
) -> None:
    """All three say the same in every detector's own unit, but for ties in the last digits."""
    judged = judge(evaluate_counts(reference_tables([signal]), np.array([row])), detector, level)
    assert np.isfinite(judged.threshold[0])
    assert judged.threshold[0] > 0
    if abs(judged.p_value[0] / level - 1) > 1e-9:
        assert (judged.statistic[0] > judged.threshold[0]) == (judged.p_value[0] < level)


@unhurried
@given(rows=st.lists(st.tuples(signals(), tables()), min_size=1, max_size=4), order=st.randoms(use_true_random=False))
def test_signals_do_not_influence_each_other(rows: list[tuple[Signal, list[int]]], order) -> None:
    """Each signal's results are the same alone and in any company, to the last bit."""
    order.shuffle(rows)
    together = evaluate_counts(reference_tables([signal for signal, _ in rows]), np.array([row for _, row in rows]))
    for i, (signal, row) in enumerate(rows):
        alone = evaluate_counts(reference_tables([signal]), np.array([row]))
        assert [values[i] for values in arrays(together)] == [values[0] for values in arrays(alone)]


@pytest.mark.parametrize("kind", ["continuous", "discrete", "categorical"])
def test_what_is_no_value_does_not_enter(kind: str) -> None:
    """Missing and invalid values, and codes the signal does not have, change nothing but their own counts."""
    tables = reference_tables([reference(kind)])
    current = np.zeros((1, CODES), dtype=np.int64)
    current[0, :4] = [40, 90, 20, 10]
    spoiled = current.copy()
    spoiled[0, [251, INVALID, MISSING]] = [7, 300, 5_000]
    clean, other = evaluate_counts(tables, current), evaluate_counts(tables, spoiled)
    assert [values.tolist() for values in arrays(clean)] == [values.tolist() for values in arrays(other)]
    assert clean.count.tolist() == [160]


@pytest.mark.parametrize("kind", ["continuous", "discrete", "categorical"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_window_without_values_is_no_change(kind: str, detector: str) -> None:
    """Nothing, or only missing values: statistic 0, p-value 1, no alarm."""
    current = np.zeros((1, CODES), dtype=np.int64)
    current[0, MISSING] = 900
    judged = judge(evaluate_counts(reference_tables([reference(kind)]), current), detector, 0.4)
    assert (judged.statistic[0], judged.p_value[0]) == (0.0, 1.0)
    assert judged.threshold[0] > 0


@pytest.mark.parametrize("kind", ["continuous", "discrete", "categorical"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_the_reference_itself_is_no_change(kind: str, detector: str) -> None:
    """The same shares in every code give a p-value of 1."""
    tables = reference_tables([reference(kind)])
    judged = judge(evaluate_counts(tables, tables.counts.astype(np.int64)), detector, 0.4)
    assert judged.statistic[0] == pytest.approx(0.0, abs=1e-9)
    assert judged.p_value[0] == pytest.approx(1.0)


ON_CELLS = ["psi", "chi_squared", *DISTANCES]
CONSTANT = discrete_signal(np.full(2_000, 5.0))
GAPPED = placed(numeric_signal(np.arange(5.0), np.array([900, 0, 0, 0, 500, 600]), discrete=True))


@pytest.mark.parametrize(
    ("signal", "code", "detectors"),
    [
        pytest.param(CONSTANT, 0, [*ON_CELLS, "lepage"], id="below a constant"),
        pytest.param(CONSTANT, 2, [*ON_CELLS, "lepage"], id="above a constant"),
        pytest.param(categorical_signal([2_000]), UNSEEN, ON_CELLS, id="unseen instead of the only category"),
        pytest.param(categorical_signal([1_000, 500], rest=20), OTHER, ON_CELLS, id="all other"),
        pytest.param(GAPPED, 2, [*ON_CELLS, "ks", "wasserstein"], id="between values"),
    ],
)
def test_values_that_the_reference_never_had_are_found(signal: Signal, code: int, detectors: list[str]) -> None:
    """A window full of them is an alarm at any level."""
    current = np.zeros((1, CODES), dtype=np.int64)
    current[0, code] = 500
    tests = evaluate_counts(reference_tables([signal]), current)
    for detector in detectors:
        judged = judge(tests, detector, 1e-12)
        assert judged.statistic[0] > judged.threshold[0]


@unhurried
@given(share=st.integers(1, 20), more=st.integers(1, 20), kind=st.sampled_from(["discrete", "categorical"]))
def test_further_values_of_the_rarest_kind_raise_every_statistic(share: int, more: int, kind: str) -> None:
    """Going from the reference towards its last value, PSI and KS grow with every step."""
    tables = reference_tables([reference(kind)])
    last = int(np.flatnonzero(tables.counts[0])[-1])
    expected = tables.counts[0].astype(np.int64)
    windows = np.array([expected * 20 // 4, expected * 20 // 4])
    for row, extra in zip(windows, (share, share + more), strict=True):
        row[last] += 1_000 * extra
    tests = evaluate_counts(reference_tables([reference(kind)] * 2), windows)
    for statistic in (tests.psi, tests.g.statistic, tests.ks.statistic):
        assert statistic[1] > statistic[0] > 0


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9])
def test_scale_of_a_feature_does_not_matter(factor: float) -> None:
    """Bins are the reference's: other units give the same results, but for distances along the scale to the bit."""
    rng = np.random.default_rng(3)
    values, current = rng.lognormal(0, 2, 3_000), rng.lognormal(0.2, 2, 700)
    results = []
    for scale in (1.0, factor):
        signal = msgspec.structs.replace(continuous_signal(values * scale), sd=scale)
        tests = evaluate_counts(reference_tables([signal]), window(codes_of(current * scale, signal.edges)))
        results.append([entry[0] for entry in arrays(tests)])
    along = len(tests.wasserstein)
    assert results[0][:-along] == results[1][:-along]
    assert results[0][-along:] == pytest.approx(results[1][-along:], rel=1e-9)


def test_tables_are_writable_and_contiguous() -> None:
    """So that every kernel is compiled for one layout only."""
    made = reference_tables([reference("continuous"), reference("categorical")])
    names = [field.name for field in fields(made) if field.name != "moving"]
    for value in (getattr(made, name) for name in names):
        for array in value if isinstance(value, tuple) else [value]:
            assert array.flags.c_contiguous
            assert array.flags.writeable
    assert made.numeric.tolist() == [True, False]
    assert made.continuous.tolist() == [True, False]


DEPENDENT = Calibration(
    values=4_000,
    error=0.1,
    tau=(1.5, 3.0, 7.0),
    spread_tau=(1.1, 2.0, 2.5),
    shares=((1.5, 1.0),) * 2 + ((7.0, 3.0, 2.0, 1.5, 1.2, 1.0),),
)


@pytest.mark.parametrize("kind", KINDS)
def test_reference_without_dependence_is_as_one_without_calibration(kind: str) -> None:
    """To the last bit."""
    plain = reference(kind)
    found = structs.replace(plain, calibration=Calibration(values=4_000, error=0.05))
    shown = window(np.random.default_rng(1).integers(0, 20, 900))
    one, other = (evaluate_counts(reference_tables([signal]), shown) for signal in (plain, found))
    for mine, its in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(mine, its)


@unhurried
@given(
    kind=st.sampled_from(KINDS),
    shift=st.integers(0, 20),
    n=st.integers(2, 3_000),
    level=st.floats(1e-9, 0.4),
    detector=st.sampled_from(DETECTORS),
)
def test_dependent_values_alarm_exactly_below_the_level(
    kind: str, shift: int, n: int, level: float, detector: str
) -> None:
    """Statistic over threshold as p-value below level; p-values grow, effects shrink."""
    plain = reference(kind)
    found = structs.replace(plain, calibration=DEPENDENT)
    rng = np.random.default_rng(n)
    drawn = rng.choice(CODES, n, p=reference_counts(plain) / 4_000)
    codes = np.minimum(drawn + shift, int(np.flatnonzero(value_codes(plain)[:250]).max()))
    independent, dependent = (evaluate_counts(reference_tables([s]), window(codes)) for s in (plain, found))
    judged = judge(dependent, detector, level)
    if abs(judged.p_value[0] - level) > 1e-9 * level:
        assert (judged.statistic[0] > judged.threshold[0]) == (judged.p_value[0] < level)
    p_value = judge(independent, detector, level).p_value[0]
    assert judged.p_value[0] >= p_value * (1 - 1e-9) or p_value > 0.2  # of a smooth gap fewer places are crossed
    assert effect_sizes(dependent, detector)[0] <= effect_sizes(independent, detector)[0] * (1 + 1e-9)


def test_dependent_values_keep_the_level() -> None:
    """Windows of 1,000 values, each nine tenths of the one before: at 0.01 at most as many as promised, 600 windows."""
    rng = np.random.default_rng(11)

    def values(count: int) -> np.ndarray:
        return np.asarray(lfilter([np.sqrt(0.19)], [1, -0.9], rng.normal(size=count + 500)))[500:]

    below = dict.fromkeys(("psi", "lepage", "ks", "wasserstein"), 0)
    for _ in range(6):
        reference_values = values(20_000)
        signal = continuous_signal(reference_values)
        codes = codes_of(reference_values, signal.edges).astype(np.uint8)
        tables = reference_tables([structs.replace(signal, calibration=calibrate(signal, codes))] * 100)
        shown = np.concatenate([window(codes_of(values(1_000), signal.edges)) for _ in range(100)])
        tests = evaluate_counts(tables, shown)
        for detector in below:
            below[detector] += int((judge(tests, detector, 0.01).p_value < 0.01).sum())
    assert max(below.values()) <= poisson.ppf(0.999, 6)
    assert min(below.values()) >= 1  # nor does any fall silent


def test_no_signals_are_no_results() -> None:
    """A model without signals has arrays of length 0."""
    tests = evaluate_counts(reference_tables([]), np.zeros((0, CODES), dtype=np.int64))
    assert all(values.shape == (0,) for values in arrays(tests))
