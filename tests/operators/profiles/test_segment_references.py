"""What segments are compared with: their own records of the reference, where there are enough."""

import msgspec
import numpy as np
import pytest

from config.plan import FeaturePlan, SegmentPlan
from operators.encoding.codes import CODES, MISSING, OTHER
from operators.profiles.references import ModelSignals
from operators.profiles.segment_references import SegmentReferences
from operators.profiles.slices import SliceCodec
from schemas.profile import CategoricalSignal, Profile, Provenance
from tests.operators.panes import TENTHS
from tests.operators.profiles.test_profiling import model

PLAN = CategoricalSignal(
    count=9_000, missing=0, invalid=0, categories=(("a", 5_000), ("b", 3_000), ("c", 990)), rest=10, distinct=9
)
SIGNALS = {"feature.age": TENTHS, "feature.plan": PLAN}
MODEL = model(
    features=(FeaturePlan(name="age", type="numeric"), FeaturePlan(name="plan", type="categorical")),
    segments=(SegmentPlan(fields=("country",)),),
)


def part(ages, plans, mean=2.0, sd=1.0):
    """A slice with so many ages in the ten bins, and plans a, b, c and others."""
    counts = np.zeros((2, CODES), np.int64)
    counts[0, :10] = ages
    counts[1, [0, 1, 2, OTHER]] = plans
    counts[:, MISSING] = counts.sum(axis=1).max() - counts.sum(axis=1)
    return SliceCodec(list(SIGNALS.values())).pack(int(counts.sum(axis=1).max()), counts, np.array([[mean, sd]]))


DE = part([600] * 5 + [0] * 5, [3_000, 0, 0, 0])
FR = part([0] * 9 + [49], [0, 20, 30, 0])


def references(plan=MODEL, **changes):
    slices = {"country": {"country=DE": DE, "country=FR": FR}}
    profile = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="a", rows=10_000, start=None, end=None, tidemark="0"),
        signals=SIGNALS,
        segments={"country": tuple((text, part.records) for text, part in slices["country"].items())},
        slices=slices,
    )
    return SegmentReferences(ModelSignals(plan, msgspec.structs.replace(profile, **changes)))


def test_a_segment_has_its_own_counts_and_moments():
    """On the bins and categories of the whole, so that codes mean the same."""
    age, plan = references().signals("country=DE")
    assert (age.edges, age.counts, age.count) == (TENTHS.edges, (600,) * 5 + (0,) * 5, 3_000)
    assert (age.mean, age.sd, age.missing) == (2.0, 1.0, 0)
    assert (plan.categories, plan.rest, plan.count) == ((("a", 3_000), ("b", 0), ("c", 0)), 0, 3_000)


def test_few_values_of_a_signal_are_compared_with_the_whole():
    """49 ages are too few, 50 plans are enough; a segment without any signal of its own is the whole."""
    age, plan = references().signals("country=FR")
    assert age is TENTHS
    assert (plan.count, plan.missing) == (50, 0)
    small = {"country": {"country=DE": part([1] * 10, [10, 0, 0, 0])}}
    assert references(slices=small).signals("country=DE") is None


def test_other_is_all_that_has_no_name():
    """Also the mean and the deviation of it."""
    age, plan = references().signals("country=other")
    assert age.counts == (400,) * 5 + (1_000,) * 4 + (951,)
    assert (plan.categories, plan.rest) == ((("a", 2_000), ("b", 2_980), ("c", 960)), 10)
    # TENTHS has the mean 0 and the deviation 1; 3,049 of its values have the mean 2.
    assert age.mean == pytest.approx(-3_049 * 2 / 6_951)
    squares = 10_000 - 3_049 * (1 + 4)
    assert age.sd == pytest.approx(max(squares / 6_951 - age.mean**2, 0) ** 0.5)


def test_other_follows_the_values_that_are_listed():
    """With DE alone in the list the others are with FR; a value that is told nowhere is no segment."""
    listed = msgspec.structs.replace(MODEL, segments=(SegmentPlan(fields=("country",), values=(("DE",), ("XX",))),))
    age, _ = references(listed).signals("country=other")
    assert age.counts == (400,) * 5 + (1_000,) * 5
    hidden = msgspec.structs.replace(MODEL, disclose=51)  # more than FR has
    assert references(hidden).signals("country=other")[0].counts == age.counts


def test_a_value_called_other_is_among_the_others():
    """Their records have one key."""
    slices = {"country": {"country=DE": DE, "country=other": FR}}
    segments = {"country": (("country=DE", 3_000), ("country=other", 50))}
    age, _ = references(slices=slices, segments=segments).signals("country=other")
    assert age.counts == (400,) * 5 + (1_000,) * 5


def test_without_slices_the_whole_speaks_for_all():
    """Of older profiles, of values that were not counted, and of the whole traffic."""
    for of, segment in [(references(slices=msgspec.UNSET), "country=DE"), (references(), "country=AT")]:
        assert of.signals(segment) is None
    assert references().signals("all") is None
    assert references(slices={"country": {"country=DE": DE}}).signals("country=other") is None


def test_categories_that_are_not_told_any_more_are_counted_with_the_rest():
    """The configuration discloses less than when the profile was made."""
    stricter = msgspec.structs.replace(MODEL, disclose=1_000)
    slices = {"country": {"country=DE": part([600] * 5 + [0] * 5, [1_000, 0, 1_900, 100])}}
    _, plan = references(stricter, slices=slices).signals("country=DE")
    assert (plan.categories, plan.rest) == ((("a", 1_000), ("b", 0)), 2_000)


def test_how_many_have_a_reference_of_their_own():
    """Segments of one way of slicing, with `other`; their signals; those of them with enough values."""
    assert references().own(MODEL.segments[0]) == (3, 6, 5)
    assert references(slices=msgspec.UNSET).own(MODEL.segments[0]) == (3, 6, 0)
