"""Late rules: what is expected of features that a profile names."""

from __future__ import annotations

import msgspec
import pytest

from config import load
from config.measured import measured
from config.plan import FeaturePlan
from operators.quality.late_rules import with_rules
from schemas.errors import ProfileError

CONFIGURATION = """\
sources: {{predictions: {{path: a.jsonl}}}}
models:
  churn:
    features: {{from: profile}}
    expect: {expect}
"""
FEATURES = (
    FeaturePlan(name="age", type="numeric"),
    FeaturePlan(name="plan", type="categorical"),
    *measured(FeaturePlan(name="title", type="text")),
)


def rules(folder, expect):
    """Rules of a configuration, and those that are known when its profile is."""
    (folder / "c.yaml").write_text(CONFIGURATION.format(expect=expect))
    (model,) = load(folder / "c.yaml").plan.models
    return model.expect, with_rules(msgspec.structs.replace(model, features=FEATURES)).expect


def test_they_are_of_the_features_type(tmp_path):
    """Numbers are read as numbers, names as names; what is known beforehand stays."""
    expect = "{age: {min: 0, in: [1, 2], missing: 0.1}, plan: {in: [gold], unique: true}, title.length: {max: 9},"
    before, after = rules(tmp_path, expect + " confidence: {max: 0.9}, title: {missing: 0.2}}")
    assert [rule.number for rule in before] == [None, None, None, None, None, None, True, None]
    assert [(rule.name, rule.number) for rule in after] == [
        ("expect.age.min", True),
        ("expect.age.values", True),
        ("expect.age.missing", True),
        ("expect.plan.values", False),
        ("expect.plan.unique", False),
        ("expect.title.length.max", True),
        ("expect.confidence.max", True),
        ("expect.title.missing", False),
    ]


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{agee: {min: 0}}", "models.churn.expect.agee: is no feature of the profile (age, plan, title.length, "
         "title.coverage, title); did you mean 'age'?"),
        ("{plan: {min: 0}}", "models.churn.expect.plan.min: is for numbers, and 'plan' is none (in); correct it, or "
         "name the features"),
        ("{title: {unseen: 0.1}}", "models.churn.expect.title.unseen: 'title' is a text (in, missing, invalid, unique; "
         "'title.length' for its characters); correct it, or name the features"),
        ("{age: {in: [x]}}", "models.churn.expect.age.in: lists 'x', which is not a number, and 'age' is one; correct "
         "it, or name the features"),
    ],
)  # fmt: skip
def test_what_does_not_fit(tmp_path, expect, said):
    """It is said where, and what there is."""
    with pytest.raises(ProfileError) as raised:
        rules(tmp_path, expect)
    assert str(raised.value) == said
