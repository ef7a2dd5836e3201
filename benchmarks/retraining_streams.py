"""Streams of `benchmarks.retraining`: those that its settings were chosen on, and others that were held out.

Held out are draws of the simulated ones by another seed, with changes at other rows, the second half of elec2, whose
periodic retrainings fall elsewhere, and the weather of Bellevue, which no setting was ever tried on.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
LOOP = 30_000  # rows of the loop example's stream; its concept changes in the middle
SEED = 20_26  # of what is held out
SEA_NOISE = 0.095  # as in the published stream
CLASSES, JUMP = 15, 3_000  # of RBF; two classes change places so often
_SETS = (
    ("elec2", "elec2/elec2.csv.gz", {"delimiter": ",", "skiprows": 1}),
    ("SEA", "sea/sea_drifts_12500_25000_37500.csv.gz", {"delimiter": ","}),
    ("RBF", "rbf/rbf_rows_0_60000.txt.gz", {}),
)
_WEATHER = ("weather", "weather/skmf_weather.csv", {"delimiter": ",", "skiprows": 1})


@dataclass(frozen=True)
class Stream:
    """Rows in their order: features and classes."""

    name: str
    rows: npt.NDArray[np.float64]
    labels: npt.NDArray[np.str_]


def chosen_on(data: Path) -> Iterator[Stream | str]:
    """The streams that settings were chosen on, or why there is none."""
    yield _loop(seed=1, changes=LOOP // 2)
    yield from (_read(data, *one) for one in _SETS)


def held_out(data: Path) -> Iterator[Stream | str]:
    """The others, or why there is none."""
    yield _loop(seed=SEED, changes=LOOP * 2 // 5)
    elec2 = _read(data, *_SETS[0])
    # Rows that are no multiple of those of a periodic retraining, so that these fall elsewhere.
    yield elec2 if isinstance(elec2, str) else Stream("elec2", elec2.rows[22_500:], elec2.labels[22_500:])
    rng = np.random.default_rng(SEED)
    yield _sea(rng, (10_700, 13_900, 9_200, 16_200))
    yield _rbf(rng, 60_000)
    yield _read(data, *_WEATHER)


def _loop(*, seed: int, changes: int) -> Stream:
    path = ROOT / "examples" / "retraining" / "loans.py"
    spec = importlib.util.spec_from_file_location("loans", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = np.random.default_rng(seed)
    sizes = ((changes, False), (LOOP - changes, True))
    parts = [module.loans(rng, count, rates_rose=rose) for count, rose in sizes]
    rows = np.concatenate([part[module.FEATURES].to_numpy(np.float64) for part in parts])
    return Stream("loop example", rows, np.concatenate([part["label"].to_numpy(str) for part in parts]))


def _read(data: Path, name: str, place: str, settings: dict[str, object]) -> Stream | str:
    path = data / place
    if not path.is_file():
        return f"{name}: {path} is not there"
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        table = np.loadtxt(file, **settings)  # type: ignore[arg-type]  # its parameters differ in type
    return _stream(name, table[:, :-1], table[:, -1])


def _stream(name: str, rows: npt.NDArray[np.float64], classes: npt.NDArray[np.generic]) -> Stream:
    return Stream(name, rows, classes.astype(int).astype(str))


def _sea(rng: np.random.Generator, lengths: tuple[int, ...]) -> Stream:
    """Street and Kim (2001): the sum of two of three features against a threshold that changes, with noise."""
    rows = rng.uniform(0, 10, (sum(lengths), 3))
    thresholds = np.repeat((8.0, 9.0, 7.0, 9.5), lengths)
    flipped = rng.random(len(rows)) < SEA_NOISE
    return _stream("SEA", rows, (rows[:, 0] + rows[:, 1] <= thresholds) ^ flipped)


def _rbf(rng: np.random.Generator, count: int) -> Stream:
    """Interchanging RBF: classes are clouds of points, and two of them change places now and then."""
    centres, spread = rng.uniform(0, 1, (CLASSES, 2)), rng.uniform(0.005, 0.022, (CLASSES, 2))
    classes, rows = rng.integers(0, CLASSES, count), np.empty((count, 2))
    place = np.arange(CLASSES)
    for start in range(JUMP // 2 - JUMP, count, JUMP):  # jumps fall between those of periodic retrainings
        one, other = rng.choice(CLASSES, 2, replace=False)
        place[[one, other]] = place[[other, one]]
        now = slice(max(start, 0), start + JUMP)
        at = place[classes[now]]
        rows[now] = rng.normal(centres[at], spread[at])
    return _stream("RBF", rows, classes)
