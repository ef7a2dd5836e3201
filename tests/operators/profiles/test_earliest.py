from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.profiles.earliest import Earliest


@given(st.lists(st.lists(st.integers(-5, 5), max_size=8), max_size=8), st.integers(1, 20))
def test_the_earliest_are_kept_in_order(pieces: list[list[int]], limit: int) -> None:
    """As sorting all of them would give, of equal times those that came first."""
    earliest = Earliest(2, limit)
    seen = []
    for piece in pieces:
        times = np.array(piece, np.int64)
        rows = np.column_stack([times, len(seen) + np.arange(len(piece))]).astype(np.float64).reshape(-1, 2)
        seen += rows.tolist()
        wanted = earliest.wants(times)
        earliest.add(times[wanted], rows[wanted])
    assert earliest.records().tolist() == sorted(seen, key=lambda row: row[0])[:limit]
