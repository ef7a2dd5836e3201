import pytest

from jobs.sql import LINE
from operators.reading.raw_lines import LIMIT


@pytest.mark.e2e
def test_lines_are_cut(sql):
    """Of a record that is too long a byte more crosses to Python than may be; of others nothing is lost."""
    lines = [None, b"", b"\0\xff", b"x" * LIMIT, b"y" * (LIMIT + 1), b"z" * (3 * LIMIT)]
    cut = [None if line is None else line[: LIMIT + 1] for line in lines]
    assert [None if line is None else bytes(line) for line in sql(lines, LINE)] == cut
