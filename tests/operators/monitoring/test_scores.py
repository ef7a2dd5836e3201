"""Scores: every evaluation once, an alarm exactly where the statistic is over the threshold and the effect matters."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.encoding.codes import MISSING
from operators.monitoring import detection as detectors
from operators.statistics import effects
from schemas import cloudevents, summaries
from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.summaries import SignalCounts
from tests.operators.panes import MINUTE, TENTHS, Driver, Records, detection, timeline
from tests.operators.signals import categorical_signal

KINDS = {"o": range(10), "u": range(5, 10), "s": [*range(10), 6, 7, 8, 9], "m": [MISSING]}
WINDOWED = set(detectors.WINDOWED) - {"l_infinity"}  # whose levels depend on the cells as well
ALL = tuple(DetectorPlan(name=name) for name in (*sorted(WINDOWED), "adwin", "page_hinkley"))


def evaluations(drawn, **more) -> list[Evaluation]:
    driver = Driver(detection(detectors=ALL, **more), scores=True).run(timeline(drawn, KINDS))
    return [evaluation for summary in driver.summaries for evaluation in summary.evaluations]


@pytest.mark.parametrize("min_effect", ["small", "medium", "large"])
def test_an_alarm_is_a_statistic_over_its_threshold(min_effect):
    """Of a windowed detector, in the numbers as written, if the effect reaches min_effect; and the p-value agrees."""
    rows = [row for row in evaluations("ooossssuuusooo", min_effect=min_effect) if row.detector in WINDOWED]
    for row in rows:
        over = row.statistic > row.threshold
        assert row.alarm == (over and effects.reaches(effects.effect_level(row.detector, row.effect), min_effect))
    assert {row.alarm for row in rows} == {False, True}


def test_summaries_come_rounded():
    """What is written is what rounding would make of it, so nothing has to be rounded again."""
    driver = Driver(detection(detectors=ALL), scores=True).run(timeline("ooossssuuusooo", KINDS))
    assert driver.summaries
    for summary in driver.summaries:
        written = summaries.encode("tidemark/test/job", summary)
        assert written == cloudevents.encode(summaries.decode(written))


def test_every_evaluation_is_there_once():
    """A row a signal and detector, location and spread, for each slide with records and a large enough window."""
    rows = evaluations("ooo..o.oo")
    counts = Counter((row.time, row.signal, row.detector) for row in rows)
    minutes = ["00:01", "00:02", "00:03", "00:06", "00:08", "00:09"]
    names = [*WINDOWED, "adwin", "adwin:spread", "page_hinkley", "page_hinkley:spread"]
    assert counts == {(f"1970-01-01T{at}:00.000Z", "feature.age", name): 1 for at in minutes for name in names}


@pytest.mark.parametrize("detector", ["page_hinkley", "adwin"])
def test_a_sequential_row_shows_the_alarm_that_is_held(detector):
    """Statistic and threshold of the newest alarm, the effect since the onset; else how near an alarm is."""
    rows = [row for row in evaluations("ooooouuuu") if row.detector == detector]
    assert [(row.alarm, row.effect is None) for row in rows] == [*[(False, True)] * 5, *[(True, False)] * 4]
    assert [row.statistic > row.threshold for row in rows] == [False] * 5 + [True] * 4
    assert [(row.p_value, row.count) for row in rows] == [(None, 200)] * 9


def test_too_few_values_are_not_judged():
    """A signal that is missing has rows of nulls; a window without enough records has no rows."""
    rows = evaluations("mm")
    assert {(row.count, row.statistic, row.threshold, row.p_value, row.effect, row.alarm) for row in rows} == {
        (0, None, None, None, None, False)
    }
    driver = Driver(detection(), scores=True).run(timeline("oo", KINDS, 40))
    assert [(summary.status, summary.evaluations, summary.window.count) for summary in driver.summaries] == [
        ("insufficient", (), 40),
        ("insufficient", (), 80),
    ]


def test_a_summary_counts_what_no_detector_saw():
    """Missing, invalid and unseen values of each signal in the window; its status; its share where that is known."""
    signals = {"age": TENTHS, "plan": categorical_signal([6_000, 4_000])}
    codes = np.column_stack([np.resize([1, 4, 8, 254, 255], 200), np.resize([0, 0, 1, 253, 255], 200)])
    panes = [Records(minute * MINUTE, codes) for minute in (1, 2)]
    for segment, share in [("all", 1.0), ("country=DE", None)]:
        driver = Driver(detection(signals, segments=[("country",)]), segment, scores=True).run(panes)
        summary = driver.summaries[1]
        assert summary.counts == {
            "feature.age": SignalCounts(missing=80, invalid=80, unseen=0),
            "feature.plan": SignalCounts(missing=80, invalid=0, unseen=80),
        }
        assert (summary.status, summary.window.share, summary.segment) == ("alarm", share, segment)


def test_a_summary_says_how_many_exceed_and_how_many_are_expected():
    """Two signals and two windowed detectors at the budget's level; a threshold of the user's own does not count."""
    codes = np.resize(np.arange(10), 400)
    moved = Records(MINUTE, np.column_stack([codes, np.full(400, 9)]))
    own = (DetectorPlan(name="psi", threshold=0.1), DetectorPlan(name="lepage"))
    budgeted = (DetectorPlan(name="psi"), DetectorPlan(name="lepage"))
    for plans, counted in ((budgeted, 4), (own, 2)):
        of = detection({"age": TENTHS, "fare": TENTHS}, plans)
        (said,) = Driver(of, scores=True).run([moved, MINUTE]).summaries
        assert said.expected == significant(counted * of.level("all"))
        assert said.exceeded == counted // 2
