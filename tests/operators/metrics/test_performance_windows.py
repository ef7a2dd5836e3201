"""Performance that opens and recovers: against the baseline and against limits."""

from __future__ import annotations

import msgspec
import numpy as np

from config.plan import LabelsPlan, MetricPlan, ModelPlan, PredictionPlan
from operators import performance
from operators.decisions.outputs import SignalChange, SliceAlarms
from operators.labels.join_rows import Labelled
from operators.metrics.measure_verdicts import Against
from operators.metrics.outcome_sums import OutcomeSums
from operators.monitoring.state import Key
from operators.performance import Measured, step
from schemas.cloudevents import milliseconds
from schemas.summaries import Confusion
from tests.operators.decoding import model

KEY = Key("churn", "1", "champion", "all")
SLIDE = 10_000
BINARY = PredictionPlan(task="binary", positive="yes")
TESTED = (MetricPlan(name="accuracy"),)
LIMITED = (MetricPlan(name="accuracy", min=0.75),)


def plan(confirm: int = 2, recover: int = 2, mature_ms: int = 0) -> ModelPlan:
    """Windows of two slides of a pane each."""
    made = model(prediction=BINARY, performance=TESTED, labels=LabelsPlan(within_ms=600_000, mature_ms=mature_ms))
    window = msgspec.structs.replace(made.window, size_ms=2 * SLIDE, slide_ms=SLIDE, min_count=50, grow_to_ms=4 * SLIDE)
    alarms = msgspec.structs.replace(made.alarms, confirm=confirm, recover=recover)
    return msgspec.structs.replace(made, window=window, alarms=alarms)


def labels(pane: int, right: int, wrong: int, delay_ms: int = 0) -> Labelled:
    """Of predictions of the pane, whose labels come so much later."""
    values = np.array([[1.0, np.nan, 1.0]] * right + [[1.0, np.nan, 0.0]] * wrong)
    times_ms = pane * SLIDE - SLIDE + np.arange(len(values))
    return Labelled(times_ms, times_ms + delay_ms, values)


AGAINST = Against(
    level=1e-4,
    baseline=OutcomeSums.of(BINARY, labels(1, 1_800, 200).values),
    profile_id="sha256:1",
)


def run(
    made: ModelPlan, metrics, panes: dict[int, Labelled], until: int, against: Against = AGAINST, key: Key = KEY
) -> list[Measured]:
    """Steps of panes by the numbers of their ends, with the key woken as often as it asks for it."""
    state, results = b"", []
    next_ms: int | None = None
    for number in range(1, until + 1):
        end_ms = number * SLIDE
        while next_ms is not None and next_ms < end_ms:
            results.append(step(made, metrics, key, state, None, None, next_ms, against))
            state, next_ms = results[-1].state, results[-1].next_ms
        if number in panes:
            results.append(step(made, metrics, key, state, end_ms, panes[number], end_ms, against))
            state, next_ms = results[-1].state, results[-1].next_ms
    return results


def changes(results: list[Measured]) -> list[SignalChange]:
    return [change for result in results for change in result.changes]


def told(results: list[Measured]) -> list[tuple[str, int]]:
    return [(change.state, change.time_ms // SLIDE) for change in changes(results)]


def test_a_loss_opens_and_recovers():
    """After `confirm` windows below the threshold, and after `recover` of them that are no worse than the baseline."""
    wrong = {number: 10 if number < 5 or number > 9 else 60 for number in range(1, 20)}
    results = run(plan(), TESTED, {n: labels(n, 100 - bad, bad) for n, bad in wrong.items()}, 19)
    assert told(results) == [("opened", 6), ("recovered", 12)]
    opened, recovered = changes(results)
    assert (opened.kind, opened.evidence.signal, opened.evidence.detector) == (
        "performance", "performance.accuracy", "measure"
    )  # fmt: skip
    assert (opened.severity, opened.evidence.effect.direction) == ("critical", "down")
    assert abs(opened.onset_ms - 4 * SLIDE) <= SLIDE // 8
    assert opened.evidence.statistic == 0.4
    assert 0.7 < opened.evidence.threshold < 0.9
    assert opened.evidence.reference.value == 0.9
    current = opened.evidence.current
    assert current.low < 0.4 < current.high
    assert opened.predicted.start == opened.window.start
    assert (recovered.why, recovered.empty) == ("recovered", False)


def test_what_is_told_of_a_window():
    """The p-value, the size of the effect and the interval; and how many tests exceeded their level."""
    results = run(plan(), TESTED, {1: labels(1, 40, 60)}, 2)
    (summary,) = results[-1].summaries or results[0].summaries
    (row,) = summary.evaluations
    assert (row.detector, row.alarm, summary.status) == ("measure", True, "alarm")
    assert row.p_value < 1e-20
    assert row.effect > 0.8
    assert summary.intervals["accuracy"][0] < 0.4 < summary.intervals["accuracy"][1]
    assert (summary.exceeded, summary.expected) == (1, 1e-4)
    assert summary.confusion == Confusion(classes=("not yes", "yes"), counts=((0, 60), (0, 40)))


def test_limits_are_outside_the_budget():
    """They need no baseline, are always critical, and recover as soon as they are kept."""
    wrong = {number: 10 if number < 5 or number > 9 else 60 for number in range(1, 20)}
    panes = {n: labels(n, 100 - bad, bad) for n, bad in wrong.items()}
    for against in (AGAINST, Against()):
        results = run(plan(), LIMITED, panes, 19, against)
        assert told(results) == [("opened", 6), ("recovered", 12)]
        opened, _ = changes(results)
        assert (opened.evidence.detector, opened.evidence.threshold, opened.severity) == ("limit", 0.75, "critical")
        assert opened.onset_ms // SLIDE in (3, 4)


def test_a_segment_without_a_baseline_is_not_compared():
    """It is only said how it does."""
    results = run(plan(), TESTED, {1: labels(1, 0, 100), 2: labels(2, 0, 100)}, 3, Against(level=1e-4))
    assert told(results) == []
    assert [s.evaluations[0].p_value for r in results for s in r.summaries] == [None, None]


def test_labels_that_stop_leave_it_open_until_they_are_forgotten():
    """Then it is over, as of a slide without records: the end of a stream resolves nothing."""
    results = run(plan(), TESTED, {n: labels(n, 0, 100) for n in range(1, 4)}, 40)
    assert told(results) == [("opened", 2), ("recovered", 8)]
    assert (changes(results)[-1].empty, results[-1].state) == (True, b"")


def test_cohorts_are_told_when_they_are_complete():
    """Their windows are spans of predictions; a change is told at the time of the label that completes it."""
    panes = {n: labels(n - 3, 0, 100, 3 * SLIDE) for n in range(4, 9)}
    made = plan(mature_ms=3 * SLIDE)
    (opened,) = changes(run(made, TESTED, panes, 9))
    assert opened.state == "opened"
    assert opened.time_ms > milliseconds(opened.window.end)
    assert opened.time_ms % SLIDE == 0
    assert opened.predicted.end <= opened.window.end


def test_several_cohorts_at_once_make_one_change():
    """A label after a long silence completes many: what opened and recovered in between is not told."""
    wrong = {2: 90, 3: 90, 4: 90, 5: 5, 6: 5, 7: 5, 8: 5, 9: 5}
    made = plan(mature_ms=12 * SLIDE)
    rows = [labels(n, 100 - bad, bad, SLIDE) for n, bad in wrong.items()]
    both = Labelled(
        *(np.concatenate([getattr(row, name) for row in rows]) for name in ("times_ms", "labels_ms", "values"))
    )
    results = run(made, TESTED, {10: both, 22: labels(21, 90, 10, SLIDE)}, 22)
    assert told(results) == []
    assert len(results[-1].summaries) > 4


def test_another_profile_ends_what_was_open():
    """And so does a measure that the configuration no longer names."""
    results = run(plan(), TESTED, {n: labels(n, 0, 100) for n in (1, 2)}, 2)
    for metrics, against in ((TESTED, Against(profile_id="2")), (LIMITED[:0], AGAINST)):
        after = step(plan(), metrics, KEY, results[-1].state, None, None, 2 * SLIDE, against)
        assert [(change.state, change.why) for change in after.changes] == [("recovered", "configuration")]
    (change,) = performance.retire(KEY, results[-1].state, 2 * SLIDE)
    assert change.why == "configuration"
    assert performance.retire(KEY, b"", 0) == []


def test_an_undefined_measure_says_nothing():
    """A window of one class neither alarms nor recovers."""
    made = plan(confirm=1, recover=1)
    values = np.array([[1.0, 0.9, 1.0]] * 60)
    metrics = (MetricPlan(name="roc_auc", min=0.5),)
    times = np.arange(60)
    result = step(made, metrics, KEY, b"", SLIDE, Labelled(times, times, values), SLIDE)
    (row,) = result.summaries[0].evaluations
    assert (row.statistic, row.alarm, result.changes) == (None, False, [])


def test_a_segment_says_which_measures_alarm():
    """With their baseline and interval, until it is evaluated again; the whole traffic does not."""
    panes = {1: labels(1, 100, 0), 2: labels(2, 40, 60)}
    assert not any(one.beside for one in run(plan(), TESTED, panes, 3))
    results = run(plan(), TESTED, panes, 3, key=Key("churn", "1", "champion", "country=DE"))
    (told,) = [one for result in results for one in result.beside]
    assert isinstance(told, SliceAlarms)
    assert (told.time_ms, told.until_ms, told.segment) == (2 * SLIDE, 3 * SLIDE, "country=DE")
    (found,) = told.found
    assert (found.segment, found.count, found.signal) == ({"country": "DE"}, 200, "performance.accuracy")
    assert (found.statistic, found.reference.value, found.current.value) == (0.7, 0.9, 0.7)
    assert found.current.low < 0.7 < found.current.high < found.threshold < 0.9


def test_a_segment_of_cohorts_waits_for_labels_of_its_own():
    """So what it says holds for two slides from when it is told."""
    panes = {1: labels(1, 40, 60), 2: labels(2, 100, 0), 9: labels(9, 100, 0)}
    key = Key("churn", "1", "champion", "country=DE")
    results = run(plan(mature_ms=SLIDE), TESTED, panes, 9, key=key)
    told = [one for result in results for one in result.beside]
    assert [(one.time_ms // SLIDE, one.until_ms // SLIDE, one.found[0].statistic) for one in told] == [
        (2, 4, 0.4),
        (9, 11, 0.7),
    ]
