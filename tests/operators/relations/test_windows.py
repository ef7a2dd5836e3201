"""Relations in a monitor: what breaks while every feature stays as it was is found, placed, and told in words."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import CorrelationPlan, DetectorPlan
from operators.decisions import messages
from operators.encoding.codes import MISSING, UNSEEN
from operators.monitoring.detection import Detection
from operators.profiles.references import ModelSignals
from operators.relations.fitting import fit
from schemas.profile import Calibration
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, Driver, Records, detection
from tests.operators.signals import categorical_signal, codes_of, continuous_signal

ALL = tuple(DetectorPlan(name=name) for name in ("psi", "lepage", "ks", "adwin", "page_hinkley"))
COUNT = 20_000
RECORDS = 1_000  # a minute


def drawn(rho, count, seed, broken=()):
    """Normal features: b follows a, c is alone; d is 1 mostly where a is high, e a category of three by b."""
    rng = np.random.default_rng(seed)
    a, b, c, noise = rng.normal(size=(4, count))
    b = rho * a + np.sqrt(1 - rho**2) * b
    d = (a + 0.5 * noise > 0.8).astype(np.float64)
    e = np.digitize(b + rng.normal(size=count), [-1.0, 1.0]).astype(np.float64)
    columns = {"a": a, "b": b, "c": c, "d": d, "e": e}
    for name in broken:
        columns[name] = rng.permutation(columns[name])
    return columns


REFERENCE = drawn(0.6, COUNT, 1)
SIGNALS = {
    **{name: continuous_signal(REFERENCE[name]) for name in "abc"},
    **{name: categorical_signal(np.bincount(REFERENCE[name].astype(int))) for name in "de"},
}
ORDER = {name: np.argsort(np.argsort(-np.bincount(REFERENCE[name].astype(int)), kind="stable")) for name in "de"}


def coded(columns):
    """Codes of records."""
    return np.column_stack(
        [
            codes_of(values, SIGNALS[name].edges) if name in "abc" else ORDER[name][values.astype(int)]
            for name, values in columns.items()
        ]
    ).astype(np.uint8)


RELATIONS = fit({f"feature.{name}": signal for name, signal in SIGNALS.items()}, coded(REFERENCE))


def watched(pairs=50, relations=RELATIONS, **more):
    """Five features with every detector, and their relations."""
    detectors = {name: ALL if name in "abc" else (DetectorPlan(name="psi"),) for name in SIGNALS}
    return detection(dict(SIGNALS), detectors, correlation=CorrelationPlan(pairs=pairs), relations=relations, **more)


def minutes(first, last, rho=0.6, **more):
    """Panes of so many minutes."""
    return [Records(n * MINUTE, coded(drawn(rho, RECORDS, 100 + n, **more))) for n in range(first, last + 1)]


def test_a_relation_that_breaks_is_found_and_no_feature_is_blamed():
    """Each feature is as it was; b has nothing to do with the others any more, and later it has again."""
    driver = Driver(watched(), scores=True).run([*minutes(1, 8), *minutes(9, 14, broken="b"), *minutes(15, 22)])
    opened = [change for change in driver.changes if change.state == "opened"]
    assert sorted(change.evidence.signal for change in opened) == [
        "correlation.a~b", "correlation.b~d", "correlation.b~e",
    ]  # fmt: skip
    assert {change.kind for change in driver.changes} == {"correlation"}
    first = next(change for change in opened if change.evidence.signal == "correlation.a~b")
    assert (first.time_ms // MINUTE, first.of, first.evidence.detector) == (10, 10, "fisher")
    assert abs(first.onset_ms - 8 * MINUTE) <= MINUTE // 4
    assert first.evidence.reference.correlation == pytest.approx(0.6, abs=0.02)
    assert first.evidence.current.correlation == pytest.approx(0.2, abs=0.05)  # two of three minutes
    recovered = {change.evidence.signal for change in driver.changes if change.state == "recovered"}
    assert recovered == {change.evidence.signal for change in opened}


def test_what_is_told_in_words():
    """Of numbers, of a number and categories, and of categories."""
    driver = Driver(watched()).run([*minutes(1, 6), *minutes(7, 12, broken="be")])
    told = {change.evidence.signal: messages.opened([change.evidence], "all") for change in driver.changes[::-1]}
    assert {signal: text.split(" 0.")[0] for signal, text in told.items()} == {
        "correlation.a~b": "correlation.a~b fell: rank correlation",
        "correlation.a~e": "correlation.a~e fell: correlation ratio",
        "correlation.b~d": "correlation.b~d fell: correlation ratio",
        "correlation.b~e": "correlation.b~e fell: correlation ratio",
        "correlation.d~e": "correlation.d~e fell: Cramer's V",
    }
    first = next(change.evidence for change in driver.changes if change.evidence.signal == "correlation.a~b")
    assert told["correlation.a~b"].endswith(
        f"in the reference {first.reference.correlation:.3g} (Fisher z {first.statistic:.3g} apart, "
        f"alarm at {first.threshold:.3g})"
    )


def test_a_relation_that_appears_is_found():
    """Of two features that had nothing to do with each other, though no pair is watched more closely than others."""
    panes = minutes(7, 12)
    for pane in panes:
        pane.codes[:, 2] = np.where(np.arange(RECORDS) % 4 == 0, pane.codes[:, 0], pane.codes[:, 2])
    driver = Driver(watched(pairs=0)).run([*minutes(1, 6), *panes])
    assert "correlation.a~c" in {change.evidence.signal for change in driver.changes}


def test_another_scale_is_no_other_relation():
    """One feature is shifted by half a deviation, and with all detectors on it: no relation has changed."""
    panes = []
    for n in range(7, 13):
        columns = drawn(0.6, RECORDS, 100 + n)
        columns["a"] = columns["a"] + 0.5
        panes.append(Records(n * MINUTE, coded(columns)))
    driver = Driver(watched()).run([*minutes(1, 6), *panes])
    assert {change.evidence.signal for change in driver.changes if change.state == "opened"} == {"feature.a"}


def test_restarts_and_the_order_of_records_change_nothing():
    """The same words, to the last digit."""
    items = [*minutes(1, 4), *minutes(5, 9, broken="b"), 12 * MINUTE]
    said = Driver(watched(), scores=True).run(items).said
    assert Driver(watched(), scores=True).run([item for one in items for item in (one, RESTART)]).said == said
    assert Driver(watched(), scores=True).run([SHUFFLE, *items]).said == said


def test_the_budget_is_shared():
    """All pairs together have as many shares as there are features; the related ones half of them."""
    of = watched().relations
    assert of is not None
    assert (of.tests, of.shares.sum(), of.shares[of.matters].sum()) == (5, pytest.approx(5), pytest.approx(2.5))
    assert [of.name(pair) for pair in np.flatnonzero(of.matters)] == [
        f"correlation.{pair}" for pair in ("a~b", "a~d", "a~e", "b~d", "b~e", "d~e")
    ]
    assert watched().tests == watched(relations=msgspec.UNSET).tests + 5
    assert Detection(watched(pairs=2).signals).relations.matters.sum() == 2  # the closest


def test_summaries_tell_the_pairs_that_matter():
    """And how many evaluations there were of all."""
    driver = Driver(watched(), scores=True).run(minutes(1, 3))
    rows = [row for row in driver.summaries[-1].evaluations if row.detector == "fisher"]
    assert [row.signal for row in rows] == [
        f"correlation.{pair}" for pair in ("a~b", "a~d", "a~e", "b~d", "b~e", "d~e")
    ]
    assert all(row.count == 3 * RECORDS and row.p_value > 1e-4 and not row.alarm for row in rows)
    without = Driver(watched(relations=msgspec.UNSET), scores=True).run(minutes(1, 3))
    assert driver.summaries[-1].expected > 0 < without.summaries[-1].expected


@pytest.mark.parametrize(
    "broken",
    [
        lambda codes: codes[:30],  # fewer records than pairs need
        lambda codes: np.where(np.arange(5) == 1, MISSING, codes),
        lambda codes: np.where(np.arange(5) == 1, 7, codes),  # constant
        lambda codes: np.where((np.arange(5) == 4) & (codes == 2), UNSEEN, codes),
    ],
    ids=["few", "missing", "constant", "unseen"],
)
def test_of_what_says_nothing_nothing_is_said(broken):
    """No relation alarms where there are too few records, no value, one value, or categories that were not there."""
    panes = [Records(pane.end_ms, broken(pane.codes)) for pane in minutes(1, 8)]
    driver = Driver(watched(min_count=20)).run(panes)
    assert not [change for change in driver.changes if change.kind == "correlation"]


def test_segments_have_no_relations():
    """Their reference is not known."""
    of = watched(segments=[("country",)])
    assert of.of("country=DE").relations is None
    driver = Driver(of, "country=DE").run([*minutes(1, 4), *minutes(5, 9, broken="b")])
    assert not driver.changes


def test_a_moving_reference():
    """With `previous` the time before is what the window is compared with."""
    of = watched(previous_ms=6 * MINUTE, grow_to_ms=6 * MINUTE)
    driver = Driver(of).run([*minutes(1, 12, broken="b"), *minutes(13, 20)])
    first = next(change for change in driver.changes if change.evidence.signal == "correlation.a~b")
    assert (first.time_ms // MINUTE, first.evidence.effect.direction) == (14, "up")
    assert first.evidence.reference.correlation == pytest.approx(0.0, abs=0.1)


def test_features_that_are_not_watched_any_more():
    """The others' relations are what they were: the profile has them pair by pair."""
    every, some = watched(), {name: SIGNALS[name] for name in "abe"}
    profile = msgspec.structs.replace(every.signals.profile)
    model = msgspec.structs.replace(
        every.signals.model, features=tuple(f for f in every.signals.model.features if f.name in some)
    )
    found, wanted = Detection(ModelSignals(model, profile)).relations, every.relations
    assert [found.name(pair) for pair in range(3)] == ["correlation.a~b", "correlation.a~e", "correlation.b~e"]
    positions = {wanted.name(pair): pair for pair in range(len(wanted.matters))}
    for pair in range(3):
        assert found.strengths[pair] == wanted.strengths[positions[found.name(pair)]]
    assert found.variance.tolist() == [
        value
        for value, one, other in zip(
            wanted.variance, wanted.columns.of[wanted.columns.one], wanted.columns.of[wanted.columns.other], strict=True
        )
        if {wanted.names[one], wanted.names[other]} <= set(some)
    ]


def test_of_a_slow_feature_nothing_is_said():
    """A window that comes to a few independent values of it is about another stretch of it."""
    slow = Calibration(values=COUNT, error=0.0, tau=(400.0,) * 12, spread_tau=(1.0,) * 12, shares=((400.0, 1.0),) * 12)
    signals = SIGNALS | {"a": msgspec.structs.replace(SIGNALS["a"], calibration=slow)}
    items = [*minutes(1, 6), *minutes(7, 12, broken="b")]
    detectors = dict.fromkeys(signals, (DetectorPlan(name="psi"),))
    driver = Driver(detection(signals, detectors, correlation=CorrelationPlan(), relations=RELATIONS)).run(items)
    opened = {change.evidence.signal for change in driver.changes if change.state == "opened"}
    assert opened == {"correlation.b~d", "correlation.b~e"}
