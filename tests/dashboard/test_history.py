from __future__ import annotations

import msgspec
import pytest

from dashboard.history import History, labelled, measures, volume, weeks
from schemas.cloudevents import milliseconds
from schemas.evaluations import Evaluation
from schemas.summaries import Estimated, SignalCounts
from store.found import Evaluated
from tests.store.messages import window

SUNDAY = milliseconds("2026-01-11T23:00:00.000Z")
HOUR = 3_600_000


def evaluated(end_ms, count, length_ms=HOUR, exceeded=0, expected=0.0):
    return Evaluated(end_ms - length_ms, end_ms, count, "ok", exceeded, expected)


def found(windows=(), came=(), records=(), performance=(), labels=()):
    return History(windows, came, records, performance, labels)


def row(signal, statistic, count=100, threshold=None):
    about = {"model": "churn", "version": "3", "segment": "all", "detector": "x", "p_value": None, "effect": None}
    return Evaluation(time="2026-01-05T10:10:00.000Z", signal=signal, count=count, statistic=statistic,
                      threshold=threshold, alarm=False, **about)  # fmt: skip


def test_records_of_windows_that_overlap_count_once():
    """As much of each as was in none before it."""
    overlapping = [evaluated(SUNDAY + k * HOUR // 2, 60) for k in range(4)]
    assert sum(volume(overlapping)) == 60 + 3 * 30
    assert volume([]) == []


def test_a_week_ends_with_sunday():
    """A window that ends at midnight is of the week that ends then."""
    first = evaluated(SUNDAY, 10, exceeded=1, expected=0.5)
    windows = [first, evaluated(SUNDAY + HOUR, 10), evaluated(SUNDAY + 2 * HOUR, 7)]
    told = weeks(found(windows))
    assert [(week.start_ms, week.records, week.exceeded, week.expected) for week in told] == [
        (milliseconds("2026-01-12T00:00:00.000Z"), 7, 0, 0.0),
        (milliseconds("2026-01-05T00:00:00.000Z"), 20, 1, 0.5),
    ]


def test_what_a_week_is_made_of():
    """Shares of all predictions, means by records, values that the reference has; labels as far as they are known."""
    summaries = [
        window(0, predicted={"no": 60, "yes": 40}, means={"confidence": 0.9}).read.data,
        window(5, count=300, predicted={"no": 300}, means={"confidence": 0.5}).read.data,
    ]
    counts = {"feature.plan": SignalCounts(missing=10, invalid=10, unseen=8)}
    summaries[0] = msgspec.structs.replace(summaries[0], counts=counts)
    end_ms = milliseconds(summaries[1].window.end)
    windows, came = [evaluated(end_ms, 400)], [evaluated(end_ms, 100)]
    (week,) = weeks(found(windows, came, summaries))
    assert week.predicted == {"no": 0.9, "yes": 0.1}
    assert week.means == {"confidence": pytest.approx(0.6)}
    assert (week.known, week.labelled) == (0.9, 0.25)
    watched = [window(about="labels", evaluations=(row("labels.share", 0.5),)).read.data]
    assert labelled(found(windows, came, labels=watched)) == 0.5


def test_a_measure_is_told_beside_its_estimate():
    """Null where it is undefined."""
    told = window(about="performance", evaluations=(row("performance.f1", None, threshold=0.4),)).read.data
    before = window(estimated={"f1": Estimated(value=0.7, low=0.6, high=0.8, baseline=None)}).read.data
    realised, estimated, thresholds = measures(found(records=[before], performance=[told]))["f1"]
    assert (realised.values, realised.lows, thresholds.values) == ([None], [None], [0.4])
    assert (estimated.values, estimated.lows, estimated.highs) == ([0.7], [0.6], [0.8])
