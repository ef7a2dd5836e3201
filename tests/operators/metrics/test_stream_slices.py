"""Errors of a segment, counted by the codes of all records whatever pieces they come in."""

from __future__ import annotations

import numpy as np

from operators.encoding.coding import NumericCoder
from operators.metrics.stream_slices import StreamSlice
from operators.profiles.binning import numeric_signal
from operators.profiles.slices import SliceCodec
from operators.profiles.value_counts import ValueCounts


def test_counts_and_moments():
    """As if each value had been coded by itself; what is no number is left out."""
    rng = np.random.default_rng(1)
    values = rng.lognormal(size=9_000)
    counts = ValueCounts(1_000_000)
    counts.add(values)
    signal = numeric_signal(counts, missing=0, invalid=0)
    part = np.append(values[:3_000], np.nan)
    found = StreamSlice()
    for piece in np.split(part, [10, 700, 2_000]):
        found.add([piece])
    packed = found.packed([signal])
    codes = NumericCoder([signal]).codes(values[:3_000, None])[:, 0]
    codec = SliceCodec([signal])
    assert packed.records == 3_001
    assert codec.counts(packed)[0].tolist() == np.bincount(codes, minlength=256).tolist()
    np.testing.assert_allclose(codec.moments(packed)[0], [part[:-1].mean(), part[:-1].std()], rtol=1e-9)


def test_nothing():
    """A stream without a value has no counts."""
    found = StreamSlice()
    found.add([np.full(3, np.nan)])
    counts = ValueCounts(1_000_000)
    counts.add(np.array([0.0, 1.0]))
    signal = numeric_signal(counts, missing=0, invalid=0)
    assert SliceCodec([signal]).counts(found.packed([signal])).sum() == 0
