"""Rows of the reference beside those of a request: a model of the new regime alone forgets the old one.

Which rows is a matter of their content alone: those with the smallest hashes. So the same request and reference give
the same rows in whatever order they are read, and a larger share has all rows of a smaller one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from jobs.training.rows import Row


@dataclass(frozen=True)
class Mix:
    """What is asked for.

    Attributes
    ----------
    share : float
        Of all rows to train on, those of the reference; above 0, below 1.
    data : str
        Where the reference is: files, or ``topic:NAME``. Records from the request's span on are not taken.
    """

    share: float
    data: str


@dataclass(frozen=True)
class Mixed:
    """What came of it.

    Attributes
    ----------
    rows : list of Row
        In the order of time; records without one come first.
    wanted : int
        How many there were to be.
    counts : Counter of str
        ``read``, and what became of these, as of the request's; ``known`` (an id that the request's records have),
        ``left`` (not needed) and ``taken``. They add up.
    checksum : str
        SHA-256 of the rows that were taken.
    """

    mix: Mix
    rows: list[Row]
    wanted: int
    counts: Counter[str]
    checksum: str


def drawn(mix: Mix, rows: list[Row], ids: Collection[str | None], beside: int, counts: Counter[str]) -> Mixed:
    """Take as many rows of the reference as make the share, or all there are.

    Parameters
    ----------
    rows : list of Row
        Of the reference, in the order of time.
    ids : collection of str
        Of the request's records: what is tested with, or set aside, is not trained on under another time.
    beside : int
        Rows of the request to train on.
    counts : Counter of str
        What became of the other records of the reference; those of these rows are added.
    """
    usable = [row for row in rows if row.id is None or row.id not in ids]
    wanted = round(beside * mix.share / (1 - mix.share))
    # With its label: rows that are else equal are one more than the other.
    taken = sorted(sorted(usable, key=_order)[:wanted], key=lambda row: (row.time_ms, row.tie, str(row.label)))
    for row in taken:
        row.of_reference = True
    counts.update(known=len(rows) - len(usable), left=len(usable) - len(taken), taken=len(taken))
    digest = sha256()
    for row in taken:
        digest.update(row.tie + str(row.label).encode())
    return Mixed(mix, taken, wanted, counts, digest.hexdigest())


def _order(row: Row) -> tuple[bytes, int, str]:
    return row.tie, row.time_ms, str(row.label)
