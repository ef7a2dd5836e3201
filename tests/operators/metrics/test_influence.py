"""Influence of records on measures: gradients by finite differences, noise by drawing samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from config.metrics import BY_CLASS, CLASSES, ERRORS
from operators.metrics import ErrorSums, ScoreCounts, confusion_metrics, error_metrics, score_metrics, weighted_mean
from operators.metrics.influence import class_influence, error_influence, error_total, score_influence
from operators.metrics.scores import BINS

AREAS = ("roc_auc", "average_precision", "log_loss", "brier")


def confusion(rng: np.random.Generator, size: int) -> np.ndarray:
    """More right than wrong."""
    counts = rng.integers(1, 40, (size, size)).astype(np.float64)
    return counts + np.diag(rng.integers(50, 200, size))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [2, 3, 7])
def test_influence_on_measures_of_classes(name, size):
    """One more record moves a measure by its influence over the number of records."""
    counts = confusion(np.random.default_rng(size), size)
    found = class_influence(name, counts).plain.reshape(size, size) / counts.sum()
    step = 1e-4
    for i in range(size):
        for j in range(size):
            more, less = counts.copy(), counts.copy()
            more[i, j] += step
            less[i, j] -= step
            by_difference = (confusion_metrics(more, None)[name] - confusion_metrics(less, None)[name]) / (2 * step)
            assert found[i, j] == pytest.approx(by_difference, rel=1e-5, abs=1e-10)


@pytest.mark.parametrize("name", BY_CLASS)
@pytest.mark.parametrize("never", [False, True])
def test_influence_on_weighted_means(name, never):
    """Likewise, also where a class is never predicted."""
    counts = confusion(np.random.default_rng(2), 4)
    counts[:, 3] *= not never
    found = class_influence(name, counts, weighted=True).plain.reshape(4, 4) / counts.sum()
    for i, j in np.argwhere(counts > 0):
        more, less = counts.copy(), counts.copy()
        more[i, j] += 1e-4
        less[i, j] -= 1e-4
        by_difference = (weighted_mean(more, name) - weighted_mean(less, name)) / 2e-4
        assert found[i, j] == pytest.approx(by_difference, rel=1e-5, abs=1e-10)


def drawn_scores(rng: np.random.Generator, count: int) -> ScoreCounts:
    scores = rng.beta(1, 3, count)
    return ScoreCounts.of(scores, rng.random(count) < scores**0.7)


@pytest.mark.parametrize("name", AREAS)
def test_influence_on_measures_of_probabilities(name):
    """Likewise, in all bins that have records; of losses to the width of a bin."""
    made = drawn_scores(np.random.default_rng(1), 3_000)
    counts = made.counts.astype(np.float64)
    found = score_influence(name, counts).plain.reshape(2, BINS) / counts.sum()
    if name in ("log_loss", "brier"):
        assert abs((found * counts).sum()) < 1e-12
        return
    for cell in np.argwhere(counts > 3)[::29]:
        more, less = counts.copy(), counts.copy()
        more[tuple(cell)] += 1e-3
        less[tuple(cell)] -= 1e-3
        one, other = (score_metrics(replace(made, counts=each))[name][0] for each in (more, less))
        assert found[tuple(cell)] == pytest.approx((one - other) / 2e-3, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("name", CLASSES)
def test_noise_of_measures_of_classes(name):
    """The variance of a measure over samples is what the influence says, within 10 %."""
    rng = np.random.default_rng(4)
    shares = confusion(rng, 3)
    shares /= shares.sum()
    samples = [rng.multinomial(1_000, shares.reshape(-1)).reshape(3, 3) for _ in range(3_000)]
    values = [confusion_metrics(sample, None)[name] for sample in samples]
    found = class_influence(name, shares * 1e6)
    noise = np.mean([found.noise(found.records(sample.astype(np.float64)))[0] for sample in samples])
    assert noise == pytest.approx(np.var(values), rel=0.1)


@pytest.mark.parametrize("name", AREAS)
def test_noise_of_measures_of_probabilities(name):
    """Likewise."""
    rng = np.random.default_rng(5)
    samples = [drawn_scores(rng, 500) for _ in range(800)]
    values = [score_metrics(sample)[name][0] for sample in samples]
    found = score_influence(name, sum(sample.counts for sample in samples).astype(np.float64))
    noise = np.mean([found.noise(found.records(sample.counts.astype(np.float64)))[0] for sample in samples])
    assert noise == pytest.approx(np.var(values), rel=0.15)


def numbers(rng: np.random.Generator, count: int) -> ErrorSums:
    true = rng.gamma(2, 3, count) + 1
    return ErrorSums.of(true + rng.gamma(1, 1 + true / 10, count) - 1.2, true)


@pytest.mark.parametrize("name", ERRORS)
def test_noise_of_measures_of_numbers(name):
    """Likewise, with its skewness; and sums of influences tell what a part does to the whole."""
    rng = np.random.default_rng(6)
    samples = [numbers(rng, 400) for _ in range(3_000)]
    values = np.array([error_metrics(sample)[name] for sample in samples])
    whole = samples[0]
    for sample in samples[1:]:
        whole = whole + sample
    found = error_influence(name, whole)
    assert found is not None
    variance, third = found.noise(np.array([400.0]))
    assert variance == pytest.approx(values.var(), rel=0.1)
    if name not in ("rmse", "r2"):  # these are no sums: their noise has a skewness of its own
        skewness = ((values - values.mean()) ** 3).mean() / values.std() ** 3
        assert third / variance**1.5 == pytest.approx(skewness, abs=0.2)
    totals = np.array([error_total(name, whole, sample) for sample in samples])
    assert totals.sum() / totals.std() == pytest.approx(0, abs=1e-6)
    assert np.corrcoef(totals, values)[0, 1] > 0.95


def test_sums_in_parts():
    """Powers of two parts add up to those of both."""
    rng = np.random.default_rng(7)
    true, predicted = rng.normal(50, 3, 1_000), rng.normal(50, 5, 1_000)
    whole = ErrorSums.of(predicted, true)
    parts = ErrorSums.of(predicted[:137], true[:137]) + ErrorSums.of(predicted[137:], true[137:])
    assert parts.powers == pytest.approx(whole.powers, rel=1e-9)
    assert whole.powers[6] == pytest.approx(((true - true.mean()) ** 3).sum(), rel=1e-9)
    assert whole.powers[9] == pytest.approx(((true - true.mean()) ** 2 * (predicted - true) ** 2).sum(), rel=1e-9)


def test_sums_of_an_older_release():
    """They tell the measures, but not their noise."""
    old = replace(numbers(np.random.default_rng(8), 10), powers=None)
    assert error_influence("mae", old + numbers(np.random.default_rng(9), 10)) is None


def test_huge_errors():
    """Of errors beyond 1e50 the noise is not known, and nothing is raised."""
    sums = ErrorSums.of(np.array([1e60, 0.0]), np.array([0.0, 1.0]))
    found = error_influence("mse", sums)
    assert found is not None
    assert np.isnan(found.third).all()
