"""Ledger: which data a model has had, slide by slide, so that a request can name them.

Pages lie side by side, oldest first. When there are more than `PAGES`, the older half of them is put together two by
two, so a page is at most a small part of its age long; sums over whole pages stay exact.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec

# A page takes some 20 bytes of state and 15 more a partition. With fewer, spans of data begin and end more roughly.
PAGES = 512


class Page(msgspec.Struct, array_like=True):
    """The data of a span of time, `start_ms` inclusive, `end_ms` exclusive."""

    start_ms: int
    end_ms: int
    records: int = 0
    labelled: int = 0  # ids predicted in the span that have labels by now
    arrived: int = 0  # labels that came in the span
    offsets: dict[str, dict[int, tuple[int, int]]] = {}  # by topic and partition: the first, and one more than the last


Ledger = list[Page]


def page(ledger: Ledger, end_ms: int, slide_ms: int) -> Page:
    """The page that the slide with this end is on, which is made if there is none.

    >>> ledger = []
    >>> page(ledger, 20, 10).records = 5
    >>> page(ledger, 20, 10).records, page(ledger, 10, 10).records, len(ledger)
    (5, 0, 2)
    """
    at = bisect_left(ledger, end_ms, key=lambda page: page.end_ms)
    if at < len(ledger) and ledger[at].start_ms < end_ms:
        return ledger[at]
    made = Page(end_ms - slide_ms, end_ms)
    ledger.insert(at, made)
    if len(ledger) > PAGES:
        _put_together(ledger, slide_ms)
        return page(ledger, end_ms, slide_ms)
    return made


def place(found: Page, topic: str, offsets: dict[int, tuple[int, int]]) -> None:
    """Widen a page's offsets, so that they hold others as well."""
    known = found.offsets.setdefault(topic, {})
    for partition, (start, end) in offsets.items():
        first, last = known.get(partition, (start, end))
        known[partition] = min(first, start), max(last, end)


def pages(ledger: Ledger, from_ms: int, to_ms: int) -> Ledger:
    """Those that lie within a span."""
    return [page for page in ledger if page.start_ms >= from_ms and page.end_ms <= to_ms]


def total(ledger: Ledger) -> Page:
    """All of some pages, at least one, on one."""
    whole = Page(ledger[0].start_ms, ledger[-1].end_ms)
    for one in ledger:
        whole.records += one.records
        whole.labelled += one.labelled
        whole.arrived += one.arrived
        for topic, offsets in one.offsets.items():
            place(whole, topic, offsets)
    return whole


def _put_together(ledger: Ledger, slide_ms: int) -> None:
    """Put pages of the older half together whose spans are one on a grid of twice the shortest of them."""
    half = len(ledger) // 2
    old, length_ms = ledger[:half], 2 * slide_ms
    # By the grid, so that it does not matter which slides had no records; by the shortest, so that each time some go.
    while len(grouped := _grouped(old, length_ms)) == half:
        length_ms *= 2
    ledger[:half] = [total(group) for group in grouped]


def _grouped(old: Ledger, length_ms: int) -> list[Ledger]:
    groups: dict[int, Ledger] = {}
    for one in old:
        groups.setdefault((one.end_ms - 1) // length_ms, []).append(one)
    return list(groups.values())
