import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from config.schema import schema

EVERYTHING = Path(__file__).parents[1] / "data" / "everything.yaml"


class Editor(yaml.SafeLoader):
    """YAML as editors read it (1.2): yes and on are texts, 1e7 is a number."""


Editor.yaml_implicit_resolvers = {}
for kind, pattern, first in (
    ("bool", "true|false", "tf"),
    ("null", "null|~|", ["n", "~", ""]),
    ("int", r"[-+]?\d+", "-+0123456789"),
    ("float", r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", "-+0123456789"),
):
    Editor.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{pattern})$"), list(first))


def errors(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema())
    return [error.json_path for error in validator.iter_errors(yaml.load(text, Editor))]


MODEL = "sources: {predictions: {path: a.csv}}\nmodels: {m: {features: {a: numeric}, %s}}\n"


def test_it_is_a_schema():
    """Of the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_it_knows_everything():
    """What `load` accepts, an editor does not underline."""
    assert errors(EVERYTHING.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "disclose: ${N}",
        "disclose: '${N:-20}'",
        "correlation: ${YES}",
        "window: {size: '${SIZE}'}",
        "segments: [a, [a, b], {a: [1, x]}, {fields: [a, b], values: [[1, 2]]}]",
        "prediction: regression",
        "versions: {'3': shadow}",
        "reference: {learn: 1000}",
        "performance: [f1, {r2: {min: 1}}]",
    ],
)
def test_short_forms(text):
    """One text for a list, a word for a mapping, a reference for anything."""
    assert errors(MODEL.replace("%s", text.replace("${YES}", "'${YES}'").replace(" ${N}", " '${N}'"))) == []


@pytest.mark.parametrize(
    "detector", ["psi", "river:KSWIN", "{ks: {threshold: 1}}", "{'river:KSWIN': {alpha: 0.1}}", "{adwin: }"]
)
def test_detectors(detector):
    """By name, with options, and river's."""
    features = f"features: {{a: {{type: numeric, detectors: [{detector}]}}}}"
    assert errors(MODEL.replace("features: {a: numeric}, %s", features)) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("disclos: 3", "$.models.m"),
        ("disclose: 0", "$.models.m.disclose"),
        ("window: {size: 5}", "$.models.m.window.size"),
        ("alarms: {critical: huge}", "$.models.m.alarms.critical"),
        ("prediction: regresion", "$.models.m.prediction"),
        ("correlation: maybe", "$.models.m.correlation"),
    ],
)
def test_what_is_wrong(text, path):
    """An editor underlines what `load` refuses."""
    assert errors(MODEL % text) == [path]
