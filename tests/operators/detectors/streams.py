"""Streams that the tests of detectors share: seeded, drawn by hypothesis, and those of other libraries' own tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

ORACLES = Path(__file__).parents[4] / "shared" / "data" / "oracles"
unhurried = settings(deadline=None)  # the first example may have to wait for the compiler


def seeded() -> dict[str, np.ndarray]:
    """Name -> values: what a kernel has to get right, with and without changes."""
    rng = np.random.default_rng(20260105)
    n = 6_000
    uniform = rng.random(n)
    steps = np.repeat(rng.integers(0, 3, n // 200), 200) + 0.1 * rng.normal(size=n)
    return {
        "uniform": uniform,
        "normal": rng.normal(size=n),
        "step": np.where(np.arange(n) < n // 2, uniform, 0.7 * uniform),
        "steps": steps,
        "bernoulli": (rng.random(n) < np.repeat([0.1, 0.2, 0.9], n // 3)).astype(float),
        "walk": rng.normal(size=n).cumsum(),
        "lognormal": rng.lognormal(0, 2, n),
        "constant": np.full(n, 0.3),
        "alternating": np.tile([0.0, 1.0], n // 2),
        "spiky": np.where(rng.random(n) < 0.002, 1e9, rng.normal(size=n)),
        "tiny": 1e-12 * steps,
        "huge": 1e12 * steps,
        "far": 1e12 + steps,
    }


@st.composite
def drawn(draw: st.DrawFn, longest: int = 400) -> np.ndarray:
    """Draw values around levels that change: noise of a drawn seed, or none at all."""
    levels = draw(st.lists(st.tuples(st.floats(-4, 4), st.integers(1, longest // 4)), min_size=1, max_size=4))
    noise = draw(st.sampled_from([0.0, 0.01, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.concatenate([np.full(count, level) for level, count in levels])
    return values + noise * rng.normal(size=len(values))


@st.composite
def panes(draw: st.DrawFn, count: int) -> list[slice]:
    """Cut so many positions into panes anywhere, empty ones among them."""
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=6)))
    return [slice(a, b) for a, b in zip([0, *cuts], [*cuts, count], strict=True)]


def oracle(stream: str, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a stream and the alarms that other libraries' own tests expect on it."""
    if not ORACLES.is_dir():
        pytest.skip(f"{ORACLES}: the reference data is not beside this checkout")
    return np.loadtxt(ORACLES / stream), json.loads((ORACLES / "oracles.json").read_text())[name]
