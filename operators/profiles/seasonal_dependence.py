"""Dependence in a season: how closely values follow each other beside what the time of the week explains.

Each value is ranked in its part of the season, so that a daily cycle is no dependence. Ranked among themselves, the
values of a Monday would lie closer to their own average than those of a later Monday will. So each is ranked in what
the other periods have of its part (with so much of the whole as shrinkage.py takes): then they are as far from it as
live values are, and tau is right for those. Of a part that only one period has, that is the whole: then a cycle counts
as dependence, because nothing tells the two apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.jit import kernel
from operators.profiles.dependence import CELLS, LEAST_VALUES, Counted, described, unknown
from operators.statistics.grouping import GROUPS, is_continuous
from operators.statistics.ranks import reference_counts, value_codes
from schemas.profile import Calibration, NumericSignal, Signal

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def calibrate_in_season(
    signal: Signal, codes: Codes, parts: Ints, periods: Ints, slices: npt.NDArray[np.uint32], precision: float
) -> Calibration:
    """Describe the dependence of a signal's values in their season, as `dependence.calibrate` does without one.

    Parameters
    ----------
    signal : Signal
    codes : uint8
        Of reference values in the order of time; codes that are no values are left out.
    parts, periods : int64
        Part of the season and number of the period of each.
    slices : uint32, shape (parts, 256), C-contiguous
        Counts by code of all reference values in each part.
    precision : float
        Values of the whole that are taken together with a slice.
    """
    is_value = value_codes(signal)
    there = is_value[codes]
    codes, parts, periods = codes[there], parts[there], periods[there]
    if len(codes) < LEAST_VALUES:
        return unknown(len(codes))
    starts = np.flatnonzero(np.diff(parts, prepend=-1) | np.diff(periods, prepend=periods[0]))
    runs = np.append(starts, len(codes)), parts[starts]
    whole = reference_counts(signal)
    shared = precision * whole / max(whole.sum(), 1.0)
    ranks, spreads = np.empty((2, len(codes)))
    _held_out_ranks(codes, *runs, slices, is_value, shared, ranks, spreads)

    def counted() -> Counted:
        if is_continuous(signal):
            return Counted(np.minimum(GROUPS * ranks, GROUPS - 1).astype(np.int64))
        order = np.argsort(-np.bincount(codes, minlength=CODES), kind="stable")
        cell = np.empty(CODES, np.int64)
        cell[order] = np.minimum(np.arange(CODES), CELLS - 1)
        cells = int(cell[codes].max()) + 1
        pairs = np.zeros((len(codes) // 2 + 1, cells))
        _held_out_pairs(codes, *runs, slices, is_value, shared, np.minimum(cell, cells - 1), pairs)
        return Counted(cell[codes], np.cumsum(pairs, axis=0, out=pairs))

    return described([ranks, spreads] if isinstance(signal, NumericSignal) else [ranks], counted)


@kernel
def _held_out_ranks(codes, ends, parts, slices, is_value, shared, ranks, spreads):  # type: ignore[no-untyped-def]
    """Rank each value in the slice of its part without its own run.

    Its mean spread rank, which differs from part to part where values are few, is taken off spread ranks.
    """
    table = np.empty(CODES)
    for run in range(parts.shape[0]):
        total = _rest_of_slice(codes, ends[run], ends[run + 1], slices[parts[run]], is_value, shared, table)
        below, spread = 0.0, 0.0
        for code in range(CODES):
            count = table[code]
            table[code] = (below + count / 2) / total if total > 0.0 else 0.5
            spread += count * abs(2 * table[code] - 1)
            below += count
        spread = spread / total if total > 0.0 else 0.0
        for i in range(ends[run], ends[run + 1]):
            ranks[i] = table[codes[i]]
            spreads[i] = abs(2 * ranks[i] - 1) - spread


@kernel
def _held_out_pairs(codes, ends, parts, slices, is_value, shared, cell, pairs):  # type: ignore[no-untyped-def]
    """Add up, pair of values by pair, the share of each cell in the slice of its part without its own run.

    Row i + 1 has the values 2 i and 2 i + 1; a last one without a partner is left out.
    """
    table = np.empty(CODES)
    shares = np.empty(pairs.shape[1])
    for run in range(parts.shape[0]):
        total = _rest_of_slice(codes, ends[run], ends[run + 1], slices[parts[run]], is_value, shared, table)
        shares[:] = 0.0
        for code in range(CODES):
            if total > 0.0:
                shares[cell[code]] += table[code] / total
        for i in range(ends[run], min(ends[run + 1], 2 * (pairs.shape[0] - 1))):
            for c in range(shares.shape[0]):
                pairs[i // 2 + 1, c] += shares[c]


@kernel
def _rest_of_slice(codes, start, end, slice_counts, is_value, shared, table):  # type: ignore[no-untyped-def]
    for code in range(CODES):
        table[code] = slice_counts[code] if is_value[code] else 0.0
    for i in range(start, end):
        # A name beyond those that are told apart may have been counted under another code.
        if table[codes[i]] > 0.0:
            table[codes[i]] -= 1.0
    total = 0.0
    for code in range(CODES):
        table[code] += shared[code]
        total += table[code]
    return total
