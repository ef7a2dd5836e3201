"""What commands print: lines about their work, and rows side by side."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence


def tell(line: str) -> None:
    """Print a line about the work on stderr, at once, so that stdout holds the result alone."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201  commands print


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Put the cells of rows below each other, those of the columns `right` at the right.

    Examples
    --------
    >>> list(columns([("model", "records"), ("churn", "1,200")], right={1}))
    ['model  records', 'churn    1,200']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        yield "  ".join(cell.rjust(w) if at in right else cell.ljust(w) for at, (cell, w) in cells).rstrip()
