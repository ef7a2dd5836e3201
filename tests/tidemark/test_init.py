import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from config import load
from operators.encoding import chunks
from operators.encoding.codes import ABSENT
from operators.file_decode import NEVER, FileDecoder
from operators.profiles.profile_files import load_references
from operators.reading.files import list_blocks
from tidemark import cli

SHARED = Path(__file__).parents[3] / "shared" / "data"
JSON_RECORD = {
    **{"id": "a1", "timestamp": "2026-01-01T00:00:00Z", "model": "churn", "version": "3"},
    **{
        "features": {"age": 41, "plan": "gold", "member": True, "vector": [1.0], "embedding": [0.5] * 8},
        "prediction": "yes",
    },
}
JSON_CONFIGURATION = """\
# A first configuration, guessed from data. 'tidemark validate' checks it and shows all defaults.
sources:
  predictions:
    # Of a stream: 'topic: NAME' in place of 'path', and above 'sources:' 'kafka: {bootstrap: HOST:PORT}'.
    path: data.jsonl
models:
  churn:
    reference: "profiles/{model}-{version}.json"  # made by 'tidemark profile' from training data
    prediction: {task: binary, positive: "yes"}
    quality: true  # watch how many values are missing, invalid or new as well
    features:
      age: numeric
      plan: categorical
      member: boolean
      embedding: {type: embedding, dim: 8}
      # vector: left out, it holds lists or objects
"""
CSV = """\
when,Model ID,age,no,y_pred_proba,comment
2026-01-01 00:00:00,a b,1.5,x,0.5,free
2026-01-01 00:00:01,a b,2.5,y,0.25,
"""
CSV_CONFIGURATION = """\
# A first configuration, guessed from data. 'tidemark validate' checks it and shows all defaults.
sources:
  predictions:
    # Of a stream: 'topic: NAME' in place of 'path', and above 'sources:' 'kafka: {bootstrap: HOST:PORT}'.
    path: data.csv.gz
    time: {every: 1 s}  # no times found: row i is i seconds after 1970-01-01T00:00:00Z
    fields:  # where records keep what, if not under its name
      model: "Model ID"
      confidence: y_pred_proba
models:
  "a b":
    reference: "profiles/{model}.json"  # made by 'tidemark profile' from training data
    quality: true  # watch how many values are missing, invalid or new as well
    features:
      age: numeric
      "no": categorical
      comment: categorical
      # when: left out, it holds times
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_json_lines(folder, capsys):
    """Records of the default shape need no fields; the file is written and says what is next."""
    (folder / "data.jsonl").write_text(json.dumps(JSON_RECORD) + "\n" + json.dumps({**JSON_RECORD, "prediction": "no"}))
    assert cli.main(["init", "--from", "data.jsonl", "-o", "monitors.yaml"]) == 0
    assert (folder / "monitors.yaml").read_text() == JSON_CONFIGURATION
    assert capsys.readouterr() == (
        "",
        "written to monitors.yaml; next: tidemark profile monitors.yaml --model churn --data data.jsonl\n",
    )


def test_csv(folder, capsys):
    """Fields under other names are mapped, odd names quoted, what is no feature is named with the reason."""
    (folder / "data.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    assert cli.main(["init", "--from", "data.csv.gz"]) == 0
    assert capsys.readouterr() == (CSV_CONFIGURATION, "")


def test_parquet(folder, capsys):
    """Columns of Parquet have types."""
    table = pa.table({"age": [1.5, 2.5], "plan": ["a", "b"], "target": [0, 1]})
    pyarrow.parquet.write_table(table, folder / "train.parquet")
    assert cli.main(["init", "--from", "train.parquet"]) == 0
    text = capsys.readouterr().out
    assert "    model: train  # the records name none\n" in text
    assert "      label: target  # the true outcome, not a feature\n" in text
    assert text.endswith("    features:\n      age: numeric\n      plan: categorical\n")


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"id": 1, "age": 2.5, "prediction": 1}, '      features: "/"\n'),
        ({"id": 1, "inputs": {"age": 2.5}, "prediction": 1}, '      features: "/inputs"\n'),
    ],
)
def test_features_elsewhere(folder, capsys, record, place):
    """Features in the record itself or under another key are found."""
    (folder / "data.jsonl").write_text(json.dumps(record))
    assert cli.main(["init", "--from", "data.jsonl"]) == 0
    text = capsys.readouterr().out
    assert place in text
    assert text.endswith("    features:\n      age: numeric\n")


def test_flat_records_reach_the_job(folder):
    """What init writes for flat records is what the job reads them by."""
    records = [{"timestamp": 1_700_000_000 + i, "age": i % 7, "plan": "ab"[i % 2]} for i in range(50)]
    (folder / "flat.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert cli.main(["init", "--from", "flat.jsonl", "-o", "monitors.yaml"]) == 0
    assert cli.main(["profile", "monitors.yaml", "--model", "flat", "--data", "flat.jsonl"]) == 0
    job = load_references(load("monitors.yaml").plan)
    source = job.plan.sources[0]
    entries, _ = FileDecoder(job, source).decode(list_blocks(source)[0], NEVER)
    panes = [
        chunks.decode([e.data], job.plan.job.pane_ms)
        for e in entries
        if e.key.startswith("m|flat|") and e.key.endswith("|all")
    ]
    codes = np.concatenate([pane.codes for pane in panes])
    assert codes.shape == (50, 2)
    assert (codes < ABSENT).all()


def test_several_models(folder, capsys):
    """Each model gets the features that its own records have."""
    records = [{"model": "a", "features": {"x": 1.5}}, {"model": "b", "features": {"y": "z"}}] * 2
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert cli.main(["init", "--from", "data.jsonl"]) == 0
    text = capsys.readouterr().out
    assert '      x: numeric\n      # "y": left out, it has no values\n' in text
    assert '      "y": categorical\n      # x: left out, it has no values\n' in text


def test_relative_paths(folder):
    """The path in the configuration is seen from the configuration's folder."""
    (folder / "data").mkdir()
    (folder / "etc").mkdir()
    (folder / "data" / "a.jsonl").write_text(json.dumps(JSON_RECORD))
    assert cli.main(["init", "--from", "data/*.jsonl", "-o", "etc/monitors.yaml"]) == 0
    assert load(folder / "etc" / "monitors.yaml").plan.sources[0].path == f"{folder}/etc/../data/*.jsonl"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.jsonl", json.dumps(JSON_RECORD)),
        ("data.jsonl", json.dumps({"age": 1.5, "no": "yes", "null": 2.5, "#": "a", "a: b": "c", "é": 1.5})),
        ("data.csv", CSV),
        ("0.csv", "1,2\n3,4\n"),
        ("data.csv", ",a\n0,1\n1,2\n"),
        ("weird [name] {x}.csv", "a b,c\n1,2\n"),
        ("data.csv", "text\nsome\n"),
    ],
)
def test_what_init_writes_is_a_configuration(folder, name, content):
    """Whatever the data: `tidemark validate` has nothing to say against it."""
    (folder / name).write_text(content)
    assert cli.main(["init", "--from", name, "-o", "monitors.yaml"]) == 0
    plan = load("monitors.yaml").plan
    assert plan.models
    assert not plan.unavailable


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.csv"], "none.csv: no such file; check the path"),
        (["empty.csv"], "empty.csv: is empty (a header and rows)"),
        (["header.csv"], "header.csv: holds no records (rows)"),
        (["empty.jsonl"], "empty.jsonl: holds no records (JSON objects, one a line)"),
        (["bad.jsonl"], "bad.jsonl: holds no records (JSON objects, one a line)"),
        (
            ["data.xls"],
            "data.xls: the suffix tells no format (.jsonl, .csv, .parquet, the first two also with .gz); rename it",
        ),
        (
            ["topic:predictions"],
            "--from: 'topic:predictions' is a topic, which init cannot read yet (files); "
            "save some records to a file first",
        ),
        (["header.csv", "-o", "bad.jsonl"], "bad.jsonl: is there already; remove it, or write elsewhere with -o"),
        (["good.csv", "-o", "none/x.yaml"], "none/x.yaml: cannot be written (no such file or directory)"),
    ],
)
def test_what_cannot_be_done(folder, capsys, words, message):
    """One line says what is wrong, and the status is 2."""
    (folder / "empty.csv").touch()
    (folder / "empty.jsonl").touch()
    (folder / "header.csv").write_text("a,b\n")
    (folder / "good.csv").write_text("a,b\n1,2\n")
    (folder / "bad.jsonl").write_text("nonsense\n[]\n")
    assert cli.main(["init", "--from", *words]) == 2
    assert capsys.readouterr() == ("", message + "\n")


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data sets beside the repository")
@pytest.mark.parametrize(
    ("file", "features", "fields"),
    [
        ("elec2/elec2.csv.gz", 6, {"label": "class"}),
        ("sea/sea_drifts_12500_25000_37500.csv.gz", 4, {}),
        ("bike/bike_hour.csv", 15, {}),
        (
            "california/california_housing_reference.csv",
            8,
            {"label": "clf_target", "prediction": "y_pred", "confidence": "y_pred_proba"},
        ),
    ],
)
def test_real_data(folder, file, features, fields):
    """Real data sets give configurations that are right at once."""
    assert cli.main(["init", "--from", str(SHARED / file), "-o", "monitors.yaml"]) == 0
    plan = load("monitors.yaml").plan
    assert len(plan.models[0].features) == features
    assert {name: getattr(plan.sources[0].fields, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "age;plan\n1;a\n",
            "data.csv: its cells seem to be separated by ';' ('age;plan'); write the file anew with commas",
        ),
        (
            "age\tplan\n1\ta\n",
            "data.csv: its cells seem to be separated by '\\t' ('age\\tplan'); write the file anew with commas",
        ),
        ("age,plan,age\n1,a,2\n", "data.csv: two columns are called 'age'; give each its own name"),
    ],
)
def test_headers_that_are_none(folder, capsys, text, message):
    """A file with another separator, or with a name twice, is refused and never read as something else."""
    (folder / "data.csv").write_text(text)
    assert cli.main(["init", "--from", "data.csv"]) == 2
    assert capsys.readouterr() == ("", f"{message}\n")


def test_names_without_a_header(folder, capsys):
    """A first row of names that come again is a row; one name may be empty, as that of pandas' index."""
    (folder / "data.csv").write_text("p,x,p\nq,x,p\np,y,q\n")
    assert cli.main(["init", "--from", "data.csv"]) == 0
    assert "columns: [column_1, column_2, column_3]" in capsys.readouterr().out
    (folder / "data.csv").write_text("age,plan,\n1.5,a,0\n2.5,b,1\n")
    assert cli.main(["init", "--from", "data.csv"]) == 0
    assert capsys.readouterr().out.endswith("    features:\n      age: numeric\n      plan: categorical\n")


def test_numbers_of_16_bits(folder, capsys):
    """Half-precision numbers of Parquet are numbers; what is neither number nor text is left out."""
    table = pa.table({"half": np.array([1.5, 2.5], np.float16), "raw": [b"a", b"b"]})
    pyarrow.parquet.write_table(table, folder / "train.parquet")
    assert cli.main(["init", "--from", "train.parquet"]) == 0
    expected = "      half: numeric\n      # raw: left out, it holds values of another kind (bytes)\n"
    assert capsys.readouterr().out.endswith(f"    features:\n{expected}")


def test_names_of_any_kind(folder, capsys):
    """What is written can be read again: no name, and what looks like a variable of the environment."""
    names = ["a/b", "a~b", "a b", "", "${HOME}", "n: o", "#h", "\0", '"']
    record = {"id": 1, "timestamp": 1_767_571_200, "features": dict.fromkeys(names, 1.5)}
    (folder / "data.jsonl").write_text(json.dumps(record) + "\n")
    assert cli.main(["init", "--from", "data.jsonl", "-o", "monitors.yaml"]) == 0
    [model] = load(folder / "monitors.yaml").plan.models
    assert [feature.name for feature in model.features] == [name for name in names if name]
    assert '      # "": left out, it has no name\n' in (folder / "monitors.yaml").read_text()
