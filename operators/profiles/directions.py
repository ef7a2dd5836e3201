"""Directions: where a reference's vectors lie, and in which directions they vary most; distances are measured by both.

Principal directions are those of a sample of the vectors: the half whose hashes are the lower one, of these the
lowest. Hashes are of vector and time, so that of equal vectors some are in the sample and others are not. It is random
with regard to the vectors, the same in any order and pieces, and bounded. The other vectors, and
those of the stream, were not what the directions were chosen for, so their distances can be compared: the sample's
own would be too short.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.hashing import hash_rows
from operators.jit import kernel
from operators.reading.vectors import Vectors
from schemas.profile import VectorReference

MOST = 16  # directions: fewer see less of a change, more bury it under what varies anyway
SAMPLE = 10_000  # vectors: more make directions hardly better
VALUES = 8_000_000  # numbers of the sample: 64 MB
SLACK = 1.25  # over the sample, before the highest hashes are left out
LEAST = 1e-6  # deviation along a direction, as a share of the first one's, below which it is rounding
HALF = np.uint64(1 << 63)

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class VectorSample:
    """The vectors of a reference that directions are found from.

    Parameters
    ----------
    dim
        How many numbers a vector has.
    """

    def __init__(self, dim: int, most: int = SAMPLE) -> None:
        self._most = max(2, min(most, VALUES // dim))
        self._hashes: list[Hashes] = []
        self._values: list[Floats] = [np.empty((0, dim))]
        self._held = 0
        self._below = HALF  # hashes from here on are not in the sample

    def add(self, vectors: Vectors, times_ms: Ints | None = None) -> None:
        """Take in vectors with their event times, if they have some, in any order and pieces."""
        hashes = hash_vectors(vectors, times_ms)
        chosen = (hashes < self._below) & (vectors.gaps == 0)
        self._hashes.append(hashes[chosen])
        self._values.append(vectors.values[chosen])
        self._held += int(chosen.sum())
        if self._held > SLACK * self._most:
            self._settle()

    def _settle(self) -> None:
        hashes, values = np.concatenate([np.empty(0, np.uint64), *self._hashes]), np.concatenate(self._values)
        order = np.argsort(hashes, kind="stable")  # equal hashes are equal vectors
        if len(order) > self._most:
            # All that are equal to the first one left out are left out: vectors are in the sample or not.
            self._below = hashes[order[self._most]]
            order = order[: np.searchsorted(hashes[order], self._below)]
        self._hashes, self._values, self._held = [hashes[order]], [values[order]], len(order)

    def fit(self, fewest: int = 2) -> tuple[VectorReference, np.uint64]:
        """Center and directions, and below which hash vectors were in the sample.

        With fewer than `fewest` vectors there are no directions, and the center is 0. Where there are no directions,
        nothing was fitted to the sample, and its vectors are as good as others.
        """
        self._settle()
        values = self._values[0]
        if len(values) < fewest:
            center, directions, deviations = np.zeros(values.shape[1]), np.empty((0, values.shape[1])), np.empty(0)
        else:
            scale = float(np.abs(values).max()) or 1.0  # the sum of large numbers may be none
            center = (values / scale).mean(axis=0) * scale
            directions, deviations = principal_directions(values - center)
        reference = VectorReference(
            center=center.astype("<f8").tobytes(),
            directions=directions.astype("<f4").tobytes(),
            deviations=tuple(deviations.tolist()),
            vectors=len(values),
        )
        return reference, self._below if len(directions) else np.uint64(0)


def principal_directions(centered: Floats, most: int = MOST) -> tuple[Floats, Floats]:
    """The directions in which vectors vary most, and their standard deviations along them.

    Parameters
    ----------
    centered : float64, shape (vectors, dim)
        With mean 0.

    Returns
    -------
    directions : float64, shape (at most `most`, dim)
        Of length 1, the one with the largest deviation first; the largest of its numbers is positive.
    deviations : float64

    Examples
    --------
    >>> directions, deviations = principal_directions(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    >>> directions.round(9).tolist(), (deviations**2).round(9).tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [4.5, 0.5])
    """
    count, dim = centered.shape
    scale = float(np.abs(centered).max(initial=0.0))
    if scale == 0.0:
        return np.empty((0, dim)), np.empty(0)
    scaled = centered / scale  # squares of large and of small numbers are then floats as well
    wide = dim > count  # the smaller one of the two products has the same information
    variances, found = np.linalg.eigh((scaled @ scaled.T if wide else scaled.T @ scaled) / count)
    order = np.argsort(variances)[::-1][:most]
    kept = order[np.sqrt(np.maximum(variances[order], 0.0)) > LEAST * np.sqrt(variances[order[0]])]
    directions = (scaled.T @ found[:, kept] if wide else found[:, kept]).T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(len(kept)), largest])[:, None]
    return directions, np.sqrt(variances[kept]) * scale


class Yardstick:
    """Measures vectors by a reference.

    Examples
    --------
    >>> center, direction = np.array([1, 1], "<f8").tobytes(), np.array([0, 1], "<f4").tobytes()
    >>> by = Yardstick(VectorReference(center=center, directions=direction, deviations=(2.0,), vectors=9))
    >>> norms, distances = by.measure(Vectors([[3, 4], [9, 1], None], 2))
    >>> norms, distances
    (array([5.        , 9.05538514,        nan]), array([1.5, 0. , nan]))
    """

    def __init__(self, reference: VectorReference) -> None:
        self._center = np.frombuffer(reference.center, "<f8").astype(np.float64)
        directions = np.frombuffer(reference.directions, "<f4").reshape(-1, len(self._center)).astype(np.float64)
        weights = directions / (np.array(reference.deviations)[:, None] * np.sqrt(max(1, len(directions))))
        self._weights = np.ascontiguousarray(weights.T)

    def measure(self, vectors: Vectors) -> tuple[Floats, Floats]:
        """Norm of each vector, and its distance from the center along the directions.

        A distance is the root mean square of those along each direction, in standard deviations: about 1 for vectors
        of the reference. Where the reference's vectors did not vary it is the plain distance. Gaps stay gaps; a number
        beyond floats is infinite, and so invalid.
        """
        norms, distances = np.empty(len(vectors.values)), np.empty(len(vectors.values))
        _measure(vectors.values, self._center, self._weights, norms, distances)
        there = vectors.gaps == 0
        return np.where(there, norms, vectors.gaps), np.where(there, distances, vectors.gaps)


def hash_vectors(vectors: Vectors, times_ms: Ints | None = None) -> Hashes:
    """A hash of each vector and its event time."""
    hashes = hash_rows(vectors.values.view(np.uint64))
    return hashes if times_ms is None else hash_rows(np.column_stack([hashes, times_ms.view(np.uint64)]))


@kernel
def _measure(values, center, weights, norms, distances):  # type: ignore[no-untyped-def]
    along = np.empty(weights.shape[1])
    for i in range(values.shape[0]):
        squares, from_center = 0.0, 0.0
        along[:] = 0.0
        # In the order of the numbers, so that a vector measures the same in any batch.
        for j in range(values.shape[1]):
            value = values[i, j]
            squares += value * value
            shift = value - center[j]
            from_center += shift * shift
            for k in range(weights.shape[1]):
                along[k] += shift * weights[j, k]
        norms[i] = np.sqrt(squares)
        squares = 0.0
        for k in range(weights.shape[1]):
            squares += along[k] * along[k]
        distance = np.sqrt(squares if weights.shape[1] else from_center)
        distances[i] = np.inf if np.isnan(distance) else distance
