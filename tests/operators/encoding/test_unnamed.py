"""Unnamed values: the sample of a whole is that of its parts, and tells how many there are of each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.unnamed import LONGEST, MOST, estimates, merged, sample, smallest

RECORDS = st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 5), st.sampled_from("abcdef")), max_size=200)


@given(RECORDS, st.data())
def test_the_sample_of_a_whole_is_that_of_its_parts(records, data):
    """However they are cut, in any order; also where records have one hash."""
    expected = sorted(records)[:MOST]
    shuffled = data.draw(st.permutations(records))
    cuts = [0, *sorted(data.draw(st.sets(st.integers(0, len(records))))), len(records)]
    parts = []
    for start, end in pairwise(cuts):
        hashes = np.array([hash_ for hash_, _ in shuffled[start:end]], np.uint64)
        chosen = smallest(hashes)
        names = [shuffled[start:end][at][1] for at in chosen.tolist()]
        if len(chosen):
            parts.append({7: sample(hashes[chosen].tolist(), names)})
    assert merged(parts) == ({7: expected} if expected else {})
    halves = [merged(parts[: len(parts) // 2]), merged(parts[len(parts) // 2 :])]
    assert merged(halves) == merged(parts)


def test_a_sample_tells_how_many_have_each_name():
    """In the mean over slides; names that few have are not told."""
    rng = np.random.default_rng(3)
    shares = {"gold": 0.5, "tin": 0.3, "rare": 0.02}
    total = {name: 0.0 for name in shares}
    for _ in range(50):
        slides = []
        for _ in range(12):
            names = rng.choice([*shares, "only"], 1_000, p=[*shares.values(), 0.18]).tolist()
            slides.append((1_000, sample(rng.integers(0, 2**63, 1_000).tolist(), names)))
        found = dict(estimates(slides, 20))
        assert "rare" not in found
        for name, many in found.items():
            total[name] = total.get(name, 0.0) + many / 50 / 12_000
    assert abs(total["gold"] - 0.5) < 0.02
    assert abs(total["tin"] - 0.3) < 0.02


def test_all_are_told_where_they_are_few():
    """Exactly as many as there are."""
    slides = [(many, sample(range(many), ["gold"] * many)) for many in (30, 2)]
    assert estimates(slides, 20) == [("gold", 32)]


def test_a_long_name_is_cut_and_says_so():
    """What two long names have in common is one name then."""
    names = sample([1, 2, 3], ["x" * LONGEST, "x" * LONGEST + "y", "x" * LONGEST + "z"])
    assert [name for _, name in names] == ["x" * LONGEST, "x" * LONGEST + "…", "x" * LONGEST + "…"]
