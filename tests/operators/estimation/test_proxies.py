"""Margin and entropy: against plain formulas, and what becomes of probabilities that are none."""

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from config.plan import PredictionPlan, SourcePlan
from operators.encoding.codes import INVALID, MISSING
from operators.estimation.proxies import proxies
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.reading.columns import extract
from schemas.profile import Provenance
from tests.operators import decoding

NOTHING = np.full(1, np.nan)
BINARY = PredictionPlan(task="binary", positive="yes")


def of(probabilities, prediction=None, confidence=math.nan, plan=None):
    """Of one record."""
    found = proxies([probabilities], [prediction], np.array([confidence]), plan, texts=False)
    return found[0].tolist()


@given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=12))
def test_formulas(weights):
    """The largest less the second one, and scipy's entropy over that of equal classes."""
    shares = (np.array(weights) / math.fsum(weights)).tolist()
    ordered = sorted(shares)
    margin, surprise = of({str(at): share for at, share in enumerate(shares)})
    assert margin == pytest.approx(ordered[-1] - ordered[-2], abs=1e-12)
    assert surprise == pytest.approx(entropy(shares, base=len(shares)), abs=1e-9)
    assert of(shares) == [margin, surprise]
    assert of(shares[::-1]) == [margin, surprise]  # to the bit: the order of names does not count


@pytest.mark.parametrize(
    "probabilities",
    [{"a": 0.5, "b": 0.47}, {"a": 0.9, "b": 0.2}, {"a": 1.5, "b": -0.5}, {"a": "0.5", "b": 0.5}, {"a": None, "b": 1.0},
     {"a": True, "b": 0.0}, {"a": 10**400, "b": 0.0}, {"a": 0.9}, {}, [], 0.7, "0.7"],
)  # fmt: skip
def test_invalid(probabilities):
    """What does not add up to 1 within two hundredths, is no number or out of range."""
    assert of(probabilities) == [math.inf, math.inf]


def test_what_is_valid():
    """Rounded to two digits, sure, and undecided; a single class is sure."""
    assert of({"a": 0.33, "b": 0.33, "c": 0.33})[0] == 0.0
    assert of({"a": 1, "b": 0}) == [1.0, 0.0]
    assert of({"a": 1.0}) == [1.0, 0.0]
    assert of(None) == pytest.approx([math.nan] * 2, nan_ok=True)


def test_of_two_classes_one_tells_the_other():
    """By the confidence in a class, or the probability that is predicted; given probabilities count first."""
    assert of(None, "no", 0.75, BINARY)[0] == 0.5
    assert of(None, 0.75, plan=BINARY)[0] == 0.5
    assert of({"yes": 0.9, "no": 0.1}, "yes", 0.75, BINARY)[0] == pytest.approx(0.8)
    assert math.isnan(of(None, "no", plan=BINARY)[0])
    assert of({"yes": 0.9, "no": 0.9}, "yes", 0.75, BINARY) == [math.inf, math.inf]


RECORDS = [
    {"prediction": "yes", "probabilities": {"yes": 0.75, "no": 0.25}},
    {"prediction": "yes", "probabilities": {"yes": 0.75, "no": 0.75}},
    {"prediction": "no", "confidence": 0.6},
    {"prediction": "no"},
    {"prediction": "no", "probabilities": {"yes": "a", "no": 0.75}},  # read field by field
]


@pytest.mark.parametrize("wanted", [("margin", "entropy"), ("entropy",), ()])
def test_profile_and_decode_agree(wanted):
    """Both are signals beside the others if they are asked for; gaps have their codes."""
    plan = decoding.model(prediction=BINARY, segments=(), proxies=wanted or msgspec.UNSET)
    source = SourcePlan(name="predictions", kind="predictions", topic="t", model="churn", version="1")
    lines = [json.dumps({"id": f"r{at}", "features": {"age": 1}, **one}).encode() for at, one in enumerate(RECORDS)]
    builder = ProfileBuilder(plan)
    builder.add(extract(lines, source, [feature.name for feature in plan.features]), source)
    profile = builder.build(Provenance(source="a", rows=5, start=None, end=None, tidemark="0"), None)
    signals = ModelSignals(plan, profile)
    assert signals.names[-len(wanted) - 1 :] == ("confidence", *wanted)
    assert signals.kinds[-len(wanted) - 1 :] == ("confidence",) * (1 + len(wanted))
    for name in wanted:
        signal = profile.signals[name]
        assert (signal.count, signal.missing, signal.invalid) == (2, 1, 2)
    references = decoding.job(source, models=(plan,), profiles={"churn": {"": profile}})
    codes = np.array(decoding.decode(list(lines), references).codes("m|churn|1|champion|all"))
    assert codes.shape == (5, len(signals.names))
    for name in wanted:
        assert sorted(codes[:, signals.names.index(name)].tolist())[-3:] == [INVALID, INVALID, MISSING]
