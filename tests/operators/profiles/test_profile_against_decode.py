import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    JobPlan,
    ModelPlan,
    Plan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
    TimePlan,
    WindowPlan,
)
from operators.encoding import chunks
from operators.encoding.codes import INVALID, MISSING, OTHER
from operators.encoding.keys import split_key
from operators.file_decode import NEVER, FileDecoder
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.reference_data import ReferenceData
from operators.profiles.references import JobReferences
from operators.reading.block_reader import BlockReader
from operators.reading.files import list_blocks
from operators.reading.values import disguised
from schemas.profile import NumericSignal, Provenance

FEATURES = (
    FeaturePlan(name="age", type="numeric"),
    FeaturePlan(name="plan", type="categorical"),
    FeaturePlan(name="member", type="boolean"),
    FeaturePlan(name="secret", type="categorical", sensitive=True),
)
MODEL = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=60_000, slide_ms=60_000, min_count=1, grow_to_ms=60_000),
    alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large"),
    features=FEATURES,
    segments=(SegmentPlan(fields=("country",)), SegmentPlan(fields=("plan", "secret"))),
    disclose=2,
)
ANY = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -0.0, 2.5, 1e300, 2**70])),
    *(st.sampled_from(["gold", "1", "true", "TRUE", "", "other", "#x"]), st.just([1]), st.just({"a": 1})),
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            **{"features": st.fixed_dictionaries({}, optional={f.name: ANY for f in FEATURES})},
            **{"prediction": ANY, "confidence": ANY, "country": st.sampled_from(["DE", "AT", 7, None])},
            "probabilities": st.one_of(
                st.none(), st.dictionaries(st.text(max_size=1), st.one_of(st.floats(0, 1), st.just("high")))
            ),
        },
    ),
    min_size=1,
    max_size=30,
)
CELLS = st.one_of(st.none(), st.sampled_from(["gold", "1", "1.0", " 2", "true", "False", "nan", "1e999", "-0", "x y"]))
COLUMNS = ("age", "plan", "member", "secret", "prediction", "confidence", "country")
ROWS = st.lists(st.fixed_dictionaries({name: CELLS for name in COLUMNS}), min_size=1, max_size=30)


def compare(source, model=MODEL):
    """Profile the files of a source, let the job decode them, and hold the codes against the profile."""
    reader, reference, builder = BlockReader(source), ReferenceData(model, source), ProfileBuilder(model)
    for block in list_blocks(source):
        rows = reader.read(block)
        builder.add(reference.select(rows.records, rows.malformed), source)
    profile = builder.build(Provenance(source="a", rows=0, start=None, end=None, tidemark="0"), None)
    plan = Plan(job=JobPlan(), sources=(source,), events=SinkPlan(path="x"), models=(model,))
    decoder = FileDecoder(JobReferences(plan, {model.name: {"": profile}}), source)
    codes: dict[str, list] = {}
    for block in list_blocks(source):
        for entry in decoder.decode(block, NEVER)[0]:
            if entry.key.startswith("m|"):
                segment = split_key(entry.key)[3]
                codes.setdefault(segment, []).append(chunks.decode([entry.data], plan.job.pane_ms).codes)
    if not reference.used:
        assert not codes
        return {}
    whole = np.concatenate(codes.pop("all"))
    assert len(whole) == reference.used
    for (name, signal), column in zip(profile.signals.items(), whole.T, strict=True):
        counts = np.bincount(column, minlength=256)
        if isinstance(signal, NumericSignal):
            bins, rest = list(signal.counts), 0
        else:
            bins, rest = [count for _, count in signal.categories], signal.rest
        expected = np.zeros(256, int)
        expected[: len(bins)] = bins
        expected[[OTHER, INVALID, MISSING]] = rest, signal.invalid, signal.missing
        assert counts.tolist() == expected.tolist(), name
    of_segments = {name: sum(map(len, parts)) for name, parts in codes.items()}
    listed = dict(pair for values in profile.segments.values() for pair in values)
    assert {name: count for name, count in of_segments.items() if name in listed} == listed
    return of_segments


def source(path, **more):
    return SourcePlan(
        name="p", kind="predictions", path=str(path), model="churn", time=TimePlan(kind="every", every_us=1), **more
    )


@settings(deadline=None)
@given(RECORDS)
def test_json(tmp_path_factory, records):
    """Every value of a JSON record has the same meaning for the profile and for the job."""
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    compare(source(path, format="jsonl"))


@settings(deadline=None)
@given(ROWS)
def test_csv(tmp_path_factory, rows):
    """Every cell of a CSV has the same meaning for the profile and for the job."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    text = [",".join(COLUMNS), *(",".join(cell or "" for cell in row.values()) for row in rows)]
    path.write_text("\n".join(text))
    compare(source(path, format="csv"))


@pytest.mark.parametrize("values", [None, (("gold", "x y"), ("1", "1"))])
def test_segments_of_sensitive_features(tmp_path, values):
    """Values of a sensitive feature make segments, listed or not, and are named nowhere."""
    path = tmp_path / "a.csv"
    path.write_text("plan,secret\n" + "gold,x y\n" * 2 + "1,1\n" * 3 + "1,2\n")
    segment = SegmentPlan(fields=("plan", "secret"), values=values)
    fields = {name: getattr(MODEL, name) for name in MODEL.__struct_fields__} | {"segments": (segment,)}
    counts = compare(source(path, format="csv"), ModelPlan(**fields))
    assert counts == {
        f"plan=gold,secret={disguised('x y')}": 2,
        f"plan=1,secret={disguised('1')}": 3,
        "plan=other,secret=other": 1,
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"age": pa.array([1.5, None, float("nan"), float("inf")]), "plan": pa.array(["a", "a", None, "b"])},
        {"age": pa.array([1, 1, None, 2**53]), "plan": pa.array([1, 1, None, 2]), "member": pa.array([1, 0, None, 2])},
        {"age": pa.array([True, None, False, True]), "plan": pa.array([True, True, None, False])},
        {"age": pa.array(["1", "2", None, "x"]), "plan": pa.array([1.5, 1.5, None, float("nan")])},
        {"plan": pa.array(["a", "a", None, "b"]).dictionary_encode(), "member": pa.array([True, True, False, None])},
        {"prediction": pa.array([0.5, 0.25, None, 1.0]), "confidence": pa.array([0.5, None, 0.25, float("nan")])},
        {"age": pa.array([b"x", b"y", None, b"1"]), "plan": pa.array([[1], [2], None, [3]])},
    ],
)
def test_parquet(tmp_path, columns):
    """Columns of every type have the same meaning for the profile and for the job."""
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    compare(source(path, format="parquet"))
