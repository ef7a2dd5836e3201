"""Made-up data, drawn in blocks of columns: ``churn`` for demonstrations, ``wide`` for measurements, river's by name.

A block is a column for each signal: ``feature.NAME``, fields beside the features by their name, ``label``, and what
the model says: ``prediction`` and ``confidence`` as its score (log-odds of "yes") and the score's distance from 0, or
``prediction`` alone where it is recorded as it stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.errors import UsageError

BLOCK = 10_000  # rows at a time: fewer cost calls, more only memory
SAMPLE = 50_000  # rows from which the mean and spread of a column are known, to 1 %
MISCLASSIFIED = 0.1  # share of river's labels that the made-up model gets wrong
FEATURE = "feature."

Column = npt.NDArray[Any]
Columns = dict[str, Column]


class Dataset(Protocol):
    """What a stream is made from."""

    @property
    def decimals(self) -> Mapping[str, int]:
        """To how many decimals numeric columns are recorded; those that are not named keep all digits."""

    def blocks(self, seed: int) -> Iterator[Columns]:
        """Draw blocks of rows for ever, the same ones for the same seed."""


class Numeric(msgspec.Struct, frozen=True):
    """A numeric feature: how values are drawn, and to how many decimals they are recorded."""

    draw: Callable[[np.random.Generator, int], npt.NDArray[np.float64]]
    decimals: int
    weight: float = 0.0  # in the model's score, per standard deviation


class Names(msgspec.Struct, frozen=True):
    """A categorical field: its values and their shares."""

    shares: Mapping[str | bool, float]
    weights: Mapping[str | bool, float] = {}  # in the model's score

    def draw(self, rng: np.random.Generator, count: int) -> Column:
        """Draw values."""
        values = np.array(list(self.shares), dtype=object)
        return values[np.searchsorted(np.cumsum(list(self.shares.values()))[:-1], rng.random(count), side="right")]


class Drawn:
    """A dataset whose columns are independent, and whose model is a weighted sum of them.

    Parameters
    ----------
    columns : mapping
        By signal.
    bias : float
        The model's score for an average row.
    """

    def __init__(self, columns: Mapping[str, Numeric | Names], bias: float) -> None:
        self._columns, self._bias = columns, bias
        self.decimals: Mapping[str, int] = {name: c.decimals for name, c in columns.items() if isinstance(c, Numeric)}

    def blocks(self, seed: int) -> Iterator[Columns]:
        """Draw blocks for ever; each depends on the seed and its number alone."""
        number = 0
        while True:
            rng = np.random.default_rng([seed, number])
            columns = {name: column.draw(rng, BLOCK) for name, column in self._columns.items()}
            score = self._bias + rng.normal(0, 0.5, BLOCK)
            for name, column in self._columns.items():
                if isinstance(column, Names):
                    for value, weight in column.weights.items():
                        score += weight * (columns[name] == value)
                elif column.weight:
                    mean, sd = self._moments[name]
                    score += column.weight * (columns[name] - mean) / sd
            yield {**columns, "prediction": score, "confidence": np.abs(score)}
            number += 1

    @cached_property
    def _moments(self) -> dict[str, tuple[float, float]]:
        rng = np.random.default_rng(0)
        drawn = {name: c.draw(rng, SAMPLE) for name, c in self._columns.items() if isinstance(c, Numeric)}
        return {name: (float(values.mean()), float(values.std())) for name, values in drawn.items()}


class River:
    """A stream of river's, by the name of its class in ``river.datasets.synth``; the model is mostly right."""

    decimals: Mapping[str, int] = {}

    def __init__(self, name: str) -> None:
        from river.datasets import synth

        if name not in synth.__all__:
            folded = {known.lower(): known for known in synth.__all__}
            near = difflib.get_close_matches(name.lower(), folded, 1)
            hint = f"; did you mean 'river:{folded[near[0]]}'?" if near else ""
            message = f"--dataset: river has no stream '{name}' ({', '.join(synth.__all__)}){hint}"
            raise UsageError(message)
        self._make = getattr(synth, name)

    def blocks(self, seed: int) -> Iterator[Columns]:
        """Draw blocks until river's stream ends, if it does."""
        rng = np.random.default_rng(seed)
        rows = iter(self._make(seed=seed))
        while drawn := [row for _, row in zip(range(BLOCK), rows, strict=False)]:
            labels = np.array([label for _, label in drawn])
            columns = {f"{FEATURE}{name}": np.array([row[name] for row, _ in drawn]) for name in drawn[0][0]}
            if labels.dtype.kind == "f":
                predictions = labels + rng.normal(0, MISCLASSIFIED * labels.std(), len(labels))
            else:
                labels = labels.astype(np.int64).astype(str).astype(object)
                wrong = rng.random(len(labels)) < MISCLASSIFIED
                predictions = np.where(wrong, rng.permutation(labels), labels)
            yield {**columns, "prediction": predictions, "label": labels}


CHURN = Drawn(
    {
        "feature.age": Numeric(lambda rng, n: np.maximum(rng.normal(41, 12, n), 18), 0, -0.2),
        "feature.tenure_months": Numeric(lambda rng, n: rng.exponential(24, n), 0, -0.8),
        "feature.monthly_spend": Numeric(lambda rng, n: rng.lognormal(3.6, 0.5, n), 2, 0.3),
        "feature.support_calls": Numeric(lambda rng, n: rng.poisson(1.2, n).astype(float), 0, 0.6),
        "feature.days_since_login": Numeric(lambda rng, n: rng.exponential(9, n), 0, 0.9),
        "feature.usage_hours": Numeric(lambda rng, n: rng.gamma(2, 6, n), 1, -0.5),
        "feature.discount": Numeric(lambda rng, n: rng.beta(2, 8, n), 3, -0.1),
        "feature.plan": Names({"basic": 0.45, "plus": 0.3, "pro": 0.17, "team": 0.08}, {"basic": 0.4, "team": -0.8}),
        "feature.payment": Names({"card": 0.6, "paypal": 0.2, "invoice": 0.15, "voucher": 0.05}, {"voucher": 0.7}),
        "feature.autopay": Names({True: 0.7, False: 0.3}, {True: -0.4}),
        "country": Names({"US": 0.3, "DE": 0.2, "GB": 0.15, "FR": 0.1, "IN": 0.1, "BR": 0.08, "JP": 0.05, "NL": 0.02}),
        "device": Names({"web": 0.5, "ios": 0.3, "android": 0.2}),
    },
    bias=-1.2,
)
# 20 numeric features: with prediction and confidence 22 signals, and about 384 bytes a record
WIDE = Drawn(
    {
        **{f"feature.x{i}": Numeric(lambda rng, n: rng.normal(0, 1, n), 4, 0.3) for i in range(10)},
        **{f"feature.x{i}": Numeric(lambda rng, n: rng.lognormal(0, 1, n), 4) for i in range(10, 20)},
    },
    bias=-0.5,
)
DATASETS: dict[str, Dataset] = {"churn": CHURN, "wide": WIDE}


def dataset(name: str) -> Dataset:
    """Give a dataset by its name.

    Raises
    ------
    UsageError
        There is none.
    """
    if name.startswith("river:"):
        return River(name.removeprefix("river:"))
    if name not in DATASETS:
        message = f"--dataset: there is no '{name}' ({', '.join(DATASETS)}, river:NAME)"
        raise UsageError(message)
    return DATASETS[name]
