from __future__ import annotations

from dashboard.pages.dead_letters import ROWS, dead_letters
from dashboard.shown import Chart, Html, Query
from tests.store.test_letters import letter

HOSTILE = "</script><script>alert(1)</script>"


def shown(findings, **query):
    return dead_letters(findings, Query(query))


def text(page):
    return "".join(block.markup for block in page.blocks if isinstance(block, Html))


def test_what_could_not_be_used(shop):
    """By what is wrong, with places; by day as soon as there are two."""
    writer, findings = shop
    assert "sinks: {dead_letters:" in text(shown(findings))
    writer.count([letter(0, day=1), letter(1, day=1, reason="late", error="late by 3 s")])
    page = shown(findings)
    assert "predictions[2]@40000" in text(page)
    assert not [block for block in page.blocks if isinstance(block, Chart)]
    writer.count([letter(2, day=20)])
    (chart,) = [block for block in shown(findings).blocks if isinstance(block, Chart)]
    assert [(bars.name, tuple(bars.y)) for bars in chart.figure.data] == [("dead", (1, 1)), ("late", (1,))]
    assert "late by 3 s" not in text(shown(findings, days="7"))
    assert "None." in text(shown(findings, source="labels"))
    assert not [block for block in shown(findings, source="labels").blocks if isinstance(block, Chart)]


def test_many_kinds_come_in_pages(shop):
    """What there is most of stands first."""
    writer, findings = shop
    writer.count([letter(number, error=f"'f{number}': expected a number") for number in range(ROWS + 1)])
    assert text(shown(findings)).count("<tr><td") == ROWS
    assert text(shown(findings, page="2")).count("<tr><td") == 1


def test_errors_stay_text(shop):
    """They name fields of records."""
    writer, findings = shop
    writer.count([letter(0, error=HOSTILE)])
    assert "<script" not in text(shown(findings, source=HOSTILE))
    assert "alert(1)" in text(shown(findings))
