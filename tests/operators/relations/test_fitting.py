"""Relations of a reference: how surely each correlation is known, of independent records and of others."""

from __future__ import annotations

import numpy as np
import pytest

from operators.encoding.codes import MISSING
from operators.relations import correlations, fitting
from operators.relations.correlations import RelationColumns, unpack
from operators.relations.fitting import fit
from tests.operators.signals import categorical_signal, codes_of, continuous_signal

COUNT = 20_000


def fitted(values):
    """Relations of numbers, as columns, with their variances and tau by pair."""
    signals = {f"feature.f{n}": continuous_signal(column) for n, column in enumerate(values.T)}
    codes = [codes_of(column, signal.edges) for column, signal in zip(values.T, signals.values(), strict=True)]
    found = fit(signals, np.column_stack(codes).astype(np.uint8))
    return found, np.frombuffer(found.variances, "<f4"), np.frombuffer(found.tau, "<f4")


def slow(phi, count=COUNT):
    """Two unrelated series, each value phi times the one before it, and something new."""
    new = np.random.default_rng(3).normal(size=(count, 2))
    for i in range(1, count):
        new[i] = phi * new[i - 1] + np.sqrt(1 - phi**2) * new[i]
    return new


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_normal_features(rho):
    """Fisher's z of normal features has the variance 1/n, whatever they have to do with each other."""
    x, y = np.random.default_rng(1).normal(size=(2, COUNT))
    _, variance, tau = fitted(np.column_stack([x, rho * x + np.sqrt(1 - rho**2) * y]))
    assert (variance.tolist(), tau.tolist()) == ([pytest.approx(1.0, abs=0.07)], [1.0])


def test_features_that_are_large_together():
    """Uncorrelated ones of which both are extreme in the same records: z varies more, as repeated samples show."""
    rng = np.random.default_rng(2)

    def drawn(count):
        return rng.normal(size=(count, 2)) * np.exp(rng.normal(size=(count, 1)))

    found, variance, _ = fitted(drawn(COUNT))
    values = drawn(COUNT)
    signals = [continuous_signal(column) for column in values.T]
    columns = RelationColumns(signals, [0, 1], [1, 1])
    codes = np.column_stack([codes_of(c, s.edges) for c, s in zip(values.T, signals, strict=True)]).astype(np.uint8)
    told = [
        columns.correlations(columns.crossed(columns.fold(columns.empty(), part.copy()))).correlation[0]
        for part in np.split(codes, 100)
    ]
    assert found.columns == {"feature.f0": 1, "feature.f1": 1}
    assert variance[0] == pytest.approx(200 * np.arctanh(told).var(), rel=0.4)
    assert variance[0] > 1.5


def test_rare_categories_together():
    """What a record moves z by is skewed as the product of both columns is; of normal scores it is not."""
    rng = np.random.default_rng(7)
    codes = np.column_stack([rng.random(COUNT) > 0.1, rng.random(COUNT) > 0.2]).astype(np.uint8)
    signals = {"a": categorical_signal([9 * COUNT // 10, COUNT // 10]), "b": categorical_signal([8, 2])}
    found = np.frombuffer(fit(signals, codes[:, ::1]).skews, "<f4")
    wanted = (0.8 / np.sqrt(0.1 * 0.9)) * (0.6 / np.sqrt(0.2 * 0.8))
    assert np.abs(found).tolist() == [pytest.approx(wanted, rel=0.1)]
    skews = np.frombuffer(fitted(rng.normal(size=(COUNT, 2)))[0].skews, "<f4")
    assert skews.tolist() == [pytest.approx(0.0, abs=0.2)]


@pytest.mark.parametrize(("phi", "wanted"), [(0.5, 5 / 3), (0.9, 1.81 / 0.19)])
def test_records_that_follow_each_other(phi, wanted):
    """Tau of a product is that of phi squared (Bartlett); what is not sure is added."""
    _, _, tau = fitted(slow(phi))
    assert wanted * 0.8 < tau[0] < wanted * 1.6


def test_the_rest_of_a_long_reference_counts(monkeypatch):
    """Tau is found from the first records only; the correlation from all."""
    x, y = np.random.default_rng(1).normal(size=(2, COUNT))
    y[COUNT // 2 :] = x[COUNT // 2 :]
    monkeypatch.setattr(fitting, "WORK", 4 * 10_000)
    found, _, tau = fitted(np.column_stack([x, y]))
    columns = RelationColumns([continuous_signal(x), continuous_signal(y)], [0, 1], [1, 1])
    told = columns.correlations(columns.crossed(unpack(found.sums)))
    assert (tau.tolist(), told.correlation.tolist()) == ([1.0], [pytest.approx(0.5, abs=0.02)])


def test_too_many_features(monkeypatch):
    """Those most closely related to any other are kept, in their order."""
    monkeypatch.setattr(fitting, "MOST", 3)
    values = np.random.default_rng(4).normal(size=(2_000, 5))
    values[:, 3] += values[:, 1]
    values[:, 4] += 0.3 * values[:, 1]
    assert list(fitted(values)[0].columns) == ["feature.f1", "feature.f3", "feature.f4"]


@pytest.mark.parametrize("count", [0, 1, 10, 40])
def test_few_records(count):
    """Whatever there is, is told; what a window is compared with must have more."""
    found, variance, tau = fitted(np.random.default_rng(5).normal(size=(count, 3)))
    assert np.isfinite(variance).all()
    assert np.isfinite(tau).all()
    assert len(variance) == len(tau) == (3 if count > 1 else 0)
    assert len(found.columns) == (3 if count > 1 else 0)


def test_constant_and_missing_features():
    """A constant has no column; of a pair that no record has both of there is no correlation, and nothing breaks."""
    x = np.random.default_rng(6).normal(size=1_000)
    signals = {"a": continuous_signal(x), "b": categorical_signal([1_000]), "c": categorical_signal([500, 500])}
    half = np.arange(1_000) % 2
    codes = np.column_stack([codes_of(x, signals["a"].edges), np.zeros(1_000), half]).astype(np.uint8)
    codes[:500, 0] = MISSING
    codes[500:, 2] = MISSING
    found = fit(signals, codes)
    assert found.columns == {"a": 1, "c": 1}
    assert np.frombuffer(found.variances, "<f4").tolist() == [0.25]


def test_one_compiled_kernel():
    """No second signature, whatever there is of features and records: it would be compiled at run time."""
    x = np.random.default_rng(8).normal(size=(300, 3))
    for values in (x, x[:, :2], x[:, :1], x[:20]):
        fitted(values)
    assert len(fitting._follow.signatures) == 1
    assert len(correlations._spread.signatures) == 1
