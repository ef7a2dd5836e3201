"""Slides and rings: whatever their form, they count what a plain list of records would."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from operators import moments, sketch
from operators.sketch import Ring, Slide
from tests.operators.signals import unhurried

SIGNALS = 3
SIZE, GROW, LEAST = 5, 20, 60  # milliseconds and records


def codes_of(records: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (records, SIGNALS)).astype(np.uint8)


def counted(codes: np.ndarray) -> np.ndarray:
    return np.array([np.bincount(codes[:, s], minlength=256) for s in range(codes.shape[1])])


@unhurried
@given(st.lists(st.sampled_from([1, 7, 300, 512, 513, 70_000]), min_size=1, max_size=4))
def test_a_slide_counts_its_panes(sizes):
    """All signals at once or one alone, as codes, small or large counts, before and after its bytes."""
    slide, parts = Slide(10), [codes_of(size, seed) for seed, size in enumerate(sizes)]
    for part in parts:
        slide.fold(part, moments.empty(1))
        (slide,) = sketch.unpack(sketch.pack(Ring([slide]))).slides
    whole = np.concatenate(parts)
    assert slide.records == len(whole)
    assert (sketch.count([slide], SIGNALS) == counted(whole)).all()
    assert (slide.row(1, SIGNALS) == counted(whole)[1]).all()


@pytest.mark.parametrize(("records", "form"), [(512, "codes"), (513, "u2"), (65_535, "u2"), (65_536, "u4")])
def test_a_slide_takes_the_form_that_is_smallest(records, form):
    """Codes up to as many records as counts would take bytes for, then counts of two bytes, then of four."""
    slide = Slide(10)
    slide.fold(np.zeros((records, SIGNALS), np.uint8), moments.empty(0))
    assert slide.form == form
    assert slide.row(0, SIGNALS)[0] == records


def test_sums_add_up_and_extremes_stay():
    """Of panes in a slide, and of slides in a window."""
    first, second = Slide(10), Slide(20)
    for slide, low, high in [(first, 1.0, 2.0), (first, 0.5, 1.5), (second, -1.0, 1.0)]:
        sums = np.array([[5, 7, 9, 0, 0]], np.int64)
        sums.view(np.float64)[0, 3:] = low, high
        slide.fold(np.zeros((1, 1), np.uint8), sums)
    found = sketch.sums([first, second], 1)
    assert found[0, :3].tolist() == [15, 21, 27]
    assert found.view(np.float64)[0, 3:].tolist() == [-1.0, 2.0]


class RingMachine(RuleBasedStateMachine):
    """A ring that forgets gives the windows that a list of all slides gives."""

    def __init__(self):
        super().__init__()
        self.ring, self.all, self.now = Ring(), [], 0

    @rule(after=st.integers(1, 12), records=st.integers(1, 70))
    def push(self, after, records):
        """A slide some time after the last one."""
        self.now += after
        slide = Slide(self.now, records)
        self.all.append(slide)
        self.ring.push(slide, SIZE, GROW, LEAST)

    @rule()
    def restart(self):
        """Through bytes."""
        self.ring = sketch.unpack(sketch.pack(self.ring))

    @invariant()
    def windows_are_those_of_the_naive_model(self):
        """Now and at any later time."""
        for later in range(30):
            window = self.ring.window(self.now + later, SIZE, GROW, LEAST)
            assert [slide.end_ms for slide in window] == naive_window(self.all, self.now + later)

    @invariant()
    def it_forgets(self):
        """No more slides than a window can span."""
        assert len(self.ring.slides) <= GROW


def naive_window(slides, end):
    """Ends of the slides in the window: those within its size, older ones while there are too few records."""
    size = SIZE
    while True:
        taken = [slide for slide in slides if end - size < slide.end_ms <= end]
        if sum(slide.records for slide in taken) >= LEAST or size >= GROW:
            break
        size += 1
    ends = [slide.end_ms for slide in taken]
    silent = bool(ends) and end - ends[-1] >= SIZE and end - ends[-1] > ends[-1] - ends[0]
    return [] if silent else ends


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def test_an_empty_ring():
    """Has no bytes and no window."""
    assert sketch.unpack(b"") == Ring()
    assert Ring().window(10, SIZE, GROW, LEAST) == []


@pytest.mark.parametrize(("records", "ago"), [(0, 20), (5, 15), (10, 10), (12, 5 - 1), (30, -5), (31, None)])
def test_when_so_many_records_ago_was(records, ago):
    """Two slides of ten milliseconds, with 10 and 20 records, that ended at 5 and 20."""
    assert Ring([Slide(5, 20), Slide(20, 10)]).ago(records, 10) == ago
