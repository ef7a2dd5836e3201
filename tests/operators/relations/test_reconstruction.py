"""Errors of reconstruction: those of principal components, record by record, and which features they come from."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.encoding.codes import MISSING
from operators.relations import reconstruction
from operators.relations.correlations import RelationColumns
from operators.relations.reconstruction import Reconstruction, fit_components
from tests.operators.signals import categorical_signal, codes_of, continuous_signal

COUNT = 6_000


def made(rho=0.8, seed=1, signals=None):
    """Four numbers, the first two related, and categories by the third: signals and codes."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(COUNT, 4))
    values[:, 1] = rho * values[:, 0] + np.sqrt(1 - rho**2) * values[:, 1]
    names = np.digitize(values[:, 2] + rng.normal(size=COUNT), [0.5, 1.5])
    signals = signals or [*map(continuous_signal, values.T), categorical_signal(np.bincount(names))]
    codes = [codes_of(column, signal.edges) for column, signal in zip(values.T, signals[:4], strict=True)]
    return signals, np.column_stack([*codes, names]).astype(np.uint8)


SIGNALS, CODES_ = made()
COLUMNS = RelationColumns(SIGNALS, range(5), [1, 1, 1, 1, 2])
FOUND = COLUMNS.crossed(COLUMNS.fold(COLUMNS.empty(), CODES_))
TOLD = fit_components(COLUMNS, FOUND)
RECONSTRUCTION = Reconstruction(COLUMNS, FOUND, TOLD)


def standardised(codes):
    """Scores in standard deviations of the reference, a record a row."""
    reference = COLUMNS.spread(CODES_)[0].astype(np.float64)
    return (COLUMNS.spread(codes)[0] - reference.mean(axis=0)) / reference.std(axis=0)


def test_components_are_those_of_the_correlations():
    """As numpy has them, the largest first, as many as have 65 % of the variance; their largest part is positive."""
    values, vectors = np.linalg.eigh(np.corrcoef(COLUMNS.spread(CODES_)[0].astype(np.float64).T))
    found = np.frombuffer(TOLD.components).reshape(-1, 6)
    shares = np.cumsum(values[::-1]) / 6
    assert len(found) == np.searchsorted(shares, 0.65) + 1
    assert TOLD.explained == pytest.approx(shares[len(found) - 1], rel=1e-5)
    assert np.abs(np.abs(found @ vectors[:, ::-1][:, : len(found)]) - np.eye(len(found))).max() < 1e-6
    assert (found[np.arange(len(found)), np.abs(found).argmax(axis=1)] > 0).all()


def test_never_all_components():
    """Of two features one is left over; of many no more than cost little."""
    two = RelationColumns(SIGNALS[:2], range(2), [1, 1])
    assert len(fit_components(two, two.crossed(two.fold(two.empty(), CODES_))).components) == 8 * 2
    many = RelationColumns([SIGNALS[0]] * 120, [0, 1] * 60, [1] * 120)
    codes = np.random.default_rng(1).integers(0, 250, (4_000, 120)).astype(np.uint8)
    many = RelationColumns([SIGNALS[0]] * 120, range(120), [1] * 120)
    assert len(fit_components(many, many.crossed(many.fold(many.empty(), codes))).components) == 8 * 120 * 32


def test_errors():
    """The squared distance from the components, as numpy has it; and as the kernel's Python."""
    scores = standardised(CODES_)
    components = np.frombuffer(TOLD.components).reshape(-1, 6)
    wanted = ((scores - scores @ components.T @ components) ** 2).sum(axis=1)
    assert RECONSTRUCTION.errors(CODES_) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    slow = np.empty(50)
    of = RECONSTRUCTION._columns
    args = RECONSTRUCTION._mean, RECONSTRUCTION._scale, RECONSTRUCTION._components
    reconstruction._errors.py_func(CODES_[:50], of.positions, of.starts, of.scores, of.present, *args, slow)
    assert (RECONSTRUCTION.errors(CODES_[:50]) == slow).all()


def test_records_say_nothing_of_each_other():
    """In pieces, the same to the last bit."""
    whole = RECONSTRUCTION.errors(CODES_)
    parts = [RECONSTRUCTION.errors(part.copy()) for part in np.split(CODES_, [1, 77, 5_000])]
    assert (np.concatenate(parts) == whole).all()


def test_missing_values():
    """One counts as the mean; a record that lacks most features has no error."""
    codes = CODES_[:4].copy()
    codes[1, 0] = MISSING
    codes[2, :2] = MISSING
    codes[3, :3] = MISSING
    found = RECONSTRUCTION.errors(codes)
    scores = standardised(codes)
    scores[1, 0] = scores[2, 0] = scores[2, 1] = 0
    components = np.frombuffer(TOLD.components).reshape(-1, 6)
    wanted = ((scores - scores @ components.T @ components) ** 2).sum(axis=1)
    assert found[:3] == pytest.approx(wanted[:3])
    assert np.isnan(found[3])
    assert len(RECONSTRUCTION.errors(codes[:0])) == 0


def test_losses_add_up_to_the_mean_error():
    """Of the reference, and of records some of which lack a feature."""
    assert RECONSTRUCTION.known.sum() == pytest.approx(RECONSTRUCTION.errors(CODES_).mean())
    codes = made(rho=0.0, seed=2, signals=SIGNALS)[1]
    codes[::7, 3] = MISSING
    found = COLUMNS.crossed(COLUMNS.fold(COLUMNS.empty(), codes))
    losses = RECONSTRUCTION.losses(found)
    assert losses.sum() == pytest.approx(RECONSTRUCTION.errors(codes).mean())
    moved = losses - RECONSTRUCTION.known
    assert set(np.argsort(-moved)[:2]) == {0, 1}  # whose relation is no more


def test_a_relation_that_breaks_shows():
    """The error's median is far above the reference's."""
    assert np.median(RECONSTRUCTION.errors(made(rho=-0.8, seed=3, signals=SIGNALS)[1])) > 1.3 * np.median(
        RECONSTRUCTION.errors(CODES_)
    )


def test_one_compiled_kernel():
    """No second signature: it would be compiled at run time."""
    RECONSTRUCTION.errors(CODES_)
    again = Reconstruction(COLUMNS, FOUND, msgspec.convert(msgspec.to_builtins(TOLD), type(TOLD)))
    again.errors(CODES_[:1].copy())
    two = RelationColumns(SIGNALS[:2], range(2), [1, 1])
    found = two.crossed(two.fold(two.empty(), CODES_))
    Reconstruction(two, found, fit_components(two, found)).errors(CODES_)  # a single component
    assert len(reconstruction._errors.signatures) == 1
