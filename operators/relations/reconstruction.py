"""Reconstruction: how far a record is from the directions along which features of the reference vary together.

The scores of a record (correlations.py) are standardised, projected on the reference's first principal components and
back; the error is the sum of the squares of what is lost (Jackson & Mudholkar 1979, Technometrics 21,
doi:10.1080/00401706.1979.10489779). A missing value counts as the reference's mean. Errors become ranks like the values
of any feature, so how they are distributed does not matter.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from operators.jit import kernel
from operators.relations.correlations import Crossed, RelationColumns
from schemas.profile import Multivariate

RECONSTRUCTION = "multivariate.reconstruction"
EXPLAINED = 0.65  # of the variance, as in NannyML. More: what few features do goes unseen; less: noise hides it
MOST = 32  # components: what more cost each record shows in the speed

Floats = npt.NDArray[np.float64]


def fit_components(columns: RelationColumns, found: Crossed) -> Multivariate:
    """Principal components of the reference: as many as have the larger part of its variance, but never all."""
    mean, scale = _standard(columns, found)
    values, vectors = np.linalg.eigh(_moments(columns, found, mean, scale))
    order = np.argsort(-values, kind="stable")
    shares = np.cumsum(values[order]) / max(float(values.sum()), 1e-12)
    many = min(int(np.searchsorted(shares, EXPLAINED)) + 1, MOST, len(order) - 1)
    chosen = vectors[:, order[:many]].T
    # The sign of a direction is chance; so its largest part is positive.
    chosen *= np.sign(chosen[np.arange(many), np.abs(chosen).argmax(axis=1)])[:, None]
    return Multivariate(
        components=np.ascontiguousarray(chosen, "<f8").tobytes(), explained=float(f"{shares[many - 1]:.6g}")
    )


class Reconstruction:
    """Errors of records against the components of a profile.

    Parameters
    ----------
    columns
        Of the features.
    found
        What the reference has of them.
    told
        Its components.
    """

    def __init__(self, columns: RelationColumns, found: Crossed, told: Multivariate) -> None:
        self._columns = columns
        self._reference = found
        self._mean, self._scale = _standard(columns, found)
        components = np.frombuffer(told.components, "<f8").reshape(-1, len(columns.of))
        self._components = components.T.copy()  # of a single one the bytes' own, which are read-only: another kernel

    @property
    def positions(self) -> list[int]:
        """Of the codes of the features."""
        return [int(position) for position in self._columns.positions]

    def errors(self, codes: npt.NDArray[np.uint8]) -> Floats:
        """Error of each record; NaN where it lacks more than half of the features.

        The same on every processor, whatever other records there are: it is added up in one order.

        Parameters
        ----------
        codes : uint8, shape (records, signals), C-contiguous
        """
        of, found = self._columns, np.empty(len(codes))
        _errors(codes, of.positions, of.starts, of.scores, of.present, self._mean, self._scale, self._components, found)
        return found

    @cached_property
    def known(self) -> Floats:
        """Mean squared loss of each feature in the reference, shape (features,)."""
        return self.losses(self._reference)

    def losses(self, found: Crossed) -> Floats:
        """Mean squared loss of each feature over records, shape (features,): they add up to the mean error."""
        moments = _moments(self._columns, found, self._mean, self._scale)
        lost = np.eye(len(moments)) - self._components @ self._components.T
        each = np.einsum("ij,jk,ik->i", lost, moments, lost)
        return np.asarray(np.bincount(self._columns.of, weights=each), np.float64)


def _standard(columns: RelationColumns, found: Crossed) -> tuple[Floats, Floats]:
    """Mean of each column, and what makes its deviation 1."""
    there = np.maximum(found.records - np.diag(found.gaps)[columns.of], 1)
    mean = found.totals / there
    variance = np.diag(found.products) / there - mean**2
    return mean, 1 / np.sqrt(np.where(variance > 1e-9, variance, 1.0))


def _moments(columns: RelationColumns, found: Crossed, mean: Floats, scale: Floats) -> Floats:
    """Mean products of standardised scores, missing ones being 0."""
    of = columns.of
    missing = np.diag(found.gaps)
    both = found.records - missing[of][:, None] - missing[of] + found.gaps[np.ix_(of, of)]
    totals = found.totals[:, None] - found.lost[:, of]  # of a row's column, over records that have the other feature
    products = found.products - totals * mean - (totals * mean).T + both * np.outer(mean, mean)
    return np.asarray(products * np.outer(scale, scale) / max(found.records, 1), np.float64)


@kernel
def _errors(codes, positions, starts, table, present, mean, scale, components, found):  # type: ignore[no-untyped-def]
    features, many = positions.shape[0], components.shape[1]
    along = np.empty(many)
    for i in range(codes.shape[0]):
        along[:] = 0.0
        total = 0.0
        lacking = 0
        for f in range(features):
            code = codes[i, positions[f]]
            if not present[f, code]:
                lacking += 1
                continue
            for c in range(starts[f], starts[f + 1]):
                z = (table[c, code] - mean[c]) * scale[c]
                total += z * z
                for k in range(many):
                    along[k] += z * components[c, k]
        for k in range(many):
            total -= along[k] * along[k]
        found[i] = np.nan if 2 * lacking > features else max(total, 0.0)
