"""Measures of performance equal scikit-learn's, on random and on degenerate data, however they lie in panes."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from operators.metrics import (
    ErrorSums,
    ScoreCounts,
    confusion_metrics,
    error_metrics,
    precision_at,
    score_metrics,
    weighted_mean,
)
from operators.metrics.scores import BINS, bins

classes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)
probabilities = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 1e-12, 1 - 1e-12]))
scored = st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=80)
numbers = st.floats(-1e6, 1e6).map(lambda x: 0.0 if abs(x) < 1e-6 else x)


def same(found: float, expected: float) -> bool:
    """Equal but for rounding; undefined in both."""
    return bool(np.isclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True))


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def counted(pairs, size):
    """Counts by true and by predicted class."""
    counts = np.zeros((size, size), np.int64)
    for true, predicted in pairs:
        counts[true, predicted] += 1
    return counts


@given(classes)
@settings(deadline=None)
def test_several_classes(pairs):
    """Macro averages over the classes for which a measure is defined."""
    true, predicted = map(list, zip(*pairs, strict=True))
    found = confusion_metrics(counted(pairs, 4), positive=None)
    average = {"average": "macro", "zero_division": np.nan}
    assert same(found["accuracy"], sklearn.accuracy_score(true, predicted))
    assert same(found["balanced_accuracy"], sklearn.balanced_accuracy_score(true, predicted))
    assert same(found["recall"], sklearn.recall_score(true, predicted, **average))
    assert same(found["precision"], sklearn.precision_score(true, predicted, **average))
    assert same(found["f1"], sklearn.f1_score(true, predicted, **average))
    # Where all is of one class, true or predicted, scikit-learn says 0 of what is undefined.
    if len(set(true)) > 1 and len(set(predicted)) > 1:
        assert same(found["mcc"], sklearn.matthews_corrcoef(true, predicted))
    else:
        assert np.isnan(found["mcc"])
    assert same(found["kappa"], sklearn.cohen_kappa_score(true, predicted))


@given(classes)
@settings(deadline=None)
def test_each_of_several_classes(pairs):
    """By class, and weighted by how often each is true; undefined ones are left out of the mean."""
    true, predicted = map(list, zip(*pairs, strict=True))
    counts = counted(pairs, 4)
    of_each = [confusion_metrics(counts, positive=of) for of in range(4)]
    for name in ("recall", "precision", "f1"):
        score = getattr(sklearn, f"{name}_score")
        expected = score(true, predicted, labels=range(4), average=None, zero_division=np.nan)
        assert all(same(found[name], one) for found, one in zip(of_each, expected, strict=True))
        mean = score(true, predicted, average="weighted", zero_division=np.nan)
        # Where it is undefined for all classes that are true, scikit-learn says 0.
        nothing = np.isnan(expected)[np.unique(true)].all()
        assert same(weighted_mean(counts, name), np.nan if nothing else mean)


@given(scored, st.integers(1, 80))
@settings(deadline=None)
def test_precision_of_the_first(records, k):
    """The share of positives among the k highest scores, of equal ones as many as on average, within its error."""
    scores, true = np.array([one for one, _ in records]), np.array([one for _, one in records])
    value, error = precision_at(ScoreCounts.of(scores, true).counts, float(k))
    if k > len(records):
        assert np.isnan(value)
        return
    lowest = np.sort(scores)[::-1][k - 1]
    above, tied = scores > lowest, scores == lowest
    expected = (true[above].sum() + true[tied].mean() * (k - above.sum())) / k
    assert abs(value - expected) <= error + 1e-12


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
@settings(deadline=None)
def test_two_classes(pairs):
    """Precision, recall, specificity and F1 are those of the positive class."""
    true, predicted = map(list, zip(*pairs, strict=True))
    found = confusion_metrics(counted(pairs, 2), positive=1)
    undefined = {"zero_division": np.nan}
    assert same(found["recall"], sklearn.recall_score(true, predicted, **undefined))
    assert same(found["precision"], sklearn.precision_score(true, predicted, **undefined))
    assert same(found["specificity"], sklearn.recall_score(true, predicted, pos_label=0, **undefined))
    assert same(found["f1"], sklearn.f1_score(true, predicted, **undefined))


@given(scored, st.integers(0, 80))
@settings(deadline=None, max_examples=300)
def test_scores(records, cut):
    """Areas within their stated errors, all else equal; one class alone is undefined, and panes may be cut anywhere."""
    scores, true = np.array([one for one, _ in records]), np.array([one for _, one in records])
    parts = ScoreCounts.of(scores[:cut], true[:cut]) + ScoreCounts.of(scores[cut:], true[cut:])
    found = score_metrics(parts)
    if true.any() and not true.all():
        area, error = found["roc_auc"]
        assert abs(area - sklearn.roc_auc_score(true, scores)) <= error + 1e-12
    else:
        assert np.isnan(found["roc_auc"]).all()
    if true.any():
        average, error = found["average_precision"]
        assert abs(average - sklearn.average_precision_score(true, scores)) <= error + 1e-12
    else:
        assert np.isnan(found["average_precision"]).all()
    assert same(found["log_loss"][0], sklearn.log_loss(true, scores, labels=[False, True]))
    assert same(found["brier"][0], sklearn.brier_score_loss(true, scores, pos_label=True))
    tenth = np.minimum((scores * 10).astype(int), 9)
    gaps = [abs(true[tenth == one].mean() - scores[tenth == one].mean()) * (tenth == one).sum() for one in set(tenth)]
    assert same(found["calibration_error"][0], sum(gaps) / len(scores))


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_the_error_of_areas_is_small(shift):
    """Of common and rare positives alike the area is known to 0.0002, average precision to 0.005."""
    rng = np.random.default_rng(1)
    for share in (0.5, 0.02):
        true = rng.random(20_000) < share
        odds = rng.normal(size=20_000) + shift * true + np.log(share / (1 - share))
        scores = 1 / (1 + np.exp(-odds))
        found = score_metrics(ScoreCounts.of(scores, true))
        area, error = found["roc_auc"]
        assert error < 0.003
        assert abs(area - sklearn.roc_auc_score(true, scores)) < 2e-4
        average, _ = found["average_precision"]
        assert abs(average - sklearn.average_precision_score(true, scores)) < 5e-3


def test_bins_ascend():
    """A higher score is never in a lower bin."""
    rng = np.random.default_rng(2)
    scores = np.sort(np.concatenate([rng.random(1_000), 10.0 ** -rng.uniform(0, 20, 1_000), [0.0, 1.0]]))
    assert (np.diff(bins(scores)) >= 0).all()
    assert bins(scores).min() == 0
    assert bins(scores).max() == BINS - 1


@example([(0.0, 349525.56449512683)] * 3, 0)  # a third of whose sum is another number
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=60), st.integers(0, 60))
@settings(deadline=None)
def test_numbers(records, cut):
    """All equal but where they are undefined, and panes may be cut anywhere."""
    predicted, true = (np.array(column) for column in zip(*records, strict=True))
    kept = msgspec.msgpack.encode(ErrorSums.of(predicted[:cut], true[:cut]))
    found = error_metrics(msgspec.msgpack.decode(kept, type=ErrorSums) + ErrorSums.of(predicted[cut:], true[cut:]))
    assert same(found["mae"], sklearn.mean_absolute_error(true, predicted))
    assert same(found["mse"], sklearn.mean_squared_error(true, predicted))
    assert same(found["rmse"], np.sqrt(sklearn.mean_squared_error(true, predicted)))
    assert np.isclose(found["bias"], np.mean(predicted - true), rtol=1e-9, atol=1e-9)
    if (true == 0).any():
        assert np.isnan(found["mape"])
    else:
        assert same(found["mape"], sklearn.mean_absolute_percentage_error(true, predicted))
    if len(set(true)) == 1:
        assert np.isnan(found["r2"])
    elif np.ptp(true) > 1e-3:
        assert np.isclose(found["r2"], sklearn.r2_score(true, predicted), rtol=1e-7, atol=1e-9)
