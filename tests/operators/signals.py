"""Signals of a profile made from numbers, counts, or by hypothesis."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from operators.encoding.codes import CODES
from schemas.profile import CategoricalSignal, NumericSignal, Signal

unhurried = settings(deadline=None)  # the first example may have to wait for the compiler


def numeric_signal(edges: np.ndarray, counts: np.ndarray, discrete: bool) -> NumericSignal:
    """With these edges and counts; moments are not what the tests here look at."""
    return NumericSignal(
        count=int(np.sum(counts)),
        missing=0,
        invalid=0,
        mean=0.0,
        sd=1.0,
        min=None,
        max=None,
        discrete=discrete,
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
        means=(0.0,) * len(counts),
    )


def placed(signal: NumericSignal) -> NumericSignal:
    """The signal with the middle of each bin as its mean, open ones at their edge."""
    edges = np.array(signal.edges)
    ends = np.concatenate([edges[:1], edges, edges[-1:]]) if len(edges) else np.zeros(2)
    return msgspec.structs.replace(signal, means=tuple((ends[1:] / 2 + ends[:-1] / 2).tolist()))


def continuous_signal(values: np.ndarray, bins: int = 250) -> NumericSignal:
    """Profile of a continuous feature: quantile edges, counts between them."""
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins)) if len(values) else np.array([])
    counts = np.bincount(codes_of(values, edges), minlength=len(edges) + 1)
    return placed(numeric_signal(edges, counts, discrete=False))


def discrete_signal(values: np.ndarray) -> NumericSignal:
    """Profile of a discrete feature: a bin for each value, empty ones around them."""
    known = np.unique(np.asarray(values, dtype=np.float64))
    edges = np.column_stack((known, np.nextafter(known, np.inf))).ravel()
    return placed(numeric_signal(edges, np.bincount(codes_of(values, edges), minlength=len(edges) + 1), discrete=True))


def categorical_signal(counts: list[int] | np.ndarray, rest: int = 0) -> CategoricalSignal:
    """Categories with these counts, most frequent first."""
    ordered = sorted((int(count) for count in counts), reverse=True)
    return CategoricalSignal(
        count=sum(ordered) + rest,
        missing=0,
        invalid=0,
        categories=tuple((f"c{i:03}", count) for i, count in enumerate(ordered)),
        rest=rest,
        distinct=len(ordered) + (rest > 0),
    )


def codes_of(values: np.ndarray, edges: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Bins of numbers."""
    return np.searchsorted(np.asarray(edges), np.asarray(values, dtype=np.float64), side="right")


def window(codes: np.ndarray) -> np.ndarray:
    """Count table of one signal's codes."""
    return np.bincount(codes, minlength=CODES).astype(np.int64)[None, :]


def expanded(counts: np.ndarray) -> np.ndarray:
    """The codes that were counted, one by one."""
    return np.repeat(np.arange(len(counts)), np.asarray(counts).astype(np.int64))


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    """Any signal, also without values, constant, or with empty bins and categories counted together."""
    counts = st.integers(0, 3_000)
    kind = draw(st.sampled_from(["continuous", "discrete", "categorical"]))
    if kind == "categorical":
        return categorical_signal(draw(st.lists(counts, max_size=30)), rest=draw(counts))
    bins = draw(st.lists(counts, min_size=1, max_size=60))
    return placed(numeric_signal(np.arange(len(bins) - 1), np.array(bins), discrete=kind == "discrete"))


def tables() -> st.SearchStrategy[list[int]]:
    """A row of a count table, any codes, mostly empty."""
    rows = st.dictionaries(st.integers(0, CODES - 1), st.integers(0, 3_000), max_size=25)
    return rows.map(lambda counts: [counts.get(code, 0) for code in range(CODES)])
