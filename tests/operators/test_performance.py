"""Performance of one key: slides, windows that grow, and state that goes through bytes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import LabelsPlan, MetricPlan, ModelPlan, PredictionPlan
from operators import performance
from operators.labels.join_rows import Labelled
from operators.monitoring.state import Key
from operators.performance import step
from schemas.cloudevents import milliseconds
from schemas.errors import StateVersionError
from schemas.summaries import Summary
from tests.operators.decoding import model

KEY = Key("churn", "1", "champion", "all")
METRICS = (MetricPlan(name="accuracy", min=0.5), MetricPlan(name="roc_auc"))
SLIDE = 10_000


def plan(min_count: int = 3, size_ms: int = 2 * SLIDE, grow_to_ms: int = 5 * SLIDE, mature_ms: int = 0) -> ModelPlan:
    """A model with slides of a pane each."""
    made = model(prediction=PredictionPlan(task="binary", positive="yes"))
    window = msgspec.structs.replace(
        made.window, size_ms=size_ms, slide_ms=SLIDE, min_count=min_count, grow_to_ms=grow_to_ms
    )
    labels = LabelsPlan(within_ms=100 * SLIDE, mature_ms=mature_ms)
    return msgspec.structs.replace(made, window=window, labels=labels)


def labels(*right: int, of: int = 0, at: int = 0) -> Labelled:
    """Labels of predictions that were right or wrong, without probabilities, and when both came."""
    values = np.array([[1.0, np.nan, float(one)] for one in right])
    return Labelled(np.full(len(right), of), np.full(len(right), at), values)


def followed(panes: dict[int, Labelled], made: ModelPlan) -> tuple[list[Summary], bytes]:
    """Summaries of panes by the numbers of their ends, with the key woken when it asks for it."""
    state, summaries = b"", []
    next_ms: int | None = None
    for number, values in sorted(panes.items()):
        end_ms = number * SLIDE
        while next_ms is not None and next_ms < end_ms:
            result = step(made, METRICS, KEY, state, None, None, next_ms)
            state, next_ms = result.state, result.next_ms
            summaries += result.summaries
        result = step(made, METRICS, KEY, state, end_ms, values, end_ms)
        state, next_ms = result.state, result.next_ms
        summaries += result.summaries
    return summaries, state


def shown(summaries: list[Summary]) -> list[tuple[int, int, str, float | None]]:
    """End, labels, status and accuracy of each."""
    return [
        (
            milliseconds(one.window.end) // SLIDE,
            one.window.count,
            one.status,
            one.evaluations[0].statistic if one.evaluations else None,
        )
        for one in summaries
    ]


def test_windows_grow_to_enough_labels():
    """A window has its size, and older slides until there are enough labels or they are too old."""
    panes = {1: labels(1), 2: labels(1, 1), 3: labels(0, 0, 0, 0), 4: labels(1), 9: labels(1), 30: labels(1, 1, 1)}
    summaries, _ = followed(panes, plan())
    assert shown(summaries) == [
        (1, 1, "insufficient", None),
        (2, 3, "ok", 1.0),
        (3, 6, "alarm", 0.333333333),
        (4, 5, "alarm", 0.2),
        (9, 1, "insufficient", None),
        (30, 3, "ok", 1.0),
    ]
    assert [one.evaluations[1].statistic for one in summaries if one.evaluations] == [None] * 4


def test_a_pane_that_comes_again_is_not_counted_again():
    """Sources that are read again after a restart change nothing."""
    made = plan()
    _, state = followed({1: labels(1), 2: labels(1, 1)}, made)
    again = step(made, METRICS, KEY, state, 2 * SLIDE, labels(0, 0), 2 * SLIDE)
    assert (again.state, again.summaries) == (state, [])


def test_labels_that_no_window_reaches_are_forgotten():
    """When time passes without labels nothing is kept."""
    made = plan()
    _, state = followed({1: labels(1)}, made)
    assert state
    assert step(made, METRICS, KEY, state, None, None, 20 * SLIDE).state == b""


def test_another_prediction_begins_anew():
    """What was counted of other classes is of no use."""
    _, state = followed({1: labels(1, 1, 1)}, plan())
    other = msgspec.structs.replace(plan(), prediction=PredictionPlan(task="binary", positive="no"))
    (summary,) = step(other, METRICS, KEY, state, 2 * SLIDE, labels(0, 0, 0), 2 * SLIDE).summaries
    assert summary.window.count == 3


def test_cohorts_are_told_once_they_are_mature():
    """A slide has the predictions made in it, with the labels that came in time after each, whenever they came."""
    panes = {
        2: labels(1, 1, 1, of=12_000, at=15_000),
        3: labels(0, of=13_000, at=22_000),
        4: labels(1, 1, 1, of=25_000, at=32_000),
        5: labels(0, of=18_000, at=40_000),  # 22 s after its prediction
        6: labels(0, 0, 0, 0, of=30_000, at=50_000),
    }
    made = plan(size_ms=SLIDE, mature_ms=2 * SLIDE)
    summaries, state = followed(panes, made)
    assert shown(summaries) == [(2, 4, "ok", 0.75), (3, 3, "ok", 1.0), (4, 4, "alarm", 0.0)]
    assert summaries[1].window.start == "1970-01-01T00:00:20.000Z"
    assert step(made, METRICS, KEY, state, None, None, 9 * SLIDE).summaries == []  # time alone matures nothing


def test_cohorts_wait_in_few_slides():
    """The longer they wait, the longer are slides."""
    assert performance.slide_ms(plan().window, mature_ms=638 * SLIDE) == 10 * SLIDE


def followed_by_time(delays: np.ndarray, right: np.ndarray, made: ModelPlan) -> list[float]:
    """Accuracy window by window of predictions 10 ms apart, whose labels come after delays."""
    times = np.arange(len(delays)) * 10
    arrivals = times + delays
    panes = arrivals // SLIDE + 1
    given: dict[int, Labelled] = {}
    for number in np.unique(panes).tolist():
        rows = np.flatnonzero(panes == number)
        values = np.column_stack([np.ones(len(rows)), np.full(len(rows), np.nan), right[rows]])
        given[number] = Labelled(times[rows], arrivals[rows], values)
    summaries, _ = followed(given, made)
    return [one.evaluations[0].statistic or 0.0 for one in summaries if one.evaluations]


def test_labels_that_come_soon_are_not_like_the_others():
    """Errors are known at once and hits later: by arrival performance seems lost at first, by cohorts it does not."""
    random = np.random.default_rng(4)
    right = (random.random(60_000) < 0.8).astype(float)
    delays = np.where(right > 0, random.integers(0, 180_000, 60_000), random.integers(0, 5_000, 60_000))
    by_arrival = followed_by_time(delays, right, plan(min_count=500))
    by_cohort = followed_by_time(delays, right, plan(min_count=500, mature_ms=18 * SLIDE))
    assert by_arrival[0] < 0.4
    assert sum(one < 0.75 for one in by_arrival) > 10
    assert 0.75 < min(by_cohort) <= max(by_cohort) < 0.85


def test_a_long_window_has_few_slides():
    """The state of a window of 1,000 slides is that of 64."""
    made = plan(size_ms=1_000 * SLIDE, grow_to_ms=1_000 * SLIDE)
    assert performance.slide_ms(made.window) == 16 * SLIDE
    summaries, _ = followed(dict.fromkeys(range(1, 200), labels(1)), made)
    assert [milliseconds(one.window.end) // SLIDE for one in summaries] == list(range(16, 200, 16))


def test_a_format_of_another_release():
    """State that this release does not read is refused, not misread."""
    _, state = followed({1: labels(1)}, plan())
    with pytest.raises(StateVersionError) as caught:
        step(plan(), METRICS, KEY, b"TL\x07\x00" + state[4:], None, None, SLIDE)
    assert str(caught.value) == (
        "performance of churn/1/all: format 7 is not one that this release reads (2); "
        "upgrade tidemark or restore an older savepoint"
    )


def test_state_that_is_cut_off_is_refused():
    """It ends in a message, not in a traceback."""
    _, state = followed({1: labels(1)}, plan())
    for cut in (3, len(state) - 1):
        with pytest.raises(StateVersionError, match="performance of churn/1/all: cannot be read"):
            step(plan(), METRICS, KEY, state[:cut], None, None, SLIDE)
