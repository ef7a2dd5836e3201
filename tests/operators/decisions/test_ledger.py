"""The ledger: exact sums over whole pages, in bounded memory, whatever the order of entries."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from operators.decisions import ledger
from operators.decisions.ledger import page, pages, place, total

SLIDE = 10


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(ledger, "PAGES", 8)


def test_offsets_of_a_span_hold_all_of_it():
    """By topic and partition, from the first to the last of them."""
    known = []
    place(page(known, 10, SLIDE), "t", {0: (5, 9), 1: (2, 3)})
    place(page(known, 20, SLIDE), "t", {0: (9, 12)})
    place(page(known, 20, SLIDE), "u", {0: (1, 2)})
    place(page(known, 30, SLIDE), "t", {0: (12, 20)})
    assert total(pages(known, 0, 20)).offsets == {"t": {0: (5, 12), 1: (2, 3)}, "u": {0: (1, 2)}}
    assert pages(known, 0, 29) == pages(known, 0, 20)


def test_many_slides_take_few_pages(few):
    """The newest stay slides; nothing is lost, and older pages are small against their age."""
    known = []
    for number in range(1, 1001):
        page(known, number * SLIDE, SLIDE).records = 1
    assert len(known) <= 8
    assert total(known).records == 1000
    assert known[-1].end_ms - known[-1].start_ms == SLIDE
    for one in known:
        assert one.end_ms - one.start_ms <= max(SLIDE, 10_000 - one.start_ms)


def test_labels_find_pages_that_were_put_together(few):
    """By the slide in which was predicted, also one without records."""
    known = []
    for number in (1, 2, 4, *range(5, 30)):
        page(known, number * SLIDE, SLIDE).records = 1
    before = len(known)
    page(known, 2 * SLIDE, SLIDE).labelled += 3
    assert len(known) == before
    assert total(known).labelled == 3


@given(st.lists(st.integers(1, 300), min_size=1, max_size=200))
def test_sums_are_those_of_the_slides(ends):
    """Pages lie side by side, and each has what was entered for its slides, whatever came when."""
    known, entered = [], {}
    limit, ledger.PAGES = ledger.PAGES, 8
    try:
        for end in ends:
            page(known, end * SLIDE, SLIDE).records += 1
            entered[end * SLIDE] = entered.get(end * SLIDE, 0) + 1
    finally:
        ledger.PAGES = limit
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(known))
    assert [one.records for one in known] == [
        sum(count for end_ms, count in entered.items() if one.start_ms < end_ms <= one.end_ms) for one in known
    ]
