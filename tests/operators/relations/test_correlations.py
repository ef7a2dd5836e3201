"""Sums of products of features: exact, whatever the batches, and what the textbooks' measures come to."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.special import ndtri
from scipy.stats.contingency import association

from operators.encoding.codes import MISSING, UNSEEN
from operators.relations.correlations import (
    ROWS,
    UNIT,
    RelationColumns,
    added,
    column_scores,
    pack,
    unpack,
    widest,
    widths_of,
)
from operators.statistics.ranks import rank_table
from schemas.errors import StateVersionError
from tests.operators.signals import categorical_signal, codes_of, continuous_signal, discrete_signal, unhurried

RNG = np.random.default_rng(7)
NUMBERS = RNG.normal(size=(6_000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
CATEGORIES = np.digitize(NUMBERS[:, 0] + RNG.normal(size=6_000), [-1.0, 0.5, 1.5])
TRUTHS = (NUMBERS[:, 1] + RNG.normal(size=6_000) > 1).astype(np.int64)


def _sorted_codes(values: np.ndarray) -> np.ndarray:
    """Codes as a profile gives them: the most frequent first."""
    order = np.argsort(-np.bincount(values), kind="stable")
    return np.argsort(order)[values]


SIGNALS = [
    continuous_signal(NUMBERS[:, 0]),
    continuous_signal(NUMBERS[:, 1]),
    categorical_signal(np.bincount(CATEGORIES)),
    categorical_signal(np.bincount(TRUTHS)),
]
CODES_ = np.column_stack(
    [
        codes_of(NUMBERS[:, 0], SIGNALS[0].edges),
        codes_of(NUMBERS[:, 1], SIGNALS[1].edges),
        _sorted_codes(CATEGORIES),
        _sorted_codes(TRUTHS),
    ]
).astype(np.uint8)
CODES_[RNG.random(CODES_.shape) < 0.1] = MISSING
CODES_[RNG.random(6_000) < 0.2, :2] = MISSING
WIDTHS = [1, 1, 3, 1]


def columns(signals=SIGNALS, widths=WIDTHS):
    return RelationColumns(signals, range(len(signals)), widths)


def test_widths():
    """A number that varies has a column; categories all but one, the rare ones none; a constant none."""
    assert [widest(signal) for signal in SIGNALS] == WIDTHS
    assert widest(categorical_signal([900, 50, 45, 5])) == 3  # the last is counted by what is left
    assert widest(categorical_signal([100] * 20)) == 16
    constant = [discrete_signal(np.ones(50)), categorical_signal([50]), continuous_signal(np.zeros(0))]
    assert [widest(signal) for signal in constant] == [0, 0, 0]
    assert widest(categorical_signal([50], rest=5)) == 1


def test_where_there_is_no_room():
    """Categories have fewer columns, all the same; what does not vary has none."""
    signals = {"a": SIGNALS[0], "b": SIGNALS[2], "c": categorical_signal([100] * 9), "d": categorical_signal([9])}
    assert widths_of(signals, 100) == {"a": 1, "b": 3, "c": 8}
    many = {f"n{number}": SIGNALS[0] for number in range(35)} | signals  # beside so many others a few at most
    assert [widths_of(many, 100)[name] for name in "abc"] == [1, 3, 5]
    assert widths_of(signals, 6) == {"a": 1, "b": 2, "c": 2}
    assert widths_of(signals, 2) == {"a": 1, "b": 1, "c": 1}


def test_scores():
    """Normal scores of mid-ranks in sixteenths, ends cut; categories have a column each, and codes of no value 0."""
    ranks = rank_table(SIGNALS[0])[:250]
    assert np.abs(column_scores(SIGNALS[0], 1)[0, :250] - UNIT * ndtri(ranks)).max() <= 0.5
    beyond = discrete_signal(np.array([1.0, 2.0, 2.0]))
    assert column_scores(beyond, 1)[0, [0, len(beyond.counts) - 1]].tolist() == [-63, 63]
    assert column_scores(SIGNALS[2], 2)[:, [0, 1, 2, UNSEEN, MISSING]].tolist() == [[16, 0, 0, 0, 0], [0, 16, 0, 0, 0]]


@given(st.lists(st.integers(0, 6_000), max_size=4), st.randoms(use_true_random=False))
@unhurried
def test_how_records_come_does_not_matter(cuts, random):
    """Any pieces in any order come to the same sums."""
    of = columns()
    wanted = of.fold(of.empty(), CODES_)
    ends = sorted({0, 6_000, *cuts})
    pieces = [CODES_[a:b].copy() for a, b in pairwise(ends)]
    random.shuffle(pieces)
    assert (unpack(added([of.folded(b"", piece) for piece in pieces])) == wanted).all()
    found = b""
    for piece in pieces:
        found = of.folded(found, piece)
    assert (unpack(found) == wanted).all()


def test_sums_are_exact_at_their_limit():
    """A batch in which all scores are the farthest: floats of 32 bits still add up."""
    signal = discrete_signal(np.array([1.0, 2.0, 2.0]))
    of = columns([signal] * 2, [1, 1])
    codes = np.full((ROWS, 2), len(signal.counts) - 1, np.uint8)
    assert of.crossed(of.fold(of.empty(), codes)).products.tolist() == [[63**2 * ROWS] * 2] * 2


def test_correlations_are_those_of_records_that_have_both():
    """As numpy has them, pair by pair, for each two columns."""
    of = columns()
    told = of.correlations(of.crossed(of.fold(of.empty(), CODES_)))
    scores, lacks = of.spread(CODES_)
    for entry, (one, other) in enumerate(zip(of.one, of.other, strict=True)):
        both = ~lacks[:, of.of[one]] & ~lacks[:, of.of[other]]
        wanted = np.corrcoef(scores[both][:, [one, other]].astype(np.float64).T)[0, 1]
        assert (told.records[entry], told.correlation[entry]) == (both.sum(), pytest.approx(wanted, rel=1e-9))


def test_measures():
    """Rank correlation of numbers, correlation ratio, and Cramer's V as scipy has it."""
    of = columns()
    found = of.crossed(of.fold(of.empty(), CODES_))
    told = of.correlations(found)
    strength = {
        pair: of.strength(found, number, told.correlation[of.firsts[number]]) for number, pair in enumerate(of.pairs)
    }
    there = (CODES_ != MISSING).T
    both = there[2] & there[3]
    table = np.zeros((4, 2))
    np.add.at(table, (CODES_[both, 2], CODES_[both, 3]), 1)
    assert strength[2, 3] == ("cramers_v", pytest.approx(association(table.astype(int), method="cramer")))
    both = there[0] & there[2]
    scores = of.spread(CODES_)[0][both, 0].astype(np.float64)
    groups = [scores[CODES_[both, 2] == code] for code in range(4)]
    between = sum(len(group) * (group.mean() - scores.mean()) ** 2 for group in groups)
    assert strength[0, 2] == ("correlation_ratio", pytest.approx(np.sqrt(between / len(scores) / scores.var())))
    assert strength[0, 1] == ("correlation", pytest.approx(0.6, abs=0.02))


def test_kurtosis():
    """Of two equal halves 1, of normal scores a little below 3, of one in ten what the textbooks say."""
    p = 0.1
    found = columns([SIGNALS[0], categorical_signal([50, 50]), categorical_signal([90, 10])], [1, 1, 1]).kurtosis
    assert found.tolist() == [pytest.approx(2.85, abs=0.1), 1.0, pytest.approx((1 - 3 * p * (1 - p)) / (p * (1 - p)))]


def test_nothing_to_compare():
    """No records, all of a pair missing, or a feature that is constant in them: no correlation, and no measure."""
    of = columns()
    lacking = CODES_.copy()
    lacking[:, 2] = MISSING
    constant = CODES_.copy()
    constant[:, 0] = 7
    for codes, told in ((CODES_[:0], 0), (lacking, 3), (constant, 3)):
        found = of.crossed(of.fold(of.empty(), codes))
        correlations = of.correlations(found).correlation
        values = [of.strength(found, n, correlations[of.firsts[n]]).value for n in range(len(of.pairs))]
        assert np.isfinite(values).sum() == told


def test_unseen_categories_have_no_column():
    """They count as what has none, like the rare ones."""
    of = columns()
    codes = CODES_.copy()
    codes[codes[:, 2] == 3, 2] = UNSEEN
    assert (of.fold(of.empty(), codes) == of.fold(of.empty(), CODES_)).all()


def test_bytes():
    """They come back; other ones are refused."""
    sums = np.array([0, 0, 5, -7, 0, 2**40, -(2**40)])
    assert unpack(pack(sums)).tolist() == sums.tolist()
    assert added([]) == added([b"", b""]) == b""
    assert unpack(added([pack(sums), b"", pack(sums)])).tolist() == (2 * sums).tolist()
    with pytest.raises(StateVersionError, match=r"^relations: 9 bytes are not 7 sums; restore another savepoint$"):
        unpack(pack(sums)[:9])
