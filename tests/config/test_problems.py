"""Every way to be wrong, with its whole message."""

from importlib.metadata import version

import pytest

RIVER = version("river")
SOURCES = "sources: {predictions: {path: a.jsonl}}\n"
MODELS = "models: {churn: {features: {age: numeric, plan: categorical, title: text, live: boolean}}}\n"
KAFKA = "kafka: {bootstrap: 'localhost:9092'}\n"
MODEL_KEYS = (
    "alarms, by_class, correlation, disclose, estimated_performance, expect, features, info, labels, "
    "multivariate, on_unknown_version, performance, prediction, proxies, quality, reference, retrain, season, "
    "segments, slices, value, versions, window"
)
NO_BROKERS = "is a topic, and there are no brokers; give 'kafka: {bootstrap: HOST:PORT}'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: 1", ["1:1: has no 'sources'", "1:1: has no 'models'", "1:1: x: 'x' is not a key (actions, control, "
                  "defaults, groups, include, job, kafka, models, sinks, sources, store)"]),
        (MODELS, ["1:1: has no 'sources'"]),
        (SOURCES, ["1:1: has no 'models'"]),
        (MODELS + "sources: {}", ["2:1: sources: has no source of predictions or features, as in 'predictions: "
                                  "{topic: NAME}'"]),
        (MODELS + "sources: {labels: {path: l.jsonl}}", ["2:1: sources: has no source of predictions or features, "
                                                         "as in 'predictions: {topic: NAME}'"]),
        (SOURCES + "models: {}", ["2:1: models: has nothing in it"]),
        (SOURCES + "models: [churn]", ["2:1: models: is a list, not a mapping"]),
        (SOURCES + "models: {churn: }", [f"2:10: models.churn: is empty, not a mapping ({MODEL_KEYS})"]),
        (SOURCES + "models: {churn: {}}", ["2:10: models.churn: has no 'features'"]),
        (SOURCES + MODELS + "job: fast", ["3:1: job: is 'fast', not a mapping (checkpoints, cluster, delivery, "
                                          "environment, logs, name, pane, parallelism, state)"]),
        (SOURCES + MODELS + "job: {name: [a]}", ["3:7: job.name: is a list, not a text"]),
        (SOURCES + MODELS + "job: {name: ''}", ["3:7: job.name: is empty, not a text"]),
        (SOURCES + MODELS + "job: {parallelism: 0}", ["3:7: job.parallelism: '0' is not a whole number (at least 1 "
                                                      "and at most 1024)"]),
        (SOURCES + MODELS + "job: {parallelism: 1.5}", ["3:7: job.parallelism: '1.5' is not a whole number (at least "
                                                        "1 and at most 1024)"]),
        (SOURCES + MODELS + "job: {pane: 0 s}", ["3:7: job.pane: '0 s' is too short (at least 1 ms)"]),
        (SOURCES + MODELS + "job: {delivery: exactly_once}", ["3:7: job.delivery: 'exactly_once' is not a delivery "
                                                              "(exactly-once, at-least-once); did you mean "
                                                              "'exactly-once'?"]),
        (SOURCES + MODELS + "kafka: {}", ["3:1: kafka: has no 'bootstrap'"]),
        (SOURCES + MODELS + "kafka: {bootstrap: 'a:1,b'}", ["3:9: kafka.bootstrap: 'a:1,b' is not HOST:PORT (several "
                                                            "with commas between)"]),
        (SOURCES + MODELS + "control: {topic: t}", [f"3:11: control.topic: {NO_BROKERS}"]),
        (SOURCES + MODELS + "sinks: {events: {}}", ["3:9: sinks.events: has neither 'topic' nor 'path'; give one"]),
        (SOURCES + MODELS + "sinks: {events: {topic: t}}", [f"3:18: sinks.events.topic: {NO_BROKERS}"]),
        (SOURCES + MODELS + "sinks: {dead_letters: {path: x, payload: all}}",
         ["3:33: sinks.dead_letters.payload: 'all' is not a payload (none, full)"]),
        (KAFKA + MODELS + "sources: {predictions: {topic: t}}\nsinks: {events: {topic: t}}",
         ["4:18: sinks.events.topic: 't' is also the topic of source 'predictions'; the job would read what it "
          "writes"]),
        (SOURCES + MODELS + "actions: [{on: io.tidemark.drift.opend, http: {url: x}}]",
         ["3:12: actions[0].on: 'io.tidemark.drift.opend' is not a type of event (io.tidemark.drift.opened, "
          "io.tidemark.drift.updated, io.tidemark.drift.resolved, io.tidemark.retrain.requested, "
          "io.tidemark.retrain.waiting, io.tidemark.retrain.blocked, io.tidemark.retrain.withdrawn, "
          "io.tidemark.retrain.overdue, io.tidemark.retrain.completed, io.tidemark.stream.silent, "
          "io.tidemark.stream.resumed, io.tidemark.profile.learned, io.tidemark.profile.rebased, "
          "io.tidemark.profile.restored, io.tidemark.control.refused); did you mean 'io.tidemark.drift.opened'?"]),
        (SOURCES + MODELS + "actions: [{on: io.tidemark.drift.opened, models: [x*]}]",
         ["3:11: actions[0]: does nothing; give one of http, command, slack, pagerduty, kubernetes, airflow, "
          "prefect, jenkins, github", "3:51: actions[0].models[0]: 'x*' matches no model (churn)"]),
        (SOURCES + MODELS + "groups: {a: {disclose: 3}}", ["3:10: groups.a: has no 'models'"]),
        (SOURCES + MODELS + "groups: {a: {models: [churn, 'x*']}}",
         ["3:30: groups.a.models[1]: 'x*' matches no model (churn)"]),
        (SOURCES + MODELS + "defaults: {window: {min_count: 0}}",
         ["3:21: defaults.window.min_count: '0' is not a whole number (at least 1)"]),
    ],
)  # fmt: skip
def test_the_file(text, expected, problems):
    """Sections, sinks, actions, groups and defaults."""
    assert problems(text) == [f"c.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("predictions: {}", ["2:11: sources.predictions: has neither 'topic' nor 'path'; give one"]),
        ("predictions: data.csv", ["2:11: sources.predictions: is 'data.csv', not a mapping (carries, columns, fields, "
                                   "format, idle, kind, max_skew, model, out_of_orderness, path, start, time, topic, "
                                   "version)"]),
        ("predictions: {topic: a, path: b.csv}", ["2:11: sources.predictions: has both 'topic' and 'path'; keep one"]),
        ("predictions: {topic: a}", [f"2:25: sources.predictions.topic: {NO_BROKERS}"]),
        ("prediction: {path: a.csv}", ["2:11: sources.prediction: has no 'kind', and 'prediction' is none "
                                       "(predictions, labels, features); did you mean 'predictions'?"]),
        ("a: {path: a.csv, kind: label}", ["2:28: sources.a.kind: 'label' is not a kind of source (predictions, "
                                           "labels, features); did you mean 'labels'?"]),
        ("predictions: {path: a.txt}", ["2:25: sources.predictions.path: 'a.txt' has a suffix that tells no format; "
                                        "give one, as in 'format: csv'"]),
        ("predictions: {path: a.parquet.gz}", ["2:25: sources.predictions.path: 'a.parquet.gz' has a suffix that "
                                               "tells no format; give one, as in 'format: csv'"]),
        ("predictions: {path: a, format: avro}", ["2:34: sources.predictions.format: 'avro' is not a format (json, "
                                                  "jsonl, csv, parquet)"]),
        ("predictions: {path: a.csv, time: kafka}", ["2:38: sources.predictions.time: is 'kafka', which is for "
                                                     "topics; files have 'payload' or {every: 1 s, from: TIME}"]),
        ("predictions: {path: a.csv, time: {from: 2026-01-01}}",
         ["2:38: sources.predictions.time: is no time (kafka, payload, or {every: 1 s, from: "
          "2026-01-01T00:00:00Z})"]),
        ("predictions: {path: a.csv, time: {every: 0 s}}",
         ["2:38: sources.predictions.time: is no time (kafka, payload, or {every: 1 s, from: "
          "2026-01-01T00:00:00Z})"]),
        ("predictions: {path: a.csv, time: {every: 1 s, from: soon}}",
         ["2:57: sources.predictions.time.from: 'soon' is not a time (RFC 3339, as in '2026-01-31T12:00:00Z')"]),
        ("predictions: {path: a.csv, start: now}",
         ["2:38: sources.predictions.start: 'now' is not a start (earliest, latest, committed or a time as in "
          "'2026-01-31T12:00:00Z')"]),
        ("predictions: {path: a.csv, model: chrun}",
         ["2:38: sources.predictions.model: 'chrun' is not a model (churn); did you mean 'churn'?"]),
        ("predictions: {path: a.csv, carries: [age, paln]}",
         ["2:53: sources.predictions.carries[1]: 'paln' is not a feature of churn; did you mean 'plan'?"]),
        ("predictions: {path: a.csv, carries: age, fields: {idd: x}}",
         ["2:61: sources.predictions.fields.idd: 'idd' is not a field of a record (confidence, features, group, id, "
          "item, label, model, prediction, probabilities, role, score, timestamp, version); did you mean 'id'?"]),
        ("predictions: {path: a.jsonl, fields: {id: /a~b}}",
         ["2:49: sources.predictions.fields.id: '/a~b' is not a JSON pointer ('~0' stands for '~' and '~1' for "
          "'/')"]),
        ("predictions: {path: a.csv, fields: {features: x}}",
         ["2:47: sources.predictions.fields.features: is not for csv, where each feature is the column of its name"]),
        ("predictions: {path: a.parquet, columns: [a]}",
         ["2:42: sources.predictions.columns: are for csv; other formats name their columns themselves"]),
        ("predictions: {path: a.csv, columns: [age, plan, age], time: {every: 1 s}}",
         ["2:59: sources.predictions.columns[2]: 'age' is given twice"]),
        ("predictions: {path: a.csv, columns: [age]}",
         ["2:11: sources.predictions: has no column 'timestamp'; give 'fields: {timestamp: COLUMN}' or 'time: "
          "{every: 1 s}'"]),
        ("predictions: {path: a.csv, columns: [age, class], time: {every: 1 s}, fields: {label: clas}}",
         ["2:90: sources.predictions.fields.label: 'clas' is not a column (age, class); did you mean 'class'?"]),
        ("predictions: {path: a.csv, out_of_orderness: 5}",
         ["2:38: sources.predictions.out_of_orderness: '5' is not a duration (a number and ms, s, min, h, days or "
          "weeks, as in '5 min')"]),
        ("on_unknown_model: drop, predictions: {path: a.csv}",
         ["2:11: sources.on_unknown_model: 'drop' is not a rule (ignore, dead_letter)"]),
    ],
)  # fmt: skip
def test_sources(source, expected, problems):
    """Where records come from."""
    assert problems(MODELS + f"sources: {{{source}}}\n") == [f"c.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("time: {every: 1 s}", "time: counts rows, which is for files; a topic has 'kafka' or 'payload'"),
        ("format: csv", "format: 'csv' is not a format of a topic (json)"),
        ("columns: [a]", "columns: are for csv; other formats name their columns themselves"),
    ],
)
def test_topics(setting, expected, problems):
    """What is for files is not for topics."""
    assert problems(KAFKA + MODELS + f"sources:\n  predictions:\n    topic: a\n    {setting}\n") == [
        f"c.yaml:6:5: sources.predictions.{expected}"
    ]


def test_several_models_and_no_column_for_them(problems):
    """A table without a column of models has to be of one."""
    assert problems("""\
sources: {predictions: {path: a.csv, columns: [x], time: {every: 1 s}}}
models: {a: {features: {x: numeric}}, b: {features: {x: numeric}}}
""") == [
        "c.yaml:1:11: sources.predictions: has no column 'model', and there are several models (a, b); "
        "give 'model: NAME' or 'fields: {model: COLUMN}'"
    ]


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        ("protocol: SASL_SLL", ["kafka.security.protocol: 'SASL_SLL' is not a protocol (PLAINTEXT, SSL, "
                                "SASL_PLAINTEXT, SASL_SSL); did you mean 'SASL_SSL'?"]),
        ("protocol: SASL_SSL, mechanism: PLAIN", ["kafka.security: has no 'username', which SASL_SSL needs",
                                                  "kafka.security: has no 'password', which SASL_SSL needs"]),
        ("username: me", ["kafka.security.username: is for SASL_PLAINTEXT and SASL_SSL, not PLAINTEXT"]),
        ("ca: ca.pem", ["kafka.security.ca: is for SSL and SASL_SSL, not PLAINTEXT"]),
        ("protocol: SSL, certificate: a.pem", ["kafka.security.certificate: needs 'key' as well"]),
    ],
)  # fmt: skip
def test_security(security, expected, problems):
    """What does not go together is said before a client refuses it."""
    text = SOURCES + MODELS + f"kafka: {{bootstrap: 'a:1', security: {{{security}}}}}\n"
    assert [line.split(": ", 1)[1] for line in problems(text)] == expected


NUMBER = "is not a whole number"
LEARNED = "comes from a profile, and here references are learned from the stream; leave one of them out"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("window: {slide: 15 s}", ["window.slide: '15 s' is not a multiple of job.pane ('10 s')"]),
        ("window: {slide: 7 min}", ["window.size: '1 h' is not a multiple of slide ('7 min')"]),
        ("window: {grow_to: 30 min}", ["window.grow_to: '30 min' is shorter than size ('1 h')"]),
        ("window: {size: an hour}", ["window.size: 'an hour' is not a duration (a number and ms, s, min, h, days or "
                                     "weeks, as in '5 min')"]),
        ("alarms: {budget: 1 per fortnight}", ["alarms.budget: '1 per fortnight' is not a budget (COUNT per DURATION, "
                                               "as in '1 per 30 days')"]),
        ("alarms: {confirm: 4}", [f"alarms.confirm: '4' {NUMBER} (at least 1 and at most 3)"]),
        ("alarms: {critical: small, min_effect: medium}", ["alarms.critical: 'small' is below min_effect ('medium')"]),
        ("alarms: {critical: huge}", ["alarms.critical: 'huge' is not an effect (negligible, small, medium, large)"]),
        ("reference: 'p/{modle}.json'", ["reference: '{modle}' is not known here ({model}, {version})"]),
        ("reference: {save: 'a/{version}'}", ["reference: says nothing; give 'learn: RECORDS', 'previous: DURATION' or "
                                              "the path of a profile"]),
        ("reference: {previous: 30 min}", ["reference.previous: '30 min' is shorter than the window ('1 h')"]),
        ("reference: {previous: 1 day, profile: 'p/{modle}.json'}",
         ["reference.profile: '{modle}' is not known here ({model}, {version})"]),
        ("reference: {learn: 99}", [f"reference.learn: '99' {NUMBER} (at least 100)"]),
        ("reference: {learn: 2000000}", ["reference.learn: 2000000 records of 3 values are kept until they are a "
                                         "reference (at most 1333333 records)"]),
        ("reference: {learn: 100, save: '{model}/{v}.json'}",
         ["reference.save: '{model}/{v}.json' has no '{version}': each version would overwrite the one before",
          "reference.save: '{v}' is not known here ({model}, {version})"]),
        ("versions: {3: chief}", ["versions.3: 'chief' is not a role (champion, shadow, challenger)"]),
        ("on_unknown_version: wait", ["on_unknown_version: 'wait' is not a rule (previous_profile, learn, ignore)"]),
        ("prediction: {positive: yes}", ["prediction: has no 'task'"]),
        ("prediction: regresion", ["prediction: 'regresion' is not a task (binary, multiclass, regression, ranking); "
                                   "did you mean 'regression'?"]),
        ("prediction: {task: regression, positive: x, threshold: 1, classes: [a]}",
         ["prediction.positive: is for binary predictions and rankings, not regression",
          "prediction.threshold: is for binary predictions, not regression",
          "prediction.classes: are for binary and multiclass predictions, not regression"]),
        ("prediction: {task: binary, classes: [a, b, c], positive: d, threshold: 2}",
         ["prediction.threshold: '2' is not a number (at least 0 and at most 1)"]),
        ("prediction: {task: binary, classes: [a, b, c], positive: d}",
         ["prediction.classes: has 3 classes; binary predictions have 2",
          "prediction.positive: 'd' is not one of the classes (a, b, c)"]),
        ("prediction: {task: multiclass, classes: [a, a]}", ["prediction.classes: has a class twice"]),
        ("segments: country", ["segments: is 'country', not a list"]),
        ("segments: [[a, a]]", ["segments[0]: 'a' is given twice"]),
        ("segments: [a, {a: [x]}]", ["segments[1]: 'a' is given twice"]),
        ("segments: [age]", ["segments[0]: 'age' is numeric; a segment is a category"]),
        ("segments: [{fields: [a, b], values: [[x]]}]", ["segments[0]: '[x]' is not a value of each of 2 fields "
                                                         "(a, b)"]),
        ("segments: [{a: [x, x]}]", ["segments[0]: has a value twice"]),
        ("segments: [{fields: []}]", ["segments[0].fields: has nothing in it"]),
        ("labels: {mature: 30 days}", ["labels.mature: '30 days' is longer than within ('14 days')"]),
        ("labels: {absent: no}", [
            "labels.absent: 'no' is an outcome of a prediction that is not described; give 'prediction: {task: binary, "
            "positive: CLASS}'"]),
        ("labels: {absent: no}\n    prediction: multiclass", [
            "labels.absent: 'no' is an outcome of a prediction that is not described; give 'prediction: {task: "
            "multiclass, classes: [A, B, C]}'"]),
        ("labels: {absent: no}\n    prediction: regression", [
            "labels.absent: 'no' is not a number, and the prediction is one"]),
        ("labels: {absent: no}\n    prediction: ranking", [
            "labels.absent: 'no' is not a relevance (a number from 0 up, true or false); give 'positive'"]),
        ("labels: {absent: no}\n    prediction: {task: multiclass, classes: [a, b, c]}", [
            "labels.absent: 'no' is not one of the classes (a, b, c)"]),
        ("labels: {by: [reviews]}\n    performance: [accuracy]\n    prediction: {task: binary, positive: a}",
         ["labels.by[0]: 'reviews' is not a source of its labels (none)"]),
        ("labels: {sample: 0}", ["labels.sample: '0' is not a number (above 0 and at most 1)"]),
        ("performance: [acuracy]", [
            "performance[0]: 'acuracy' is not a metric (accuracy, balanced_accuracy, precision, recall, "
            "specificity, f1, mcc, kappa, roc_auc, average_precision, precision_at_k, log_loss, brier, "
            "calibration_error, mae, mse, rmse, mape, bias, r2, ndcg, mrr, map, hit_rate, value, errors, concept); "
            "did you mean 'accuracy'?"]),
        ("performance: [{f1: {average: weighted}}]\n    prediction: {task: binary, positive: a}", [
            "performance[0].f1.average: is of precision, recall, specificity, f1 of several classes ('task: "
            "multiclass')"]),
        ("performance: [f1, {f1: {classes: [a, d]}}, {f1: {classes: [a], average: macro}}]\n"
         "    prediction: {task: multiclass, classes: [a, b]}", [
            "performance[1].f1.classes: 'd' is not one of the model's classes (a, b)",
            "performance[2]: 'f1.a' is given twice",
            "performance[2].f1.average: is over all classes; leave 'classes' out, or give both as an item each"]),
        ("performance: [{recall: {classes: [a]}}, precision_at_k, {mcc: {k: 3, classes: [a]}}, value]\n"
         "    prediction: {task: binary, positive: a}", [
            "performance[0].recall.classes: needs to know all classes; give 'prediction: {..., classes: [A, B]}'",
            "performance[1].precision_at_k: needs 'k', as in '- precision_at_k: {k: 100}'",
            "performance[2].mcc.k: is of precision_at_k, hit_rate, ndcg",
            "performance[2].mcc.classes: is of precision, recall, specificity, f1",
            "performance[3].value: needs what predictions are worth; give 'value: {tp: 10, fp: -2}' of the model"]),
        ("performance: [{errors: {detectors: ['river:binary.DDM', psy], min: 1}}, {mae: {detectors: [adwin]}}]\n"
         "    prediction: regression", [
            "performance[0].errors.detectors[1]: 'psy' is not a detector (adwin, chi_squared, hellinger, "
            "jensen_shannon, ks, l_infinity, lepage, page_hinkley, psi, river:NAME, total_variation, wasserstein); "
            "did you mean 'psi'?"]),
        ("performance: [{errors: {detectors: ['river:binary.DDM', adwin], min: 1}}, {mae: {detectors: [adwin]}}]\n"
         "    prediction: regression", [
            "performance[0].errors.detectors[0]: 'river:binary.DDM' is for yes and no, boolean features, not numeric "
            "ones",
            "performance[0].errors.min: is of measures; 'errors' are compared with the baseline",
            "performance[1].mae.detectors: are of 'errors'; measures are tested"]),
        ("value: {tp: 1}\n    prediction: regression", [
            "value: is of predictions of two classes; give 'prediction: {task: binary, ...}'"]),
        ("performance: [f1]", [
            "performance[0]: 'f1' needs to know what is predicted; give 'prediction: binary' or another task"]),
        ("performance: [{f1: {}, r2: {}}]", ["performance[0]: has 2 names; give one metric an item, as in '- roc_auc: "
                                             "{min: 0.75}'"]),
        ("expect: {age: {min: 2, max: 1}}", ["expect.age: has min 2 above max 1"]),
        ("expect: {age: {missing: < 1}}", ["expect.age.missing: '< 1 percent' is not a limit (as in '< 1%')"]),
        ("season: {timezone: Europe/Berlim}", ["season.timezone: 'Europe/Berlim' is not a time zone (as in "
                                               "'Europe/Berlin')"]),
        ("season: {ignore: [{from: 2026-01-02, to: 2026-01-01}]}",
         ["season.ignore[0]: begins at '2026-01-02', not before its end ('2026-01-01')"]),
        ("season: {bins: 1}", [f"season.bins: '1' {NUMBER} (at least 2 and at most 10080)"]),
        ("season: {period: 10 min, bins: 61}", ["season.bins: 61 parts of '10 min' are shorter than job.pane "
                                                "('10 s')"]),
        ("season: {zone: UTC}", ["season.zone: 'zone' is not a key (bins, ignore, period, timezone); did you mean "
                                "'timezone'?"]),
        ("season: {ignore: [{from: 2026-01-02, why: x}]}", ["season.ignore[0]: has no 'to'"]),
        ("season: {}\n    reference: {learn: 1000}", [f"season: {LEARNED}"]),
        ("season: {}\n    on_unknown_version: learn", [f"season: {LEARNED}"]),
        ("retrain: {when: [quallity]}", [
            "retrain.when[0]: 'quallity' is not a kind of episode (feature, prediction, target, confidence, "
            "performance, estimated_performance, correlation, multivariate, quality); did you mean 'quality'?"]),
        ("expect: {age: {in: [1, x]}}", ["expect.age: lists 'x', which is not a number, and 'age' is one"]),
        ("expect: {a: {in: [1], values: [1]}}", ["expect.a: has both 'in' and 'values', which say the same; keep one"]),
        ("quality: {volume: maybe}", ["quality.volume: 'maybe' is neither true nor false"]),
        ("multivariate: {classifier: true}\n    season: {}", [
            "multivariate.classifier: compares with all of the reference, which 'season' has by parts; leave one of "
            "them out"]),
        ("multivariate: {classifier: true}\n    reference: {previous: 7 days}", [
            "multivariate.classifier: needs a reference that stays, which 'previous' is not; leave one of them out"]),
        ("correlation: 2", ["correlation: '2' is neither true nor false"]),
        ("disclose: -1", [f"disclose: '-1' {NUMBER} (at least 1)"]),
    ],
)  # fmt: skip
def test_models(settings, expected, problems):
    """What can be said of a model."""
    text = f"models:\n  churn:\n    features: {{age: numeric}}\n    {settings}\n".replace("< 1}", '"< 1 percent"}')
    lines = [line.split(": models.churn.", 1) for line in problems(SOURCES + text)]
    assert [message for _, message in lines] == expected
    assert all(place.startswith("c.yaml:5:") for place, _ in lines)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("prediction: regression\n    performance: [{concept: {max: 3}}]", [
            "performance[0].concept: has no limits: it follows from the budget alone"]),
        ("prediction: ranking\n    performance: [concept]", [
            "performance[0]: 'concept' is not for ranking predictions (ndcg, mrr, map, precision_at_k, hit_rate)"]),
        ("estimated_performance: true", [
            "estimated_performance: needs to know what is predicted; give 'prediction: binary' or another task"]),
        ("prediction: binary\n    estimated_performance: [accuracy]", [
            "estimated_performance: needs the positive class; give 'prediction: {task: binary, positive: CLASS}'"]),
        ("prediction: {task: multiclass, classes: [a, b, c]}\n    estimated_performance: [accuracy, recall]", [
            "estimated_performance: 'recall' cannot be estimated for multiclass predictions (accuracy, precision)"]),
        ("prediction: multiclass\n    estimated_performance: true", [
            "estimated_performance: needs the classes; give 'prediction: {task: multiclass, classes: [A, B, C]}'"]),
        ("prediction: ranking\n    estimated_performance: [mae]", [
            "estimated_performance: 'mae' cannot be estimated for ranking predictions"]),
        ("prediction: regression\n    estimated_performance: [mape]", [
            "estimated_performance[0]: 'mape' is not a measure that can be estimated (accuracy, precision, recall, "
            "specificity, f1, roc_auc, mae, mse, rmse); did you mean 'mae'?"]),
        ("prediction: regression\n    estimated_performance: true\n    reference: {learn: 1000}", [
            "estimated_performance: is estimated from labelled data in a profile, and 'reference.learn' is without "
            "one; name a profile, or leave it out"]),
        ("prediction: regression\n    proxies: [margin]", [
            "proxies: are of the probabilities of classes, and 'prediction' has none"]),
        ("prediction: multiclass\n    proxies: [margins]", [
            "proxies[0]: 'margins' is not a proxy (margin, entropy); did you mean 'margin'?"]),
    ],
)  # fmt: skip
def test_estimates_and_proxies(settings, expected, problems):
    """What goes with what is predicted, and needs a profile."""
    text = f"models:\n  churn:\n    features: {{age: numeric}}\n    {settings}\n"
    assert [line.split(": models.churn.", 1)[1] for line in problems(SOURCES + text)] == expected


@pytest.mark.parametrize(
    ("features", "settings", "expected"),
    [
        ("{plan: categorical}", "reference: {previous: 7 days}\n    slices: true", ["nothing to search: what came "
         "before a window is kept as counts, not as records, and of single predictions no performance is told; give "
         "'performance' of classes or numbers, or a profile"]),
        ("{plan: categorical}", "slices: []", ["has nothing in it"]),
        ("{age: numeric}", "prediction: ranking\n    performance: [ndcg]\n    slices: true", [
            "there is no categorical or boolean feature; name numeric ones, as in '[age]'"]),
        ("{age: numeric}", "prediction: regression\n    performance: [mae]\n    slices: [age, agee, age]", [
            "'age' is given twice", "'agee' is not one of the features (age); did you mean 'age'?"]),
        ("{from: profile}", "prediction: regression\n    performance: [mae]\n    slices: [a, b, c, d, e, f, g, h, i]",
         ["has 9 features (at most 8); name those that matter"]),
        ("{age: {type: numeric, sensitive: true}, note: text}",
         "prediction: regression\n    performance: [mae]\n    slices: [age, note]", [
            "'age' is sensitive, and slices of a number would tell its values",
            "'note' has no values to slice by: it is text"]),
    ],
)  # fmt: skip
def test_slices(features, settings, expected, problems):
    """What they are of, and how many there may be."""
    text = f"models:\n  churn:\n    features: {features}\n    {settings}\n"
    assert [line.split(": models.churn.slices: ", 1)[1] for line in problems(SOURCES + text)] == expected


@pytest.mark.parametrize(
    ("features", "settings", "expected"),
    [
        ("{plan: categorical}", "by_class: true", ["is of predicted classes; give 'prediction', as in 'binary'"]),
        ("{plan: categorical}", "prediction: regression\n    by_class: true", [
            "is of predicted classes; regression predictions are none"]),
        ("{age: {type: numeric, sensitive: true}, note: text}",
         "prediction: {task: binary, positive: y}\n    by_class: [age, note, plan]", [
            "'age' is sensitive, and counts of a number would tell its values",
            "'note' has no values to count: it is text", "'plan' is not one of the features (age, note)"]),
        ("{from: profile}", f"prediction: multiclass\n    by_class: {[f'f{n}' for n in range(51)]}", [
            "has 51 features (at most 50); name those that matter"]),
    ],
)  # fmt: skip
def test_features_by_class(features, settings, expected, problems):
    """What they are of, and how many there may be."""
    text = f"models:\n  churn:\n    features: {features}\n    {settings}\n"
    assert [line.split(": models.churn.by_class: ", 1)[1] for line in problems(SOURCES + text)] == expected


DETECTORS = (
    "adwin, chi_squared, hellinger, jensen_shannon, ks, l_infinity, lepage, page_hinkley, psi, river:NAME, "
    "total_variation, wasserstein"
)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("numerik", ["'numerik' is not a type (numeric, categorical, boolean, text, embedding); did you mean "
                     "'numeric'?"]),
        ("", ["is empty; give a type or a mapping (detectors, dim, range, sensitive, type, vocabulary)"]),
        ("{sensitive: true}", ["has no 'type'"]),
        ("{type: categorical, range: [0, 1]}", [".range: is for numeric features, not categorical"]),
        ("{type: numeric, range: [1, 0]}", [".range: begins at 1, not below its end (0)"]),
        ("{type: numeric, range: [1]}", [".range: has 1 item, not 2 (as in [0, 100])"]),
        ("{type: numeric, range: [0, inf]}", [".range[1]: 'inf' is not a number"]),
        ("{type: numeric, vocabulary: x}", [".vocabulary: is for text features, not numeric"]),
        ("{type: numeric, dim: 3}", [".dim: is for embedding features, not numeric"]),
        ("{type: numeric, sensitive: maybe}", [".sensitive: 'maybe' is neither true nor false"]),
        ("{type: numeric, detectors: psi}", [".detectors: is 'psi', not a list"]),
        ("{type: numeric, detectors: [psy]}", [f".detectors[0]: 'psy' is not a detector ({DETECTORS}); did you "
                                               "mean 'psi'?"]),
        ("{type: numeric, detectors: [psi, psi]}", [".detectors[1]: 'psi' is given twice"]),
        ("{type: numeric, detectors: [{ks: {treshold: 1}}]}",
         [".detectors[0].ks.treshold: 'treshold' is not an option (threshold); did you mean 'threshold'?"]),
        ("{type: numeric, detectors: [{ks: {threshold: 0}}]}",
         [".detectors[0].ks.threshold: '0' is not a number (above 0)"]),
        ("{type: numeric, detectors: [{ks: {}, psi: {}}]}",
         [".detectors[0]: has 2 names; give one detector an item, as in '- ks: {threshold: 0.2}'"]),
        ("{type: numeric, detectors: [{adwin: {input: raws}}]}",
         [".detectors[0].adwin.input: 'raws' is not an input (rank, raw); did you mean 'raw'?"]),
        ("{type: categorical, detectors: [ks]}",
         [".detectors[0]: 'ks' is for numeric features, not categorical "
          "(psi, jensen_shannon, hellinger, total_variation, l_infinity, chi_squared)"]),
        ("{type: boolean, detectors: [{adwin: {input: raw}}]}",
         [".detectors[0].adwin.input: 'raw' is for numeric features, not boolean"]),
        ("{type: numeric, detectors: [{adwin: {delta: 0.1}}, page_hinkley: {input: rank, threshold: 5}]}",
         [".detectors[0].adwin.delta: is for 'input: raw'; on ranks it follows from the budget",
          ".detectors[1].page_hinkley.threshold: is for 'input: raw'; on ranks it follows from the budget"]),
        ("{type: numeric, detectors: ['river:KSVIN']}",
         [f".detectors[0]: 'river:KSVIN' is not a detector of river {RIVER} (ADWIN, DummyDriftDetector, KSWIN, "
          "NoDrift, PageHinkley, binary.DDM, binary.EDDM, binary.FHDDM, binary.HDDM_A, binary.HDDM_W); did you mean "
          "'river:KSWIN'?"]),
        ("{type: numeric, detectors: [{'river:KSWIN': {alfa: 0.1, input: rang}}]}",
         [".detectors[0].'river:KSWIN'.alfa: 'alfa' is not an option of river:KSWIN (alpha, window_size, stat_size, "
          "seed, window, input); did you mean 'alpha'?",
          ".detectors[0].'river:KSWIN'.input: 'rang' is not an input (rank, raw); did you mean 'rank'?"]),
        ("{type: numeric, detectors: [{'river:KSWIN': {alpha: 2}}]}",
         [".detectors[0]: river does not take the options of river:KSWIN: Alpha must be between 0 and 1."]),
        ("{type: numeric, detectors: [{'river:PageHinkley': {delta: much}}]}",
         [".detectors[0]: river does not take the options of river:PageHinkley: unsupported operand type(s) for -: "
          "'float' and 'str'"]),
        ("{type: numeric, detectors: ['river:binary.DDM']}",
         [".detectors[0]: 'river:binary.DDM' is for yes and no, boolean features, not numeric ones"]),
        ("{type: boolean, detectors: [{'river:binary.DDM': {input: rank}}]}",
         [".detectors[0]: 'river:binary.DDM' is for yes and no, boolean features, not ranks"]),
        ("{type: categorical, detectors: ['river:ADWIN']}",
         [".detectors[0]: 'river:ADWIN' takes numbers; for a categorical feature say '{river:ADWIN: {input: rank}}'"]),
        ("embedding", ["is an embedding without 'dim', how many numbers it has"]),
        ("{type: embedding, dim: 9000}", [".dim: '9000' is not a whole number (at least 1 and at most 8192)"]),
        ("{type: text, detectors: ['river:binary.DDM']}",
         [".detectors[0]: 'river:binary.DDM' is for yes and no, boolean features, not numeric ones"]),
    ],
)  # fmt: skip
def test_features(feature, expected, problems):
    """Types, their options and their detectors."""
    text = f"models:\n  churn:\n    features:\n      age: {feature}\n"
    lines = [line.split(": models.churn.features.age", 1)[1].removeprefix(": ") for line in problems(SOURCES + text)]
    assert lines == expected


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("[age]", "is a list, not a mapping (names and types, or {from: profile})"),
        ("{}", "has no feature (names and types, or {from: profile})"),
        ("", "has no 'features'"),
        ("{from: profile, exlude: [x]}", "'exlude' is not a key (exclude, from); did you mean 'exclude'?"),
    ],
)
def test_features_as_a_whole(features, expected, problems):
    """Names and types, or those of the profile."""
    lines = problems(SOURCES + f"models: {{churn: {{features: {features}}}}}\n")
    assert [line.split(": ", 2)[2] for line in lines] == [expected]


def test_a_sensitive_feature_is_no_segment(problems):
    """Segments stand in every event by name."""
    text = "models: {a: {features: {c: {type: categorical, sensitive: true}}, segments: [c]}}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:2:78: models.a.segments[0]: 'c' is sensitive, and segments stand in every event by name; keep one of "
        "both"
    ]


def test_a_name_of_a_model_stands_in_files(problems):
    """It may not lead into another folder."""
    assert problems(SOURCES + "models: {../a: {features: {x: numeric}}}\n") == [
        "c.yaml:2:10: models.'../a': '../a' is not a name of a model (any characters but '/', '|' and control "
        "characters)"
    ]


def test_all_problems_are_said_at_once(problems):
    """Of all sections and of what is between them, each once and in the order of the file."""
    assert problems("""\
job: {pane: 7 s, prallelism: 4}
sources:
  predictions: {topic: t, path: p.csv}
  clicks: {path: c.jsonl, kind: features, carries: [aeg], model: credit}
  clicks: {path: d.jsonl}
defaults:
  window: {min_count: none}
models:
  churn:
    features: {age: numerik}
    alarms: {budget: "${BUDGET}", confrm: 2}
  credit:
    features: {age: numeric}
    window: {slide: 7 min, min_count: 5}
""") == [
        "c.yaml:1:18: job.prallelism: 'prallelism' is not a key (checkpoints, cluster, delivery, environment, logs, "
        "name, pane, parallelism, state); did you mean 'parallelism'?",
        "c.yaml:3:3: sources.predictions: has both 'topic' and 'path'; keep one",
        "c.yaml:4:53: sources.clicks.carries[0]: 'aeg' is not a feature of credit; did you mean 'age'?",
        "c.yaml:5:3: 'clicks' is given twice (first in line 4)",
        "c.yaml:7:12: defaults.window.min_count: 'none' is not a whole number (at least 1)",
        "c.yaml:10:16: models.churn.features.age: 'numerik' is not a type (numeric, categorical, boolean, text, "
        "embedding); did you mean 'numeric'?",
        "c.yaml:11:14: models.churn.alarms.budget: environment variable 'BUDGET' is not set; set it or give a default "
        "('${BUDGET:-...}')",
        "c.yaml:11:35: models.churn.alarms.confrm: 'confrm' is not a key (budget, confirm, critical, min_effect, "
        "recover); did you mean 'confirm'?",
        "c.yaml:14:5: models.credit.window.size: '1 h' is not a multiple of slide ('7 min')",
    ]


def test_a_message_is_one_line(problems):
    """Also where it quotes what is not."""
    assert problems(SOURCES + 'models: {m: {features: {"a\\nb": "\\e[31m\\n"}}}\n') == [
        "c.yaml:2:25: models.m.features.'a\\nb': '\\x1b[31m\\n' is not a type (numeric, categorical, boolean, text, "
        "embedding)"
    ]


@pytest.mark.parametrize("reference", ["reference: {learn: 100}", "on_unknown_version: learn"])
def test_segments_of_what_is_learned(reference, problems):
    """Their values are listed: decode must know them before anything is learned."""
    text = f"models:\n  m:\n    features: {{age: numeric}}\n    {reference}\n    segments: [[b, c], {{d: [x]}}]\n"
    assert problems(SOURCES + text) == [
        "c.yaml:6:16: models.m.segments[0]: 'b, c' takes its values from a profile, and a version that is learned has "
        "none; list them"
    ]


@pytest.mark.parametrize("reference", ["reference: {learn: 100}", "on_unknown_version: learn"])
def test_texts_of_what_is_learned(reference, problems):
    """Their words are in a profile, or in a file; embeddings are measured by what is learned."""
    text = f"models:\n  m:\n    features: {{age: numeric, title: text}}\n    {reference}\n"
    key = reference.partition(":")[0] + (".learn" if "{" in reference else "")
    assert problems(SOURCES + text) == [
        f"c.yaml:4:30: models.m.features.title: is text, whose words a profile has counted, and '{key}' is without "
        "one; give 'vocabulary', name a profile, or leave the feature out"
    ]


def test_numbers_of_embeddings_are_kept_while_they_are_learned_from(problems):
    """All of them."""
    text = "models:\n  m:\n    features: {v: {type: embedding, dim: 1000}}\n    reference: {learn: 5000}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:5:17: models.m.reference.learn: 5000 records of 1002 values are kept until they are a reference "
        "(at most 3992 records)"
    ]


def test_what_is_measured_has_a_name_of_its_own(problems):
    """Two signals of one name could not be told apart."""
    text = "models:\n  m:\n    features: {title.length: numeric, title: text}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:4:39: models.m.features.title: is watched as 'title.length', which is the name of another feature; "
        "rename one of them"
    ]


def test_features_of_what_is_learned(problems):
    """There is no profile to take them from."""
    text = "models:\n  m: {features: {from: profile}, reference: {learn: 100}}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:3:7: models.m.features: are in no profile where the reference is learned; name them"
    ]


def test_what_cannot_be_compared_with_the_time_before(problems):
    """A detector that needs a reference that stays."""
    feature = "{type: numeric, detectors: [adwin, page_hinkley]}"
    text = "models:\n  m: {reference: {previous: 1 day}, features: {a: " + feature + "}}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:3:86: models.m.features.a.detectors[1]: 'page_hinkley' needs a reference that stays, which 'previous' "
        "is not (adwin, or 'input: raw')"
    ]


def test_a_season_is_of_a_reference_that_stays(problems):
    """The time before a window has none."""
    text = "models:\n  m: {reference: {previous: 1 day}, season: {}, features: {a: numeric}}\n"
    assert problems(SOURCES + text) == [
        "c.yaml:3:37: models.m.season: is a part of a reference that stays, which 'previous' is not; keep one of both"
    ]


@pytest.mark.parametrize(
    ("prediction", "performance", "expected"),
    [
        ("{task: binary, positive: yes}", "[{f1: {min: 2, max: 1}}]", ["[0].f1: has min 2 above max 1"]),
        ("binary", "[f1]", [
            "[0]: 'f1' needs the positive class; give 'prediction: {task: binary, positive: CLASS}'"]),
        ("multiclass", "[f1]", [
            "[0]: 'f1' needs the classes; give 'prediction: {task: multiclass, classes: [A, B, C]}'"]),
        ("regression", "[mae, f1, mae]", [
            "[1]: 'f1' is not for regression predictions (mae, mse, rmse, mape, bias, r2)",
            "[2]: 'mae' is given twice"]),
        ("ranking", "[mae, errors]", [
            "[0]: 'mae' is not for ranking predictions (ndcg, mrr, map, precision_at_k, hit_rate)",
            "[1]: 'errors' is not for ranking predictions (ndcg, mrr, map, precision_at_k, hit_rate)"]),
        ("ranking", "[{ndcg: {k: 10}}, ndcg, {precision_at_k: {k: 3}}, hit_rate, {mrr: {k: 5}}]", [
            "[3].hit_rate: needs 'k', as in '- hit_rate: {k: 100}'",
            "[4].mrr.k: is of precision_at_k, hit_rate, ndcg"]),
    ],
)  # fmt: skip
def test_measures(prediction, performance, expected, problems):
    """Measures of performance go with what is predicted."""
    model = f"models:\n  churn:\n    features: {{age: numeric}}\n    prediction: {prediction}\n"
    lines = problems(f"{SOURCES}{model}    performance: {performance}\n")
    assert [line.split("performance", 1)[1] for line in lines] == expected
