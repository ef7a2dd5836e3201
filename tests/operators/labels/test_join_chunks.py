"""Chunks for the join: what goes in comes out, and what another release wrote is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from config.plan import LabelsPlan
from operators.labels import join_chunks
from operators.labels.join_chunks import LABELS, PREDICTIONS, Rows, cut_chunks, decode
from schemas.errors import StateVersionError

PLAN = LabelsPlan(within_ms=1)


def given(hashes, times_ms):
    """Rows without data."""
    return Rows(hashes, times_ms, np.empty((len(hashes), 0), np.uint8))


@drawn(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 49)), min_size=1))
def test_round_trip(given_rows):
    """Every row is in the chunk of its bucket and pane, once, and stands on one of its batch's rows."""
    hashes, times_ms = (
        np.array(column, kind) for column, kind in zip(zip(*given_rows, strict=True), "Qq", strict=True)
    )
    found = []
    for entry in cut_chunks(PREDICTIONS, "m", PLAN, given(hashes, times_ms), np.arange(len(hashes)) + 5, 10):
        pane = decode([entry.data], 10)
        assert pane.end_ms == entry.pane_end_ms
        assert not len(pane.labels.hashes)
        (part,) = pane.predictions
        rows = list(zip(part.rows.hashes.tolist(), part.rows.times_ms.tolist(), strict=True))
        assert {f"j|m|{one % 16}" for one, _ in rows} == {entry.key}
        assert {time - time % 10 + 10 for _, time in rows} == {pane.end_ms}
        assert given_rows[entry.row - 5] in rows
        found += rows
    assert sorted(found) == sorted(given_rows)


def test_long_batches_are_cut():
    """No chunk has more rows than it may, and none is lost."""
    count = 2 * join_chunks.MOST + 1
    hashes, times_ms = np.zeros(count, np.uint64), np.zeros(count, np.int64)
    parts = [entry.data for entry in cut_chunks(LABELS, "m", PLAN, given(hashes, times_ms), np.arange(count), 10)]
    assert max(map(len, parts)) == 16 + 12 * join_chunks.MOST
    assert len(decode(parts, 10).labels.hashes) == count


def test_a_format_of_another_release():
    """It is refused, not misread."""
    (entry,) = cut_chunks(LABELS, "m", PLAN, given(np.zeros(1, np.uint64), np.zeros(1, np.int64)), np.arange(1), 10)
    with pytest.raises(StateVersionError, match=r"^chunk of a join: format 7 is not what this release reads \(1\); "):
        decode([b"\x07" + entry.data[1:]], 10)
