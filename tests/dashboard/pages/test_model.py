from __future__ import annotations

import re
from html import unescape

import pytest

from dashboard.pages.model import model
from dashboard.shown import Chart, Html, Missing, Query
from schemas.evaluations import Evaluation
from schemas.summaries import ByClass
from tests.dashboard.churn import LIVE
from tests.store.messages import asked, drift, window

HOSTILE = "</script><script>alert(1)</script>"


def blocks(findings, name="churn", **query):
    return model(findings, Query({"name": name, **query})).blocks


def text(found):
    """What the markup says, without it."""
    markup = " ".join(block.markup for block in found if isinstance(block, Html))
    return " ".join(unescape(re.sub("<[^>]+>", " ", markup)).split())


def labels(found):
    return [block.label for block in found if isinstance(block, Chart)]


def test_all_that_is_known_of_a_model(churn_findings):
    """Its stream, its predictions, performance as told and estimated, budget and retraining."""
    found = blocks(churn_findings)
    assert labels(found)[0] == "accuracy over time, realised and estimated"
    assert labels(found)[-5:] == [
        "Records an hour over time",
        "Shares of predicted classes over time",
        "Mean confidence over time",
        "feature.age: shares of its values in records of each predicted class",
        "Alarms seen and expected, added up",
    ]
    said = text(found)
    assert "Which class was taken for which" in said
    assert "By weeks" in said
    assert "Retraining" in said
    records = int(re.search(r"Records in 4 weeks ≈ ([\d,]+)", said)[1].replace(",", ""))
    assert abs(records - LIVE) < 0.01 * LIVE  # windows of 12 h every 4 h, the first of which is not full


def test_weeks_add_up(churn_findings):
    """Of the last week: shares of predictions, and the values that the reference does not have."""
    rows = text(blocks(churn_findings)).partition("By weeks")[2].partition("Signals")[0]
    first = re.search(r"2026-01-05 ([\d,]+) ([\d.]+) % ([\d.]+) %", rows)
    assert float(first[2]) + float(first[3]) == pytest.approx(100, abs=0.11)  # rounded to tenths


def test_any_feature_by_predicted_class(churn_findings):
    """Its shares of each class add up; older people are taken for the other class in the example."""
    (chart,) = (each for each in blocks(churn_findings, feature="feature.plan") if "feature.plan:" in str(each))
    assert [sum(bars.y) for bars in chart.figure.data] == [pytest.approx(1)] * 2
    assert "student" not in chart.figure.layout.xaxis.ticktext  # the reference has none
    (chart,) = (each for each in blocks(churn_findings, feature="none") if "feature.age:" in str(each))
    yes, no = (sum(bars.y[5:]) for bars in sorted(chart.figure.data, key=lambda bars: bars.name, reverse=True))
    assert yes > 0.9 > no


def test_features_that_nobody_counts_by_class(shop):
    """The page says how they would be; a model without classes has nothing of it."""
    writer, findings = shop
    writer.write([window(predicted={"yes": 1, "no": 2}), window(model="price")])
    assert "by_class: true" in text(blocks(findings))
    assert "by_class" not in text(blocks(findings, "price"))


def test_versions_segments_and_spans_are_asked_for_in_the_address(churn_findings):
    """What is not there shows nothing of it; a span that is none is the usual one."""
    whole, part = text(blocks(churn_findings)), text(blocks(churn_findings, segment="country=D"))
    assert whole != part
    assert "Performance" in part
    assert labels(blocks(churn_findings, version="none")) == labels(blocks(churn_findings))[-1:]
    assert text(blocks(churn_findings, weeks="x")) == whole
    assert "is called so" in text(blocks(churn_findings, signal="nothing"))


def test_a_model_of_which_there_are_only_events(shop):
    """An episode, and no windows."""
    writer, findings = shop
    writer.write([drift()])
    assert "Open episodes 1" in text(blocks(findings))
    with pytest.raises(Missing, match="there is no model 'fraud' in the store"):
        blocks(findings, "fraud")


def test_names_stay_text(shop):
    """Of models, versions, segments, signals, classes, and what people wrote."""
    writer, findings = shop
    row = {"time": "2026-01-05T10:05:00.000Z", "model": HOSTILE, "version": HOSTILE, "segment": "all",
           "signal": HOSTILE, "detector": HOSTILE, "count": 1, "statistic": 1.0, "threshold": 0.5, "p_value": None,
           "effect": 1.0, "alarm": True}  # fmt: skip
    writer.write([window(model=HOSTILE, version=HOSTILE, predicted={HOSTILE: 3}, means={HOSTILE: 1.0},
                         by_class={HOSTILE: ByClass(parts=(HOSTILE,), counts={HOSTILE: (3,)})},
                         evaluations=(Evaluation(**row),))])  # fmt: skip
    writer.write([drift(model=HOSTILE, version=HOSTILE, signal=HOSTILE, info={HOSTILE: HOSTILE}), asked(model=HOSTILE)])
    found = blocks(findings, HOSTILE)
    for block in found:
        if isinstance(block, Html):
            assert "<script" not in block.markup
        else:
            assert "<script" not in block.figure.to_json()
    assert text(found).count("alert(1)") > 5


def test_addresses_in_info_are_links_only_if_they_are_of_the_web(shop):
    """A script is none."""
    writer, findings = shop
    writer.write([drift(info={"runbook": "https://example.org/x", "bad": "javascript:alert(1)"})])
    markup = " ".join(block.markup for block in blocks(findings) if isinstance(block, Html))
    assert 'href="https://example.org/x"' in markup
    assert 'href="javascript' not in markup
