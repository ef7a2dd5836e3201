"""Measures of rankings equal scikit-learn's and plain definitions, and sums of them add up to the same in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from config.plan import MetricPlan
from operators.metrics.lists import MOST, UNIT, ListSums, each_of, sums_of

ALL = [
    MetricPlan(name="ndcg"),
    MetricPlan(name="ndcg", k=3),
    MetricPlan(name="mrr"),
    MetricPlan(name="map"),
    MetricPlan(name="precision_at_k", k=2),
    MetricPlan(name="hit_rate", k=2),
]
# Few different scores and relevances, so that there are ties and lists that are all alike.
items = st.tuples(
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.integers(0, 5), st.sampled_from([0.0, 0.0, 1.0, 3.0])
)
shown = st.lists(items, min_size=1, max_size=60).map(lambda rows: np.array(rows, np.float64))


def lists_of(values):
    """Scores and relevances by group, in the order of their numbers."""
    return [values[values[:, 1] == group][:, [0, 2]].T for group in np.unique(values[:, 1])]


def plain(name, scores, gains, k):
    """A measure of one list, from its definition."""
    rank = [(scores >= one).sum() for one in scores]
    of_relevant = sorted(one for one, gain in zip(rank, gains, strict=True) if gain > 0)
    if name == "hit_rate":
        return float(any(one <= k for one in of_relevant))
    if name == "precision_at_k":
        k = min(k, len(scores))
        found, left = 0.0, k
        for score in sorted(set(scores), reverse=True):
            tied = gains[scores == score] > 0
            taken = min(left, len(tied))
            found, left = found + taken * tied.mean(), left - taken
        return found / k
    if len(set(gains)) == 1:
        return np.nan
    if name == "mrr":
        return 1 / of_relevant[0]
    if name == "map":
        return label_ranking_average_precision_score([gains > 0], [scores])
    return ndcg_score([gains], [scores], k=k)


@given(shown)
@settings(deadline=None, max_examples=300)
def test_each_list(values):
    """NDCG and average precision are scikit-learn's, the others what their names say; alike items have no order."""
    for metric in ALL:
        expected = [plain(metric.name, scores, gains, metric.k) for scores, gains in lists_of(values)]
        np.testing.assert_allclose(each_of(values, metric)[1], expected, rtol=1e-12, atol=1e-12)


@given(shown, st.randoms(use_true_random=False), st.integers(0, 6))
@settings(deadline=None)
def test_sums_in_any_order(values, random, cut):
    """Lists may be measured in parts, and items come in any order: sums are equal to the bit."""
    shuffled = values[random.sample(range(len(values)), len(values))]
    first = shuffled[:, 1] < cut
    parts = [sums_of(part, ALL) for part in (shuffled[first], shuffled[~first])]
    random.shuffle(parts)
    assert parts[0] + parts[1] == sums_of(values, ALL)


def test_moments():
    """Mean, variance and skewness of a measure follow from what is kept."""
    rng = np.random.default_rng(3)
    values = np.column_stack([rng.random(4_000), rng.integers(0, 500, 4_000), rng.random(4_000) < 0.3])
    found = sums_of(values, ALL)
    each = each_of(values, ALL[0])[1]
    each = each[~np.isnan(each)]
    assert found.mean("ndcg") == pytest.approx(each.mean(), abs=1e-11)
    assert np.array(found.moments["ndcg"]) / UNIT == pytest.approx(
        [len(each) / UNIT, each.sum(), (each**2).sum(), (each**3).sum()], abs=1e-8
    )
    assert found.alike == found.measured - len(each)


def test_lists_that_are_not_measured():
    """A list with an item without label or score, and one that is too long, are counted and left out."""
    values = np.array([[0.5, 1, 1], [0.4, 1, np.nan], [np.nan, 2, 1], [0.4, 2, 0], [0.9, 3, 1], [0.1, 3, 0]])
    long = np.column_stack([np.arange(MOST + 1.0), np.full(MOST + 1, 4.0), np.zeros(MOST + 1)])
    found = sums_of(np.vstack([values, long]), ALL)
    assert (found.measured, found.incomplete, found.long, found.alike) == (1, 2, 1, 0)
    assert found.mean("mrr") == 1.0


def test_lists_of_one_label():
    """Items that are all relevant, or none of them, have no order to measure, but a share among the first."""
    values = np.array([[0.5, 1, 1], [0.4, 1, 1], [0.3, 2, 0], [0.2, 2, 0]])
    found = sums_of(values, ALL)
    assert found.alike == found.measured == 2
    assert all(np.isnan(found.mean(title)) for title in ("ndcg", "ndcg_at_3", "mrr", "map"))
    assert found.mean("precision_at_2") == found.mean("hit_rate_at_2") == 0.5


def test_nothing():
    """Without an item there is no list, and nothing is defined."""
    found = sums_of(np.empty((0, 3)), ALL)
    assert found.measured == 0
    assert np.isnan(found.mean("precision_at_2"))


def test_a_measure_that_was_not_asked_for():
    """Of a part that was made without a measure the sum has none."""
    values = np.array([[0.5, 1, 1], [0.4, 1, 0]])
    both = sums_of(values, ALL[:1]) + sums_of(values, ALL[:2])
    assert list(both.moments) == ["ndcg"]
    assert ListSums().mean("ndcg") != ListSums().mean("ndcg")
