from importlib.metadata import version
from pathlib import Path

import pytest

from config import load
from config.availability import RELEASE

EVERYTHING = Path(__file__).parents[1] / "data" / "everything.yaml"
LATER = f"not available yet in tidemark {RELEASE}; it is checked but does nothing"


def test_everything():
    """Each part that does nothing yet has its line."""
    assert load(EVERYTHING, {"KAFKA_PASSWORD": "a", "TOKEN": "b"}).unavailable == (
        f"models.churn.expect.url: for fields that the configuration does not name {LATER}",
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("window: {size: 2 h}", []),
        ("quality: {missing: true, freshness: 1 h}", []),
        ("correlation: false", []),
        ("quality: {missing: false, volume: false}", []),
        ("quality: true", []),
        ("quality: false", []),
        ("quality: {duplicates: true}", []),
        ("expect: {a: {min: 0, in: [1, 2], missing: '< 1%'}, prediction: {in: [x, y]}, confidence: {max: 1}}", []),
        ("expect: {a: {unique: true, unseen: 0.1}, label: {in: [x, y]}}", []),
        ("features: {from: profile}\n    expect: {b: {unique: true}}", []),
        ("expect: {b: {unique: true}}", ["expect.b: for fields that the configuration does not name "]),
        ("correlation: true", []),
        ("multivariate: true", []),
        ("reference: {learn: 1000}", []),
        ("reference: {previous: 28 days}", []),
        ("on_unknown_version: learn", []),
        ("labels: {within: 7 days}", []),
        ("prediction: regression\n    performance: [mae]", []),
        (
            "features: {a: {type: numeric, detectors: [psi, hellinger, 'river:KSWIN']}}",
            [],
        ),
    ],
)
def test_what_is_used(settings, expected, loaded):
    """What is not asked for, or switched off, has no line."""
    features = "" if settings.startswith("features") else "    features: {a: numeric}\n"
    plan = loaded(f"sources: {{predictions: {{path: a.csv}}}}\nmodels:\n  m:\n{features}    {settings}\n").plan
    assert plan.unavailable == tuple(f"models.m.{line}{LATER}" for line in expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{within: 1 day, sample: 0.1, keep: first}", []),
        ("{keep: last}", []),
        ("{mature: 1 day}", []),
        ("{absent: no}\n    prediction: {task: binary, positive: yes}", []),
        ("{}\n    prediction: ranking\n    performance: [ndcg, {mrr: {}}]", []),
    ],
)
def test_labels(settings, expected, loaded):
    """They find their predictions, or none."""
    sources = "sources: {predictions: {path: a.csv}, labels: {path: l.csv}}"
    plan = loaded(f"{sources}\nmodels:\n  m:\n    features: {{a: numeric}}\n    labels: {settings}\n").plan
    assert plan.unavailable == tuple(f"models.m.{line}{LATER}" for line in expected)


def test_the_release_is_the_package():
    """The lines name the release that is installed."""
    assert version("tidemark").startswith(RELEASE + ".")
