from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding import chunks
from operators.encoding.chunks import LIMIT, Pane
from operators.sketches import moments
from schemas.errors import StateVersionError
from tests.operators.signals import unhurried

PANE_MS = 10_000
END_MS = 1_767_225_600_000
SIGNALS, RAW, NUMERIC = 3, 2, 2

ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, PANE_MS - 1), st.integers(0, 1)),
        st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32, 2**32 + 1, 2**63])),
        st.tuples(*[st.integers(0, 255)] * SIGNALS),
        st.tuples(*[st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf"), 1e-310])] * RAW),
    ),
    min_size=1,
    max_size=30,
)


def chunk(rows, end_ms=END_MS, meaning=7):
    times, hashes, codes, raw = zip(*rows, strict=True)
    data = chunks.rows(
        np.array(times, np.int64), np.array(hashes, np.uint64), np.array(codes, np.uint8), np.array(raw, np.float64)
    )
    return chunks.encode(end_ms, meaning, SIGNALS, RAW, NUMERIC, len(rows), sums(rows).tobytes(), data.tobytes())


def sums(rows):
    """Any sums that add up: here of codes."""
    total = moments.empty(NUMERIC)
    total[:, moments.TOTAL] = sum(codes[0] for _, _, codes, _ in rows)
    total.view(np.float64)[:, moments.LEAST] = min(time for time, *_ in rows)
    total.view(np.float64)[:, moments.LARGEST] = max(time for time, *_ in rows)
    return total


def bits(pane: Pane):
    return pane.end_ms, pane.times_ms.tolist(), pane.codes.tolist(), pane.sums.tolist(), pane.raw.tobytes()


@unhurried
@given(ROWS, st.data())
def test_one_pane_however_it_was_cut(rows, data):
    """Records shuffled, cut into chunks anywhere, and chunks in any order: the same pane to the bit."""
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted({0, len(rows), *data.draw(st.sets(st.integers(0, len(rows))))})
    parts = [chunk(shuffled[a:b]) for a, b in itertools.pairwise(cuts)]
    together = chunks.decode(data.draw(st.permutations(parts)), PANE_MS)
    assert bits(together) == bits(chunks.decode([chunk(rows)], PANE_MS))


@unhurried
@given(ROWS)
def test_order_of_records(rows):
    """Records stand in the order of time, hash, codes and raw values, as a sort of Python's has it."""
    pane = chunks.decode([chunk(rows)], PANE_MS)
    ordered = sorted(rows, key=lambda r: (r[0], r[1], bytes(r[2]), np.array(r[3], "<f8").tobytes()))
    assert pane.end_ms == END_MS
    assert pane.times_ms.tolist() == [END_MS - PANE_MS + time for time, *_ in ordered]
    assert pane.codes.tolist() == [list(codes) for _, _, codes, _ in ordered]
    assert pane.raw.tobytes() == np.array([raw for *_, raw in ordered], "<f8").tobytes()
    assert pane.sums.tobytes() == sums(rows).tobytes()
    assert len(pane) == len(rows)


def test_arrays_fit_the_kernels():
    """Arrays are contiguous and may be written to, whether or not records had to be sorted: one kernel serves all."""
    in_order = [(1, 1, (0, 0, 0), (0.0, 0.0)), (2, 1, (0, 0, 0), (0.0, 0.0))]
    for rows in (in_order, in_order[::-1], in_order[:1]):
        pane = chunks.decode([chunk(rows)], PANE_MS)
        for array in (pane.times_ms, pane.codes, pane.sums, pane.raw):
            assert array.flags.c_contiguous
            assert array.flags.writeable


def test_without_raw_values_and_numbers():
    """Signals that are all categories, none of them raw."""
    data = chunks.rows(np.array([5]), np.array([1], np.uint64), np.array([[3]], np.uint8), np.empty((1, 0)))
    pane = chunks.decode([chunks.encode(END_MS, 7, 1, 0, 0, 1, b"", data.tobytes())], PANE_MS)
    assert bits(pane) == (END_MS, [END_MS - PANE_MS + 5], [[3]], [], b"")
    assert pane.raw.shape == (1, 0)


def test_times_before_1970():
    """The end of a pane may be negative."""
    pane = chunks.decode([chunk([(3, 1, (0, 0, 0), (0.0, 0.0))], end_ms=-PANE_MS)], PANE_MS)
    assert pane.times_ms.tolist() == [-2 * PANE_MS + 3]


def test_the_bytes():
    """The layout of the docstring, byte by byte: it is state, and other releases read it."""
    data = chunks.rows(np.array([258]), np.array([1], np.uint64), np.array([[9, 8]], np.uint8), np.array([[1.0]]))
    made = chunks.encode(END_MS, 0xABCD, 2, 1, 1, 1, np.array([1, 2, 3, 4, 5]).tobytes(), data.tobytes())
    assert made.hex(" ", 4) == bytes.fromhex(
        "01 00 0200 0100 0100 01000000 00a8da769b010000 cdab0000"
        "0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000"
        "02010000 0100000000000000 09 08 000000000000f03f"
    ).hex(" ", 4)
    assert chunks.pane_end(made) == END_MS
    assert len(made) == chunks.overhead(1) + data.shape[1]
    assert len(made) < LIMIT


def test_chunks_coded_by_another_profile():
    """Codes of another profile are told from those that mean what they mean now."""
    rows = [(1, 1, (0, 0, 0), (0.0, 0.0))]
    old, new = chunk(rows, meaning=7), chunk(rows, meaning=8)
    assert chunks.with_meaning([old, new, old], 8) == [new]


def test_a_chunk_of_another_release():
    """What another release wrote is refused, not misread."""
    other = b"\2" + chunk([(1, 1, (0, 0, 0), (0.0, 0.0))])[1:]
    with pytest.raises(StateVersionError) as raised:
        chunks.decode([other], PANE_MS)
    assert str(raised.value) == "chunk of a pane: format 2 is not what this release reads (1); use the same release"
