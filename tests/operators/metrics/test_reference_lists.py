"""Lists of reference data are the same in whichever pieces they come, and bounded."""

from __future__ import annotations

import numpy as np
import pytest

from config.plan import MetricPlan
from operators.metrics.lists import each_of, sums_of
from operators.metrics.reference_lists import NUMBERS, ReferenceLists

METRICS = (MetricPlan(name="ndcg"), MetricPlan(name="hit_rate", k=1))


def drawn(rng, items: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, segments and times of items, whose groups come in any order."""
    groups = np.floor(rng.random(items // 5) * NUMBERS)[rng.integers(0, items // 5, items)]
    values = np.column_stack([rng.random(items), groups, rng.random(items) < 0.4])
    return values, rng.integers(0, 3, items), rng.integers(0, 10**6, items)


def test_pieces():
    """Sums of all and of segments do not depend on how items come; series are in the order of first items."""
    values, codes, times = drawn(np.random.default_rng(1), 5_000)
    known = ReferenceLists(1)
    for start in range(0, 5_000, 700):
        part = slice(start, start + 700)
        known.add(values[part], [codes[part]], times[part])
    assert known.sums(METRICS).lists == sums_of(values, METRICS)
    parts = known.by_segment(0, METRICS)
    assert {code: part.lists for code, part in parts.items()} == {
        code: sums_of(values[codes == code], METRICS) for code in range(3)
    }
    first = {group: times[values[:, 1] == group].min() for group in np.unique(values[:, 1])}
    numbers, found = each_of(values, METRICS[1])
    in_order = [value for _, value in sorted(zip([first[one] for one in numbers], found, strict=True))]
    assert known.series(METRICS[1]).tolist() == pytest.approx(in_order)


def test_most():
    """Of more items than are kept some groups are left out, whole; which does not depend on the pieces."""
    values, codes, times = drawn(np.random.default_rng(2), 20_000)
    one, pieces = ReferenceLists(1, most=6_000), ReferenceLists(1, most=6_000)
    one.add(values, [codes], times)
    for start in range(0, 20_000, 900):
        part = slice(start, start + 900)
        pieces.add(values[part], [codes[part]], None)
    kept = values[values[:, 1] < NUMBERS / 4]
    assert 3_000 < len(kept) <= 6_000
    assert one.sums(METRICS) == pieces.sums(METRICS)
    assert one.sums(METRICS).lists == sums_of(kept, METRICS)


def test_nothing():
    """Without an item there is no list."""
    assert ReferenceLists(0).sums(METRICS).labels == 0
