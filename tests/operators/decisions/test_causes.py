"""What messages say of the cause: inputs, performance, and the relation between labels and predictions."""

from types import SimpleNamespace

import pytest

from config.plan import MetricPlan
from operators.decisions.causes import context
from tests.operators.decoding import model

ALONE = "concept drift: labels depend on predictions otherwise than they did, and inputs have not drifted"
BOTH = "both: inputs have drifted, and labels depend on predictions otherwise than they did"
PLAN = model(performance=(MetricPlan(name="accuracy"), MetricPlan(name="concept")))


def episode(kind, *signals, segment="all", version="1"):
    changes = [SimpleNamespace(evidence=SimpleNamespace(signal=signal)) for signal in signals]
    return SimpleNamespace(kind=kind, segment=segment, version=version, open=changes)


FEATURE = episode("feature", "feature.age")
LOSS = episode("performance", "performance.accuracy")
CONCEPT = episode("performance", "performance.accuracy", "performance.concept")


@pytest.mark.parametrize(
    ("one", "others", "said"),
    [
        (FEATURE, [], "without loss of performance so far"),
        (FEATURE, [LOSS], "performance has fallen, too"),
        (LOSS, [], "inputs have not drifted"),
        (LOSS, [FEATURE], "inputs have drifted, and labels depend on predictions as they did"),
        (CONCEPT, [], ALONE),
        (CONCEPT, [FEATURE], BOTH),
        (CONCEPT, [episode("feature", "feature.age", segment="country=DE")],
         ALONE),
        (CONCEPT, [episode("feature", "feature.age", version="2")],
         ALONE),
        (episode("performance", "performance.concept", segment="country=DE"), [FEATURE],
         BOTH),
        (episode("quality", "quality.missing.age"), [LOSS], ""),
    ],
)  # fmt: skip
def test_what_is_said(one, others, said):
    """Of episodes of the same version, in the segment or the whole traffic."""
    assert context(PLAN, [*others, one], one) == said


def test_without_labels_nothing_is_said():
    """Nor is the relation, where it is not watched."""
    assert context(model(), [FEATURE], FEATURE) == ""
    plain = model(performance=(MetricPlan(name="accuracy"),))
    assert context(plain, [FEATURE, LOSS], LOSS) == "inputs have drifted"
