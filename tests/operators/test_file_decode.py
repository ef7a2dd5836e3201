from __future__ import annotations

import csv
import datetime
import json
from decimal import Decimal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.plan import FieldsPlan, SourcePlan, TimePlan
from operators.encoding.codes import INVALID, MISSING, UNSEEN
from operators.encoding.entries import Counts
from operators.file_decode import NEVER, FileDecoder
from operators.reading.files import list_blocks
from operators.reading.values import Gap, boolean, category, numeric
from schemas.dead_letters import DeadLetter
from schemas.profile import NumericSignal
from tests.operators.decoding import GOOD, NOW_MS, PANE_MS, Decoded, job, line, profile, record

EVERY = TimePlan(kind="every", every_us=1_000_000, from_ms=NOW_MS)
COLUMNS = ["id", "model", "version", "role", "age", "income", "plan", "member", "prediction", "confidence", "country"]
ROW = {"id": "a1", "model": "churn", "version": "3", "prediction": "yes", "confidence": "0.83", "country": "DE"} | {
    "age": "41",
    "income": "5e5",
    "plan": "gold",
    "member": "True",
}
slow_files = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


PLAN = SourcePlan(name="history", kind="predictions", path="", time=EVERY, out_of_orderness_ms=0)


def source(file, time=EVERY, **changes):
    of = {"path": str(file), "format": file.suffix.removeprefix("."), "time": time}
    return msgspec.structs.replace(PLAN, **of | changes)


def decode(of, block_rows=10_000, payload="none"):
    """All blocks of a source, one after the other."""
    references = job(of, payload=payload)
    decoder = FileDecoder(references, of)
    newest_ms, entries = NEVER, []
    for block in list_blocks(of, block_rows):
        found, newest_ms = decoder.decode(block, newest_ms)
        ends = [entry.pane_end_ms for entry in found if entry.pane_end_ms is not None]
        assert ends == sorted(ends)
        entries += found
    return Decoded(entries)


def csv_file(path, rows, columns=COLUMNS):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def naive(rows, texts):
    """Row by row, value by value: codes of each key's records in each pane, and the counts."""
    panes, counts = {}, Counts(read=len(rows))
    for number, row in enumerate(rows):
        model, version, role = (category(row.get(field)) for field in ("model", "version", "role"))
        ignored = isinstance(model, str) and model != "churn"
        if not ignored and (isinstance(model, Gap) or role == "nobody"):
            counts.dead += 1
            continue
        counts.used += 1
        counts.ignored += ignored
        if not ignored:
            version = "0" if isinstance(version, Gap) else version
            whose = f"m|churn|{version}|{'champion' if isinstance(role, Gap) else role}"
            country = row.get("country") if row.get("country") in ("DE", "US") else "other"
            end_ms = (NOW_MS + number * 1000) // PANE_MS * PANE_MS + PANE_MS
            codes = [naive_code(name, signal, row, texts) for name, signal in profile().signals.items()]
            for segment in ("all", f"country={country}"):
                panes.setdefault((f"{whose}|{segment}", end_ms), []).append(codes)
    return {key: sorted(codes) for key, codes in panes.items()}, counts


def naive_code(name, signal, row, texts):
    value = row.get(name.removeprefix("feature."))
    if isinstance(signal, NumericSignal):
        number = numeric(value, texts=texts)
        return number.code if isinstance(number, Gap) else int(np.searchsorted(signal.edges, number, side="right"))
    read = boolean(value) if name == "feature.member" else category(value)
    known = [known for known, _ in signal.categories]
    return read.code if isinstance(read, Gap) else known.index(read) if read in known else UNSEEN


def sorted_out(decoded):
    return {key: sorted(pane.codes.tolist()) for key, pane in decoded.panes.items()}, decoded.counts


NUMBERS = st.one_of(
    st.none(), st.floats(0, 100).map(repr), st.sampled_from(["x", " 41", "nan", "1e999", "20", "1_0", "-0.0"])
)
CELLS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([None, "a", "b"]),
        "model": st.sampled_from(["churn", "churn", "churn", "other", None]),
        "version": st.sampled_from(["3", "1.10", None]),
        "role": st.sampled_from([None, "shadow", "nobody"]),
        "age": NUMBERS,
        "income": NUMBERS,
        "plan": st.sampled_from(["gold", "basic", "lead", None, "7"]),
        "member": st.sampled_from(["true", "FALSE", "1", "0", "yes", None]),
        "prediction": st.sampled_from(["yes", "no", "maybe", None]),
        "confidence": NUMBERS,
        "country": st.sampled_from(["DE", "US", "AT", None]),
    }
)
TYPED = st.fixed_dictionaries(
    {
        "age": st.lists(st.one_of(st.none(), st.integers(-5, 100)), min_size=8, max_size=8),
        "income": st.lists(st.one_of(st.none(), st.floats()), min_size=8, max_size=8),
        "plan": st.lists(st.sampled_from(["gold", "basic", "lead", None]), min_size=8, max_size=8),
        "member": st.lists(st.sampled_from([True, False, None]), min_size=8, max_size=8),
        "prediction": st.lists(st.sampled_from(["yes", "no", None]), min_size=8, max_size=8),
        "country": st.lists(st.sampled_from([1, 2, None]), min_size=8, max_size=8),
        "version": st.lists(st.sampled_from([1, 3, None]), min_size=8, max_size=8),
        "model": st.lists(st.sampled_from(["churn", "other", None]), min_size=8, max_size=8),
    }
)


@slow_files
@given(st.lists(CELLS, min_size=1, max_size=30), st.integers(1, 12))
def test_a_csv_value_by_value(tmp_path, rows, block_rows):
    """Whole columns come to what each cell comes to alone, in blocks of any size."""
    path = csv_file(tmp_path / "data.csv", rows)
    assert sorted_out(decode(source(path), block_rows)) == naive(rows, texts=True)


@slow_files
@given(TYPED, st.sets(st.sampled_from(["age", "income", "plan", "member", "country", "version"])), st.integers(1, 9))
def test_a_parquet_file_value_by_value(tmp_path, columns, left_out, block_rows):
    """Typed columns come to what each value comes to alone; a column that is not there is missing."""
    table = pa.table({name: column for name, column in columns.items() if name not in left_out})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    assert sorted_out(decode(source(tmp_path / "data.parquet"), block_rows)) == naive(table.to_pylist(), texts=False)


@slow_files
@given(st.lists(CELLS, min_size=1, max_size=20), st.lists(st.integers(1, 20), min_size=2, max_size=2))
def test_blocks_do_not_show(tmp_path, rows, block_rows):
    """Where a file is cut into blocks changes nothing while no record is late."""
    of = source(csv_file(tmp_path / "data.csv", rows))
    one, other = (decode(of, size) for size in block_rows)
    assert one.same() == other.same()


def test_formats_do_not_show(tmp_path):
    """The same records as JSON, CSV and Parquet are the same panes to the bit."""
    rows = [ROW | {"id": f"a{i}", "age": str(20 + 7 * i), "plan": ["gold", "basic", "lead"][i % 3]} for i in range(25)]
    typed = [row | {"age": int(row["age"]), "income": 5e5, "confidence": 0.83, "member": True} for row in rows]
    features = ("age", "income", "plan", "member")
    documents = [row | {"features": {name: row[name] for name in features}} for row in typed]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    pyarrow.parquet.write_table(pa.Table.from_pylist(typed), tmp_path / "data.parquet")
    csv_file(tmp_path / "data.csv", rows)
    found = [decode(source(tmp_path / f"data.{suffix}")).same() for suffix in ("jsonl", "csv", "parquet")]
    assert found[0] == found[1] == found[2]


def test_records_without_an_id(tmp_path):
    """Records of one time without an id have an order that does not come from their rows, blocks or formats."""
    rows = [ROW | {"id": None, "age": str(5 * i)} for i in range(20)]
    still = TimePlan(kind="every", every_us=0, from_ms=NOW_MS)
    forth = decode(source(csv_file(tmp_path / "data.csv", rows), still), 7)
    back = decode(source(csv_file(tmp_path / "back.csv", rows[::-1]), still), 3)
    assert forth.same() == back.same()
    ages = [codes[0] for codes in forth.codes()]
    assert ages != sorted(ages)


@pytest.mark.parametrize(
    ("column", "codes"),
    [
        (pa.array([41, 10, None]), [2, 0, MISSING]),
        (pa.array([41.0, float("nan"), float("inf")]), [2, INVALID, INVALID]),
        (pa.array([Decimal("41.5"), None, Decimal("10.0")]), [2, MISSING, 0]),
        (pa.array(["41", "x", None]), [INVALID, INVALID, MISSING]),
        (pa.array([True, False, None]), [INVALID, INVALID, MISSING]),
        (pa.array([[41], None, []]), [INVALID, MISSING, INVALID]),
        (pa.array([41, 10, 41]).dictionary_encode(), [2, 0, 2]),
        (pa.nulls(3), [MISSING] * 3),
        (pa.array([datetime.datetime(2026, 1, 1)] * 3), [INVALID] * 3),  # noqa: DTZ001  as Parquet has them
    ],
)
def test_types_of_a_numeric_column(tmp_path, column, codes):
    """A number of any width is a number; anything else is invalid and the rest of the record is used."""
    table = pa.table({"model": ["churn"] * 3, "version": [3] * 3, "age": column})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    assert [row[0] for row in decode(source(tmp_path / "data.parquet")).codes()] == codes


@pytest.mark.parametrize(
    ("column", "codes"),
    [
        (pa.array(["gold", "lead", None]), [0, UNSEEN, MISSING]),
        (pa.array(["gold", "basic", "gold"]).dictionary_encode(), [0, 1, 0]),
        (pa.array([b"gold", None, b""]), [INVALID, MISSING, INVALID]),
        (pa.array([["gold"], None, []]), [INVALID, MISSING, INVALID]),
        (pa.array([{"gold": 1}, None, None]), [INVALID, MISSING, MISSING]),
        (pa.array([1.0, float("nan"), None]), [UNSEEN, INVALID, MISSING]),
        (pa.array([Decimal("1.5"), None, None]), [UNSEEN, MISSING, MISSING]),
    ],
)
def test_types_of_a_categorical_column(tmp_path, column, codes):
    """A name of any type is its text; what is no name is invalid."""
    table = pa.table({"model": ["churn"] * 3, "version": ["3"] * 3, "plan": column})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    assert [row[2] for row in decode(source(tmp_path / "data.parquet")).codes()] == codes


def test_rows_that_are_none(tmp_path):
    """A malformed row is dead with its number over all files, the others are used."""
    good = ",".join(ROW.get(name, "") for name in COLUMNS)
    (tmp_path / "1.csv").write_text(",".join(COLUMNS) + f"\n{good}\n{good},too much\n\n{good}\n")
    (tmp_path / "2.csv").write_bytes(",".join(COLUMNS).encode() + f"\n{good}\nYtterby\xff\n".encode("latin-1"))
    of = source(tmp_path / "1.csv", path=str(tmp_path / "*.csv"))
    for payload in ("none", "full"):
        decoded = decode(of, 2, payload)
        assert decoded.counts == Counts(read=6, used=3, dead=3)
        assert decoded.codes() == [GOOD] * 3
        expected = [
            ("1.csv", 1, "expected 11 cells, got 12", f"{good},too much\n".encode()),
            ("1.csv", 2, "expected a row, got an empty line", b"\n"),
            ("2.csv", 5, "expected 11 cells, got 1", "Ytterby\xff\n".encode("latin-1")),
        ]
        assert [letter for letter in decoded.letters] == [
            DeadLetter(
                source="history",
                path=str(tmp_path / file),
                row=row,
                reason="dead",
                error=error,
                event_time=f"2026-01-01T00:00:0{row}.000Z",
                payload=data if payload == "full" else None,
            )
            for file, row, error, data in expected
        ]


def test_what_a_letter_says_of_a_table(tmp_path):
    """Asked for, a row is in its letter as JSON with all its columns, also those that nothing names."""
    rows = [ROW | {"role": "nobody", "title": "Dr"}]
    path = csv_file(tmp_path / "data.csv", rows, [*COLUMNS, "title"])
    (letter,) = decode(source(path), payload="full").letters
    assert letter.error == "'role': expected champion, shadow or challenger at /role"
    assert json.loads(letter.payload) == rows[0]
    (letter,) = decode(source(path)).letters
    assert letter.payload is None


@pytest.mark.parametrize(
    ("timestamp", "error"),
    [
        ("", "is missing"),
        ("today", "expected RFC 3339 text or a number"),
        ("1e300", "expected RFC 3339 text or a number"),
    ],
)
def test_payload_time_of_a_table(tmp_path, timestamp, error):
    """The time column is read like a record's; a row without a time is dead and of no time."""
    times = ["2026-01-01T00:00:07Z", timestamp, str(NOW_MS + 9_000)]
    rows = [ROW | {"when": time} for time in times]
    path = csv_file(tmp_path / "data.csv", rows, [*COLUMNS, "when"])
    of = source(path, TimePlan(kind="payload"), fields=FieldsPlan(timestamp="when"))
    decoded = decode(of)
    assert [(letter.row, letter.error, letter.event_time) for letter in decoded.letters] == [
        (1, f"'timestamp': {error} at when", None)
    ]
    (pane, _) = decoded.panes.values()
    assert pane.times_ms.tolist() == [NOW_MS + 7_000, NOW_MS + 9_000]


def test_times_of_parquet(tmp_path):
    """Timestamps of Parquet are times in UTC, with their zone or without."""
    moments = [datetime.datetime(2026, 1, 1, 1, 0, 0, 1_500)] * 2  # noqa: DTZ001  as Parquet has them
    zone = pa.timestamp("us", tz="+01:00")
    for column in (pa.array(moments), pa.array(moments).cast(pa.timestamp("ns")), pa.array(moments).cast(zone)):
        table = pa.table({"model": ["churn"] * 2, "timestamp": column})
        pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
        decoded = decode(source(tmp_path / "data.parquet", TimePlan(kind="payload")))
        (pane, _) = decoded.panes.values()
        assert pane.times_ms.tolist() == [NOW_MS + 3_600_001] * 2


def times_file(path, times_ms):
    path.write_bytes(b"".join(line(id=f"a{i}", timestamp=time) + b"\n" for i, time in enumerate(times_ms)))
    return source(path, TimePlan(kind="payload"), out_of_orderness_ms=5_000)


def test_late_records(tmp_path):
    """A record is late if earlier blocks have moved the watermark past its pane's end, not by its own block."""
    early, now, next_pane = NOW_MS - 60_000, NOW_MS, NOW_MS + 2 * PANE_MS
    times_ms = [now, early, next_pane, early, now, next_pane + PANE_MS]
    #           one block          | now is late: 20 s - 5 s is past its pane's end
    of = times_file(tmp_path / "data.jsonl", times_ms)
    decoded = decode(of, 3)
    assert decoded.counts == Counts(read=6, used=4, late=2)
    assert [(letter.reason, letter.row) for letter in decoded.letters] == [("late", 3), ("late", 4)]
    assert decode(of, 6).counts == Counts(read=6, used=6)


@pytest.mark.parametrize(("ahead_ms", "late"), [(14_999, 0), (15_000, 1)])
def test_the_edge_of_being_late(tmp_path, ahead_ms, late):
    """A pane is closed by a record at its end and the out-of-orderness."""
    of = times_file(tmp_path / "data.jsonl", [NOW_MS + ahead_ms, NOW_MS + PANE_MS - 1])
    assert decode(of, 1).counts.late == late


def test_late_records_move_no_watermark(tmp_path):
    """The watermark follows records that are used: neither late ones nor dead ones."""
    document = json.dumps(record(timestamp=NOW_MS + 10**9, role="nobody")).encode()
    of = times_file(tmp_path / "data.jsonl", [NOW_MS] * 2)
    (tmp_path / "data.jsonl").write_bytes(document + b"\n" + (tmp_path / "data.jsonl").read_bytes())
    assert decode(of, 1).counts == Counts(read=3, used=2, dead=1)


@slow_files
@given(st.lists(st.integers(0, 120_000), min_size=1, max_size=40), st.integers(1, 10))
def test_lateness_is_exact(tmp_path, offsets, block_rows):
    """Late records by a plain loop over blocks; without them the rest gives the same panes."""
    times_ms = [NOW_MS + offset for offset in offsets]
    newest_ms, late = -(10**15), []
    for start in range(0, len(times_ms), block_rows):
        ends_ms = {
            i: times_ms[i] // PANE_MS * PANE_MS + PANE_MS for i in range(start, start + block_rows) if i < len(times_ms)
        }
        late += [i for i, end_ms in ends_ms.items() if end_ms <= newest_ms - 5_000]
        newest_ms = max([newest_ms, *(times_ms[i] for i in ends_ms if i not in late)])
    of = times_file(tmp_path / "data.jsonl", times_ms)
    decoded = decode(of, block_rows)
    assert [letter.row for letter in decoded.letters] == late
    lines = (tmp_path / "data.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "data.jsonl").write_bytes(b"".join(text for i, text in enumerate(lines) if i not in late))
    assert decode(of, 10**6).same()[0] == decoded.same()[0]


def test_every(tmp_path):
    """Row i of all files has the time from + i x every, cut to the millisecond."""
    for name in ("1", "2"):
        (tmp_path / f"{name}.jsonl").write_bytes((line() + b"\n") * 3)
    time = TimePlan(kind="every", every_us=1_500, from_ms=NOW_MS)
    decoded = decode(source(tmp_path / "1.jsonl", time, path=str(tmp_path / "*.jsonl")), 2)
    (pane, _) = decoded.panes.values()
    assert pane.times_ms.tolist() == [NOW_MS + ms for ms in (0, 1, 3, 4, 6, 7)]


def test_one_column_and_no_rows(tmp_path):
    """A file may have one column, or no rows."""
    (tmp_path / "one.csv").write_text("age\n41\n\nx\n")
    of = source(tmp_path / "one.csv", model="churn", version="3")
    assert [codes[0] for codes in decode(of).codes()] == [2, MISSING, INVALID]
    (tmp_path / "none.csv").write_text("age\n")
    assert decode(source(tmp_path / "none.csv")).counts == Counts()
