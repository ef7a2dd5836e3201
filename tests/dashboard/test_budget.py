from __future__ import annotations

from dashboard.budget import budget
from dashboard.shown import Chart
from tests.store.messages import START_MS, window

DAY = 24 * 60


def added(blocks):
    """What is seen and what is expected, added up."""
    (chart,) = [block for block in blocks if isinstance(block, Chart)]
    return [list(line.y) for line in chart.figure.data]


def test_alarms_are_added_up(shop):
    """By day of all models; of one model by window as long as there are few days."""
    writer, findings = shop
    writer.write([window(0, exceeded=1, expected=0.5), window(5, exceeded=0, expected=0.5)])
    assert budget(findings.reader, START_MS) == []
    assert added(budget(findings.reader, START_MS, "churn")) == [[1, 1], [0.5, 1.0]]
    writer.write([window(DAY, exceeded=2, expected=1.0, model="fraud")])
    assert added(budget(findings.reader, START_MS)) == [[1, 3], [1.0, 2.0]]
    assert budget(findings.reader, START_MS, "nobody") == []
