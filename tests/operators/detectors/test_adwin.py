"""ADWIN: as river's, as the paper's, and what follows from the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.drift import ADWIN as RiverAdwin
from scipy.stats import poisson

from operators.detectors import Alarms, adwin
from operators.detectors.adwin import CLOCK, FIELDS, GRACE, TOTAL, VARIANCE, WIDTH, pack, start, unpack
from schemas.errors import StateVersionError
from tests.operators.detectors.streams import drawn, oracle, panes, seeded, unhurried
from tests.oracles.adwin import Adwin

STREAMS = seeded()


def scan(values: np.ndarray, state: np.ndarray, delta: float = 0.002, keep: bool = True) -> Alarms:
    """Follow one signal."""
    return adwin.adwin(values[np.newaxis], np.array([len(values)]), state, np.array([delta]), keep)


def listed(alarms: Alarms) -> list[tuple[int, int, int, int]]:
    columns = alarms.signal, alarms.position, alarms.since, alarms.direction
    return list(zip(*(column.tolist() for column in columns), strict=True))


# --- (1) parity ---


@pytest.mark.parametrize("delta", [0.002, 0.9])
@pytest.mark.parametrize("name", STREAMS)
def test_alarms_and_state_equal_rivers(name: str, delta: float) -> None:
    """Emptied after each alarm, the window alarms where river's does, with the same sums on the way, bit for bit."""
    river = RiverAdwin(delta=delta)
    state = start(1)
    values = STREAMS[name]
    for begin in range(0, len(values), 97):
        pane = values[begin : begin + 97]
        expected = []
        for position, value in enumerate(pane):
            river.update(float(value))
            if river.drift_detected:
                expected.append(position)
        assert scan(pane, state, delta, keep=False).position.tolist() == expected
        if river.drift_detected:  # river clears its state at the value after an alarm
            assert state.tobytes() == start(1).tobytes()
        else:
            assert state[0, [WIDTH, TOTAL, VARIANCE]].tolist() == [river.width, river.total, river.variance]


@pytest.mark.parametrize("name", ["step", "steps", "bernoulli", "walk", "lognormal", "spiky"])
def test_what_is_kept_equals_rivers_before_it_forgets(name: str) -> None:
    """At the first alarm the kept window is as long as the one that river cuts and then throws away."""
    values = STREAMS[name]
    river = RiverAdwin()
    read = 0
    while not river.drift_detected:
        river.update(float(values[read]))
        read += 1
    state = start(1)
    assert scan(values[:read], state).position.tolist() == [read - 1]
    assert state[0, WIDTH] == river.width
    # River subtracts what it drops, we add up what is left: the same but for the rounding of the whole window.
    scale = np.abs(values[:read]).sum()
    assert abs(state[0, TOTAL] - river.total) <= 1e-13 * scale
    assert abs(state[0, VARIANCE] - river.variance) <= 1e-13 * scale * scale


@pytest.mark.parametrize(
    ("stream", "name", "key"),
    [
        ("oracle_river_stream1.txt", "river_ADWIN", "expected"),
        ("oracle_river_multi.txt", "river_ADWIN_multi", "expected"),
        ("oracle_river_stream2.txt", "river_ADWIN_stream2", "expected_rerun_0.26.1"),
    ],
)
def test_alarms_are_those_that_rivers_tests_expect(stream: str, name: str, key: str) -> None:
    """The streams of river's own regression tests give the alarms written down there."""
    values, expected = oracle(stream, name)
    assert scan(values, start(1), keep=False).position.tolist() == expected[key]


# --- (2) twin ---


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("delta", [2e-5, 0.5])
@pytest.mark.parametrize("name", STREAMS)
def test_equals_the_twin(name: str, delta: float, keep: bool) -> None:
    """Alarms and state equal those of a plain list of buckets where every border is tried exactly."""
    values = STREAMS[name][1_000:]
    twin = Adwin(delta, keep)
    found = [(i, twin.update(value)) for i, value in enumerate(values.tolist())]
    state = start(1)
    assert listed(scan(values, state, delta, keep)) == [(0, i, *alarm) for i, alarm in found if alarm is not None]
    assert state[0, [WIDTH, TOTAL, VARIANCE]].tolist() == [twin.width, twin.total, twin.variance]
    totals, variances = np.split(state[0, adwin.TOTALS :].reshape(-1, adwin.SLOTS), 2)
    counts = state[0, adwin.COUNTS : adwin.TOTALS].astype(int)
    occupied = [(r, j) for r in reversed(range(adwin.MAX_ROWS)) for j in range(counts[r])]
    buckets = [(2**r, totals[r, j], variances[r, j]) for r, j in occupied]
    assert buckets == twin.buckets


@unhurried
@given(values=drawn(), far=st.sampled_from([0.0, 1e6, 1e15]), delta=st.floats(1e-6, 1.0), keep=st.booleans())
def test_no_border_is_ruled_out_wrongly(values: np.ndarray, far: float, delta: float, keep: bool) -> None:
    """Where rounding decides, far from 0, the borders that were ruled out coarsely are those that fail exactly."""
    twin = Adwin(delta, keep)
    found = [(i, twin.update(value)) for i, value in enumerate((values + far).tolist())]
    expected = [(0, i, *alarm) for i, alarm in found if alarm is not None]
    assert listed(scan(values + far, start(1), delta, keep)) == expected


@pytest.mark.parametrize("name", ["steps", "walk", "spiky"])
def test_compiled_equals_interpreted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled kernels give what Python makes of the same lines."""
    values = STREAMS[name][:2_000]
    state = start(1)
    compiled = listed(scan(values, state, 0.1)), pack(state)
    for kernel in ("_scan", "_insert", "_compress", "_shrink", "_cut", "_drop_oldest", "_words", "_pack", "_unpack"):
        monkeypatch.setattr(adwin, kernel, getattr(adwin, kernel).py_func)
    state = start(1)
    assert (listed(scan(values, state, 0.1)), pack(state)) == compiled
    assert pack(unpack(compiled[1], 1)) == compiled[1]


# --- (3) properties ---


@unhurried
@given(values=drawn(), keep=st.booleans(), data=st.data())
def test_panes_do_not_matter(values: np.ndarray, keep: bool, data: st.DataObject) -> None:
    """Cut into panes anywhere, and packed in between, a stream gives the same alarms and the same state."""
    whole, state = start(1), start(1)
    expected = listed(scan(values, whole, keep=keep))
    found = []
    for pane in data.draw(panes(len(values))):
        state = unpack(pack(state), 1)
        alarms = listed(scan(values[pane], state, keep=keep))
        found += [(s, i + pane.start, since, way) for s, i, since, way in alarms]
    assert found == expected
    assert pack(state) == pack(whole)


@unhurried
@given(values=drawn(), keep=st.booleans())
def test_rises_are_falls_of_the_negated(values: np.ndarray, keep: bool) -> None:
    """The negation of a stream gives the same alarms with the other direction."""
    expected = [(s, i, since, -way) for s, i, since, way in listed(scan(values, start(1), keep=keep))]
    assert listed(scan(-values, start(1), keep=keep)) == expected


@unhurried
@given(rows=st.lists(drawn(), min_size=1, max_size=5), keep=st.booleans())
def test_signals_do_not_influence_each_other(rows: list[np.ndarray], keep: bool) -> None:
    """Each of several signals, of any lengths and with its own delta, gets the alarms that it gets alone."""
    lengths = np.array([len(row) for row in rows])
    values = np.full((len(rows), lengths.max()), np.nan)
    for s, row in enumerate(rows):
        values[s, : len(row)] = row
    delta = np.geomspace(1e-5, 1.0, len(rows))
    expected = []
    for s, row in enumerate(rows):
        expected += [(s, *alarm[1:]) for alarm in listed(scan(row, start(1), delta[s], keep))]
    state = start(len(rows))
    assert listed(adwin.adwin(values, lengths, state, delta, keep)) == expected
    assert pack(unpack(pack(state), len(rows))) == pack(state)


@unhurried
@given(values=drawn(longest=2_000))
def test_the_window_holds_what_it_says(values: np.ndarray) -> None:
    """The buckets hold WIDTH values, the last of the stream, and a row never more than 5 buckets."""
    state = start(1)
    scan(values, state)
    counts = state[0, adwin.COUNTS : adwin.TOTALS]
    width = int(state[0, WIDTH])
    assert counts.max() <= adwin.MAX_BUCKETS
    assert width == (counts * 2.0 ** np.arange(adwin.MAX_ROWS)).sum() <= len(values)
    # Added up in another order: a few units in the last place of the sum of magnitudes.
    assert abs(state[0, TOTAL] - values[-width:].sum()) <= 1e-13 * np.abs(values).sum()


# --- (4) meaning ---


@pytest.mark.parametrize("value", [0.0, 0.7, -1e9])
def test_a_constant_is_silent(value: float) -> None:
    """A stream that never changes never alarms, however long, and its window holds all of it."""
    state = start(1)
    assert not len(scan(np.full(100_000, value), state, 1.0))
    assert state[0, WIDTH] == 100_000


def test_a_shift_is_found_where_it_began() -> None:
    """A shift of uniform ranks by one standard deviation is found within 128 values, and dated to within 32."""
    rng = np.random.default_rng(1)
    values = rng.random((200, 5_400))
    values[:, 5_000:] += 0.289
    alarms = adwin.adwin(values, np.full(200, 5_400), start(200), np.full(200, 1e-4), True)
    first = np.unique(alarms.signal, return_index=True)[1]
    assert alarms.signal[first].tolist() == list(range(200))
    assert set(alarms.direction[first].tolist()) == {1}
    assert 5_000 < np.quantile(alarms.position[first], 0.95) < 5_128
    begun = alarms.position[first] - alarms.since[first] + 1
    assert np.quantile(np.abs(begun - 5_000), 0.9) <= 32


def test_what_is_kept_is_recent() -> None:
    """After a change the window ends up with values after it, and its mean is theirs."""
    rng = np.random.default_rng(2)
    values = rng.random(8_000)
    values[4_000:] += 1.0
    state = start(1)
    scan(values, state, 1e-4)
    assert 4_000 - CLOCK <= state[0, WIDTH] <= 4_000 + CLOCK
    assert abs(state[0, TOTAL] / state[0, WIDTH] - values[4_000:].mean()) < 0.01


@pytest.mark.parametrize("level", [1e8, 1e10, 1e12])
def test_what_is_dropped_leaves_no_rounding_behind(level: float) -> None:
    """A shift by one standard deviation is found after a level beside which that is nothing in floats."""
    values = np.random.default_rng(3).normal(size=6_000)
    values[:1_000] += level
    values[4_000:] += 1.0
    found = scan(values, start(1), 1e-4)
    first = np.flatnonzero(found.position > 2_000)[0]
    assert 4_000 < found.position[first] < 4_100
    assert found.direction[first] == 1


@pytest.mark.parametrize("delta", [0.1, 0.3, 1.0])
def test_false_alarms_are_as_measured(delta: float) -> None:
    """On uniform ranks the rate is 2.2e-4 delta^1.42 a value, from which the budget's delta is computed."""
    rng = np.random.default_rng(4)
    signals, longest, blocks = 22, 16_384, 40
    state = start(signals)
    lengths, deltas = np.full(signals, longest), np.full(signals, delta)
    found = sum(len(adwin.adwin(rng.random((signals, longest)), lengths, state, deltas, False)) for _ in range(blocks))
    expected = 2.2e-4 * delta**1.42 * signals * longest * blocks
    # The measured rates lie up to 14 % beside the fit.
    assert poisson.ppf(0.001, 0.86 * expected) <= found <= poisson.ppf(0.999, 1.14 * expected)


def test_a_kept_window_tells_the_same_stories() -> None:
    """Where the window is kept a false alarm is often repeated at the next checks; stories are as many as measured."""
    rng = np.random.default_rng(5)
    signals, longest = 22, 400_000
    alarms = adwin.adwin(
        rng.random((signals, longest)), np.full(signals, longest), start(signals), np.full(signals, 0.1), True
    )
    apart = np.diff(alarms.position + alarms.signal * 10 * longest, prepend=-longest) > 2_000
    expected = 2.2e-4 * 0.1**1.42 * signals * longest
    assert poisson.ppf(0.001, 0.86 * expected) <= apart.sum() <= poisson.ppf(0.999, 1.14 * expected)
    assert apart.sum() < len(alarms) < 3 * apart.sum()


# --- (5) edges ---


@pytest.mark.parametrize("signals", [0, 3])
def test_no_values_change_nothing(signals: int) -> None:
    """Neither no signals nor no values are an error."""
    state = start(signals)
    alarms = adwin.adwin(np.empty((signals, 0)), np.zeros(signals, int), state, np.ones(signals), True)
    assert len(alarms) == 0
    assert state.tobytes() == start(signals).tobytes()
    assert pack(unpack(pack(state), signals)) == pack(state)


def test_a_window_in_its_grace_is_not_checked() -> None:
    """The first check comes at value CLOCK; one value and a window of GRACE values never alarm."""
    values = np.repeat([0.0, 1e6], [CLOCK // 2, CLOCK])
    assert not len(scan(values[:1], start(1)))
    assert not len(scan(values[: CLOCK - 1], start(1)))
    assert not len(scan(values[CLOCK // 2 :][:GRACE], start(1)))
    assert listed(scan(values, start(1), keep=False)) == [(0, CLOCK - 1, CLOCK // 2, 1)]


def test_any_array_of_numbers_is_taken() -> None:
    """Lists, other dtypes, layouts and read-only arrays give what the kernel's own kind gives."""
    values = np.round(STREAMS["steps"][:2_000], 3).astype(np.float32).reshape(2, 1_000)
    frozen = values.astype(float)
    frozen.flags.writeable = False
    results = []
    for array in (values.astype(float), values, np.asfortranarray(frozen), frozen, frozen.tolist()):
        state = start(2)
        results.append((listed(adwin.adwin(array, [1_000, 900], state, [0.1, 1], True)), pack(state)))
    assert results[0][0]
    assert results == [results[0]] * 5


def test_state_that_could_not_be_updated_is_refused() -> None:
    """A state of another dtype or layout would be copied and its update lost."""
    frozen = start(1)
    frozen.flags.writeable = False
    for state in (start(1).astype(np.float32), np.zeros((1, 2 * FIELDS))[:, ::2], frozen):
        with pytest.raises(TypeError) as caught:
            scan(np.zeros(1), state)
        text = "state: is not a writable C-contiguous float64 array (as 'start' and 'unpack' return)"
        assert str(caught.value) == text


@pytest.mark.parametrize("delta", [-0.1, 1.5, np.nan])
def test_delta_out_of_range_is_refused(delta: float) -> None:
    """Beyond 1 the bound is no bound."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        scan(np.zeros(1), start(1), delta)
    assert str(caught.value) == f"delta: is {delta} to {delta} (0 to 1)"


def test_a_delta_of_0_never_alarms() -> None:
    """A signal that has no share of the budget is followed, and silent."""
    state = start(1)
    assert not len(scan(STREAMS["walk"], state, 0.0))
    assert state[0, WIDTH] == len(STREAMS["walk"])


def test_bytes_of_something_else_are_refused() -> None:
    """Cut, lengthened or foreign bytes are never misread, wherever they end."""
    state = start(2)
    adwin.adwin(STREAMS["uniform"].reshape(2, -1), np.full(2, 3_000), state, np.full(2, 1e-4), True)
    data = pack(state)
    assert len(data) < 1_600
    wrong = [data[:end] for end in range(len(data))] + [data + bytes(8), b"\xff" * len(data), bytes(len(data))]
    for some in wrong:
        with pytest.raises(StateVersionError) as caught:
            unpack(some, 2)
        assert str(caught.value) == (
            f"state of adwin: {len(some)} bytes are not the state of 2 signals; "
            "restore a savepoint of this configuration"
        )


# --- (6) one signature ---


def test_the_kernels_are_compiled_once() -> None:
    """After all of the above there is one compiled version: no caller makes a worker compile while it runs."""
    test_any_array_of_numbers_is_taken()
    assert [len(kernel.signatures) for kernel in (adwin._scan, adwin._pack, adwin._unpack)] == [1, 1, 1]
