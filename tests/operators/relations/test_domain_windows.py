"""The classifier in a monitor: what breaks in the joint distribution alone is found, placed and told in words."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.decisions import messages
from operators.encoding.codes import UNSEEN
from operators.profiles.profile_checks import damage
from operators.relations.domain_sample import fit_sample
from operators.relations.fitting import fit
from schemas.profile import Calibration
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, Driver, Records, detection
from tests.operators.signals import codes_of, continuous_signal

COUNT, RECORDS = 20_000, 500


def drawn(count, seed, together=False):
    """Three normal features; together, the first is far out where the second is, and they are uncorrelated."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 3))
    if together:
        values[:, 1] = np.abs(values[:, 0]) * rng.choice([-1.0, 1.0], count)
    return values


REFERENCE = drawn(COUNT, 1)
SIGNALS = {name: continuous_signal(REFERENCE[:, n]) for n, name in enumerate("abc")}


def coded(values):
    """Codes of records."""
    return np.column_stack([codes_of(values[:, n], SIGNALS[name].edges) for n, name in enumerate("abc")]).astype("u1")


NAMED = {f"feature.{name}": signal for name, signal in SIGNALS.items()}
RELATIONS = fit(NAMED, coded(REFERENCE))
SAMPLE = fit_sample(NAMED, RELATIONS, coded(REFERENCE))


def watched(signals=SIGNALS, **more):
    """Three features with the default detectors, and the classifier."""
    detectors = tuple(DetectorPlan(name=name) for name in ("psi", "lepage"))
    return detection(dict(signals), detectors, relations=RELATIONS, domain=SAMPLE, **more)


def minutes(first, last, **more):
    """Panes of so many minutes."""
    return [Records(n * MINUTE, coded(drawn(RECORDS, 100 + n, **more))) for n in range(first, last + 1)]


CHANGED = [*minutes(1, 8), *minutes(9, 24, together=True), *minutes(25, 44)]


def test_what_no_feature_and_no_correlation_shows_is_found():
    """Two features that are far out together; later they are not."""
    driver = Driver(watched(), scores=True).run(CHANGED)
    kept = [change for change in driver.changes if change.state != "changed"]  # it becomes critical
    assert [(change.evidence.signal, change.state) for change in kept] == [
        ("multivariate.classifier", "opened"), ("multivariate.classifier", "recovered"),
    ]  # fmt: skip
    opened = driver.changes[0]
    assert (opened.kind, opened.of, opened.evidence.detector, opened.evidence.effect.direction) == (
        "multivariate", 1, "auc", "up",
    )  # fmt: skip
    assert opened.time_ms <= 16 * MINUTE
    assert 7 * MINUTE <= opened.onset_ms <= opened.time_ms
    assert {one.feature for one in opened.evidence.contributions or ()} == {"a", "b"}
    assert opened.evidence.reference.value == 0.5
    assert opened.evidence.current.value == opened.evidence.statistic > opened.evidence.threshold > 0.5
    words = messages.opened([opened.evidence], "all")
    assert words.startswith("records can be told from the reference: AUC 0.")
    assert words.endswith((", mostly by a and b", ", mostly by b and a"))
    rows = [row for row in driver.summaries[-1].evaluations if row.detector == "auc"]
    assert [(row.signal, row.alarm) for row in rows] == [("multivariate.classifier", False)]


def test_restarts_and_the_order_of_records_change_nothing():
    """The same words, to the last digit."""
    said = Driver(watched(), scores=True).run(CHANGED[:20]).said
    assert Driver(watched(), scores=True).run([item for one in CHANGED[:20] for item in (one, RESTART)]).said == said
    assert Driver(watched(), scores=True).run([SHUFFLE, *CHANGED[:20]]).said == said


def test_it_is_one_test_of_the_budget():
    """And none of a segment's, which has no sample of its own."""
    of = watched()
    assert of.tests == detection(dict(SIGNALS), relations=RELATIONS).tests + 1
    assert of.of("country=DE").domain is None
    assert of.id != detection(dict(SIGNALS), relations=RELATIONS).id
    assert of.wants_hashes


def test_where_values_follow_each_other_closely_nothing_is_said():
    """A window of few independent records tells of a moment, not of another distribution."""
    tau = tuple(2.0**n for n in range(1, 9))
    slow = Calibration(values=COUNT, error=0.1, tau=tau, spread_tau=tau, shares=((1.0, 1.0),) * len(tau))
    signals = {name: msgspec.structs.replace(signal, calibration=slow) for name, signal in SIGNALS.items()}
    driver = Driver(watched(signals), scores=True).run(CHANGED[:16])
    rows = [row for summary in driver.summaries for row in summary.evaluations if row.detector == "auc"]
    assert {row.p_value for row in rows} == {None}


def test_categories_that_are_new_are_told_as_well():
    """A code that the reference never had is a cell like any other."""
    panes = minutes(1, 6)
    for pane in panes[3:]:
        pane.codes[: RECORDS // 2, 0] = UNSEEN
    assert Driver(watched()).run(panes).counted == 6 * RECORDS


@pytest.mark.parametrize(
    "change", [{"codes": b"12345"}, {"pairs": b"\0\0\x07\0"}, {"pairs": b"1"}, {"learned": 9_999_999}, {"share": 2.0}]
)
def test_a_damaged_sample_is_refused(change):
    """Before anything is compared with it."""
    profile = watched().signals.profile
    assert damage(profile) is None
    broken = msgspec.structs.replace(profile, domain=msgspec.structs.replace(SAMPLE, **change))
    assert damage(broken) == "domain: its sample is none of its features"
