"""Records of one id from several sources: predictions are held against each other, and so are rules of a profile."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

from config import load
from jobs.backtest import Backtest
from jobs.profiles import write as write_profile
from jobs.reference import make_profile
from operators.profiles.profile_files import load_references
from schemas.errors import ProfileError

START_S = 1_767_225_600
CONFIGURATION = """\
sources:
  predictions: {{path: live.jsonl, model: churn, version: "1", carries: [age]}}
  features: {{path: features.jsonl, model: churn, version: "1", carries: [plan]}}
models:
  churn:
    reference: churn.json
    window: {{size: 10 min, slide: 1 min, min_count: 100, grow_to: 1 h}}
    prediction: {{task: binary, positive: "yes"}}
    features: {features}
    quality: {{missing: false, volume: false}}
    expect: {expect}
"""


def run(folder, again, features="{age: numeric, plan: categorical}", expect="{age: {max: 9}}"):
    """Signals of the events; ``again`` says which records come once more."""
    (folder / "monitors.yaml").write_text(CONFIGURATION.format(features=features, expect=expect))
    loaded = load(folder / "monitors.yaml")
    lines = {"train": [], "live": [], "features": []}
    for row in range(2_000):
        record = {"id": f"r{row}", "timestamp": START_S + row, "version": "1"}
        age, plan = {"age": row % 7}, {"plan": "gold" if row % 3 else "basic"}
        lines["train"].append(record | {"features": age | plan, "prediction": "yes"})
        lines["live"] += [record | {"features": age, "prediction": "yes"}] * (1 + again(row))
        lines["features"].append(record | {"features": plan})
    for name, records in lines.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    made = make_profile(
        loaded, "churn", str(folder / "train.jsonl"), version=None, start=None, end=None, output=None,
        progress=lambda total: nullcontext(lambda many: None),
    )  # fmt: skip
    write_profile(made.path, made.profile)
    result = Backtest(load_references(loaded.plan)).run()
    return {signal.signal for event in result.events for signal in event.data.signals}


def test_ids_of_several_sources(tmp_path):
    """Each id is in both sources, which is no duplicate; a prediction that comes twice is one."""
    assert run(tmp_path, lambda row: 0) == set()
    assert run(tmp_path, lambda row: row > 1_000 and row % 4 == 0) == {"quality.duplicates"}


def test_expectations_of_the_features_of_a_profile(tmp_path):
    """They are acted on; a rule that does not fit the type of the profile's feature is refused."""
    assert run(tmp_path, lambda row: 0, "{from: profile}", "{age: {max: 5}, plan: {in: [gold]}}") == {
        "expect.age.max",
        "expect.plan.values",
    }
    with pytest.raises(ProfileError, match=r"expect.plan.max: is for numbers, and 'plan' is none"):
        run(tmp_path, lambda row: 0, "{from: profile}", "{plan: {max: 5}}")
