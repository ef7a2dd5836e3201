"""Estimates of windows: how often they alarm without a change, what they find, and what is said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from config.estimated import ESTIMATED
from config.plan import PredictionPlan
from operators.decisions.messages import opened
from operators.encoding.codes import MISSING
from operators.encoding.coding import NumericCoder
from operators.estimation.estimate_windows import EstimateWindow
from operators.estimation.score_tables import class_estimation
from operators.sketches.sketch import Slide
from operators.sketches.windows import Slides
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, Driver, Records, detection

BINARY = PredictionPlan(task="binary", positive="yes", classes=("no", "yes"))
MEASURES = ESTIMATED["binary"]


def scores(records, rng, sure=2.0):
    """Of a model whose log-odds are so wide; what is predicted, and labels."""
    odds = rng.normal(0, sure, records)
    labels = (rng.random(records) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    return 1 / (1 + np.exp(-odds)), (odds >= 0).astype(np.float64), labels


def table(records=10_000, seed=1, segments=None):
    return class_estimation(*scores(records, np.random.default_rng(seed)), 2, segments or {}, trained=False)


def watching(estimation, measures=MEASURES, **more):
    """A model of one feature, which no detector looks at, and its score."""
    return detection(detectors=(), prediction=BINARY, estimated=measures, estimation=estimation, **more)


def codes(estimation, values):
    return NumericCoder([estimation.score]).codes(np.ascontiguousarray(values[:, None]))


def window(found, values, segment="all"):
    """One window of these scores."""
    slide = Slide(MINUTE)
    rows = np.hstack([np.full((len(values), 1), MISSING, np.uint8), codes(found.signals.estimation, values)])
    slide.fold(np.ascontiguousarray(rows), np.zeros((2, 5), np.int64))
    return EstimateWindow(found, found.estimator, Slides(found, [slide], MINUTE), segment)


def minutes(estimation, *sure, records=400):
    """A minute of scores for each of these widths."""
    items = []
    for minute, width in enumerate(sure, 1):
        rng = np.random.default_rng(minute)
        values = codes(estimation, scores(records, rng, width)[0])
        items.append(Records(minute * MINUTE, np.hstack([rng.integers(0, 10, (records, 1)), values])))
    return items


@pytest.mark.parametrize("records", [300, 2_000])
def test_the_budget_is_kept_without_a_change(records):
    """Windows like the reference alarm as often as their level says: 0.01, of 2,400 tests a size, in 30 references.

    Tests of a reference go together, so that the count varies by more than chance of its own: within a third.
    """
    measures = ("accuracy", "f1", "roc_auc", "recall")
    over = 0
    for seed in range(30):
        found = watching(table(4_000, seed=seed), measures)
        rng = np.random.default_rng([seed, records])
        for _ in range(20):
            one = window(found, scores(records, rng)[0])
            over += int((one._log_p < math.log(0.01)).sum())
    assert 0.3 < over / (30 * 20 * 4 * 0.01) < 1.7


def test_a_model_that_is_less_sure_opens_an_episode():
    """Scores nearer to one half: all fall, what labels would say is between low and high; then it is over."""
    made = table()
    driver = Driver(watching(made), scores=True).run(minutes(made, *[2.0] * 4, *[0.8] * 5, *[2.0] * 8))
    opened_ = [change for change in driver.changes if change.state == "opened"]
    assert {change.evidence.signal for change in opened_} == {f"estimated_performance.{name}" for name in MEASURES}
    assert {change.kind for change in opened_} == {"estimated_performance"}
    assert {change.of for change in opened_} == {6}
    assert {change.evidence.effect.direction for change in opened_} == {"down"}
    assert all(abs(change.onset_ms - 4 * MINUTE) <= MINUTE for change in opened_)
    assert len([change for change in driver.changes if change.state == "recovered"]) == 6
    told = driver.summaries[7].estimated  # three minutes of the second kind
    _, predicted, labels = scores(200_000, np.random.default_rng(9), 0.8)
    true = (predicted == labels).mean()
    found = told["accuracy"]
    assert None not in (found.value, found.low, found.high, found.baseline)
    assert found.low < true < found.high
    assert found.high - found.low < 0.1
    assert found.baseline == pytest.approx(0.78, abs=0.02)


def test_one_that_is_surer_does_not():
    """That performance gets better is no alarm."""
    made = table()
    driver = Driver(watching(made), scores=True).run(minutes(made, *[2.0] * 4, *[6.0] * 5))
    assert driver.changes == []
    assert driver.summaries[-1].estimated["roc_auc"].value > driver.summaries[0].estimated["roc_auc"].value


def test_what_is_said():
    """The message names the measure, what it is and was, and from where on it alarms."""
    made = table()
    driver = Driver(watching(made, ("accuracy",))).run(minutes(made, *[2.0] * 4, *[0.8] * 4))
    evidence = driver.changes[0].evidence
    said = opened([evidence], "all")
    now, then = evidence.current, evidence.reference.value
    assert said == (
        f"estimated_performance.accuracy fell: {now.value:.3g} ({now.low:.3g} to {now.high:.3g}), "
        f"in the baseline {then:.3g} (alarm below {evidence.threshold:.3g})"
    )
    assert evidence.statistic < evidence.threshold < then
    assert evidence.p_value < 1e-6


def test_restarts_and_the_order_of_records_do_not_matter():
    """Whatever happens between two panes, the same is said."""
    made = table()
    items = minutes(made, *[2.0] * 4, *[0.8] * 5, *[2.0] * 6)
    plain = Driver(watching(made), scores=True).run(items).said
    mixed = [SHUFFLE, *(one for item in items for one in (item, RESTART))]
    assert Driver(watching(made), scores=True).run(mixed).said == plain


def test_segments_are_held_against_their_own_records():
    """A segment that is always worse is no change, one that the labelled data lack is told and not tested."""
    rng = np.random.default_rng(3)
    ours, theirs = scores(5_000, rng), scores(5_000, rng, 0.8)
    mixed = rng.permutation(10_000)  # else their order would tell of a dependence
    all_of = [np.concatenate(pair)[mixed] for pair in zip(ours, theirs, strict=True)]
    rows = {"country=DE": mixed >= 5_000}
    made = class_estimation(*all_of, 2, rows, trained=False)
    found = watching(made, segments=[("country",)])
    worse = scores(1_000, rng, 0.8)[0]
    assert not window(found, worse, "country=DE").over.any()
    assert window(found, worse).over.sum() == 5  # of six; of all records precision hardly falls
    unknown = window(found, worse, "country=FR")
    assert not unknown.tested.any()
    assert unknown.found[0].value == pytest.approx(window(found, worse, "country=DE").found[0].value)


def test_missing_scores():
    """Records without a score are counted and left out; without any nothing is estimated."""
    made = table()
    rng = np.random.default_rng(1)
    gaps = minutes(made, 2.0, 2.0, 2.0)
    for item in gaps:
        item.codes[rng.random(len(item.codes)) < 0.25, 1] = MISSING
    driver = Driver(watching(made), scores=True).run(gaps)
    last = driver.summaries[-1]
    row = next(one for one in last.evaluations if one.signal == "estimated_performance.accuracy")
    assert row.count + last.counts["score"].missing == 1_200
    assert last.counts["score"].missing > 200
    for item in gaps:
        item.codes[:, 1] = MISSING
    assert Driver(watching(made), scores=True).run(gaps).summaries[-1].estimated == {}


def test_the_budget_is_shared():
    """Each measure is a test; the score itself is none, and no quality is watched of it."""
    made = table()
    with_it = detection(prediction=BINARY, estimated=MEASURES, estimation=made)
    assert with_it.tests == detection().tests + 6
    assert with_it.detectors[-1] == ()
    assert with_it.signals.names[-1] == "score"
    assert detection(prediction=BINARY, estimation=made).signals.names == ("feature.age",)
