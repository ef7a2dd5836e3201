"""Relations of a profile: what the features of the reference's records have to do with each other, and how surely.

A correlation r of n records has, after Fisher's z = atanh r, the variance v / n. Of normal scores of normal features v
is 1; in general it is that of what each record moves z by, (ab - r (a^2 + b^2) / 2) / (1 - r^2), a and b being its
standardised scores (Devlin, Gnanadesikan & Kettenring 1975, doi:10.1093/biomet/62.3.531). Where records follow each
other the variance is tau times as large; tau is found from sums over blocks of 2, 4, 8, ... records.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from operators.jit import kernel
from operators.relations.correlations import RelationColumns, pack, widths_of
from schemas.profile import Relations, Signal

MOST = 160  # columns of a model: sums of as many take about 40 KB a slide
WORK = 1_000_000_000  # products from which tau is found: 3 s; records and pairs of columns multiplied
LEAST_BLOCKS = 16  # of the longest length: fewer tell nothing of its variance
CLEAR = 4.5  # standard errors from which dependence is taken for real, as of a signal's own
FARTHEST = 0.999  # correlation beyond which Fisher's z is cut: equal features differ by little more than rounding
LEAST_VARIANCE = 0.25  # of z: of a nearly equal pair the reference may show no variance at all

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def fit(signals: Mapping[str, Signal], codes: Codes) -> Relations:
    """Find how features are related.

    Parameters
    ----------
    signals
        Of the features by name, as they will stand in the profile.
    codes : uint8, shape (records, signals), C-contiguous
        Of reference records, in the order of time.

    Returns
    -------
    Relations
        Of the features that vary; where there is no room for all, of those most closely related to any other.
    """
    widths = widths_of(signals, MOST)
    if sum(widths.values()) > MOST:
        found = _columns(signals, widths)
        told = found.correlations(found.crossed(found.fold(found.empty(), codes)))
        closest = np.zeros(len(widths))
        size = np.abs(np.nan_to_num(told.correlation))
        for of in (found.of[found.one], found.of[found.other]):
            np.maximum.at(closest, of, size)
        kept = set(np.argsort(-closest, kind="stable")[:MOST].tolist())
        widths = {name: width for number, (name, width) in enumerate(widths.items()) if number in kept}
    columns = _columns(signals, widths)
    sums = columns.fold(columns.empty(), codes)
    variance, tau, skews = _uncertainty(columns, np.ascontiguousarray(codes[: WORK // max(1, len(columns.of)) ** 2]))
    return Relations(
        columns=widths,
        sums=pack(sums),
        variances=variance.astype("<f4").tobytes(),
        tau=tau.astype("<f4").tobytes(),
        skews=skews.astype("<f4").tobytes(),
    )


def _columns(signals: Mapping[str, Signal], widths: Mapping[str, int]) -> RelationColumns:
    names = list(signals)
    positions = [names.index(name) for name in widths]
    return RelationColumns([signals[name] for name in widths], positions, list(widths.values()))


def _uncertainty(columns: RelationColumns, codes: Codes) -> tuple[Floats, Floats, Floats]:
    """Variance of Fisher's z of one record, tau, and skewness, of each entry."""
    many = len(columns.of)
    entries = columns.one, columns.other
    if not len(codes) or not len(columns.one):
        return np.ones(len(columns.one)), np.ones(len(columns.one)), np.zeros(len(columns.one))
    told = columns.correlations(columns.crossed(columns.fold(columns.empty(), codes)))
    correlation = np.clip(np.nan_to_num(told.correlation), -FARTHEST, FARTHEST)
    wanted = np.zeros((many, many))
    wanted[entries] = correlation
    levels = max(1, int(np.log2(len(codes) / LEAST_BLOCKS)))
    squares, cubes = np.zeros((levels + 1, many, many)), np.zeros((many, many))
    scores, lacks = columns.spread(codes)
    standardised = scores.astype(np.float64)  # in place from here on: of many features it is a lot of memory
    del scores
    there = np.ascontiguousarray(~lacks[:, columns.of])
    counts = np.maximum(there.sum(axis=0), 1)
    standardised -= standardised.sum(axis=0) / counts
    standardised[~there] = 0.0
    sd = np.sqrt(np.einsum("ij,ij->j", standardised, standardised) / counts)
    standardised /= np.where(sd > 0, sd, 1.0)
    _follow(np.ascontiguousarray(standardised), there, wanted, squares, cubes)
    del standardised
    shares = there.astype(np.float32)
    both = np.maximum((shares.T @ shares)[entries], 1)
    variance = np.maximum(squares[0][entries] / both / (1 - correlation**2) ** 2, LEAST_VARIANCE)
    skews = cubes[entries] / both / (1 - correlation**2) ** 3 / variance**1.5
    return variance, _tau(squares[:, entries[0], entries[1]], len(codes)), skews


def _tau(squares: Floats, records: int) -> Floats:
    """Variance of sums over those of independent records, by entry; 1 where no dependence is clear.

    Parameters
    ----------
    squares : float64, shape (levels, entries)
        Sums of the squares of the sums of 1, 2, 4, ... records.
    """
    lengths = 2.0 ** np.arange(len(squares))[:, None]
    blocks = np.maximum(records // lengths, 1)
    one = np.maximum(squares[0] / records, 1e-12)
    curve = squares / blocks / lengths / one
    noise = np.sqrt(2 / blocks)
    clear = (curve - 1 > CLEAR * noise).any(axis=0)
    # The length whose variance is largest even if it is two errors too high; chance alone makes the longest largest.
    best = np.argmax(curve / (1 + 2 * noise), axis=0)
    rows = np.arange(squares.shape[1])
    found = curve[best, rows] * (1 + noise[best, 0])
    return np.where(clear, np.maximum(found, 1.0), 1.0)


@kernel
def _follow(values, there, wanted, squares, cubes):  # type: ignore[no-untyped-def]
    levels, many = squares.shape[0], values.shape[1]
    waiting = np.zeros((levels, many, many))
    moved = np.empty((many, many))
    is_open = np.zeros(levels, np.bool_)
    for i in range(values.shape[0]):
        for a in range(many):
            for b in range(a + 1, many):
                x, y = values[i, a], values[i, b]
                both = there[i, a] and there[i, b]
                moved[a, b] = x * y - wanted[a, b] * 0.5 * (x * x + y * y) if both else 0.0
                squares[0, a, b] += moved[a, b] * moved[a, b]
                cubes[a, b] += moved[a, b] * moved[a, b] * moved[a, b]
        for level in range(levels - 1):
            if not is_open[level]:
                is_open[level] = True
                for a in range(many):
                    for b in range(a + 1, many):
                        waiting[level, a, b] = moved[a, b]
                break
            is_open[level] = False
            for a in range(many):
                for b in range(a + 1, many):
                    moved[a, b] += waiting[level, a, b]
                    squares[level + 1, a, b] += moved[a, b] * moved[a, b]
