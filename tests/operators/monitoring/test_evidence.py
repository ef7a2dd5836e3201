"""Evidence: reference beside window; bars that people can read; nothing that must stay private."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.encoding.codes import ABSENT, INVALID, MISSING, OTHER, UNSEEN
from operators.monitoring.chosen import WINDOWED
from schemas.events import CategoryChange, Moments
from schemas.profile import CategoricalSignal
from tests.operators.panes import MINUTE, RESTART, TENTHS, Driver, Records, detection
from tests.operators.signals import categorical_signal, continuous_signal, discrete_signal


def shown(signal, codes, **more):
    """The evidence on a signal that is opened by these codes, in turn."""
    codes = np.resize(np.array(codes, np.uint8), 300)[:, None]
    panes = [Records(minute * MINUTE, codes) for minute in (1, 2)]
    opened = Driver(detection({"age": signal}, None, **more)).run(panes).changes[0]
    assert opened.state == "opened"
    return opened.evidence


def test_a_continuous_signal_has_ten_bars():
    """Tenths of the reference, and the window's shares of them."""
    values = np.random.default_rng(0).normal(size=20_000)
    histogram = shown(continuous_signal(values), range(100, 250)).histogram
    assert histogram.edges == pytest.approx(np.quantile(values, np.arange(1, 10) / 10), abs=0.01)
    assert histogram.reference == pytest.approx([0.1] * 10, abs=0.001)
    assert histogram.current[:4] == (0, 0, 0, 0)
    assert sum(histogram.current) == pytest.approx(1.0)


def test_a_discrete_signal_has_a_bar_for_each_value():
    """From the value on; what the reference never had, below, between and above, has one where there is any."""
    signal = discrete_signal(np.repeat([0.0, 1.0, 2.0], [600, 300, 100]))
    histogram = shown(signal, [3, 5]).histogram
    assert (histogram.edges, histogram.reference, histogram.current) == (
        (0.0, 1.0, 2.0),
        (0.0, 0.6, 0.3, 0.1),
        (0.0, 0.0, 0.5, 0.5),
    )
    histogram = shown(signal, [1, 2, 6, 6]).histogram  # 0, something between 0 and 1, above 2
    next_to = [math.nextafter(value, math.inf) for value in (0.0, 2.0)]
    assert (histogram.edges, histogram.reference, histogram.current) == (
        (0.0, next_to[0], 1.0, 2.0, next_to[1]),
        (0.0, 0.6, 0.0, 0.3, 0.1, 0.0),
        (0.0, 0.25, 0.25, 0.0, 0.0, 0.5),
    )


def test_values_between_those_of_a_discrete_signal_are_unseen():
    """Counted as such, and told where they lie if there are `disclose` of them; nothing of a sensitive signal."""
    signal = discrete_signal(np.repeat(np.arange(12.0), 100))
    codes = [*range(1, 24, 2)] * 10 + [8] * 20 + [24] * 12 + [0]  # 3.5, over 11, and too few below 0
    evidence = shown(signal, codes)
    assert evidence.current.unseen == pytest.approx(33 / 153, abs=0.03)
    assert [(unseen.values, unseen.current) for unseen in evidence.unseen] == [
        ("between 3 and 4", pytest.approx(20 / 153, abs=0.02)),
        ("above 11", pytest.approx(12 / 153, abs=0.02)),
    ]
    hidden = shown(signal, codes, sensitive=("age",))
    assert hidden.unseen is None
    assert hidden.current.unseen == evidence.current.unseen


@pytest.mark.parametrize("name", [name for name in WINDOWED if name not in ("ks", "lepage", "wasserstein")])
def test_unseen_values_between_known_ones_are_a_change(name):
    """Eight in a hundred, spread over all gaps: no rank moves, but one share does, that of what was never seen."""
    signal = discrete_signal(np.repeat(np.arange(12.0), 800))
    values = np.random.default_rng(4).permutation(np.resize(np.arange(1, 24, 2), 2_000))
    values[::12] = np.resize(np.arange(2, 23, 2), len(values[::12]))
    panes = [Records(minute * MINUTE, values[:, None].astype(np.uint8)) for minute in (1, 2, 3)]
    (opened,) = Driver(detection({"rooms": signal}, (DetectorPlan(name=name),))).run(panes).changes
    assert opened.evidence.current.unseen == pytest.approx(1 / 12, abs=0.002)
    assert len(opened.evidence.unseen) == 10  # the most that are told


def test_new_categories_are_told_by_name():
    """Those that `disclose` records of the samples have; about how many there are, the most first."""
    names = [(i, "platinum" if i % 3 else "tin" if i % 2 else f"rare {i}") for i in range(32)]
    codes = np.resize(np.array([0, 0, UNSEEN], np.uint8), 300)[:, None]
    panes = [Records(minute * MINUTE, codes, names={0: names}) for minute in (1, 2)]
    of = detection({"plan": categorical_signal([6_000, 4_000])}, None, disclose=10)
    driver = Driver(of).run([panes[0], RESTART, panes[1]])
    (opened,) = driver.changes
    assert [(unseen.values, unseen.current) for unseen in opened.evidence.unseen] == [
        ("platinum", pytest.approx(21 / 32 / 3)),
        ("tin", pytest.approx(5 / 32 / 3)),
    ]
    more = Driver(detection({"plan": categorical_signal([6_000, 4_000])}, None, disclose=43)).run(panes).changes
    assert more[0].evidence.unseen is None
    assert opened.evidence.current.unseen == more[0].evidence.current.unseen == pytest.approx(1 / 3)


def test_many_discrete_values_share_bars():
    """Edges are values; each bar has about a tenth of the reference."""
    signal = discrete_signal(np.repeat(np.arange(40.0), 25))
    histogram = shown(signal, range(41, 81)).histogram
    assert histogram.edges == tuple(float(value) for value in range(4, 40, 4))
    assert histogram.reference == pytest.approx([0.1] * 10)


@pytest.mark.parametrize(("code", "current"), [(0, (1.0, 0.0)), (2, (0.0, 0.0, 1.0))])
def test_a_constant_has_bars_for_what_is_not_it(code, current):
    """Below it, it, and above it, as far as there is anything."""
    histogram = shown(discrete_signal(np.full(1_000, 5.0)), [code]).histogram
    assert histogram.edges == (5.0, math.nextafter(5.0, math.inf))[: len(current) - 1]
    assert histogram.current == current
    assert histogram.reference == (0.0, 1.0, 0.0)[: len(current)]


def test_a_signal_without_bins_has_no_histogram():
    """One of which the reference has no value."""
    empty = continuous_signal(np.array([]))
    assert shown_of_nothing(empty) == []


def shown_of_nothing(signal):
    codes = np.zeros((300, 1), np.uint8)
    panes = [Records(minute * MINUTE, codes) for minute in (1, 2, 3)]
    return Driver(detection({"age": signal}, None)).run(panes).changes


def test_a_sensitive_signal_shows_no_extremes():
    """Neither the lowest nor the highest value is an edge; with no others there is no histogram."""
    signal = discrete_signal(np.repeat([10.0, 20.0, 30.0, 40.0], 250))
    histogram = shown(signal, [7, 8], sensitive=("age",)).histogram
    assert (histogram.edges, histogram.reference) == ((20.0, 30.0), (0.25, 0.25, 0.5))
    two = discrete_signal(np.repeat([0.0, 1.0], 500))
    assert shown(two, [3], sensitive=("age",)).histogram is None


def test_what_is_missing_and_invalid_are_shares_of_the_records():
    """Records of sources that do not carry the signal do not count; moments are of the values."""
    evidence = shown(TENTHS, [9, 9, 9, MISSING, INVALID, ABSENT])
    assert evidence.reference == Moments(mean=0.0, sd=1.0, missing=0.0)
    assert evidence.current == Moments(mean=9.5, sd=0.0, missing=0.2, invalid=0.2)


def test_categories_that_changed_most_come_first():
    """Shares then and now; rare and new ones are told together, without their names."""
    signal = msgspec.structs.replace(
        categorical_signal([600, 300, 70, 25]), rest=5, count=1_000
    )  # c000 ... c003, and 5 of others
    evidence = shown(signal, [0, 1, 1, 3, OTHER, UNSEEN, UNSEEN, MISSING, ABSENT], disclose=20)
    assert evidence.histogram is None
    assert evidence.categories == (
        CategoryChange(category="c000", reference=0.6, current=pytest.approx(34 / 234)),
        CategoryChange(category="(unseen)", reference=0.0, current=pytest.approx(66 / 234)),
        CategoryChange(category="(other)", reference=0.005, current=pytest.approx(33 / 234)),
        CategoryChange(category="c003", reference=0.025, current=pytest.approx(33 / 234)),
        CategoryChange(category="c002", reference=0.07, current=0.0),
        CategoryChange(category="c001", reference=0.3, current=pytest.approx(68 / 234)),
    )
    assert evidence.current == Moments(missing=pytest.approx(33 / 267), unseen=pytest.approx(66 / 267))


def test_few_records_of_a_category_are_not_told():
    """Below `disclose` in the reference a category is one of the others."""
    signal = categorical_signal([900, 81, 19])
    names = {change.category for change in shown(signal, [0, 1, 1, 1], disclose=20).categories}
    assert names == {"c000", "c001", "(other)"}


def test_a_sensitive_category_is_named_by_what_stands_for_it():
    """Also where the profile has its name in the clear."""
    signal = CategoricalSignal(
        count=1_000, missing=0, invalid=0, categories=(("#0123456789ab", 600), ("gold", 400)), rest=0, distinct=2
    )
    names = [change.category for change in shown(signal, [1], sensitive=("age",)).categories]
    assert "#0123456789ab" in names
    assert all(name.startswith("#") for name in names)
