"""Slides and rings: whatever their form, they count what a plain list of records would."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from operators.encoding.unnamed import merged
from operators.sketches import moments, sketch
from operators.sketches.sketch import LEVEL, Ring, Slide
from schemas.errors import StateVersionError
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


@pytest.mark.parametrize(("records", "form"), [(512, "codes"), (513, "counts"), (100_000, "counts")])
def test_a_slide_takes_the_form_that_is_smallest(records, form):
    """Codes of few records; counts of more, which take a few bytes where most records have the same code."""
    slide = Slide(10)
    slide.fold(np.zeros((records, SIGNALS), np.uint8), moments.empty(0))
    assert slide.form == form
    assert slide.row(0, SIGNALS)[0] == records
    assert len(slide.data) == 512 * SIGNALS if form == "codes" else len(slide.data) <= 7 * SIGNALS


def test_counts_of_other_signals_are_refused():
    """A slide that was made for more signals is not read as one of fewer."""
    slide = Slide(10)
    slide.fold(codes_of(600, 1), moments.empty(0))
    with pytest.raises(StateVersionError, match="are not counts of 2 signals"):
        sketch.count([slide], SIGNALS - 1)


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
        self.ring, self.with_before, self.all, self.now = Ring(), Ring(), [], 0

    @rule(after=st.integers(1, 12), records=st.integers(1, 70))
    def push(self, after, records):
        """A slide some time after the last one."""
        self.now += after
        slide = Slide(self.now, records)
        self.all.append(slide)
        self.ring.push(slide, SIZE, GROW, LEAST)
        self.with_before.push(slide, SIZE, GROW, LEAST, 2 * SIZE)

    @rule()
    def restart(self):
        """Through bytes."""
        self.ring = sketch.unpack(sketch.pack(self.ring))
        self.with_before = sketch.unpack(sketch.pack(self.with_before))

    @invariant()
    def windows_are_those_of_the_naive_model(self):
        """Now and at any later time; and so is the span before each."""
        for later in range(30):
            end = self.now + later
            expected = naive_window(self.all, end)
            for ring in (self.ring, self.with_before):
                window = ring.window(end, SIZE, GROW, LEAST)
                assert [slide.end_ms for slide in window] == expected
            start = min([end - SIZE, *(one - 1 for one in expected)])
            before = self.with_before.before(start, 2 * SIZE, GROW, LEAST)
            older = [slide for slide in self.all if slide.end_ms <= start]
            assert [slide.end_ms for slide in before] == naive_window(older, start, 2 * SIZE)

    @invariant()
    def it_forgets(self):
        """No more slides than a window can span, and what is before it."""
        assert len(self.ring.slides) <= GROW
        assert len(self.with_before.slides) <= 2 * GROW


def naive_window(slides, end, size=SIZE):
    """Ends of the slides in the window: those within its size, older ones while there are too few records."""
    silence = size
    while True:
        taken = [slide for slide in slides if end - size < slide.end_ms <= end]
        if sum(slide.records for slide in taken) >= LEAST or size >= GROW:
            break
        size += 1
    ends = [slide.end_ms for slide in taken]
    silent = bool(ends) and end - ends[-1] >= silence and end - ends[-1] > ends[-1] - ends[0]
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


LENGTH = 5  # milliseconds of a slide
LONG, LONGER, ENOUGH, PREVIOUS = 1_000 * LENGTH, 5_000 * LENGTH, 20_000, 2_000 * LENGTH


class LevelsMachine(RuleBasedStateMachine):
    """A ring that merges old slides counts what one does that keeps them all."""

    def __init__(self):
        super().__init__()
        self.ring, self.all, self.now = Ring(), [], 0

    @rule(after=st.sampled_from([1, 1, 1, 2, 30]), records=st.sampled_from([1, 9, 600]), times=st.integers(1, 150))
    def push(self, after, records, times):
        """Slides some time after the last one, some with names that the reference lacks."""
        for _ in range(times):
            self.now += after * LENGTH
            slide = Slide(self.now)
            names = {2: [(self.now * 7919 % 1_009, f"n{self.now % 3}")]} if self.now % 2 else None
            slide.fold(codes_of(records, self.now % 50), np.full((1, 5), 3, np.int64), names)
            self.all.append(slide)
            self.ring.push(slide, LONG, LONGER, ENOUGH, PREVIOUS)
            self.ring.coarsen(LENGTH, SIGNALS)

    @rule()
    def restart(self):
        """Through bytes."""
        self.ring = sketch.unpack(sketch.pack(self.ring))

    @invariant()
    def windows_count_the_span_that_they_say(self):
        """Now and later, whether they had to grow or not: counts, sums, records and names."""
        for later in (0, 1, 100, 900):
            end = self.now + later * LENGTH
            window = self.ring.window(end, LONG, LONGER, ENOUGH)
            if not window:
                continue
            start = window[0].start_ms(LENGTH)
            single = [slide for slide in self.all if slide.end_ms > start]
            assert sum(slide.records for slide in window) == sum(slide.records for slide in single)
            assert (sketch.count(window, SIGNALS) == sketch.count(single, SIGNALS)).all()
            assert (sketch.sums(window, 1) == sketch.sums(single, 1)).all()
            assert merged(slide.names for slide in window) == merged(slide.names for slide in single)
            before = self.ring.before(start, PREVIOUS, LONGER, ENOUGH)
            if before:
                older = [slide for slide in self.all if before[0].start_ms(LENGTH) < slide.end_ms <= start]
                assert (sketch.count(before, SIGNALS) == sketch.count(older, SIGNALS)).all()

    @invariant()
    def windows_begin_where_they_should(self):
        """At most 1/LEVEL of their length before, and never after, what a ring without levels would take."""
        exact = Ring(self.all).window(self.now, LONG, LONGER, ENOUGH)
        found = self.ring.window(self.now, LONG, LONGER, ENOUGH)
        if exact:
            begins, wanted = found[0].start_ms(LENGTH), exact[0].start_ms(LENGTH)
            assert begins <= wanted
            assert wanted - begins <= (self.now - wanted) / LEVEL

    @invariant()
    def slides_are_few(self):
        """New ones are as they were; of the others none is longer than a part of its age, and none overlap."""
        found = self.ring.slides
        assert len(found) <= sum(sketch.most_slides(2 * LONGER, LENGTH))
        for slide in found:
            length = slide.end_ms - slide.start_ms(LENGTH)
            assert length == LENGTH or LEVEL * length <= self.now - slide.end_ms
        assert all(one.end_ms <= other.start_ms(LENGTH) for one, other in pairwise(found))


TestLevels = LevelsMachine.TestCase
TestLevels.settings = settings(max_examples=20, stateful_step_count=10, deadline=None)


@unhurried
@given(st.lists(st.sampled_from([1, 1, 1, 1, 2, 40]), min_size=1, max_size=600), st.integers(0, 600))
def test_it_does_not_matter_when_slides_are_merged(gaps, restart):
    """All at once, or little by little, with a restart somewhere."""
    ends = np.cumsum(gaps) * LENGTH
    slides = []
    for end in ends.tolist():
        slides.append(Slide(end))
        slides[-1].fold(codes_of(1, end), np.zeros((1, 5), np.int64))
    ring = Ring()
    for number, slide in enumerate(slides):
        ring.push(slide, 10**9, 10**9, 1)
        ring.coarsen(LENGTH, SIGNALS)
        if number == restart:
            ring = sketch.unpack(sketch.pack(ring))
    again = Ring([*slides])
    again.coarsen(LENGTH, SIGNALS)
    assert again == ring


def test_few_slides_stay_as_they_are():
    """Up to 64 of them: those of most configurations."""
    ring = Ring([Slide(end, 1) for end in range(LENGTH, 65 * LENGTH, LENGTH)])
    before = [*ring.slides]
    ring.coarsen(LENGTH, SIGNALS)
    assert ring.slides == before


def test_most_slides():
    """As many as there are of a span in which every slide has records, give or take one of each length."""
    for slides in (1, 12, 64, 66, 100, 1_000):
        ring = Ring()
        for end in range(LENGTH, 3_000 * LENGTH, LENGTH):
            ring.push(Slide(end, 1, data=b"a", sums=bytes(40)), slides * LENGTH, 0, 1)
            ring.coarsen(LENGTH, 1)
            assert len(ring.slides) <= sum(sketch.most_slides(slides * LENGTH, LENGTH))
        assert len(ring.slides) >= sum(sketch.most_slides(slides * LENGTH, LENGTH)) - 2 * len(bin(slides))


def test_when_so_many_records_ago_was_in_a_merged_slide():
    """Its records are taken as evenly spread over all of it."""
    assert Ring([Slide(40, 10, span_ms=40)]).ago(5, 5) == 20


def test_slides_of_an_earlier_release_are_of_one_length():
    """Those that it wrote had nothing to say of that, nor of names."""
    for old in ([10, 2, "codes", b"ab", b""], [10, 2, "codes", b"ab", b"", {}]):
        assert sketch.unpack(msgspec.msgpack.encode([old])).slides[0].start_ms(5) == 5
