from __future__ import annotations

from collections import Counter

import pytest

from schemas import summaries
from schemas.cloudevents import milliseconds
from tests.dashboard.churn import LIVE, START, records


def test_summaries_say_what_the_model_said(churn):
    """Records by predicted class and the mean confidence of each window of the whole traffic, as counted here."""
    told = [summaries.decode(line).data for line in (churn / "summaries.jsonl").read_bytes().splitlines()]
    live = [(milliseconds(record["timestamp"][:-1] + ".000Z"), record) for record, _ in records(LIVE, START, True)]
    for summary in told:
        if summary.about != "records" or summary.segment != "all":
            assert (summary.means, summary.predicted) == ({}, {})
            continue
        start_ms, end_ms = milliseconds(summary.window.start), milliseconds(summary.window.end)
        here = [record for time_ms, record in live if start_ms <= time_ms < end_ms]
        counted = Counter(record["prediction"] for record in here)
        assert summary.predicted == {name: counted[name] for name in summary.predicted}
        assert sum(summary.predicted.values()) == summary.window.count
        sure = [max(record["probabilities"].values()) for record in here]
        assert summary.means == {"confidence": pytest.approx(sum(sure) / len(sure), rel=1e-6)}  # of written digits


def test_a_confusion_matrix_adds_up(churn):
    """To the labels of the window; it is told of no others."""
    told = [summaries.decode(line).data for line in (churn / "summaries.jsonl").read_bytes().splitlines()]
    measured = [one for one in told if one.about == "performance" and one.evaluations]
    assert measured
    for one in measured:
        right = sum(one.confusion.counts[place][place] for place in range(2))
        assert sum(map(sum, one.confusion.counts)) == one.window.count
        assert one.evaluations[0].statistic == pytest.approx(right / one.window.count, rel=1e-8)  # nine digits
