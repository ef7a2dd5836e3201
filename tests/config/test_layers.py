from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.layers import merge
from config.texts import Mapping, Mark

MARK = Mark("a.yaml", 1, 1)
SOURCES = "sources: {predictions: {path: a.jsonl}}\n"


def tree(value: object) -> object:
    if not isinstance(value, dict):
        return value
    mapping = Mapping()
    for key, item in value.items():
        mapping.put(key, tree(item), MARK)
    return mapping


TREES = st.recursive(
    st.none() | st.text(max_size=2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
).map(tree)


@given(TREES)
def test_the_same_layer_twice_is_once(layer):
    """And an empty mapping below a mapping changes nothing."""
    assert merge(layer, layer) == layer
    if isinstance(layer, dict):
        assert merge(Mapping(), layer) == merge(layer, Mapping()) == layer


@given(TREES, TREES)
def test_what_is_above_holds(below, above):
    """Every key of the upper layer is there, as if the lower one were not, but for mappings in both."""
    merged = merge(below, above)
    if not (isinstance(below, dict) and isinstance(above, dict)):
        assert merged == above
    else:
        assert merged.keys() == below.keys() | above.keys()
        assert all(merged[key] == merge(below.get(key), value) for key, value in above.items())


@given(st.lists(st.dictionaries(st.sampled_from("abc"), TREES, max_size=3).map(tree), min_size=1, max_size=4))
def test_merging_leaves_the_layers_alone(layers):
    """Many models share the defaults."""
    before = [dict(layer) for layer in layers]
    reduce(merge, layers)
    assert layers == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 500),
        ("defaults: {window: {min_count: 1}}\n", 1),
        ("defaults: {window: {min_count: 1}}\ngroups: {g: {models: ['*'], window: {min_count: 2}}}\n", 2),
        ("groups: {g: {models: [f*], window: {min_count: 2}}, h: {models: [fraud], window: {min_count: 3}}}\n", 3),
        ("groups: {g: {models: other*, window: {min_count: 2}}}\n", 500),
        (
            "groups: {g: {models: F*, window: {min_count: 2}}, h: {models: ['[e-g]raud'], window: {slide: 1 min}}}\n",
            500,
        ),
    ],
)
def test_defaults_then_groups_then_the_model(text, expected, loaded):
    """Groups in the order of the file; patterns know upper and lower case."""
    text = text.replace("F*", "'*_F'").replace("other*", "'other*'")
    models = "models: {fraud: {features: {a: numeric}}, other_F: {features: {a: numeric}}}\n"
    assert loaded(SOURCES + models + text).plan.models[0].window.min_count == expected


def test_the_model_has_the_last_word(loaded):
    """Mappings merge, lists and texts replace, and a key without a value takes away what was below."""
    models = loaded(
        SOURCES
        + """\
defaults:
  info: {owner: us, tier: 1}
  segments: [country, device]
  prediction: {task: binary, threshold: 0.3}
  window: {size: 2 h, slide: 10 min}
models:
  a:
    features: {x: numeric}
    info: {owner: me}
    segments: [plan]
    prediction: {positive: "yes"}
    window: {slide: 30 min}
  b:
    features: {x: numeric}
    segments:
    prediction:
    window:
"""
    ).plan.models
    a, b = models
    assert a.info == {"owner": "me", "tier": 1}
    assert [segment.fields for segment in a.segments] == [("plan",)]
    assert (a.prediction.task, a.prediction.positive, a.prediction.threshold) == ("binary", "yes", 0.3)
    assert (a.window.size_ms, a.window.slide_ms) == (7_200_000, 1_800_000)
    assert (b.segments, b.prediction, b.window.size_ms) == ((), None, 3_600_000)


def test_features_may_be_shared(loaded):
    """`defaults` can name what all models have."""
    model = loaded(SOURCES + "defaults: {features: {age: numeric}}\nmodels: {m: {features: {x: boolean}}}\n")
    assert [(f.name, f.type) for f in model.plan.models[0].features] == [("age", "numeric"), ("x", "boolean")]


def test_a_default_that_is_wrong_is_wrong_once(problems):
    """Not once a model; what only a model's own settings make wrong is said of the model."""
    text = "defaults: {window: {slide: 1 mim}}\nmodels: {a: {features: {x: numeric}}, b: {features: {x: numeric}}}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:2:21: defaults.window.slide: '1 mim' is not a duration (a number and ms, s, min, h, days or weeks, "
        "as in '5 min')"
    ]
    text = text.replace("1 mim", "7 min").replace("a: {f", "a: {window: {size: 70 min}, f")
    assert problems(SOURCES + text) == ["c.yaml:2:12: models.b.window.size: '1 h' is not a multiple of slide ('7 min')"]


def test_included_files(loaded, tmp_path):
    """Every team has its file; sources, groups, models and actions of all are those of the job."""
    team = tmp_path / "teams"
    team.mkdir()
    (team / "b.yaml").write_text(
        "models: {b: {features: {x: numeric}}}\nsources: {clicks: {path: c.csv, kind: features}}"
    )
    (team / "a.yaml").write_text("models: {a: {features: {x: numeric}}}\ngroups: {g: {models: ['*'], disclose: 7}}")
    plan = loaded(SOURCES + "include: [teams/*.yaml]\nmodels: {m: {features: {y: numeric}}}\n").plan
    assert [(model.name, model.disclose) for model in plan.models] == [("m", 7), ("a", 7), ("b", 7)]
    assert [source.name for source in plan.sources] == ["predictions", "clicks"]
    assert plan.sources[1].path == str(tmp_path / "c.csv")


def test_models_may_all_be_in_included_files(loaded, tmp_path):
    """The main file then has what belongs to the job."""
    (tmp_path / "a.yaml").write_text("models: {a: {features: {x: numeric}}}")
    assert [model.name for model in loaded(SOURCES + f"include: {tmp_path}/a.yaml").plan.models] == ["a"]


def test_problems_of_included_files(problems, tmp_path):
    """Each has the name of its file; those of the main file come first."""
    (tmp_path / "a.yaml").write_text("models:\n  m: {features: {x: numeric}}\n  n: {features: {x: numerik}}\n")
    (tmp_path / "b.yaml").write_text("job: {name: b}\nsources: [a]\n")
    (tmp_path / "d.yaml").write_text("a: [\n")
    assert problems(SOURCES + "include: ['[abd].yaml', none/*.yaml]\nmodels: {m: {features: {x: numeric}}}\n") == [
        f"c.yaml:2:25: include[1]: no file matches 'none/*.yaml' in '{tmp_path}'",
        "a.yaml:2:3: models.m: 'm' is given twice (first at c.yaml:3:10)",
        "a.yaml:3:18: models.n.features.x: 'numerik' is not a type (numeric, categorical, boolean, text, embedding); "
        "did you mean 'numeric'?",
        "b.yaml:1:1: 'job' is not for included files (sources, groups, models, actions); move it to the main file",
        "b.yaml:2:1: 'sources' is not the same kind of thing as at c.yaml:1:1",
        "d.yaml:2:1: is not YAML: expected the node content, but found '<stream end>'",
    ]
