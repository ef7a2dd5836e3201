from __future__ import annotations

import math
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.codes import INVALID, MISSING, OTHER, UNSEEN
from operators.encoding.coding import CategoryCoder, NumericCoder, _code
from operators.reading.values import Gap, boolean, category, disguised
from schemas.profile import CategoricalSignal
from tests.operators.signals import continuous_signal, discrete_signal, numeric_signal, unhurried

LARGEST, TINIEST = sys.float_info.max, 5e-324
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.one_of(
    st.lists(FINITE, max_size=60),
    st.lists(st.integers(-3, 3).map(float), max_size=10),
    st.lists(st.integers(0, 60).map(lambda n: n * TINIEST), max_size=60),  # subnormal
    st.lists(st.integers(0, 200).map(lambda n: 1.0 + n * sys.float_info.epsilon), max_size=100),
    st.lists(st.sampled_from([-LARGEST, -1.0, -TINIEST, 0.0, TINIEST, 1.0, LARGEST]), max_size=7),
    st.lists(st.integers(-300, 300).map(lambda n: 10.0**n), max_size=100),
).map(lambda edges: np.unique(np.array(edges, np.float64) + 0.0))


def expected(values, edges):
    """The definition: the number of edges that are not above a value."""
    codes = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), MISSING, np.where(np.isinf(values), INVALID, codes)).tolist()


def signal(edges):
    return numeric_signal(edges, np.zeros(len(edges) + 1), discrete=False)


@unhurried
@given(EDGES, st.lists(st.floats(), max_size=30))
def test_codes_are_those_of_a_search(edges, values):
    """A value's code is the number of edges up to it, also on, just below and just above an edge."""
    with np.errstate(over="ignore"):
        around = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), np.array(values)])
    assert NumericCoder([signal(edges)]).codes(around[:, None]).ravel().tolist() == expected(around, edges)


@unhurried
@given(st.lists(EDGES, min_size=1, max_size=5), st.data())
def test_signals_do_not_see_each_other(edges, data):
    """Signals coded together get the codes that each gets alone."""
    columns = [data.draw(st.lists(st.floats(), min_size=4, max_size=4)) for _ in edges]
    together = NumericCoder([signal(one) for one in edges]).codes(np.ascontiguousarray(np.array(columns).T))
    assert together.T.tolist() == [expected(np.array(c), e) for c, e in zip(columns, edges, strict=True)]


@pytest.mark.parametrize(
    "made",
    [
        continuous_signal(np.random.default_rng(1).standard_cauchy(50_000)),
        continuous_signal(np.random.default_rng(2).lognormal(0, 6, 50_000)),
        continuous_signal(np.random.default_rng(3).normal(1e15, 1.0, 50_000)),
        continuous_signal(np.random.default_rng(4).uniform(-1.0, 1.0, 5_000) * LARGEST),
        discrete_signal(np.arange(50.0)),
        discrete_signal(np.array([-1e300, 0.0, 1e-300, 1.0, 1e300])),
        discrete_signal(np.array([0.1, 0.1 + 2**-55, 0.1 + 2**-54])),
    ],
    ids=["cauchy", "wide lognormal", "far from zero", "all floats", "counts", "huge range", "neighbours"],
)
def test_profiles_of_hostile_data(made):
    """Edges of quantiles and of discrete values code values exactly, wherever cells of the grid end."""
    edges = np.array(made.edges)
    values = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), [LARGEST, -LARGEST, 0]])
    assert NumericCoder([made]).codes(values[:, None]).ravel().tolist() == expected(values, edges)


def test_known_values_of_a_discrete_signal():
    """Each known value has a bin of its own; what lies between, below and above has others."""
    codes = NumericCoder([discrete_signal(np.array([1.0, 2.0]))]).codes(np.array([[0.5], [1], [1.5], [2], [2.5]]))
    assert codes.ravel().tolist() == [0, 1, 2, 3, 4]


def test_no_signal_and_no_record():
    """Nothing in, nothing out."""
    assert NumericCoder([]).codes(np.empty((3, 0))).shape == (3, 0)
    assert NumericCoder([signal(np.array([1.0]))]).codes(np.empty((0, 1))).shape == (0, 1)


def test_the_compiled_loop_is_the_written_one():
    """The kernel gives what its Python text gives."""
    made = continuous_signal(np.random.default_rng(5).lognormal(0, 4, 5_000))
    coder = NumericCoder([made])
    values = np.random.default_rng(6).lognormal(0, 4, (300, 1))
    written = np.empty(values.shape, np.uint8)
    _code.py_func(values, coder._edges, coder._grid, coder._low, coder._scale, written)
    assert coder.codes(values).tolist() == written.tolist()


def test_one_kernel():
    """One compiled version serves all callers."""
    NumericCoder([signal(np.arange(3.0))]).codes(np.zeros((2, 1)))
    NumericCoder([]).codes(np.empty((3, 0)))
    assert len(_code.signatures) == 1


def named(*names, rest=0):
    categories = tuple((name, 100 - at) for at, name in enumerate(names))
    return CategoricalSignal(count=1, missing=0, invalid=0, categories=categories, rest=rest, distinct=len(names))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("gold", 0),
        ("7", 1),
        (7, 1),
        (7.0, 1),
        ("true", 2),
        (True, 2),
        (1, UNSEEN),
        (1.0, UNSEEN),
        (False, UNSEEN),
        (0, UNSEEN),
        ("GOLD", UNSEEN),
        ("", UNSEEN),
        (254, UNSEEN),
        (255.0, UNSEEN),
        (None, MISSING),
        (Gap.MISSING, MISSING),
        (Gap.INVALID, INVALID),
        (math.nan, INVALID),
        (math.inf, INVALID),
        (["gold"], INVALID),
        ({"gold": 1}, INVALID),
        (b"gold", INVALID),
        ("\ud800", UNSEEN),
    ],
)
def test_code_of_a_name(value, code):
    """Numbers and booleans count as their text; what is no name is invalid; one is not true, nor 254 invalid."""
    coder = CategoryCoder(named("gold", "7", "true"))
    assert coder.codes([value, "gold", value]).tolist() == [code, 0, code]


def test_names_that_the_reference_did_not_name():
    """Where the reference counted some names together, an unknown name may be one of them."""
    assert CategoryCoder(named("gold", rest=5)).codes(["silver", None]).tolist() == [OTHER, MISSING]


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize(("value", "code"), [(True, 0), ("TRUE", 0), (1, 0), ("1", 0), (1.0, 0), (False, 1), ("0", 1)])
def test_booleans(value, code, sensitive):
    """All ways to write true are one code, also where its name is disguised."""
    names = [disguised(name) if sensitive else name for name in ("true", "false")]
    coder = CategoryCoder(named(*names), truth=True)
    assert coder.codes([value, 2, "yes", None]).tolist() == [code, INVALID, INVALID, MISSING]


def test_disguised_names():
    """Values of a sensitive feature are found behind their disguise, and a disguise is no value."""
    coder = CategoryCoder(named(disguised("gold"), disguised("7")))
    values = ["gold", 7, "7", "silver", disguised("gold"), None, ["gold"]]
    assert coder.codes(values).tolist() == [0, 1, 1, UNSEEN, UNSEEN, MISSING, INVALID]
    assert coder.codes(values).tolist() == [0, 1, 1, UNSEEN, UNSEEN, MISSING, INVALID]


def test_unknown_names_are_not_remembered():
    """A stream of ever new names does not fill the memory."""
    for coder in (CategoryCoder(named("gold")), CategoryCoder(named(disguised("gold")))):
        before = {*coder, "gold"}
        coder.codes([f"new {n}" for n in range(1000)] + ["gold"])
        assert {*coder} <= before


@unhurried
@given(
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text("a17.", max_size=2))),
    st.booleans(),
)
def test_twin_of_names(values, truth):
    """A column's codes are those of its values one by one, in whatever company."""
    known = ["true", "false"] if truth else ["a", "1", "7", "true", "2.5"]
    read = [(boolean if truth else category)(value) for value in values]
    codes = [name.code if isinstance(name, Gap) else known.index(name) if name in known else UNSEEN for name in read]
    assert CategoryCoder(named(*known), truth=truth).codes(values).tolist() == codes


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["gold", None, "x", "gold"]),
        pa.array(["gold", "x"]).dictionary_encode(),
        pa.array([7, None, 255]),
        pa.array([7.0, math.nan, 2.5, None]),
        pa.array([True, None, False]),
        pa.nulls(3),
        pa.array([["gold"], None]),
        pa.array([b"gold", None]),
        pa.array(["gold"], pa.large_string()),
        pa.array([], pa.string()),
    ],
)
def test_columns_of_tables(column):
    """A typed column has the codes of its values."""
    coder = CategoryCoder(named("gold", "7", "true"))
    assert coder.codes(column).tolist() == coder.codes(column.to_pylist()).tolist()
