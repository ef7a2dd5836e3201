"""Carried sums: those of products of features, for some of these and others that no record had.

As if the records had been there all the time without a value of the features that are new.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.relations.correlations import Counts, pack, unpack


def carried(data: bytes, widths: Sequence[int], sources: Sequence[int | None], new_widths: Sequence[int]) -> bytes:
    """Bytes of sums of other features.

    Parameters
    ----------
    data
        From `correlations.pack`; none stay none.
    widths
        Columns of each feature that they are of.
    sources
        Of each feature that they are to be of, which of those it is; None: it is new.
    new_widths
        Columns of each of these; of those that are not new as before.
    """
    if not data or not new_widths:
        return b""
    sums, columns, features = unpack(data), sum(widths), len(widths)
    upper, gap_rows = np.triu_indices(columns), np.triu_indices(features)
    cuts = np.cumsum([1, columns, len(upper[0]), len(gap_rows[0]), columns * features])
    records, totals, products, gaps, lost, squares = np.split(sums, cuts)
    whole, lacking = _square(products, upper, columns), _square(gaps, gap_rows, features)
    of = np.repeat(np.arange(len(new_widths)), new_widths)
    starts = np.cumsum([0, *widths])
    taken = [
        range(starts[source], starts[source + 1]) if source is not None else [-1] * width
        for source, width in zip(sources, new_widths, strict=True)
    ]
    column = np.array([one for some in taken for one in some], np.int64)
    feature = np.array([-1 if source is None else source for source in sources], np.int64)
    new_totals = _picked(totals, column)
    new_products = _picked(_picked(whole, column).T, column).T
    # What no record had all of them lack: then both are lacked by as many as lack the other one.
    none = feature < 0
    new_gaps = _picked(_picked(lacking, feature).T, feature).T
    alone = np.where(none, records[0], np.diag(new_gaps))
    new_gaps = np.where(none[:, None], alone[None, :], np.where(none[None, :], alone[:, None], new_gaps))
    new_lost = _picked(_picked(lost.reshape(columns, features), column).T, feature).T
    new_squares = _picked(_picked(squares.reshape(columns, features), column).T, feature).T
    new_lost = np.where(none[None, :], new_totals[:, None], new_lost)
    new_squares = np.where(none[None, :], np.diag(new_products)[:, None], new_squares)
    parts = (
        records,
        new_totals,
        new_products[np.triu_indices(len(of))],
        new_gaps[np.triu_indices(len(new_widths))],
        new_lost.ravel(),
        new_squares.ravel(),
    )
    return pack(np.concatenate(parts).astype(np.int64))


def _square(values: Counts, where: tuple[Counts, Counts], size: int) -> Counts:
    found = np.zeros((size, size), np.int64)
    found[where] = values
    found.T[where] = values
    return found


def _picked(rows: Counts, sources: Counts) -> Counts:
    """Rows by number, zeros for -1."""
    found = np.zeros((len(sources), *rows.shape[1:]), np.int64)
    found[sources >= 0] = rows[sources[sources >= 0]]
    return found
