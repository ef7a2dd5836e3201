import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.reading.csv_rows import RowScanner, header, parse, row_ends

CELLS = st.text(st.sampled_from('a,"\n\r x\u00e9'), max_size=4)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def written(rows, line_end="\n"):
    """CSV as Python writes it; every cell quoted, so that an empty row of one cell is not an empty line."""
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


@settings(deadline=None)  # other work on the same machine
@given(st.lists(st.tuples(CELLS, CELLS)), LINE_ENDS)
def test_what_python_writes_is_read(rows, line_end):
    """Quotes, commas and line ends within cells survive; empty cells are null."""
    table, malformed = parse(written(rows, line_end), len(rows), ("a", "b"))
    assert table.to_pylist() == [{"a": a or None, "b": b or None} for a, b in rows]
    assert malformed == ()


@settings(deadline=None)  # other work on the same machine
@given(st.binary(max_size=60).map(lambda data: data.translate(None, b"\0")), st.data())
def test_pieces_do_not_matter(data, draw):
    """Rows end at the same places however a file comes in pieces."""
    whole, _ = row_ends(data)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    scanner = RowScanner()
    ends = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        ends += scanner.ends(data[start:end]).tolist()
    assert ends + scanner.finish().tolist() == whole.tolist()


@settings(deadline=None)  # other work on the same machine
@given(st.lists(st.one_of(st.just(b'"x\ny",z\n'), st.sampled_from([b"1,2\n", b"1\n", b"\n", b"\xff,2\n", b"1,2,3\n"]))))
def test_a_malformed_row_costs_itself_only(rows):
    """Each row is read as it would be alone, wherever malformed ones stand."""
    table, malformed = parse(b"".join(rows), len(rows), ("a", "b"))
    alone = [parse(row, 1, ("a", "b")) for row in rows]
    assert table.to_pylist() == [row for one, _ in alone for row in one.to_pylist()]
    assert list(malformed) == [(i, error, row) for i, (_, wrong) in enumerate(alone) for _, error, row in wrong]


@settings(deadline=None)  # other work on the same machine
@given(st.binary(max_size=40), st.integers(1, 3))
def test_any_bytes_are_as_many_rows_as_were_counted(data, columns):
    """Whatever the bytes: a table with a row for each row counted, and no exception."""
    ends, _ = row_ends(data)
    table, malformed = parse(data, len(ends), tuple("abc"[:columns]))
    assert len(table) == len(ends)
    assert all(0 <= row < len(ends) and raw for row, _, raw in malformed)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (b"1\n", "expected 2 cells, got 1"),
        (b"1,2,3\r\n", "expected 2 cells, got 3"),
        (b"\n", "expected a row, got an empty line"),
        (b"\xff,2\n", "not UTF-8"),
    ],
)
def test_malformed_rows(row, error):
    """A malformed row is null in the table and named with its position, what is wrong, and its bytes."""
    table, malformed = parse(b"1,2\n" + row + b"3,4", 3, ("a", "b"))
    assert table.to_pylist() == [{"a": "1", "b": "2"}, {"a": None, "b": None}, {"a": "3", "b": "4"}]
    assert malformed == ((1, error, row),)


def test_a_quote_that_never_closes():
    """The row of such a quote is malformed with all that it swallows, not a row with one long cell."""
    for first in (b"1", b'1"'):  # a stray quote before it changes nothing
        table, malformed = parse(first + b',2\n3,"4\n5,6\n', 2, ("a", "b"))
        assert table.to_pylist() == [{"a": first.decode(), "b": "2"}, {"a": None, "b": None}]
        assert malformed == ((1, "a quoted cell does not end", b'3,"4\n5,6\n'),)


def test_a_stray_quote_is_a_character():
    """A quote within a cell that does not begin with one opens nothing."""
    table, malformed = parse(b'5" pipe,1\n6" pipe,2\n7" pipe,3\n', 3, ("a", "b"))
    assert table.column("a").to_pylist() == ['5" pipe', '6" pipe', '7" pipe']
    assert malformed == ()


def test_only_wanted_columns():
    """Columns that nobody asked for are not read, also beside malformed rows."""
    table, malformed = parse(b"1,2\n3\n", 2, ("a", "b"), ["b"])
    assert table.to_pylist() == [{"b": "2"}, {"b": None}]
    assert [row for row, _, _ in malformed] == [1]


def test_header():
    """The header may have a byte order mark, quotes and any line end."""
    assert header(b'\xef\xbb\xbfa,"b,c",\r\n') == ("a", "b,c", "")
    with pytest.raises(UnicodeDecodeError):
        header(b"\xff,b\n")
