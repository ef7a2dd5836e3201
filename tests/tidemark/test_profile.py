import gzip
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from schemas import profile as profiles
from tidemark import cli

SHARED = Path(__file__).parents[3] / "shared" / "data"
CONFIGURATION = """\
sources: {predictions: {path: live.jsonl}}
models:
  churn:
    features: {age: numeric, plan: categorical, member: boolean}
    segments: [country]
    prediction: {task: binary, positive: "yes"}
    disclose: 1
"""


def record(i, **others):
    return {
        **{"id": i, "timestamp": f"2026-01-01T00:00:{i:02d}Z", "model": "churn", "version": "3", "country": "DE"},
        **{"features": {"age": i % 4, "plan": "gold" if i % 2 else "basic", "member": i < 6}},
        **{"prediction": "yes" if i < 3 else "no", "confidence": 0.5},
        **others,
    }


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a configuration, to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitors.yaml").write_text(CONFIGURATION)
    return tmp_path


def write(folder, name, *records):
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in records))


def run(*words):
    return cli.main(["profile", "monitors.yaml", "--model", "churn", *words])


def test_a_profile(folder, capsys):
    """The profile goes where the model's `reference` says, and its signals are shown."""
    write(folder, "train.jsonl", *map(record, range(10)))
    assert run("--data", "train.jsonl") == 0
    made = profiles.decode((folder / "profiles" / "churn-3.json").read_bytes())
    out, err = capsys.readouterr()
    assert out == (
        "churn 3: 10 records of train.jsonl, 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:09.000Z\n"
        "signal          type         values  missing\n"
        "feature.age     discrete         10     0.0%  mean 1.3, sd 1.1, 0 to 3\n"
        "feature.plan    categorical      10     0.0%  2 different: basic 50%, gold 50%\n"
        "feature.member  categorical      10     0.0%  2 different: true 60%, false 40%\n"
        "prediction      categorical      10     0.0%  2 different: no 70%, yes 30%\n"
        "confidence      discrete         10     0.0%  mean 0.5, sd 0, 0.5 to 0.5\n"
        "segments by country: 1\n"
        f"{made.id}\n"
        "written to profiles/churn-3.json\n"
    )
    assert err == "it has 10 records (at least 50), so nothing is found; profile more\n"
    assert made.provenance == profiles.Provenance(
        source="train.jsonl",
        rows=10,
        start="2026-01-01T00:00:00.000Z",
        end="2026-01-01T00:00:09.000Z",
        tidemark=version("tidemark"),
        order="time",
    )


def test_csv_with_gaps(folder, capsys):
    """From a CSV; a place for the file can be given; what is doubtful is said."""
    rows = ["age,plan,member,country,prediction"]
    rows += [f"{'x' if i % 5 == 0 else i},gold,,," for i in range(40)] + ["1,2"]
    (folder / "train.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    assert run("--data", "train.csv.gz", "-o", "out/p.json") == 0
    assert capsys.readouterr().err == (
        "1 of 41 records left out; the first, record 40: expected 5 cells, got 2\n"
        "feature.age: 8 of its 40 values are no finite numbers; they are counted as invalid: "
        "correct the data if they should not be\n"
        "feature.member: missing in all 40 records, so nothing is found in it; correct its name or remove it\n"
        "prediction: missing in all records; correct 'fields' of the source or leave 'prediction' out\n"
        "it has 40 records (at least 50), so nothing is found; profile more\n"
        "segment country: no value in 1 records or more; correct its name or remove it\n"
    )
    made = profiles.decode((folder / "out" / "p.json").read_bytes())
    assert (made.version, made.provenance.rows, made.provenance.start) == (None, 40, None)
    assert list(made.signals) == ["feature.age", "feature.plan", "feature.member"]


def test_records_without_version(folder):
    """Records that name no version have the version that the job gives them, in the name of the file."""
    write(folder, "train.jsonl", {**record(1), "version": None})
    assert run("--data", "train.jsonl") == 0
    assert profiles.decode((folder / "profiles" / "churn-0.json").read_bytes()).version is None


def test_one_of_two_versions(folder, capsys):
    """Of two versions one is asked for."""
    write(folder, "train.jsonl", record(1), record(2, version="4"), record(3, model="fraud"))
    assert run("--data", "train.jsonl") == 2
    assert capsys.readouterr().err == (
        "train.jsonl: has records of several versions (3, 4); say which one with --version\n"
    )
    assert run("--data", "train.jsonl", "--version", "4") == 0
    assert (folder / "profiles" / "churn-4.json").exists()
    assert "2 of 3 records are of other models or versions\n" in capsys.readouterr().err


def test_features_from_the_profile(folder):
    """With `features: {from: profile}` the data say what the features are, but for those that are excluded."""
    (folder / "monitors.yaml").write_text(
        "sources: {predictions: {path: live.jsonl}}\n"
        "models: {churn: {features: {from: profile, exclude: [plan]}, reference: p.json}}\n"
    )
    write(folder, "train.jsonl", *map(record, range(10)))
    assert run("--data", "train.jsonl") == 0
    made = profiles.decode((folder / "p.json").read_bytes())
    assert list(made.signals) == ["feature.age", "feature.member", "prediction", "confidence"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "none.jsonl"], "none.jsonl: no such file; check the path"),
        (["--data", "empty.jsonl"], "empty.jsonl: has no records"),
        (["--data", "other.jsonl"], "other.jsonl: has no records of churn (but of fraud)"),
        (
            ["--data", "bad.jsonl"],
            "bad.jsonl: has no records of churn; record 0: not JSON: invalid character (byte 4)",
        ),
        (
            ["--data", "flat.jsonl"],
            "flat.jsonl: no feature of churn has a value in any of 1 records; correct their names",
        ),
        (
            ["--data", "table.csv"],
            "table.csv: has no column 'plan', 'member' (age); correct the names under 'features'",
        ),
        (["--data", "good.jsonl", "--labels", "none.jsonl"], "none.jsonl: no such file; check the path"),
        (
            ["--data", "good.jsonl", "--labels", "other.jsonl"],
            "good.jsonl: has no record of churn with a label that can be used in other.jsonl",
        ),
        (
            ["--data", "good.jsonl", "--performance", "good.jsonl"],
            "good.jsonl: has no record of churn with a label that can be used",
        ),
        (
            ["--data", "good.jsonl", "--from", "2026-01-01T00:00:00Z"],
            "--from and --to are for topics, and good.jsonl is none (topic:NAME)",
        ),
        (
            ["--data", "topic:archive"],
            "topic:archive: the configuration names no brokers; add 'kafka: {bootstrap: HOST:PORT}'",
        ),
        (["--data", "good.jsonl", "-o", "good.jsonl/p.json"], None),
    ],
)
def test_what_cannot_be_done(folder, capsys, words, message):
    """One line says what is wrong, the status is 2, and no profile is written."""
    (folder / "empty.jsonl").touch()
    (folder / "bad.jsonl").write_text("nonsense\n")
    write(folder, "other.jsonl", record(1, model="fraud"))
    write(folder, "flat.jsonl", {"model": "churn", "age": 1})
    write(folder, "good.jsonl", record(1))
    (folder / "table.csv").write_text("age\n1\n")
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    if message is None:
        assert err.startswith("profile good.jsonl/p.json: cannot be written (")
        assert err.count("\n") == 1
    else:
        assert err == message + "\n"
    assert not (folder / "profiles").exists()


def test_an_unknown_model(capsys):
    """A model that the configuration does not have is named with those that it has."""
    assert cli.main(["profile", "monitors.yaml", "--model", "churm", "--data", "x.csv"]) == 2
    assert capsys.readouterr().err == "--model: 'churm' is not a model (churn); did you mean 'churn'?\n"


def labelled(folder):
    """Predictions and labels, in a file of their own and in the records; half of the right ones are positive."""
    rng = np.random.default_rng(1)
    scores = rng.random(400)
    true = rng.random(400) < scores
    records = [
        record(i % 60, id=f"r{i}", prediction="yes" if s >= 0.5 else "no", confidence=float(max(s, 1 - s)))
        for i, s in enumerate(scores)
    ]
    names = np.where(true, "yes", "no").tolist()
    write(folder, "train.jsonl", *records)
    write(folder, "labels.jsonl", *({"id": f"r{i}", "label": name} for i, name in enumerate(names)))
    write(folder, "own.jsonl", *({**one, "label": name} for one, name in zip(records, names, strict=True)))
    return true, scores


def test_a_baseline(folder, capsys):
    """Whichever way labels come: measures are scikit-learn's, each with its error; of the segments, too."""
    true, scores = labelled(folder)
    made = {}
    for words in (
        ["--labels", "labels.jsonl"],
        ["--performance", "own.jsonl"],
        ["--labels", "labels.jsonl", "--performance", "train.jsonl"],
    ):
        assert run("--data", "train.jsonl", *words) == 0
        out, err = capsys.readouterr()
        assert ("its baseline is of the profile's own data" in err) == ("--performance" not in words)
        found = profiles.decode((folder / "profiles" / "churn-3.json").read_bytes()).performance
        made[words[-1]] = found
        assert (found.labels, found.trained, found.segments.keys()) == (
            400,
            "--performance" not in words,
            {"country=DE"},
        )
        assert f"performance of {found.source}" in out
        assert found.segments["country=DE"] == found.sums
    measures = made["own.jsonl"].measures
    assert measures == made["labels.jsonl"].measures == made["train.jsonl"].measures
    assert measures["accuracy"].value == pytest.approx(((scores >= 0.5) == true).mean())
    assert measures["accuracy"].error == pytest.approx(np.sqrt(np.var((scores >= 0.5) == true) / 400), rel=1e-6)
    assert measures["roc_auc"].value == pytest.approx(roc_auc_score(true, scores), abs=1e-3)
    assert measures["log_loss"].value == pytest.approx(log_loss(true, scores), rel=1e-8)
    assert {measure.count for measure in measures.values()} == {400}
    error, loss = made["own.jsonl"].streams.values()
    assert (error.discrete, error.mean, loss.discrete) == (True, 1 - measures["accuracy"].value, False)


def test_delays_of_labels(folder, capsys):
    """Of labels with times: the profile keeps them, and performance waits until most of them have come."""
    labelled(folder)
    delays = [1 if i % 10 > 2 else 90 * 60 for i in range(400)]
    hours = [divmod(i % 60 + delay, 3600) for i, delay in enumerate(delays)]
    times = [f"2026-01-01T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}Z" for hour, rest in hours]
    known = [{"id": f"r{i}", "label": "no", "timestamp": time} for i, time in enumerate(times)]
    write(folder, "timed.jsonl", *known[::2])
    watched = "}\nmodels:\n  churn:\n    performance: [accuracy]\n    labels: LABELS\n"
    text = CONFIGURATION.replace("}\nmodels:\n  churn:\n", ", labels: {path: l.jsonl}" + watched, 1)
    text = text.replace("    features", "    reference: profiles/{model}-3.json\n    features", 1)
    said = {}
    for source, labels in (("labels", "{}"), ("timed", "{}"), ("timed", "{mature: 0 s}"), ("timed", "{mature: 5 h}")):
        (folder / "monitors.yaml").write_text(text.replace("LABELS", labels))
        assert run("--data", "train.jsonl", "--labels", f"{source}.jsonl") == 0
        said[source] = capsys.readouterr().out
        assert cli.main(["validate", "monitors.yaml"]) == 0
        out = capsys.readouterr().out
        said[source, labels] = next(line for line in out.splitlines() if " performance by " in line).strip()
    assert "half of them" not in said["labels"]
    assert "200 labels of 400 predictions, half of them within 1 s, 80% within 97 min" in said["timed"]
    assert [said[which] for which in said if len(which) == 2] == [
        "performance by the time at which labels come; 'mature' says otherwise, or a profile made with labels that "
        "have times",
        "performance by time of prediction, 97 min later, when 80% of the reference's labels had come",
        "performance by the time at which labels come",
        "performance by time of prediction, 5 h later",
    ]


def test_labels_that_a_model_has_no_use_for(folder, capsys):
    """They are of what it predicts, and that has to be said."""
    labelled(folder)
    (folder / "monitors.yaml").write_text(CONFIGURATION.replace('{task: binary, positive: "yes"}', "binary"))
    assert run("--data", "train.jsonl", "--labels", "labels.jsonl") == 2
    assert capsys.readouterr().err == (
        "models.churn.prediction: does not say what labels are of; give 'task', and 'positive' or 'classes'\n"
    )


def test_performance_without_labels(folder, capsys):
    """It is said that there is nothing to compare with."""
    watched = CONFIGURATION.replace("live.jsonl}", "live.jsonl}, labels: {path: l.jsonl}") + "    performance: [f1]\n"
    (folder / "monitors.yaml").write_text(watched)
    write(folder, "train.jsonl", *map(record, range(10)))
    assert run("--data", "train.jsonl") == 0
    assert "performance: no record has a label, so there is no baseline" in capsys.readouterr().err


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data sets beside the repository")
def test_elec2(folder, capsys):
    """In the first 17,424 rows of elec2 three columns are constants: discrete signals that any change will leave."""
    rows = gzip.decompress((SHARED / "elec2" / "elec2.csv.gz").read_bytes()).splitlines(keepends=True)
    (folder / "reference.csv").write_bytes(b"".join(rows[: 1 + 17_424]))
    assert cli.main(["init", "--from", "reference.csv", "-o", "elec2.yaml"]) == 0
    assert cli.main(["profile", "elec2.yaml", "--model", "reference", "--data", "reference.csv", "-o", "p.json"]) == 0
    made = profiles.decode((folder / "p.json").read_bytes())
    constant = {"feature.vicprice": 0.003467, "feature.vicdemand": 0.422915, "feature.transfer": 0.414912}
    for name, signal in made.signals.items():
        assert (signal.count, signal.missing, signal.invalid) == (17_424, 0, 0)
        if name in constant:
            assert (signal.discrete, signal.sd, signal.min, signal.max) == (True, 0.0, constant[name], constant[name])
            assert signal.counts == (0, 17_424, 0)
    assert {name for name, signal in made.signals.items() if signal.sd == 0} == set(constant)
    period = made.signals["feature.period"]
    assert (period.discrete, len(period.edges), sum(count > 0 for count in period.counts)) == (True, 96, 48)
    demand = made.signals["feature.nswdemand"]
    assert (demand.discrete, len(demand.counts)) == (False, 250)
    assert max(demand.counts) < 1.2 * 17_424 / 250


def test_times_that_cannot_be_read(folder, capsys):
    """Records without one are used, and what they are missing for is said."""
    rows = [record(i % 7, timestamp=None if i % 5 == 0 else f"2026-01-01T00:{i % 60:02d}:00Z") for i in range(600)]
    write(folder, "train.jsonl", *rows)
    assert run("--data", "train.jsonl") == 0
    out, err = capsys.readouterr()
    assert out.startswith("churn 3: 600 records")
    assert err.splitlines()[0] == (
        "120 of 600 records have no time that can be read; autocorrelation is looked for without them; correct their "
        "times or 'fields.timestamp' of the source"
    )


SEASONAL = CONFIGURATION + "    season: {period: 1 day, bins: 24, ignore: [{from: 2026-01-03, to: 2026-01-04}]}\n"


def test_a_season(folder, capsys):
    """Its parts are in the profile; what it ignores and what has no time is said; a backtest reads it."""
    (folder / "monitors.yaml").write_text(SEASONAL)
    records = [record(0, timestamp=f"2026-01-{1 + i // 24:02d}T{i % 24:02d}:30:00Z") for i in range(24 * 4)]
    write(folder, "train.jsonl", *records, record(0, timestamp=None))
    assert run("--data", "train.jsonl", "-o", "profiles/churn-3.json") == 0
    made = profiles.decode((folder / "profiles" / "churn-3.json").read_bytes())
    assert [part.records for part in made.season.slices] == [3] * 24
    assert (made.season.period_ms, made.season.timezone) == (86_400_000, "UTC")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "24 of 97 records left out, as the season ignores their time",
        "1 of 97 records have no time that can be read; they are in no part of the season",
    ]
    assert (
        "season: 24 of its 24 parts have fewer than 50 records and are compared mostly with the whole; profile a "
        "longer time, or take fewer bins"
    ) in lines
    write(folder, "live.jsonl", *records)
    assert cli.main(["backtest", "monitors.yaml", "--data", "live.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["records"]["used"] == 96


def test_a_season_without_times(folder, capsys):
    """There is nothing to tell its parts by."""
    (folder / "monitors.yaml").write_text(SEASONAL)
    write(folder, "train.jsonl", *({**record(i), "timestamp": None} for i in range(9)))
    assert run("--data", "train.jsonl") == 2
    assert capsys.readouterr().err.endswith(
        "train.jsonl: no record of churn has a time, which its season needs; give 'fields.timestamp' of the source\n"
    )


def test_disordered_times(folder, capsys):
    """Records earlier than one before them are told of, and what to do; --unordered takes nothing from their times."""
    records = [record(i) for i in range(60)]
    write(folder, "train.jsonl", *records[30:], *records[:30])
    assert run("--data", "train.jsonl") == 0
    assert (
        "'timestamp': 30 of 60 records are earlier than one before them; all are taken in the order of their times: "
        "if these do not say when records came, say --unordered\n"
    ) in capsys.readouterr().err
    assert run("--data", "train.jsonl", "--unordered") == 0
    made = profiles.decode((folder / "profiles" / "churn-3.json").read_bytes())
    assert (made.provenance.order, made.provenance.start) == ("file", None)
    assert "earlier" not in capsys.readouterr().err


def test_counted_times(folder, capsys):
    """That rows are taken for records in the order in which they came is said where their times are counted."""
    rows = CONFIGURATION.replace("path: live.jsonl", "path: live.jsonl, time: {every: 2 s, from: 2026-01-01T00:00:00Z}")
    (folder / "monitors.yaml").write_text(rows)
    write(folder, "train.jsonl", *map(record, range(60)))
    assert run("--data", "train.jsonl") == 0
    out, err = capsys.readouterr()
    assert "2026-01-01T00:00:00.000Z to 2026-01-01T00:01:58.000Z" in out
    told = "if they were shuffled, sorted or sampled, say --unordered\n"
    assert told in err
    assert run("--data", "train.jsonl", "--unordered") == 0
    assert told not in capsys.readouterr().err
