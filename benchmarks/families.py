"""Families of values that are like their reference for ever, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

CYCLE = 1.5  # deviations by which values go up and down in the course of a day where the model has a season
BURST = 10  # records in a row that have half of their variance in common
CATEGORIES = 30

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Floats]  # so many values, of which a day has so many


def _normal(rng: np.random.Generator, count: int, _: int) -> Floats:
    return rng.normal(size=count)


def _zipf(rng: np.random.Generator, count: int, _: int) -> Floats:
    shares = 1 / np.arange(1, CATEGORIES + 1)
    return rng.choice(CATEGORIES, count, p=shares / shares.sum()).astype(np.float64)


def _following(rho: float) -> Draw:
    """Each value rho times the one before it and something new."""

    def draw(rng: np.random.Generator, count: int, _: int) -> Floats:
        warm = int(20 / (1 - rho))
        noise = rng.normal(size=count + warm)
        return np.asarray(lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise), np.float64)[warm:]

    return draw


def _daily(rng: np.random.Generator, count: int, day: int) -> Floats:
    """Values that go up and down by half a standard deviation in the course of a day."""
    return rng.normal(size=count) + 0.5 * np.sin(np.arange(count) * 2 * np.pi / day)


def cycle(count: int, day: int) -> Floats:
    """What the course of a day adds to values where the model has a season."""
    return CYCLE * np.sin(np.arange(count) * 2 * np.pi / day)


def _bursts(rng: np.random.Generator, count: int, _: int) -> Floats:
    """Values of customers who send some records each, one after the other."""
    levels = np.repeat(rng.normal(size=count), rng.geometric(1 / BURST, count))[:count]
    return (levels + rng.normal(size=count)) / np.sqrt(2)


SEASON = "season"  # the family whose models have one
FAMILIES: dict[str, Draw] = {
    "normal": _normal,
    "lognormal": lambda rng, n, _: rng.lognormal(sigma=2.0, size=n),
    "bernoulli .1": lambda rng, n, _: (rng.random(n) < 0.1).astype(np.float64),
    "poisson 2": lambda rng, n, _: rng.poisson(2.0, n).astype(np.float64),
    "zipf 30": _zipf,
    "ar .5": _following(0.5),
    "ar .9": _following(0.9),
    "daily": _daily,
    "bursty": _bursts,
    SEASON: lambda rng, n, day: rng.normal(size=n) + cycle(n, day),
}
CHANGES: dict[str, Callable[[Floats], Floats]] = {
    "shift .2 sd": lambda values: values + 0.2,
    "shift .5 sd": lambda values: values + 0.5,
    "shift 1 sd": lambda values: values + 1.0,
    "spread x1.5": lambda values: values * 1.5,
}
