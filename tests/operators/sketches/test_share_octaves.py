"""Octaves of shares: what a stream tells of how closely records of a kind follow each other."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from operators.sketches import octaves, share_octaves
from operators.sketches.octaves import CUT_FROM, KEPT, LENGTHS
from operators.sketches.share_octaves import KIND, MANY, NEITHER, OTHER, Shares
from schemas.errors import StateVersionError

ABSENT, MISSING = 251, 255
KINDS = np.full((2, 256), OTHER, np.uint8)
KINDS[0, MISSING] = KINDS[1, 7] = KIND
KINDS[:, ABSENT] = NEITHER
SIGNALS = np.zeros(2, np.int64)
OF = np.array([0.02, 0.4])


def followed(codes, pieces=1, of=OF):
    """State after codes of one signal."""
    state = Shares(2)
    for piece in np.array_split(np.asarray(codes, np.uint8), pieces):
        state = share_octaves.unpack(state.pack(), 2)
        share_octaves.follow(state, np.ascontiguousarray(piece[:, None]), SIGNALS, KINDS, of)
    return state


def tau(flags, share):
    """By length, and whether there is any dependence."""
    codes = np.where(flags, MISSING, 0)
    of = np.array([share, 0.5])
    found, clear = octaves.curves_of(*share_octaves.squares(followed(codes, of=of), of), 4 * of * (1 - of))
    return found[0], bool(clear[0])


def twin(flags, share):
    """Pairs and squares, octave by octave, from all records at once; none is cut."""
    found = np.zeros((2, LENGTHS))
    sums, length = np.asarray(flags, np.float64), 1
    for octave in range(LENGTHS):
        pairs, total = 0.0, 0.0
        for one, other in zip(sums[0::2].tolist(), sums[1::2].tolist(), strict=False):
            if pairs >= KEPT:
                pairs, total = pairs / 2, total / 2
            pairs, total = pairs + 1, total + (other - one) ** 2 / (2 * length * share * (1 - share))
        found[:, octave] = pairs, total
        sums, length = sums[: len(sums) // 2 * 2].reshape(-1, 2).sum(axis=1), 2 * length
    return found


@given(st.lists(st.sampled_from([0, 7, ABSENT, MISSING]), max_size=300), st.integers(1, 9))
def test_cuts_change_nothing(codes, pieces):
    """A stream cut into panes anywhere, by way of bytes, gives the same state; records without the field pass over."""
    once, cut = followed(codes), followed(codes, pieces)
    assert np.array_equal(once.rows, cut.rows)
    assert once.records.tolist() == cut.records.tolist() == [sum(code != ABSENT for code in codes)] * 2


@pytest.mark.parametrize(("count", "share"), [(0, 0.02), (1, 0.02), (9, 0.4), (3_000, 0.02), (40_000, 0.4)])
def test_like_the_twin(count, share):
    """As from all records at once, also where old pairs count half, and rare ones are skipped."""
    flags = np.random.default_rng(count).random(count) < share
    of = np.array([share, 0.5])
    pairs, totals = share_octaves.squares(followed(np.where(flags, MISSING, 0), of=of), of)
    wanted = twin(flags, share)
    short = slice(max(CUT_FROM, int(np.ceil(np.log2(MANY / share)))))  # those that are not cut
    assert np.array_equal(pairs[0], wanted[0])
    assert np.allclose(totals[0, short], wanted[1, short], rtol=1e-12, atol=0)
    assert (totals[0] >= 0).all()
    assert len(share_octaves._follow.signatures) == len(share_octaves._settle.signatures) == 1


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.3, 0.97])
def test_independent_records(share):
    """No dependence is made up, however rare the kind is."""
    rng = np.random.default_rng(2)
    for count in (500, 5_000, 50_000):
        assert tau(rng.random(count) < share, share)[0].max() < 1.6


def test_runs():
    """Runs of ten on average come to the tau of a chain of two states; a share that has doubled changes little."""
    rng = np.random.default_rng(3)
    for share in (0.02, 0.04):
        starts = np.flatnonzero(rng.random(400_000) < share / 10)
        flags = np.zeros(400_000, np.bool_)
        for start, length in zip(starts.tolist(), rng.geometric(0.1, len(starts)).tolist(), strict=True):
            flags[start : start + length] = True
        found, clear = tau(flags, 0.02)
        assert clear
        assert 15 < found[9] < 30  # 2 * 10 * 0.98 - 1, and a margin


def test_a_change_is_no_dependence():
    """A share that rises and stays does not look like records that follow each other."""
    rng = np.random.default_rng(4)
    for after in (0.02, 0.1, 0.4):
        flags = rng.random(60_000) < np.where(np.arange(60_000) < 40_000, 0.01, after)
        assert tau(flags, 0.01)[0][9] < 4


def test_bytes_of_others_are_refused():
    """State is told by its length."""
    assert share_octaves.unpack(b"", 2).records.tolist() == [0, 0]
    with pytest.raises(
        StateVersionError, match=r"^state of shares: 18 bytes are not those of 3; restore another savep"
    ):
        share_octaves.unpack(Shares(2).pack(), 3)
