import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import SourcePlan
from operators.reading import files
from operators.reading.block_reader import BlockReader
from operators.reading.files import Block, guess_format, list_blocks, list_paths
from schemas.errors import DataError


def source(path, **more):
    return SourcePlan(name="predictions", kind="predictions", path=str(path), format=guess_format(str(path)), **more)


def whole(source, rows=files.ROWS, **more):
    """All records of a source, block by block, and the blocks' sizes."""
    reader = BlockReader(source, **more)
    blocks = list_blocks(source, rows)
    read = [reader.read(block) for block in blocks]
    reader.close()
    return [record for rows in read for record in listed(rows.records)], [block.rows for block in blocks]


def listed(records):
    return records if isinstance(records, list) else records.to_pylist()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\n\n \nb\r\n\n", [b"a", b"", b" ", b"b\r", b""]),
        (b"\n", [b""]),
        (b"\xff\n\xef\xbb\xbf", [b"\xff", b"\xef\xbb\xbf"]),
    ],
)
def test_lines_are_records_as_they_are(tmp_path, content, lines):
    """Empty lines are records, a last line needs no end, and no byte is changed."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert whole(source(path))[0] == lines


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_blocks_and_row_numbers(tmp_path, suffix):
    """Rows are numbered through all files by name; a block has at most so many rows and none of two files."""
    for name, rows in (("b", 3), ("a", 5)):
        content = "".join(f"{name}{i}\n" for i in range(rows)).encode()
        (tmp_path / f"{name}.jsonl{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    a, b = (str(tmp_path / f"{name}.jsonl{suffix}") for name in "ab")
    of_both = source(tmp_path / f"*.jsonl{suffix}")
    assert list_blocks(of_both, 2) == (
        Block(a, first_row=0, rows=2, row=0, offset=0, size=6),
        Block(a, first_row=2, rows=2, row=2, offset=6, size=6),
        Block(a, first_row=4, rows=1, row=4, offset=12, size=3),
        Block(b, first_row=5, rows=2, row=0, offset=0, size=6),
        Block(b, first_row=7, rows=1, row=2, offset=6, size=3),
    )
    assert whole(of_both, 2) == ([b"a0", b"a1", b"a2", b"a3", b"a4", b"b0", b"b1", b"b2"], [2, 2, 1, 2, 1])


def make(path, table):
    """The same table as any of the formats."""
    if "parquet" in path.name:
        pyarrow.parquet.write_table(table, path, row_group_size=7)
    elif "csv" in path.name:
        text = (
            ",".join(table.column_names) + "\n" + "".join(f"{r['id']},{r['name'] or ''}\n" for r in table.to_pylist())
        )
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    else:
        text = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.parquet"])
@pytest.mark.parametrize("rows", [1, 3, 7, 10, 100])
def test_blocks_in_any_order(tmp_path, name, rows):
    """A block holds the same records whether blocks are read in order, at random, or again."""
    table = pa.table({"id": range(25), "name": [f"n{i}" if i % 3 else None for i in range(25)]})
    make(tmp_path / name, table)
    of_file = source(tmp_path / name)
    in_order, sizes = whole(of_file, rows)
    assert sum(sizes) == 25
    assert max(sizes) <= rows
    blocks = list(list_blocks(of_file, rows)) * 2
    random.Random(rows).shuffle(blocks)
    reader = BlockReader(of_file)
    for block in blocks:
        assert listed(reader.read(block).records) == in_order[block.first_row : block.first_row + block.rows]
    if "parquet" in name:
        assert in_order == table.to_pylist()


@settings(deadline=None)  # other work on the same machine
@given(st.lists(st.binary(max_size=3).map(lambda line: line.replace(b"\n", b"")), max_size=12), st.integers(1, 5))
def test_any_lines(tmp_path_factory, lines, rows):
    """Whatever the lines and the block size: all of them, in order."""
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert whole(source(path), rows)[0] == lines


def test_wide_rows_make_short_blocks(tmp_path, monkeypatch):
    """A block ends early where its bytes would be too many, but holds a row at least."""
    monkeypatch.setattr(files, "BYTES", 10)
    (tmp_path / "a.jsonl").write_bytes(b"1234\n1234\n1234\n123456789012345\n1\n")
    assert whole(source(tmp_path / "a.jsonl"))[1] == [2, 1, 1, 1]
    make(tmp_path / "a.parquet", pa.table({"id": range(100), "name": ["n"] * 100}))
    assert whole(source(tmp_path / "a.parquet"))[1] == [1] * 100


def test_csv_without_header(tmp_path):
    """With `columns` the first line is a row."""
    (tmp_path / "a.csv").write_text("1,x\n2,\n")
    assert whole(source(tmp_path / "a.csv", columns=("id", "name")))[0] == [
        {"id": "1", "name": "x"},
        {"id": "2", "name": None},
    ]


def test_files_with_columns_in_another_order(tmp_path):
    """Each file of a glob has its own header."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x,z\n3,4,5\n")
    assert whole(source(tmp_path / "*.csv"), wanted=["x", "y"])[0] == [{"x": "1", "y": "2"}, {"y": "3", "x": "4"}]


def test_malformed_rows_keep_their_place(tmp_path):
    """A malformed row is null in the table, with its position in the block and its bytes."""
    (tmp_path / "a.csv").write_text('x,y\n1,2\n"3\n4",5\n6\n7,8\n')
    of_file = source(tmp_path / "a.csv")
    first, second = (BlockReader(of_file).read(block) for block in list_blocks(of_file, 2))
    assert first.records.to_pylist() == [{"x": "1", "y": "2"}, {"x": "3\n4", "y": "5"}]
    assert first.malformed == ()
    assert second.records.to_pylist() == [{"x": None, "y": None}, {"x": "7", "y": "8"}]
    assert second.malformed == ((0, "expected 2 cells, got 1", b"6\n"),)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_wanted_columns(tmp_path, name):
    """Only the columns wanted are read; one that is not there is no error here."""
    make(tmp_path / name, pa.table({"id": [1, 2], "name": ["x", None]}))
    assert whole(source(tmp_path / name), wanted=["name", "other"])[0] == [{"name": "x"}, {"name": None}]
    assert BlockReader(source(tmp_path / name)).columns(str(tmp_path / name)) == ("id", "name")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl.gz", b"{}\n", "a.jsonl.gz: cannot be read: not a gzipped file (b'{}')"),
        (
            "a.jsonl.gz",
            gzip.compress(b"{}\n" * 1000, mtime=0)[:-9],
            "a.jsonl.gz: cannot be read: compressed file ended before the end-of-stream marker was reached",
        ),
        ("a.csv", b"", "a.csv: is empty (a header and rows)"),
        (
            "a.parquet",
            b"PAR1 not really",
            "a.parquet: cannot be read: parquet magic bytes not found in footer. Either the file is corrupted or this "
            "is not a parquet file",
        ),
    ],
)
def test_files_that_cannot_be_listed(tmp_path, monkeypatch, name, content, message):
    """What is wrong with a file is said with its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        list_blocks(source(name))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x,x\n1,2\n", "a.csv: two columns are called 'x'; give each its own name"),
        (b"\xff,x\n1,2\n", "a.csv: cannot be read: its header is not UTF-8"),
    ],
)
def test_bad_headers(tmp_path, monkeypatch, content, message):
    """A header that names no columns is an error of the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError) as error:
        whole(source("a.csv"))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "none.csv: no such file; check the path"),
        ("none-*.csv", "none-*.csv: no file matches; check the path"),
        ("folder", "folder: is a folder (a file or a glob); write 'folder/*'"),
        (
            "nope://a.csv",
            "nope://a.csv: cannot be looked up: protocol not known: nope",
        ),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, monkeypatch, path, message):
    """A path without a file is an error that names it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError) as error:
        list_paths(path)
    assert str(error.value) == message


def test_a_file_that_shrinks(tmp_path, monkeypatch):
    """A file that is shorter than when it was listed is an error, not fewer records."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(b"a\nb\n")
    blocks = list_blocks(source("a.jsonl"))
    (tmp_path / "a.jsonl").write_bytes(b"a\n")
    with pytest.raises(DataError) as error:
        BlockReader(source("a.jsonl")).read(blocks[0])
    assert str(error.value) == "a.jsonl: has changed since it was listed; start again when it is complete"


def test_a_file_named_like_a_glob(tmp_path):
    """A file that is there is itself, even if its name has brackets."""
    (tmp_path / "a[1].jsonl").write_bytes(b"{}\n")
    assert list_paths(str(tmp_path / "a[1].jsonl")) == (str(tmp_path / "a[1].jsonl"),)


def test_urls():
    """Paths go through fsspec; URLs stay as they are written."""
    import fsspec

    with fsspec.open("memory://blocks/a.jsonl", "wb") as file:
        file.write(b"a\nb\n")
    assert list_paths("memory://blocks/*.jsonl") == ("memory:///blocks/a.jsonl",)
    assert whole(source("memory://blocks/*.jsonl"))[0] == [b"a", b"b"]


def test_formats():
    """The format follows from the suffix, whatever its case, also below a compression."""
    assert [guess_format(path) for path in ("a.CSV.GZ", "x/b.ndjson", "c.json.zst", "d.pq", "e", "f.gz")] == [
        *("csv", "jsonl", "jsonl", "parquet", None, None)
    ]
