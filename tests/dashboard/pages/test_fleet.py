from __future__ import annotations

import re

from dashboard.pages.fleet import ROWS, fleet
from dashboard.shown import Query
from dashboard.templates import NONE
from tests.store.messages import drift, window

HOSTILE = "</script><script>alert(1)</script>"


def shown(findings, **query):
    return fleet(findings, Query(query)).blocks[0].markup


def names(markup):
    return re.findall(r'scope="row"><a[^>]*>(.*?)</a>', markup)


def test_the_worst_stand_first(shop):
    """Critical, warning, then what is not known, then what is well."""
    writer, findings = shop
    writer.write([window(model=name) for name in ("a", "b", "c")])
    writer.write([window(model="d", status="insufficient")])
    writer.write([drift(model="c", severity="critical"), drift(model="b", severity="warning")])
    assert names(shown(findings)) == ["c", "b", "d", "a"]
    assert names(shown(findings, sort="name")) == ["a", "b", "c", "d"]
    assert names(shown(findings, state="warning")) == ["b"]
    assert names(shown(findings, search=" A ")) == ["a"]


def test_many_models_come_in_pages(shop):
    """A browser never has more than one page of them; a page that is not there is the last one."""
    writer, findings = shop
    writer.write([window(model=f"m{number:03d}") for number in range(2 * ROWS + 1)])
    assert len(names(shown(findings))) == ROWS
    assert names(shown(findings, page="3")) == names(shown(findings, page="99")) == ["m100"]
    assert "page=2" in shown(findings)


def test_numbers_of_a_model(shop):
    """Records of a second, in the newest window; alarms against what the budget expects."""
    writer, findings = shop
    writer.write([window(0, version="2", count=600), window(5, version="2", count=300, exceeded=2, expected=0.5)])
    writer.write([window(0, version="1", count=9000)])
    markup = shown(findings)
    assert re.findall(r'class="number">([^<]*)', markup.partition("<tbody>")[2]) == ["0", "2", "1", NONE]


def test_names_stay_text(shop):
    """A model's name comes from records."""
    writer, findings = shop
    writer.write([window(model=HOSTILE)])
    assert "<script" not in shown(findings, search=HOSTILE)
    assert "alert(1)" in shown(findings, search=HOSTILE)


def test_an_empty_store_says_what_to_do(shop):
    """So does a filter that nothing passes."""
    writer, findings = shop
    assert "tidemark listen" in shown(findings)
    writer.write([window()])
    assert "No model is like that" in shown(findings, search="x")
