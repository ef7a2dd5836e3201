"""Slice search: in which part of the records things have changed most, of all parts that one or two features describe.

A slice is a category, a value or a fifth of a feature's reference, or two of these of two features. Each is compared
with the same slice of the reference: by how wrong predictions are there, and signal by signal by how values are
distributed. Of as many comparisons some differ by chance, so each is tested at the share of `LEVEL` that all of them
leave it (Bonferroni), and what is told is what is left at that level: a small slice must differ by more. Pairs are made
of the features whose own slices differ most (beam search, as in Chung et al. 2019, doi:10.1109/ICDE.2019.00139).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from operators.monitoring.slice_parts import Part, distinct, part_of
from operators.monitoring.window_tests import LEAST, evaluate_counts, recounted, reference_tables
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.slicing import count_slices
from schemas.cloudevents import significant

LEVEL = 0.05  # chance that anything is told of records that are like the reference
BEAM = 12  # features of which pairs are made
FOUND = 0.5  # change of a mean, in deviations, that a slice must be large enough to show nine times in ten

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Rows(msgspec.Struct, frozen=True):
    """Records, one a row."""

    codes: Codes  # (records, signals), C-contiguous
    errors: Floats  # (records,) of the prediction: 1 for a wrong class, the size of a number's; NaN without a label

    def take(self, which: npt.NDArray[np.bool_]) -> Rows:
        """Some of them."""
        return Rows(np.ascontiguousarray(self.codes[which]), self.errors[which])


class Loss(msgspec.Struct, frozen=True):
    """A slice whose predictions became worse."""

    slice: dict[str, str]  # what its records have in common, by feature; nothing: all records
    labels: int
    share: float  # of all labels
    reference: float  # mean error
    current: float
    least: float  # by how much it rose at least


class Change(msgspec.Struct, frozen=True):
    """A slice in which a signal changed."""

    slice: dict[str, str]
    records: int
    share: float  # of all records
    reference_share: float
    signal: str  # the one that changed most
    psi: float  # debiased
    changed: int  # signals that did


class Found(msgspec.Struct, frozen=True):
    """What a search found, most changed first."""

    compared: int  # slices
    smallest: int  # records that a slice needs, in the reference too
    tests: int
    losses: tuple[Loss, ...]
    changes: tuple[Change, ...]
    labelled: bool


def search(signals: ModelSignals, reference: Rows, current: Rows) -> Found:
    """Find the slices that lost most, and those that changed most.

    Parameters
    ----------
    signals
        What the codes are of.
    reference, current
        Records to compare.
    """
    parts = [
        part
        for position, name in enumerate(signals.names)
        if name.startswith(FEATURE)
        for part in [part_of(signals.signals[position], position)]
        if len(part.names) > 1
    ]
    return _Search(signals, reference, current, parts).run()


class _Candidate(msgspec.Struct, frozen=True):
    parts: tuple[tuple[int, int], ...]  # position of each feature, number of its slice
    counts: tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]  # (signals, 256) in reference and current
    records: tuple[int, int]
    errors: tuple[tuple[int, float, float], tuple[int, float, float]]  # labels, mean and variance of errors


class _Search:
    def __init__(self, signals: ModelSignals, reference: Rows, current: Rows, parts: Sequence[Part]) -> None:
        self._signals, self._rows, self._parts = signals, (reference, current), parts
        self._names = {part.position: part.names for part in parts}
        self._tables = reference_tables(signals.signals)
        self._labelled = all(bool(np.isfinite(rows.errors).any()) for rows in self._rows)

    def run(self) -> Found:
        single = [one for part in self._parts for one in self._candidates((part,))]
        beam = self._beam(single)
        paired = [one for pair in combinations(beam, 2) for one in self._candidates(pair)]
        every = [*self._candidates(()), *single, *paired]  # all records first
        tests = max(1, len(every) * (len(self._signals.names) + self._labelled))
        z = -float(ndtri(LEVEL / tests))
        smallest = max(LEAST, math.ceil(((z - float(ndtri(0.1))) / FOUND) ** 2))
        large = [one for one in every if min(one.records) >= smallest]
        return Found(
            compared=len(large),
            smallest=smallest,
            tests=tests,
            losses=tuple(self._losses(large, smallest, z)),
            changes=tuple(self._changes(large, tests)),
            labelled=self._labelled,
        )

    def _beam(self, single: Sequence[_Candidate]) -> list[Part]:
        """The features whose own slices differ most, in their order."""
        if len(self._parts) <= BEAM:
            return list(self._parts)
        strength = dict.fromkeys(self._names, 0.0)
        for one in single:
            if min(one.records) < LEAST:
                continue
            psi, _ = self._compared(one)
            (n, now, var), (m, then, other) = one.errors[1], one.errors[0]
            lost = (now - then) / math.sqrt(var / n + other / m + 1e-12) if min(n, m) >= LEAST else 0.0
            position = one.parts[0][0]
            strength[position] = max(strength[position], float(psi.max()) * math.sqrt(min(one.records)), lost)
        kept = set(sorted(strength, key=lambda position: -strength[position])[:BEAM])
        return [part for part in self._parts if part.position in kept]

    def _candidates(self, parts: tuple[Part, ...]) -> Iterator[_Candidate]:
        many = math.prod(len(part.names) for part in parts)
        counts, records, errors = [], [], []
        for rows in self._rows:
            cells = np.zeros(len(rows.codes), np.int64)
            for part in parts:
                of = part.of[rows.codes[:, part.position]]
                cells = np.where((cells < 0) | (of < 0), -1, cells * len(part.names) + of)
            counts.append(count_slices(rows.codes, cells, many))
            records.append(np.bincount(cells[cells >= 0], minlength=many))
            known = (cells >= 0) & np.isfinite(rows.errors)
            labels = np.bincount(cells[known], minlength=many)
            first, second = (
                np.bincount(cells[known], weights=rows.errors[known] ** power, minlength=many) for power in (1, 2)
            )
            mean = first / np.maximum(labels, 1)
            variance = np.maximum(second / np.maximum(labels, 1) - mean**2, 0.0)
            errors.append(list(zip(labels.tolist(), mean.tolist(), variance.tolist(), strict=True)))
        for cell in range(many):
            if not min(int(records[0][cell]), int(records[1][cell])):
                continue
            numbers = np.unravel_index(cell, [len(part.names) for part in parts]) if parts else ()
            yield _Candidate(
                tuple((part.position, int(number)) for part, number in zip(parts, numbers, strict=True)),
                (counts[0][cell], counts[1][cell]),
                (int(records[0][cell]), int(records[1][cell])),
                (errors[0][cell], errors[1][cell]),
            )

    def _compared(self, one: _Candidate) -> tuple[Floats, Floats]:
        """Debiased PSI of each signal, and the p-value; 0 and 1 of those that the slice is made of."""
        reference = one.counts[0] * self._tables.is_value
        tests = evaluate_counts(recounted(self._tables, reference), one.counts[1].astype(np.int64))
        judged = (tests.count >= LEAST) & (reference.sum(axis=1) >= LEAST)
        judged[[position for position, _ in one.parts]] = False
        return np.where(judged, tests.debiased_psi, 0.0), np.where(judged, tests.g.p_value, 1.0)

    def _losses(self, candidates: Sequence[_Candidate], smallest: int, z: float) -> Iterator[Loss]:
        whole = int(np.isfinite(self._rows[1].errors).sum())
        found: list[tuple[float, _Candidate]] = []
        for one in candidates:
            (m, then, before), (n, now, after) = one.errors
            if min(n, m) >= smallest:
                # A pooled variance at least: of few errors a slice may have none at all.
                pooled = (n * after + m * before + (now - then) ** 2 * n * m / (n + m)) / (n + m)
                error = math.sqrt(max(after, pooled) / n + max(before, pooled) / m)
                found.append((now - then - z * error, one))
        for least, one in distinct(found, lambda one: one.parts):
            (_, then, _), (n, now, _) = one.errors
            yield Loss(
                slice=self._text(one),
                labels=n,
                share=significant(n / whole),
                reference=significant(then),
                current=significant(now),
                least=significant(least),
            )

    def _changes(self, candidates: Sequence[_Candidate], tests: int) -> Iterator[Change]:
        found: list[tuple[float, _Candidate]] = []
        clear: dict[tuple[tuple[int, int], ...], Floats] = {}
        for one in candidates:
            psi, p_value = self._compared(one)
            clear[one.parts] = np.where(p_value < LEVEL / tests, psi, 0.0)
            found.append((float(clear[one.parts].max()), one))
        for _, one in distinct(found, lambda one: one.parts):
            psi = clear[one.parts]
            yield Change(
                slice=self._text(one),
                records=one.records[1],
                share=significant(one.records[1] / len(self._rows[1].codes)),
                reference_share=significant(one.records[0] / len(self._rows[0].codes)),
                signal=self._signals.names[int(psi.argmax())],
                psi=significant(float(psi.max())),
                changed=int((psi > 0).sum()),
            )

    def _text(self, one: _Candidate) -> dict[str, str]:
        return {
            self._signals.names[position].removeprefix(FEATURE): self._names[position][number]
            for position, number in one.parts
        }
