"""Slice cells: which records are in which, as a naive count says it, and how many of them there may be."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import msgspec
import numpy as np
import pytest

from config.plan import FeaturePlan, PredictionPlan
from operators.encoding.codes import CODES, INVALID, MISSING, OTHER
from operators.metrics import slice_cells
from operators.metrics.outcome_sums import OutcomeSums
from operators.metrics.slice_cells import CELLS, VALUES, SliceCells, sliced_features
from operators.metrics.slice_sums import SliceSums, both
from operators.profiles.references import ModelSignals
from schemas.profile import CategoricalSignal, Profile, Provenance
from tests.operators.monitoring.test_slice_search import MODEL
from tests.operators.signals import categorical_signal, continuous_signal

CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBERS = PredictionPlan(task="regression")


def signals(sizes: list[int], slices: tuple[str, ...] = (), rest: int = 0, missing: int = 0) -> ModelSignals:
    """Of categorical features with so many categories, and one number."""
    features = tuple(FeaturePlan(name=f"f{n}", type="categorical") for n in range(len(sizes)))
    features += (FeaturePlan(name="age", type="numeric"),)
    model = msgspec.structs.replace(MODEL, features=features, slices=slices)
    known: dict[str, object] = {
        f"feature.f{n}": msgspec.structs.replace(
            categorical_signal(list(range(1_000, 1_000 - size, -1)), rest), missing=missing
        )
        for n, size in enumerate(sizes)
    }
    known["feature.age"] = continuous_signal(np.random.default_rng(0).normal(size=5_000))
    made = Provenance(source="r", rows=5_000, start=None, end=None, tidemark="0")
    return ModelSignals(model, Profile(model="m", version=None, provenance=made, signals=known))  # type: ignore[arg-type]


def naive(cells: SliceCells, codes: np.ndarray, errors: np.ndarray) -> dict[tuple, tuple[int, float, float]]:
    """Count, errors and squares by features and values, record by record."""
    found: dict[tuple, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for row, error in zip(codes, errors, strict=True):
        if np.isnan(error):
            continue
        there = [(at, int(part.of[row[part.position]])) for at, part in enumerate(cells.parts)]
        there = [one for one in there if one[1] >= 0]
        for parts in ((), *((one,) for one in there), *combinations(there, 2)):
            sums = found[parts]
            sums[0] += 1
            sums[1] += error
            sums[2] += error**2
    return {parts: (int(sums[0]), sums[1], sums[2]) for parts, sums in found.items()}


@pytest.mark.parametrize(("plan", "slices"), [(CLASSES, ()), (NUMBERS, ("f0", "age", "f2")), (CLASSES, ("f1",))])
def test_sums_are_those_of_a_naive_count(plan, slices):
    """Of all records, each value and each pair; values that the reference lacks and labels of nobody are in none."""
    found = signals([3, 20, 5], slices, rest=50, missing=10)
    cells = SliceCells(found)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, (800, len(found.names))).astype(np.uint8)
    codes[::7, 1] = rng.choice([15, OTHER, MISSING, INVALID], len(codes[::7]))
    values = np.column_stack([rng.integers(0, 3, 800), np.full(800, np.nan), rng.integers(0, 3, 800)]).astype(float)
    values[::11, 2] = np.nan
    if plan is NUMBERS:
        values[:, 0] += rng.normal(size=800)
    errors = np.abs(values[:, 0] - values[:, 2])
    errors = np.where(np.isnan(errors), np.nan, errors if plan is NUMBERS else errors > 0)
    places = cells.places(codes)
    sums = cells.sums(plan, values, places).unpack()
    expected = naive(cells, codes, errors)
    told = {
        cells.parts_of(cell): (int(sums.counts[cell]), float(sums.errors[cell]), float(sums.squares[cell]))
        for cell in np.flatnonzero(sums.counts).tolist()
    }
    assert told.keys() == expected.keys()
    for parts, known in expected.items():
        assert told[parts] == pytest.approx(known, rel=1e-12)
    halves = [cells.sums(plan, values[part], places[part]) for part in (slice(0, 300), slice(300, None))]
    together = both(*halves)
    assert together.counts == cells.sums(plan, values, places).counts
    assert (together.wrong == b"") == (plan is NUMBERS)
    assert cells.sums(plan, values, np.zeros(800, np.uint64)) is None
    assert cells.sums(plan, values, places ^ np.uint64(1 << 40)) is None  # of another profile
    assert len(slice_cells._add.signatures) == 1


def test_there_are_only_so_many_cells():
    """The more features, the fewer values of each have cells of their own; eight at most where none is named."""
    few, many = SliceCells(signals([60, 60])), SliceCells(signals([60] * 10))
    assert [len(part.names) for part in few.parts] == [VALUES + 1] * 2
    assert [len(part.names) for part in many.parts] == [8] * 8
    assert few.count < many.count <= CELLS
    assert many.parts[0].names[-1] == "(other)"
    assert sliced_features(signals([60] * 10).model) == tuple(f"f{n}" for n in range(8))
    assert SliceCells(signals([1, 2], ())).count == 3  # of one value there is nothing to tell
    assert len({few.id, many.id, SliceCells(signals([59, 60])).id}) == 3


def test_places_fit_seven_bytes():
    """Of any code."""
    found = signals([60] * 8)
    codes = np.tile(np.arange(CODES, dtype=np.uint8)[:, None], (1, len(found.names)))
    assert (SliceCells(found).places(codes) >> np.uint64(56)).max() == 0


def test_sums_of_an_earlier_release():
    """State from before there were slices is read, and adds up with what comes."""
    cells = SliceCells(signals([3]))
    values = np.array([[0.0, np.nan, 1.0], [1.0, np.nan, 1.0]])
    now = OutcomeSums.of(CLASSES, values)
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(list(msgspec.structs.astuple(now))[:-1]), type=OutcomeSums)
    assert old.sliced is None
    now.sliced = cells.sums(CLASSES, values, cells.places(np.zeros((2, 2), np.uint8)))
    sums = msgspec.msgpack.decode(msgspec.msgpack.encode(old + now), type=OutcomeSums)
    assert sums.labels == 4
    assert sums.sliced.unpack().counts[0] == 2
    other = SliceSums(1, 2, b"\x00\x01")
    assert both(now.sliced, other) == other  # of a new profile


def test_signals_are_found_by_name():
    """A sensitive category has the name that the profile has for it."""
    cells = SliceCells(signals([3, 2]))
    assert cells.text(((0, 1), (1, 0))) == {"f0": "c001", "f1": "c000"}
    assert isinstance(signals([3]).signals[0], CategoricalSignal)
