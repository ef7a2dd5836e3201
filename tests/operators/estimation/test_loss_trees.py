"""Trees of expected errors: scikit-learn's own predictions, from arrays; and bytes that are no trees."""

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from operators.encoding.codes import ABSENT, INVALID, MISSING, OTHER
from operators.estimation import loss_trees
from operators.estimation.loss_fitting import LEAST, LEAVES, ROUNDS, fit_losses
from operators.estimation.loss_trees import GAPS, LossModel, sound

NAMES = ("feature.a", "feature.b", "feature.c")
COLUMNS = {name: at for at, name in enumerate(NAMES)}


def records(count=1_500, seed=1):
    """Codes of numbers with gaps, of few categories, and of what no source carries; errors that the first ones tell."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, 250, count), rng.choice([0, 1, OTHER], count), np.full(count, ABSENT)])
    codes = codes.astype(np.uint8)
    codes[rng.random(count) < 0.1, 0] = MISSING
    codes[rng.random(count) < 0.02, 0] = INVALID
    return codes, rng.normal(size=count) * np.where(GAPS[codes[:, 0]], 3.0, 1 + codes[:, 0] / 100)


@pytest.fixture(scope="module")
def made():
    codes, errors = records()
    return fit_losses(NAMES, codes, errors)


def test_is_scikit_learns(made):
    """The same numbers to the bit, also of records that were not fitted, gaps and codes that were never seen."""
    trees, _ = made
    codes, errors = records()
    values = np.where(GAPS[codes], np.nan, codes.astype(np.float64))
    values[:, 2] = 0.0
    booster = HistGradientBoostingRegressor(
        max_iter=ROUNDS, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST, early_stopping=False, random_state=0
    )
    booster.fit(values, np.abs(errors))
    others = np.random.default_rng(3).integers(0, 256, (5_000, 3)).astype(np.uint8)
    others[:, 2] = ABSENT
    shown = np.where(GAPS[others], np.nan, others.astype(np.float64))
    shown[:, 2] = 0.0
    expected = np.maximum(booster.predict(shown), 0.0)
    assert LossModel(trees, COLUMNS).losses(others).tolist() == expected.tolist()


def test_each_is_expected_without_itself(made):
    """What is expected of a record follows from the records of other spans of time."""
    codes, errors = records()
    _, expected = made
    wild = errors.copy()
    wild[:300] *= 1_000  # the first of five spans
    _, again = fit_losses(NAMES, codes, wild)
    assert again[:300].tolist() == expected[:300].tolist()
    assert np.corrcoef(expected, np.abs(errors))[0, 1] > 0.25


def test_columns_are_found_by_name(made):
    """Where signals stand in a record does not matter, nor what else does."""
    trees, _ = made
    codes, _ = records(200, 5)
    wider = np.zeros((200, 6), np.uint8)
    wider[:, [4, 0, 2]] = codes
    moved = LossModel(trees, {"feature.a": 4, "feature.b": 0, "feature.c": 2})
    assert moved.losses(wider).tolist() == LossModel(trees, COLUMNS).losses(codes).tolist()


def test_the_twin(made):
    """The kernel does what it says in plain Python, and is compiled once."""
    trees, _ = made
    model, (codes, _) = LossModel(trees, COLUMNS), records(50, 7)
    found = np.full(50, trees.start)
    twin = loss_trees._add.py_func
    twin(codes, model._values, model._ways, model._flags, model._roots, model._gaps, found)
    assert np.maximum(found, 0.0).tolist() == model.losses(codes).tolist()
    loss_trees.warm()
    assert len(loss_trees._add.signatures) == 1


def test_bytes_that_are_no_trees(made):
    """Cut off, with children that lead back or out, with features that there are not, or without a tree."""
    trees, _ = made
    assert sound(trees)
    nodes = np.frombuffer(trees.nodes, loss_trees.NODE)

    def changed(**values):
        wrong = nodes.copy()
        for name, value in values.items():
            wrong[name][0] = value
        return msgspec.structs.replace(trees, nodes=wrong.tobytes())

    assert not sound(msgspec.structs.replace(trees, nodes=trees.nodes[:-1]))
    assert not sound(msgspec.structs.replace(trees, roots=b""))
    assert not sound(msgspec.structs.replace(trees, roots=trees.roots[4:]))
    assert not sound(changed(left=0))
    assert not sound(changed(right=60_000))
    assert not sound(changed(feature=3))
    assert not sound(changed(value=np.nan))
