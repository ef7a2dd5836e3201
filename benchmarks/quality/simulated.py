"""Simulated streams: families of values, each with every change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import families
from benchmarks.quality.streams import Floats, Stream, Truth

WINDOW = 1_000
REFERENCE = 10_000
CALM = 28_800  # values of a stream without drift: one budget period of 288 slides
DAY = 4_800  # values in a day of the family with a daily season
DAYS = 6  # of its reference
BEFORE = (3_000, 4_000)  # the change comes in between: anywhere in a slide, a window and a chunk
AFTER = 4 * WINDOW
GRADUAL = 2_000  # values in which a gradual change comes to its full size
SPELL = 3 * WINDOW  # how long a recurring change stays, and stays away
SPELLS = 3
DEGREES = 3.0  # of Student's t: values ten deviations off come once in 2,000
COUNTS = 2.0  # mean of the discrete family

CHANGES = ("none", "shift 0.2 sd", "shift 0.5 sd", "shift 1 sd", "gradual 0.5 sd", "spread x1.5", "recurring 1 sd")
MIXES = ("none", "mix 5 %", "mix 15 %", "mix 30 %", "gradual mix 15 %", "recurring mix 30 %")
SIZES = {"shift 0.2 sd": 0.2, "shift 0.5 sd": 0.5, "shift 1 sd": 1.0, "gradual 0.5 sd": 0.5, "recurring 1 sd": 1.0}
SHARES = {"mix 5 %": 0.05, "mix 15 %": 0.15, "mix 30 %": 0.3, "gradual mix 15 %": 0.15, "recurring mix 30 %": 0.3}

Draw = Callable[[np.random.Generator, int], Floats]


def _heavy(rng: np.random.Generator, count: int) -> Floats:
    return rng.standard_t(DEGREES, count) / np.sqrt(DEGREES / (DEGREES - 2))


# All but the discrete and the categories have the mean 0 and the standard deviation 1.
FAMILIES: dict[str, Draw] = {
    "normal": lambda rng, count: rng.normal(size=count),
    "heavy-tailed": _heavy,
    "discrete": lambda rng, count: rng.poisson(COUNTS, count).astype(np.float64),
    "AR(0.5)": lambda rng, count: families.FAMILIES["ar .5"](rng, count, 0),
    "AR(0.9)": lambda rng, count: families.FAMILIES["ar .9"](rng, count, 0),
    "daily season": lambda rng, count: families.FAMILIES["daily"](rng, count, DAY) / np.sqrt(1.125),
    "bursty": lambda rng, count: families.FAMILIES["bursty"](rng, count, 0),
    "categories": lambda rng, count: families.FAMILIES["zipf 30"](rng, count, 0),
}


def changes(family: str) -> tuple[str, ...]:
    """What can happen to values of a family."""
    return MIXES if family == "categories" else CHANGES


def streams(family: str, change: str, count: int, seed: int) -> Iterator[Stream]:
    """Draw so many streams of a family, each with the same change at another place."""
    for number in range(count):
        yield stream(family, change, number, seed)


def stream(family: str, change: str, number: int, seed: int) -> Stream:
    """Draw one of them; the same numbers and seed give the same stream."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family), changes(family).index(change), number])
    draw = FAMILIES[family]
    reference = draw(rng, DAY * DAYS if family == "daily season" else REFERENCE)
    truths: tuple[Truth, ...] = ()
    start = int(rng.integers(*BEFORE))
    if change == "none":
        length = CALM
    elif change.startswith("recurring"):
        length = start + 2 * SPELLS * SPELL
        begins = [start + 2 * SPELL * spell for spell in range(SPELLS)]
        truths = tuple(Truth(begin, begin + SPELL) for begin in begins)
    else:
        length = start + AFTER
        truths = (Truth(start, length),)
    sizes: tuple[int, ...] = ()
    if family == "bursty":
        sizes = _sizes(rng, length)
    values = _changed(family, change, draw(rng, length), truths, rng)
    return Stream(
        name=f"{family}, {change}, {number}", group=family, change=change, reference=reference[:, None],
        values=values[:, None], truths=truths, window=WINDOW, named=(family == "categories",), sizes=sizes,
        prolonged=WINDOW + WINDOW // 2,
    )  # fmt: skip


def _changed(family: str, change: str, values: Floats, truths: tuple[Truth, ...], rng: np.random.Generator) -> Floats:
    """Values of which those within the truths are moved."""
    weight = np.zeros(len(values))
    for truth in truths:
        weight[truth.start : truth.end] = 1.0
        if change.startswith("gradual"):
            weight[truth.start : truth.start + GRADUAL] = np.linspace(0.0, 1.0, GRADUAL)
    if change in SHARES:  # some of the records become the third most frequent category
        return np.where(rng.random(len(values)) < SHARES[change] * weight, 2.0, values)
    if family == "discrete":
        if change in SIZES:  # more of the same kind: counts with a larger mean
            return values + rng.poisson(SIZES[change] * np.sqrt(COUNTS) * weight)
        spread = rng.choice([0.5, 1.5], len(values)) * COUNTS
        return np.where(weight > 0, rng.poisson(spread), values).astype(np.float64)
    if change in SIZES:
        return values + SIZES[change] * weight
    return np.asarray(values * (1.0 + 0.5 * weight), np.float64)


def _sizes(rng: np.random.Generator, length: int) -> tuple[int, ...]:
    """Volumes that go up and down from slide to slide."""
    slide = WINDOW // 10
    drawn = rng.poisson(slide * rng.gamma(1.0, 1.0, 4 * length // slide)) + 1
    ends = np.minimum(np.cumsum(drawn), length)
    sizes = np.diff(ends, prepend=0)
    return tuple(int(size) for size in sizes[sizes > 0])
