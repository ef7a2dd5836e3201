"""Grouping: which codes are compared together, so that the chi-square tail of the G test holds.

Continuous signals are compared on tenths of the reference (fifths in small windows). Then, in every signal, cells
too small for the tail are merged, smallest first by the *pooled* counts of window and reference: given these
totals, which cells are merged says nothing about the difference. (Merging by the reference's own counts would:
categories that were rare by bad luck get together; 1.3 to 3.6 times the false alarms for 2,000 reference values.)
Names that the reference has just enough of are counted with its rest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.encoding.codes import CODES, OTHER
from operators.jit import kernel, part
from schemas.profile import NumericSignal, Signal

GROUPS = 10  # cells of a continuous signal; more lose power (evidence: 20 cells need a 7 % larger shift)
COARSE = 250.0  # below so many values two tenths are one cell: with 25 values a cell p-values hold within 5 %
# What is left when cells are merged joins the smallest one, unless the window has more of it than chance gives it once
# in so many evaluations: a new category would hide in company. Far below any level, so that it adds no false alarm.
NEVER = 1e-12
BORDER = 4.0  # standard deviations over the rarest name's count: less, and luck is left; more, and names are lost
LEAST = 5.0  # expected values of a cell in the smaller sample; less: wrong tails, more: categories hide in company


class Cells(NamedTuple):
    """Counts by cell, of window and reference side by side: row s has ``cells[s]`` of them, the rest is not set."""

    current: NDArray[np.float64]  # (signals, 256)
    reference: NDArray[np.float64]  # (signals, 256)
    cells: NDArray[np.int64]  # (signals,); 0 where either sample is empty


def code_groups(signal: Signal, ranks: NDArray[np.float64]) -> NDArray[np.int64]:
    """Group of each code before merging: tenth of the reference, or a group of its own; -1 where no value is.

    Parameters
    ----------
    signal : Signal
    ranks : float64, shape (256,)
        Its `rank_table`.

    Returns
    -------
    int64, shape (256,)
    """
    groups: NDArray[np.int64] = group_rows(ranks[None], np.array([is_continuous(signal)]))[0]
    return groups


def group_rows(ranks: NDArray[np.float64], continuous: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Groups of each code, see `code_groups`, of several signals or references.

    Parameters
    ----------
    ranks : float64, shape (rows, 256)
        From `ranks.rank_rows`.
    continuous : bool, shape (rows,)
        Those that are compared on tenths.
    """
    tenths = np.minimum(GROUPS * np.nan_to_num(ranks), GROUPS - 1).astype(np.int64)
    groups = np.where(continuous[:, None], tenths, np.arange(CODES))
    return np.where(np.isnan(ranks), -1, groups)


def is_continuous(signal: Signal) -> bool:
    """Whether the signal is compared on tenths of the reference rather than value by value."""
    return isinstance(signal, NumericSignal) and not signal.discrete


def group_counts(
    current: NDArray[np.float64],
    reference: NDArray[np.float64],
    groups: NDArray[np.int64],
    continuous: NDArray[np.bool_],
) -> Cells:
    """Add up codes to groups and merge groups that are too small.

    Parameters
    ----------
    current, reference : float64, shape (signals, 256), C-contiguous
        Counts by code; zero where the group is -1.
    groups : int64, shape (signals, 256), C-contiguous
        From `code_groups`.
    continuous : bool, shape (signals,)
        Signals whose tenths become fifths when either sample has fewer than 250 values.

    Examples
    --------
    Of the rarest category fewer than five of the twenty values are expected: it joins the next one.

    >>> current, reference = np.zeros((1, 256)), np.zeros((1, 256))
    >>> current[0, :3], reference[0, :3] = [12, 5, 3], [60, 28, 12]
    >>> cells = group_counts(current, reference, np.arange(256)[None, :], np.array([False]))
    >>> cells.current[0, : cells.cells[0]].tolist()
    [8.0, 12.0]
    """
    cells = Cells(np.empty_like(current), np.empty_like(current), np.zeros(len(current), dtype=np.int64))
    work = np.empty((2, CODES))
    order = np.empty(CODES, dtype=np.int64)
    _group(current, reference, groups, continuous, *cells, work, order)
    return cells


@kernel
def _group(
    current: NDArray[np.float64],
    reference: NDArray[np.float64],
    groups: NDArray[np.int64],
    continuous: NDArray[np.bool_],
    out_current: NDArray[np.float64],
    out_reference: NDArray[np.float64],
    cells: NDArray[np.int64],
    work: NDArray[np.float64],
    order: NDArray[np.int64],
) -> None:
    for s in range(current.shape[0]):
        n = 0.0
        m = 0.0
        for code in range(CODES):
            n += current[s, code]
            m += reference[s, code]
        smaller = min(n, m)
        if smaller <= 0.0:
            cells[s] = 0
            continue
        halving = 1 if continuous[s] and smaller < COARSE else 0
        need = LEAST * (n + m) / smaller

        # work[0, g], work[1, g]: counts of group g in the window and in the reference
        for g in range(CODES):
            work[0, g] = 0.0
            work[1, g] = 0.0
        for code in range(CODES):
            g = groups[s, code]
            if g >= 0:
                work[0, g >> halving] += current[s, code]
                work[1, g >> halving] += reference[s, code]

        # Which categories have a name depends on the reference alone, so that those at the border have it by luck: they
        # are more frequent there than in truth, and the rest is less. Who is near the border by both samples together
        # belongs to the rest, whatever the luck.
        if work[1, OTHER] > 0.0:
            fewest = m
            for g in range(OTHER):
                if 0.0 < work[1, g] < fewest:
                    fewest = work[1, g]
            border = fewest * (n + m) / m
            border += BORDER * math.sqrt(border)
            for g in range(OTHER):
                if work[0, g] + work[1, g] < border:
                    work[0, OTHER] += work[0, g]
                    work[1, OTHER] += work[1, g]
                    work[0, g] = 0.0
                    work[1, g] = 0.0

        # Large groups become cells as they are; order[:small] holds the small ones by pooled count, ties last first.
        # Codes of categories fall in frequency: taken backwards they are nearly in order, and sorting is short.
        done = 0
        small = 0
        least = -1  # the cell with the smallest pooled count among the large ones
        for g in range(CODES - 1, -1, -1):
            total = work[0, g] + work[1, g]
            if total >= need:
                out_current[s, done] = work[0, g]
                out_reference[s, done] = work[1, g]
                if least < 0 or total < out_current[s, least] + out_reference[s, least]:
                    least = done
                done += 1
            elif total > 0.0:
                i = small
                while i > 0 and work[0, order[i - 1]] + work[1, order[i - 1]] > total:
                    order[i] = order[i - 1]
                    i -= 1
                order[i] = g
                small += 1

        # Invariant: all cells before `done` have at least `need`; the open one at `done` has less.
        open_current = 0.0
        open_reference = 0.0
        for i in range(small):
            open_current += work[0, order[i]]
            open_reference += work[1, order[i]]
            if open_current + open_reference >= need:
                out_current[s, done] = open_current
                out_reference[s, done] = open_reference
                done += 1
                open_current = 0.0
                open_reference = 0.0
        rest = open_current + open_reference
        if rest > 0.0:
            if least < 0:
                least = done - 1
            if least >= 0 and _beyond_chance(open_current, rest, n / (n + m)):
                out_current[s, done] = open_current
                out_reference[s, done] = open_reference
                done += 1
                open_current = 0.0
                open_reference = 0.0
                rest = 0.0
        if rest > 0.0:
            if least < 0:
                out_current[s, 0] = open_current
                out_reference[s, 0] = open_reference
                done = 1
            else:
                out_current[s, least] += open_current
                out_reference[s, least] += open_reference
        cells[s] = done


@kernel
def _beyond_chance(count: float, total: float, share: float) -> bool:
    # Whether so many of a total are in the window by chance less often than NEVER, by Chernoff's bound.
    part = count / total
    if part <= share:
        return False
    exponent = part * math.log(part / share)
    if part < 1.0:
        exponent += (1.0 - part) * math.log((1.0 - part) / (1.0 - share))
    return total * exponent > -math.log(NEVER)


@part
def sample_sizes(current, reference, signal, cells):  # type: ignore[no-untyped-def]
    """Values of a signal in both samples, added up cell by cell; for kernels."""
    n = 0.0
    m = 0.0
    for i in range(cells):
        n += current[signal, i]
        m += reference[signal, i]
    return n, m
