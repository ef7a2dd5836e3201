"""Slices that changed: found where they are, not told where nothing is, and none twice."""

from __future__ import annotations

import numpy as np
import pytest

from config.plan import AlarmsPlan, FeaturePlan, ModelPlan, WindowPlan
from operators.encoding.codes import MISSING, UNSEEN
from operators.monitoring import slice_search
from operators.monitoring.slice_parts import part_of
from operators.monitoring.slice_search import Rows, search
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.profiles.signal_values import Values
from schemas.profile import Provenance

COUNT = 20_000
MODEL = ModelPlan(
    name="m",
    window=WindowPlan(size_ms=60_000, slide_ms=60_000, min_count=100, grow_to_ms=60_000),
    alarms=AlarmsPlan(budget=1, period_ms=86_400_000, confirm=1, recover=1, min_effect="small", critical="large"),
    features=(
        FeaturePlan(name="country", type="categorical"),
        FeaturePlan(name="plan", type="categorical"),
        FeaturePlan(name="age", type="numeric"),
        FeaturePlan(name="rooms", type="numeric"),
    ),
)


def drawn(seed, count=COUNT, changed=False, worse=False):
    """Country, plan, age, rooms, and errors: in FR and gold age is higher, or predictions are worse, if asked for."""
    rng = np.random.default_rng(seed)
    country = rng.choice(["DE", "FR", "NO"], count, p=[0.5, 0.3, 0.2])
    plan = rng.choice(["basic", "gold"], count, p=[0.7, 0.3])
    there = (country == "FR") & (plan == "gold")
    age = rng.normal(size=count) + (there if changed else 0.0)
    rooms = rng.integers(1, 4, count).astype(np.float64)
    errors = (rng.random(count) < np.where(there & worse, 0.4, 0.1)).astype(np.float64)
    return {"country": country, "plan": plan, "age": age, "rooms": rooms}, errors


def signals_of(columns):
    """Of a profile of these records."""
    builder = ProfileBuilder(MODEL)
    numbers = {f"feature.{name}": columns[name].astype(np.float64) for name in ("age", "rooms")}
    named = {f"feature.{name}": columns[name].tolist() for name in ("country", "plan")}
    builder.count(Values(numbers, named), len(columns["age"]))
    nowhere = Provenance(source="", rows=len(columns["age"]), start=None, end=None, tidemark="0")
    return ModelSignals(MODEL, builder.build(nowhere, None))


REFERENCE, ERRORS = drawn(1)
SIGNALS = signals_of(REFERENCE)


def rows(columns, errors):
    """Records with their codes."""
    numbers = np.column_stack([columns["age"], columns["rooms"]])
    codes = np.empty((len(errors), 4), np.uint8)
    codes[:, 2:] = SIGNALS.numeric_coder.codes(np.ascontiguousarray(numbers))
    for position, (name, coder) in enumerate(zip(("country", "plan"), SIGNALS.category_coders, strict=True)):
        codes[:, position] = coder.codes(columns[name].tolist())
    return Rows(codes, errors)


KNOWN = rows(REFERENCE, ERRORS)


def test_nothing_has_changed():
    """Of ten streams like the reference at most one has a slice that is told, with a level of 1 in 20 each."""
    told = [search(SIGNALS, KNOWN, rows(*drawn(seed))) for seed in range(10, 20)]
    assert sum(bool(found.losses or found.changes) for found in told) <= 1
    assert all(found.labelled and found.tests == 5 * found.compared for found in told)  # four signals, and errors


def test_where_predictions_became_worse():
    """The pair comes first; neither of both alone, nor what lies in it, repeats it."""
    found = search(SIGNALS, KNOWN, rows(*drawn(2, worse=True)))
    first = found.losses[0]
    assert first.slice == {"country": "FR", "plan": "gold"}
    assert (first.reference, first.current) == (pytest.approx(0.1, abs=0.02), pytest.approx(0.4, abs=0.03))
    assert 0.2 < first.least < 0.3
    assert first.share == pytest.approx(0.09, abs=0.01)
    assert {"country": "FR"} not in [loss.slice for loss in found.losses]
    assert found.changes == ()


def test_where_a_signal_changed():
    """Which signal, by how much, and how many records there are."""
    found = search(SIGNALS, KNOWN, rows(*drawn(3, changed=True)))
    first = found.changes[0]
    assert (first.slice, first.signal, first.changed) == ({"country": "FR", "plan": "gold"}, "feature.age", 1)
    assert first.psi == pytest.approx(0.9, abs=0.25)  # of a shift by one deviation
    assert first.records == pytest.approx(1_800, abs=150)
    assert first.share == pytest.approx(first.reference_share, abs=0.02)
    assert found.losses == ()


def test_of_many_features_pairs_are_made_of_the_most_changed(monkeypatch):
    """With a beam of two the pair is still found, as each of its features differs a little."""
    monkeypatch.setattr(slice_search, "BEAM", 2)
    found = search(SIGNALS, KNOWN, rows(*drawn(2, worse=True)))
    assert found.losses[0].slice == {"country": "FR", "plan": "gold"}
    assert found.compared < search_all().compared


def search_all():
    """With pairs of all features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slice_search, "BEAM", 12)
        return search(SIGNALS, KNOWN, rows(*drawn(2, worse=True)))


def test_small_slices_are_not_compared():
    """What is told is how large they have to be: the more comparisons, the larger."""
    found = search(SIGNALS, KNOWN, rows(*drawn(4, count=300)))
    assert 50 <= found.smallest < 150
    assert found.compared < 30
    assert search(SIGNALS, KNOWN, rows(*drawn(4, count=1))).compared == 0
    nothing = Rows(np.empty((0, 4), np.uint8), np.empty(0))
    assert search(SIGNALS, KNOWN, nothing).changes == ()


def test_slices_by_name():
    """Fifths of numbers, values of discrete ones, categories; missing and unseen ones where there are any."""
    parts = [part_of(signal, position).names for position, signal in enumerate(SIGNALS.signals)]
    assert parts[0] == ("DE", "FR", "NO")
    assert parts[3] == ("1", "2", "3")
    assert len(parts[2]) == 5
    assert parts[2][0].startswith("below -0.8")
    assert parts[2][-1].startswith("from 0.8")


def test_values_that_are_missing_or_unseen():
    """They are in no slice where the reference has none such, and break nothing."""
    current = rows(*drawn(5))
    current.codes[::3, 0] = MISSING
    current.codes[1::3, 1] = UNSEEN
    found = search(SIGNALS, KNOWN, current)
    assert all("MISSING" not in str(change.slice) for change in found.changes)


def test_without_labels():
    """Only what changed is told."""
    current = rows(*drawn(3, changed=True))
    found = search(SIGNALS, KNOWN, Rows(current.codes, np.full(len(current.errors), np.nan)))
    assert (found.labelled, found.losses) == (False, ())
    assert found.changes


def test_what_changed_everywhere():
    """Is told of all records, and of no part of them."""
    columns, errors = drawn(6)
    columns["age"] = columns["age"] + 1.0
    rng = np.random.default_rng(66)
    found = search(SIGNALS, KNOWN, rows(columns, np.where(rng.random(COUNT) < 0.2, 1.0, errors)))
    assert [(change.slice, change.signal) for change in found.changes] == [({}, "feature.age")]
    assert [loss.slice for loss in found.losses] == [{}]
