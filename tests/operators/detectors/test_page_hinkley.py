"""Page-Hinkley: as river's, as the paper's, and what follows from the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.drift import PageHinkley as RiverPageHinkley
from scipy.optimize import brentq
from scipy.stats import binom

from operators.detectors import Alarms, page_hinkley
from operators.detectors.page_hinkley import DELTA, FADING, FIELDS, MIN_COUNT, _scan, pack, start, unpack
from schemas.errors import StateVersionError
from tests.operators.detectors.streams import drawn, oracle, panes, seeded, unhurried
from tests.oracles.page_hinkley import PageHinkley

STREAMS = seeded()
K = 0.25  # deviation forgiven on standardised ranks
INFINITE = np.array([np.inf])


def scan(values: np.ndarray, state: np.ndarray, up: float = 3.0, down: float = 3.0, **options: Any) -> Alarms:
    """Follow one signal."""
    delta = options.pop("delta", DELTA)
    arguments = np.array([len(values)]), state, delta, np.array([up]), np.array([down])
    return page_hinkley.page_hinkley(values[np.newaxis], *arguments, **options)


def listed(alarms: Alarms) -> list[tuple[int, int, int, int]]:
    columns = alarms.signal, alarms.position, alarms.since, alarms.direction
    return list(zip(*(column.tolist() for column in columns), strict=True))


# --- (1) parity ---


@pytest.mark.parametrize("threshold", [0.5, 50.0])
@pytest.mark.parametrize("name", STREAMS)
def test_alarms_and_state_equal_rivers(name: str, threshold: float) -> None:
    """Without a prior and with river's fading every alarm and every sum on the way equals river's bit for bit."""
    values = STREAMS[name] * 1e12 if name == "tiny" else STREAMS[name]
    scale = 1e12 if name == "huge" else 1.0
    river = RiverPageHinkley(delta=DELTA * scale, threshold=threshold * scale)
    state = start(1)
    options = {"up": threshold * scale, "down": threshold * scale, "delta": DELTA * scale, "fading": FADING}
    for begin in range(0, len(values), 97):
        pane = values[begin : begin + 97]
        expected = []
        for position, value in enumerate(pane):
            river.update(float(value))
            if river.drift_detected:
                expected.append(position)
        assert scan(pane, state, **options).position.tolist() == expected
        if river.drift_detected:  # river clears its state at the value after an alarm
            river._reset()
            assert not state.any()
        else:
            sums = [river._sum_increase, river._sum_decrease, river._min_increase, river._max_decrease]
            assert state[0, :6].tolist() == [river._x_mean.n, river._x_mean.get(), *sums]


@pytest.mark.parametrize(
    ("stream", "name", "key", "min_count"),
    [
        ("oracle_river_stream1.txt", "river_PageHinkley", "rerun_0.26.1", MIN_COUNT),
        ("oracle_frouros_stream_drift.txt", "frouros_PageHinkley", "river_same_params", 1),
    ],
)
def test_alarms_are_those_that_other_libraries_expect(stream: str, name: str, key: str, min_count: int) -> None:
    """The streams of river's and frouros' own tests give the alarms written down there."""
    values, expected = oracle(stream, name)
    alarms = scan(values, start(1), 50.0, 50.0, fading=FADING, min_count=min_count)
    assert alarms.position.tolist() == expected[key]


# --- (2) twin ---


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fading": FADING, "min_count": 1},
        {"up": 4.0, "down": 11.0, "delta": K, "prior_mean": 0.5, "prior_weight": 2000.0},
        {"up": np.inf, "down": 6.0, "delta": K, "prior_mean": -0.1, "prior_weight": 30.0, "min_count": 500},
    ],
)
@pytest.mark.parametrize("name", STREAMS)
def test_equals_the_twin(name: str, options: dict[str, float]) -> None:
    """Alarms and state equal those of the paper's text in plain floats."""
    values = STREAMS[name]
    options = {"up": 3.0, "down": 3.0, "delta": DELTA, **options}
    up, down = options.pop("up"), options.pop("down")
    twin = PageHinkley(threshold_up=up, threshold_down=down, **options)
    found = [(i, twin.update(value)) for i, value in enumerate(values.tolist())]
    expected = [(0, i, *alarm) for i, alarm in found if alarm is not None]
    priors = {name: np.array([options.pop(name)]) for name in ("prior_mean", "prior_weight") if name in options}
    state = start(1)
    assert listed(scan(values, state, up, down, **options, **priors)) == expected
    assert state[0].tolist() == twin.state()


@pytest.mark.parametrize("name", ["steps", "walk", "spiky"])
def test_compiled_equals_interpreted(name: str) -> None:
    """The compiled kernel gives what Python makes of the same lines."""
    results = []
    for kernel in (_scan, _scan.py_func):
        values, state = STREAMS[name][np.newaxis], start(1)
        found = np.zeros((3, 6_000), np.int64)
        one = np.ones(1)
        lengths = np.array([6_000])
        direction = np.zeros(6_000, np.int8)
        sizes = np.zeros((2, 6_000))
        kernel(values, lengths, state, K, 5 * one, 5 * one, 1.0, 30, one, 9 * one, *found, direction, *sizes)
        results.append((found.tolist(), direction.tolist(), sizes.tolist(), state.tolist()))
    assert results[0] == results[1]


# --- (3) properties ---


@unhurried
@given(values=drawn(), data=st.data())
def test_panes_do_not_matter(values: np.ndarray, data: st.DataObject) -> None:
    """Cut into panes anywhere, and packed in between, a stream gives the same alarms and the same state."""
    whole, state = start(1), start(1)
    expected = listed(scan(values, whole))
    found = []
    for pane in data.draw(panes(len(values))):
        state = unpack(pack(state), 1)
        found += [(s, i + pane.start, since, way) for s, i, since, way in listed(scan(values[pane], state))]
    assert found == expected
    assert state.tobytes() == whole.tobytes()


@unhurried
@given(values=drawn(), threshold=st.floats(0.1, 20))
def test_rises_are_falls_of_the_negated(values: np.ndarray, threshold: float) -> None:
    """What rises in a stream falls in its negation: same place, same beginning."""
    rises = listed(scan(values, start(1), threshold, np.inf))
    falls = listed(scan(-values, start(1), np.inf, threshold))
    assert rises == [(s, i, since, -way) for s, i, since, way in falls]
    both = scan(values, start(1), threshold, threshold).position
    assert both.tolist() == scan(-values, start(1), threshold, threshold).position.tolist()


@unhurried
@given(values=drawn(), threshold=st.floats(0.1, 20))
def test_units_do_not_matter(values: np.ndarray, threshold: float) -> None:
    """Values, delta and thresholds in another unit give the same alarms (4: a power of two rounds nothing)."""
    expected = listed(scan(values, start(1), threshold, threshold, delta=0.1))
    assert listed(scan(4 * values, start(1), 4 * threshold, 4 * threshold, delta=0.4)) == expected


@unhurried
@given(rows=st.lists(drawn(), min_size=1, max_size=5))
def test_signals_do_not_influence_each_other(rows: list[np.ndarray]) -> None:
    """Each of several signals, of any lengths, gets the alarms that it gets alone."""
    lengths = np.array([len(row) for row in rows])
    values = np.full((len(rows), lengths.max()), np.nan)
    for s, row in enumerate(rows):
        values[s, : len(row)] = row
    thresholds = np.arange(1.0, len(rows) + 1)
    state = start(len(rows))
    expected = []
    for s, row in enumerate(rows):
        expected += [(s, *alarm[1:]) for alarm in listed(scan(row, start(1), s + 1.0, s + 1.0))]
    assert listed(page_hinkley.page_hinkley(values, lengths, state, DELTA, thresholds, thresholds)) == expected


# --- (4) meaning ---


def test_a_constant_is_silent() -> None:
    """A stream that never changes never alarms, however long."""
    assert not len(scan(np.full(100_000, 0.7), start(1), 0.1, 0.1))


def test_a_shift_is_found_where_it_began() -> None:
    """One standard deviation, on a prior of 2,000, is found within 100 values, and dated to within 30."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 5_400))
    values[:, 5_000:] += 1.0
    each = np.ones(200)
    lengths = np.full(200, 5_400)
    prior = {"prior_mean": 0 * each, "prior_weight": 2_000 * each}
    alarms = page_hinkley.page_hinkley(values, lengths, start(200), K, 38 * each, 38 * each, **prior)
    first = np.unique(alarms.signal, return_index=True)[1]
    assert alarms.signal[first].tolist() == list(range(200))
    assert set(alarms.direction[first].tolist()) == {1}
    assert 5_000 < np.quantile(alarms.position[first], 0.95) < 5_100
    begun = alarms.position[first] - alarms.since[first] + 1
    assert np.quantile(np.abs(begun - 5_000), 0.9) < 30


def test_a_prior_finds_what_began_before_the_first_value() -> None:
    """A stream that is shifted from the start differs from the reference, and from nothing without one."""
    values = np.random.default_rng(2).normal(1.0, 1.0, 400)
    prior = {"prior_mean": np.zeros(1), "prior_weight": np.array([2_000.0])}
    assert scan(values, start(1), 38.0, 38.0, delta=K, **prior).direction[0] == 1
    assert not len(scan(values, start(1), 38.0, 38.0, delta=K))


def test_false_alarms_are_within_the_promise() -> None:
    """The calibrated threshold on uniform ranks alarms at most once in 10,000 values, and at least a third of that."""
    # theta > 0 with E exp(theta (z - k)) = 1, z uniform of variance 1; then h = ln(2 A k theta) / theta
    half = np.sqrt(3.0)
    theta = brentq(lambda t: np.log(np.sinh(t * half) / (t * half)) - t * K, 1e-3, 5.0)
    promised = 10_000
    threshold = np.log(2 * promised * K * theta) / theta
    signals, longest = 20, 100_000
    values = np.random.default_rng(3).uniform(-half, half, (signals, longest))
    each = np.ones(signals)
    prior = {"prior_mean": 0 * each, "prior_weight": 2_000 * each}
    thresholds = threshold * each
    lengths = np.full(signals, longest)
    found = len(page_hinkley.page_hinkley(values, lengths, start(signals), K, thresholds, thresholds, **prior))
    assert binom.ppf(0.001, values.size, 1 / 3 / promised) < found <= binom.ppf(0.999, values.size, 1 / promised)


# --- (5) edges ---


@pytest.mark.parametrize("signals", [0, 3])
def test_no_values_change_nothing(signals: int) -> None:
    """Neither no signals nor no values are an error."""
    state = start(signals)
    each = np.ones(signals)
    alarms = page_hinkley.page_hinkley(np.empty((signals, 0)), np.zeros(signals, int), state, K, each, each)
    assert len(alarms) == 0
    assert not state.any()


@pytest.mark.parametrize("prior_weight", [0.0, 100.0])
def test_no_alarm_before_min_count(prior_weight: float) -> None:
    """However far off, the first alarm comes at value MIN_COUNT."""
    values = np.array([0.0] + [1e6] * 40)
    options = {"prior_mean": np.zeros(1), "prior_weight": np.array([prior_weight])}
    assert not len(scan(values[:1], start(1), **options))
    assert not len(scan(values[: MIN_COUNT - 1], start(1), **options))
    assert listed(scan(values, start(1), **options))[0] == (0, MIN_COUNT - 1, MIN_COUNT - 1, 1)


def test_any_array_of_numbers_is_taken() -> None:
    """Lists, other dtypes, layouts and read-only arrays give what the kernel's own kind gives."""
    values = np.round(STREAMS["steps"][:2_000], 3).astype(np.float32).reshape(2, 1_000)
    frozen = values.astype(float)
    frozen.flags.writeable = False
    results = []
    for array in (values.astype(float), values, np.asfortranarray(frozen), frozen, frozen.tolist()):
        results.append(listed(page_hinkley.page_hinkley(array, [1_000, 900], start(2), K, [3, 3], [3, 3])))
    assert results[0]
    assert results == [results[0]] * 5


def test_state_that_could_not_be_updated_is_refused() -> None:
    """A state of another dtype or layout would be copied and its update lost."""
    for state in (start(1).astype(np.float32), np.zeros((1, 2 * FIELDS))[:, ::2], np.frombuffer(pack(start(1)))):
        with pytest.raises(TypeError) as caught:
            scan(np.zeros(1), state)
        text = "state: is not a writable C-contiguous float64 array (as 'start' and 'unpack' return)"
        assert str(caught.value) == text


def test_shapes_that_do_not_fit_are_refused() -> None:
    """A row too few would be read from somebody else's memory."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        scan(np.zeros(1), start(2))
    assert str(caught.value) == "state: has the shape (2, 8) ((1, 8) wanted)"
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        page_hinkley.page_hinkley(np.zeros((1, 4)), np.array([5]), start(1), K, INFINITE, INFINITE)
    assert str(caught.value) == "lengths: are 5 to 5 (0 to 4, the columns of values)"


def test_bytes_of_other_signals_are_refused() -> None:
    """State of another number of signals is never misread."""
    with pytest.raises(StateVersionError) as caught:
        unpack(pack(start(3)), 2)
    assert str(caught.value) == (
        "state of page_hinkley: 192 bytes are not the state of 2 signals (128 bytes); "
        "restore a savepoint of this configuration"
    )


# --- (6) one signature ---


def test_the_kernel_is_compiled_once() -> None:
    """After all of the above there is one compiled version: no caller makes a worker compile while it runs."""
    test_any_array_of_numbers_is_taken()
    assert len(_scan.signatures) == 1
