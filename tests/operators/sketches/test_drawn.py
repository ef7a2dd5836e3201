"""Drawn records: the same sample however they come, and of several slides one of all."""

from __future__ import annotations

import numpy as np

from operators.encoding.chunks import Pane
from operators.sketches import drawn


def pane(hashes, codes):
    """A pane of records with these hashes."""
    times, sums, raw = np.arange(len(codes)), np.zeros((0, 5), np.int64), np.empty((len(codes), 0))
    return Pane(60_000, times, codes, sums, raw, {}, (), hashes.astype(np.uint64) << np.uint64(32))


def records(seed, count):
    """Hashes, a few of them equal, and codes."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5_000, count), rng.integers(0, 256, (count, 3)).astype(np.uint8)


def sampled(data):
    return sorted(map(bytes, drawn.rows([data], 3)))


def test_the_sample_depends_on_no_batches():
    """Those with the lowest hashes, of equal ones all or none; no more than the limit."""
    hashes, codes = records(1, 1_000)
    whole = drawn.folded(b"", pane(hashes, codes), 100)
    bound = np.sort(hashes)[100]
    assert sampled(whole) == sorted(map(bytes, codes[hashes < bound]))
    assert 90 < len(drawn.rows([whole], 3)) <= 100
    parts = b""
    for part in np.array_split(np.random.default_rng(2).permutation(1_000), 7):
        parts = drawn.folded(parts, pane(hashes[part], codes[part]), 100)
    assert sampled(parts) == sampled(whole)
    assert sampled(drawn.folded(b"", pane(hashes, codes), 2_000)) == sorted(map(bytes, codes))


def test_of_several_slides_each_record_is_as_likely():
    """A slide that is sampled says below which hash records of all are."""
    many, few = records(3, 2_000), records(4, 50)
    both = [drawn.folded(b"", pane(*one), 100) for one in (many, few)]
    bound = np.sort(many[0])[100]
    expected = sorted(map(bytes, np.concatenate([codes[hashes < bound] for hashes, codes in (many, few)])))
    assert sorted(map(bytes, drawn.rows(both, 3))) == expected
    merged = drawn.together(both, 3)
    assert len(drawn.rows([merged], 3)) <= 100
    assert set(sampled(merged)) <= set(expected)
    assert sampled(drawn.together([both[1], b""], 3)) == sampled(both[1])
    assert drawn.together([b""], 3) == b""
    assert drawn.rows([], 3).shape == (0, 3)


def test_other_codes_of_the_same_records():
    """As under another configuration."""
    data = drawn.folded(b"", pane(*records(5, 50)), 100)
    assert (drawn.rows([drawn.recoded(data, 3, lambda codes: codes[:, :2])], 2) == drawn.rows([data], 3)[:, :2]).all()
    assert drawn.recoded(b"", 3, lambda codes: codes) == b""
