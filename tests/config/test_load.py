from pathlib import Path

import msgspec
import pytest

from config import load
from config.plan import (
    AlarmsPlan,
    ControlPlan,
    CorrelationPlan,
    DetectorPlan,
    FeaturePlan,
    FieldsPlan,
    JobPlan,
    LabelsPlan,
    MetricPlan,
    ModelPlan,
    Plan,
    PredictionPlan,
    QualityPlan,
    RetrainPlan,
    RulePlan,
    SeasonPlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
    TimePlan,
    VersionPlan,
    WindowPlan,
)
from config.quality import WATCHED

EVERYTHING = Path(__file__).parents[1] / "data" / "everything.yaml"
SECRETS = {"KAFKA_PASSWORD": "correct horse", "TOKEN": "battery staple"}
LEAST = """\
sources: {predictions: {path: data.jsonl}}
models: {churn: {features: {age: numeric}}}
"""


def without_id(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, configuration_id="")


DAY = 86_400_000


def test_defaults(loaded, tmp_path):
    """Sources, models and their features are all that must be said."""
    assert without_id(loaded(LEAST).plan) == Plan(
        job=JobPlan(checkpoint_dir=str(tmp_path / ".tidemark/checkpoints")),
        sources=(
            SourcePlan(
                name="predictions",
                kind="predictions",
                path=str(tmp_path / "data.jsonl"),
                format="jsonl",
                time=TimePlan(kind="payload"),
            ),
        ),
        events=SinkPlan(path=str(tmp_path / "out/events.jsonl")),
        summaries=SinkPlan(path=str(tmp_path / "out/summaries.jsonl")),
        dead_letters=SinkPlan(path=str(tmp_path / "out/dead-letters.jsonl")),
        models=(
            ModelPlan(
                name="churn",
                reference=str(tmp_path / "profiles/{model}-{version}.json"),
                window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=604_800_000),
                alarms=AlarmsPlan(
                    budget=1.0, period_ms=2_592_000_000, confirm=2, recover=3, min_effect="small", critical="large"
                ),
                features=(FeaturePlan(name="age", type="numeric"),),
            ),
        ),
    )


def test_everything():
    """A file that says all that can be said comes to this plan."""
    folder = EVERYTHING.parent
    configuration = load(EVERYTHING, SECRETS)
    assert configuration.directory == folder
    assert configuration.path == EVERYTHING
    assert configuration.unavailable == configuration.plan.unavailable != ()
    assert msgspec.structs.replace(configuration.plan, configuration_id="", unavailable=()) == Plan(
        job=JobPlan(
            name="churn-monitor",
            environment="prod",
            checkpoint_dir=str(folder / ".tidemark/checkpoints"),
            cluster="flink:8081",
        ),
        sources=(
            SourcePlan(name="predictions", kind="predictions", topic="predictions"),
            SourcePlan(name="labels", kind="labels", topic="labels"),
            SourcePlan(name="features", kind="features", topic="features", model="churn", carries=("age", "plan")),
        ),
        events=SinkPlan(topic="drift-events"),
        summaries=SinkPlan(topic="drift-summaries"),
        dead_letters=SinkPlan(topic="drift-dead-letters"),
        control=ControlPlan(topic="drift-control"),
        models=(
            ModelPlan(
                name="churn",
                info={"owner": "growth", "runbook": "https://...", "tier": 1},
                versions={"3": VersionPlan(), "4": VersionPlan(role="shadow")},
                reference=str(folder / "profiles/{model}-{version}.json"),
                window=WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=604_800_000),
                alarms=AlarmsPlan(
                    budget=1.0, period_ms=2_592_000_000, confirm=2, recover=3, min_effect="small", critical="large"
                ),
                prediction=PredictionPlan(task="binary", positive="yes"),
                features=(
                    FeaturePlan(name="age", type="numeric"),
                    FeaturePlan(name="plan", type="categorical"),
                    FeaturePlan(
                        name="income",
                        type="numeric",
                        sensitive=True,
                        range=(0.0, 1e7),
                        detectors=(
                            DetectorPlan(name="psi"),
                            DetectorPlan(name="adwin"),
                            DetectorPlan(name="ks", threshold=0.2),
                        ),
                    ),
                    *(
                        FeaturePlan(
                            name=f"title.{measure}",
                            type="numeric",
                            of="title",
                            measure=measure,
                            vocabulary=str(folder / "vocab.txt"),
                        )
                        for measure in ("length", "coverage")
                    ),
                    *(
                        FeaturePlan(name=f"vector.{measure}", type="numeric", of="vector", measure=measure, dim=384)
                        for measure in ("norm", "distance")
                    ),
                ),
                segments=(SegmentPlan(fields=("country",)), SegmentPlan(fields=("country", "device"))),
                disclose=30,
                season=SeasonPlan(
                    period_ms=604_800_000,
                    bins=168,
                    timezone="Europe/Berlin",
                    ignore=((1_798_070_400_000, 1_798_329_600_000),),
                ),
                labels=LabelsPlan(within_ms=1_209_600_000, mature_ms=604_800_000, mature_given=True, absent="no"),
                quality=QualityPlan(),
                correlation=None,
                expect=(
                    RulePlan(field="age", what="min", limit=0.0, number=True),
                    RulePlan(field="age", what="max", limit=120.0, number=True),
                    RulePlan(field="age", what="missing", limit=0.01, number=True),
                    RulePlan(field="timestamp", what="stale", limit=0.5),
                ),
                estimated=("accuracy", "precision", "recall", "specificity", "f1", "roc_auc"),
                performance=(
                    MetricPlan(name="accuracy"),
                    MetricPlan(name="roc_auc", min=0.75),
                    MetricPlan(name="value", worth=(10.0, -2.0, 0.0, 0.0)),
                ),
                retrain=RetrainPlan(
                    when=("performance", "estimated_performance"),
                    severity="critical",
                    blocked_by=("quality",),
                    min_samples=10_000,
                    max_wait_ms=604_800_000,
                    cooldown_ms=86_400_000,
                    every_ms=2_592_000_000,
                    expires_ms=86_400_000,
                    cost=500.0,
                ),
            ),
        ),
    )


def test_texts_mean_what_they_say(loaded):
    """Where a text is expected, YAML's own ideas about it do not count."""
    plan = loaded("""\
sources: {predictions: {path: a.jsonl, version: 1.10}}
models:
  no:
    prediction: {task: binary, positive: yes, classes: [yes, no]}
    features: {on: numeric, 2026-01-01: categorical}
    segments: [{country: [NO, DE]}, {fields: [country, 007], values: [[NO, 1.0]]}]
    versions: {1.10: shadow}
    info: {code: 007, version: 1.10, tier: 2, live: true, quoted: "2"}
""").plan
    model = plan.models[0]
    assert plan.sources[0].version == "1.10"
    assert (model.name, model.prediction) == (
        "no",
        PredictionPlan(task="binary", positive="yes", classes=("yes", "no")),
    )
    assert [feature.name for feature in model.features] == ["on", "2026-01-01"]
    assert model.segments == (
        SegmentPlan(fields=("country",), values=(("NO",), ("DE",))),
        SegmentPlan(fields=("country", "007"), values=(("NO", "1.0"),)),
    )
    assert model.versions == {"1.10": VersionPlan(role="shadow")}
    assert model.info == {"code": "007", "version": "1.10", "tier": 2, "live": True, "quoted": "2"}


def test_a_key_without_a_value_is_not_given(loaded):
    """An empty section has its defaults."""
    text = LEAST + "job:\nkafka:\nsinks:\ncontrol:\n"
    assert loaded(text).plan == loaded(LEAST).plan


def test_features_from_the_profile(loaded):
    """The features come later; what is excluded is known now."""
    model = loaded("""\
sources: {predictions: {path: a.jsonl, carries: [whatever]}}
models: {churn: {features: {from: profile, exclude: [customer_id, row]}}}
""").plan.models[0]
    assert (model.features, model.features_from_profile, model.features_exclude) == ((), True, ("customer_id", "row"))


def test_a_feature_may_be_called_from(loaded):
    """Then its type is one of a feature."""
    model = loaded("""\
sources: {predictions: {path: a.jsonl}}
models: {m: {features: {from: numeric}}}
""").plan.models[0]
    assert (model.features, model.features_from_profile) == ((FeaturePlan(name="from", type="numeric"),), False)


def test_detector_options(loaded):
    """Options go to their detector; input and threshold have places of their own."""
    plan = loaded("""\
sources: {predictions: {path: a.jsonl}}
models:
  m:
    features:
      a:
        type: numeric
        detectors:
          - adwin: {input: raw, delta: 0.002, reset: river}
          - page_hinkley: {threshold: 50, delta: 0.005, alpha: 0.9999, min_instances: 30, input: raw}
          - psi:
      b: {type: numeric, detectors: []}
""").plan
    assert plan.models[0].features == (
        FeaturePlan(
            name="a",
            type="numeric",
            detectors=(
                DetectorPlan(name="adwin", input="raw", options={"delta": 0.002, "reset": "river"}),
                DetectorPlan(
                    name="page_hinkley",
                    input="raw",
                    threshold=50.0,
                    options={"delta": 0.005, "alpha": 0.9999, "min_instances": 30},
                ),
                DetectorPlan(name="psi"),
            ),
        ),
        FeaturePlan(name="b", type="numeric", detectors=()),
    )


def test_detectors_of_river(loaded):
    """Options are the constructor's; numbers of a feature are shown as they are unless ranks are asked for."""
    plan = loaded("""\
sources: {predictions: {path: a.jsonl}}
models:
  m:
    features:
      a: {type: numeric, detectors: ["river:KSWIN", "river:ADWIN": {input: rank, delta: 1e-6}]}
      b: {type: categorical, detectors: ["river:PageHinkley": {input: rank, threshold: 5, mode: up}]}
      c: {type: boolean, detectors: ["river:binary.DDM"]}
""").plan
    assert [feature.detectors for feature in plan.models[0].features] == [
        (
            DetectorPlan(name="river:KSWIN", input="raw"),
            DetectorPlan(name="river:ADWIN", input="rank", options={"delta": 1e-6}),
        ),
        (DetectorPlan(name="river:PageHinkley", input="rank", options={"threshold": 5, "mode": "up"}),),
        (DetectorPlan(name="river:binary.DDM", input="raw"),),
    ]
    assert plan.unavailable == ()


def test_fields_of_a_table_are_columns(loaded, tmp_path):
    """In tables the default place of a field is the column of its name, and features are columns themselves."""
    source = loaded("""\
sources:
  predictions:
    path: data/*.csv.gz
    columns: [day, price, class]
    time: {every: 250 us, from: 1996-05-07}
    fields: {label: class}
models: {elec: {features: {day: categorical, price: numeric}}}
""").plan.sources[0]
    names = FieldsPlan.__struct_fields__
    assert source == SourcePlan(
        name="predictions",
        kind="predictions",
        path=str(tmp_path / "data/*.csv.gz"),
        format="csv",
        columns=("day", "price", "class"),
        time=TimePlan(kind="every", every_us=250, from_ms=831_427_200_000),
        model="elec",  # no column names the model, and there is but one
        fields=FieldsPlan(**{name: name for name in names} | {"features": "", "label": "class"}),
    )


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("a.json", "jsonl"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("A.CSV", "csv"),
        ("s3://bucket/*/a.csv.gz", "csv"),
        ("a.parquet", "parquet"),
        ("a.data, format: csv", "csv"),
        ("a.gz, format: json", "jsonl"),
    ],
)
def test_the_suffix_tells_the_format(path, form, loaded):
    """Packed or not; where it does not, it is said."""
    plan = loaded(f"sources: {{predictions: {{path: {path}}}}}\nmodels: {{m: {{features: {{a: numeric}}}}}}\n").plan
    assert plan.sources[0].format == form


@pytest.mark.parametrize(
    ("kafka", "sinks", "expected"),
    [
        ("", "", ("path out/events.jsonl", "path out/summaries.jsonl", "path out/dead-letters.jsonl")),
        ("a:1", "", ("topic drift-events", "topic drift-summaries", "topic drift-dead-letters")),
        (
            "a:1",
            "events: {path: x/e.jsonl}",
            ("path x/e.jsonl", "path x/summaries.jsonl", "path x/dead-letters.jsonl"),
        ),
        ("a:1", "events: {topic: e}, summaries: none, dead_letters: off", ("topic e", "none", "none")),
        ("", "events: {path: e.jsonl}", ("path e.jsonl", "path summaries.jsonl", "path dead-letters.jsonl")),
        ("", "summaries: {path: s.jsonl}", ("path out/events.jsonl", "path s.jsonl", "path out/dead-letters.jsonl")),
    ],
)
def test_where_the_events_go_the_rest_goes_too(kafka, sinks, expected, loaded, tmp_path):
    """Topics if there are brokers, else files, unless it is said."""
    plan = loaded(LEAST + (f"kafka: {{bootstrap: '{kafka}'}}\n" if kafka else "") + f"sinks: {{{sinks}}}\n").plan

    def shown(sink: SinkPlan | None) -> str:
        if sink is None:
            return "none"
        return f"topic {sink.topic}" if sink.topic else f"path {Path(sink.path).relative_to(tmp_path)}"

    assert (shown(plan.events), shown(plan.summaries), shown(plan.dead_letters)) == expected


def test_the_id_is_that_of_what_decides_about_events(loaded):
    """Spelling, places of data, processes and defaults that are written out do not change it; detection does."""
    same = [
        LEAST,
        LEAST + "# a comment\njob: {parallelism: 4, checkpoints: {every: 1 min}}\nkafka: {bootstrap: 'a:1'}\n",
        LEAST.replace("{path: data.jsonl}", "{topic: t}") + "kafka: {bootstrap: 'a:1'}\n",
        LEAST + "defaults: {window: {size: 60 min}, alarms: {budget: 1.0 per 30 days}}\n",
        LEAST.replace("age: numeric", "age: {type: numeric, sensitive: no}"),
    ]
    other = [
        LEAST + "job: {environment: prod}\n",
        LEAST + "job: {pane: 5 s}\n",
        LEAST + "defaults: {disclose: 21}\n",
        LEAST.replace("numeric", "categorical"),
    ]
    assert len({loaded(text).plan.configuration_id for text in same}) == 1
    assert len({loaded(text).plan.configuration_id for text in [LEAST, *other]}) == 5


def test_the_id_does_not_depend_on_the_folder(tmp_path):
    """Two checkouts of one configuration have one id, and files of their own."""
    plans = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "c.yaml").write_text(LEAST)
        plans.append(load(folder / "c.yaml", {}).plan)
    assert plans[0].configuration_id == plans[1].configuration_id
    assert plans[0].models[0].reference != plans[1].models[0].reference


def test_secrets_are_nowhere_but_with_the_clients(tmp_path):
    """Neither the plan nor anything that may be printed has them."""
    configuration = load(EVERYTHING, SECRETS)
    shown = f"{configuration!r}{configuration}{configuration.kafka}{vars(configuration.kafka)}"
    shown += msgspec.json.encode(configuration.plan).decode() + repr(configuration.plan)
    for secret in SECRETS.values():
        assert secret not in shown
    assert configuration.kafka is not None
    assert configuration.kafka.client_settings()["sasl.password"] == "correct horse"


def test_another_secret_is_the_same_configuration():
    """A password is no part of what is hashed."""
    ids = {load(EVERYTHING, {**SECRETS, "KAFKA_PASSWORD": word}).plan.configuration_id for word in ("a", "b")}
    assert len(ids) == 1


def test_what_is_learned(loaded):
    """By every version of a model, or by those without a profile; with names of files in the configuration's folder."""
    first, second, third, *others = loaded("""\
sources: {predictions: {path: a.csv, model: a}}
models:
  a: {features: {x: numeric}, reference: {learn: 500, save: "l/{version}.json"}}
  b: {features: {x: numeric}, on_unknown_version: learn}
  c: {features: {x: numeric}}
  d: {features: {x: numeric}, reference: {previous: 1 day}}
  e: {features: {x: numeric}, reference: {previous: 2 days, profile: p.json}}
  f: {features: {x: numeric}, reference: {profile: "p-{version}.json", learn: 200}}
""").plan.models
    assert (first.reference, first.learn.records, first.learn.save[-17:]) == (None, 500, "/l/{version}.json")
    assert second.reference.endswith("/profiles/{model}-{version}.json")
    assert (second.learn.records, second.learn.save[-40:]) == (10_000, "/profiles/learned/{model}-{version}.json")
    assert (third.learn, third.window.previous_ms) == (None, 0)
    assert [(m.reference and m.reference[-6:], m.learn and m.learn.records, m.window.previous_ms) for m in others] == [
        (None, 10_000, 86_400_000),
        ("p.json", None, 172_800_000),
        ("}.json", 200, 0),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("info: {}", msgspec.UNSET),
        ("quality: false", msgspec.UNSET),
        ("quality: true", QualityPlan()),
        ("quality: {freshness: 1 h}", QualityPlan()),
        ("quality: {unseen: false, missing: no}", QualityPlan(unseen=False, missing=False)),
        (f"quality: {{{': no, '.join(WATCHED)}: no}}", msgspec.UNSET),
    ],
)
def test_quality(written, expected, loaded):
    """All of it where it is asked for, but for what is switched off; without a word nothing, as before there was it."""
    text = f"sources: {{predictions: {{path: a.csv}}}}\nmodels: {{m: {{features: {{a: numeric}}, {written}}}}}\n"
    assert loaded(text).plan.models[0].quality == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{within: 1 day}", LabelsPlan(within_ms=DAY)),
        ("{mature: 15 s}", LabelsPlan(within_ms=14 * DAY, mature_ms=20_000, mature_given=True)),
        ("{keep: last}", LabelsPlan(within_ms=14 * DAY, mature_ms=7 * DAY, keep="last")),
        ("{keep: last, within: 2 days}", LabelsPlan(within_ms=2 * DAY, mature_ms=2 * DAY, keep="last")),
        (
            "{absent: no, mature: 1 day}",
            LabelsPlan(within_ms=14 * DAY, mature_ms=DAY, mature_given=True, absent="no"),
        ),
    ],
)
def test_labels(settings, expected, loaded):
    """Outcomes that are settled are so when they are mature, after 7 days if nothing is said; in whole panes."""
    model = f"{{features: {{a: numeric}}, prediction: {{task: binary, positive: yes}}, labels: {settings}}}"
    plan = loaded(f"sources: {{predictions: {{path: a.csv}}}}\nmodels: {{m: {model}}}\n").plan
    assert plan.models[0].labels == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", msgspec.UNSET),
        ("correlation:", msgspec.UNSET),
        ("correlation: false", None),
        ("correlation: true", CorrelationPlan(pairs=50)),
        ("correlation: {}", CorrelationPlan(pairs=50)),
        ("correlation: {pairs: 7}", CorrelationPlan(pairs=7)),
    ],
)
def test_correlation(written, expected, loaded):
    """A truth value, or settings; of what is not spoken of there is nothing in the plan, nor in its id."""
    text = f"sources: {{predictions: {{path: a.csv}}}}\nmodels:\n  m:\n    features: {{a: numeric}}\n    {written}\n"
    assert loaded(text).plan.models[0].correlation == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("true", (True, msgspec.UNSET)),
        ("false", (msgspec.UNSET, msgspec.UNSET)),
        ("{}", (True, msgspec.UNSET)),
        ("{classifier: true}", (True, True)),
    ],
)
def test_multivariate(written, expected, loaded):
    """A truth value, or with the classifier; nothing in the plan where it is not asked for."""
    features = f"features: {{a: numeric}}, multivariate: {written}"
    model = loaded(f"sources: {{predictions: {{path: a.csv}}}}\nmodels: {{m: {{{features}}}}}\n").plan.models[0]
    assert (model.multivariate, model.classifier) == expected
