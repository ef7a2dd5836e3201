from __future__ import annotations

import pytest

from dashboard.pages.signal import ROWS, signal
from dashboard.shown import Chart, Html, Missing, Query
from schemas.summaries import SignalCounts
from tests.dashboard.pages.test_episode import HOSTILE, evaluated
from tests.store.messages import MINUTE, START_MS, drift, window

ASKED = {"model": "churn", "version": "3", "segment": "all", "signal": "feature.age"}


def text(page):
    return "".join(block.markup for block in page.blocks if isinstance(block, Html))


def test_a_signal_over_time(shop):
    """Statistic and threshold of each window, alarms, and the episodes that it was in."""
    writer, findings = shop
    writer.write([evaluated(5 * number, None if number == 1 else 0.01 * number) for number in range(6)])
    writer.write([drift("opened", 20), drift("opened", 20, kind="quality", signal="quality.missing.age")])
    page = signal(findings, Query(ASKED))
    (chart,) = [block.figure for block in page.blocks if isinstance(block, Chart)]
    threshold, statistic, alarms = chart.data
    assert statistic.y == (0.0, None, 0.02, 0.03, 0.04, 0.05)
    assert (set(threshold.y), alarms.y) == ({0.03}, (0.04, 0.05))
    assert [shape.x0 for shape in chart.layout.shapes] == [START_MS - 25 * MINUTE]
    markup = text(page)
    assert "6 windows" in markup
    assert "PSI 0.41" in markup.partition("Episodes in this time")[2]


def test_windows_come_in_pages(shop):
    """The newest first; what a page shows follows from its address."""
    writer, findings = shop
    writer.write([evaluated(5 * number, 0.001 * number) for number in range(2 * ROWS)])
    markup = text(signal(findings, Query(ASKED)))
    assert markup.count('<th scope="row"') == ROWS
    to_ms = markup.partition("to=")[2].partition('"')[0]
    earlier = text(signal(findings, Query({**ASKED, "to": to_ms})))
    assert earlier.count('<th scope="row"') == ROWS
    assert "Earlier windows" not in earlier
    assert "Newest windows" in earlier


def test_a_detector_that_has_not_alarmed_is_told(shop):
    """There is nothing to draw of it."""
    writer, findings = shop
    writer.write([evaluated(0, None)])
    page = signal(findings, Query(ASKED))
    assert "It says nothing in this time" in text(page)
    assert not [block for block in page.blocks if isinstance(block, Chart)]


@pytest.mark.parametrize("name", ["model", "version", "segment", "signal"])
def test_an_unknown_signal(shop, name):
    """Of whatever it is that is not there."""
    writer, findings = shop
    writer.write([evaluated(0, 0.1)])
    with pytest.raises(Missing, match=r"there is no window of .* that tells of a signal"):
        signal(findings, Query({**ASKED, name: HOSTILE}))
    with pytest.raises(Missing, match="up to that time"):
        signal(findings, Query({**ASKED, "to": "1"}))


def test_hostile_names_stay_text(shop):
    """A signal's name comes from the fields of records."""
    writer, findings = shop
    found = evaluated(0, 0.1, signal=HOSTILE).read.data
    counts = {HOSTILE: SignalCounts(missing=1, invalid=2, unseen=3)}
    more = window(0, evaluations=found.evaluations, counts=counts)
    writer.write([more])
    markup = text(signal(findings, Query({**ASKED, "signal": HOSTILE})))
    assert "<script" not in markup
    assert "alert(1)" in markup
