"""What a kernel may be handed: numba compiles again, for seconds, on another dtype, layout or read-only array."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def argument(name: str, array: npt.ArrayLike, dtype: type[T], shape: tuple[int, ...]) -> npt.NDArray[T]:
    """Return the array as a kernel reads it: this dtype, C-contiguous, aligned, writable; copied only if it is not.

    >>> argument("lengths", [3, 4], np.int64, (2,))
    array([3, 4])
    """
    if not isinstance(array, np.ndarray) or array.dtype != dtype or not array.flags.carray:
        array = np.require(array, dtype, ["C", "A", "W"])
    if array.shape != shape:
        message = f"{name}: has the shape {array.shape} ({shape} wanted)"
        raise ValueError(message)
    return array


def updated(name: str, array: Any, shape: tuple[int, ...]) -> Floats:
    """Return the array that a kernel updates in place; a copy would lose what it writes, so nothing is converted."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float64 or not array.flags.carray:
        message = f"{name}: is not a writable C-contiguous float64 array (as 'start' and 'unpack' return)"
        raise TypeError(message)
    return argument(name, array, np.float64, shape)


def sequences(values: npt.ArrayLike, lengths: npt.ArrayLike) -> tuple[Floats, Integers]:
    """Return rows of values and how many of each row count, as kernels read them.

    >>> sequences([[1.0, 2.0]], [3])
    Traceback (most recent call last):
    ValueError: lengths: are 3 to 3 (0 to 2, the columns of values)
    """
    values = argument("values", values, np.float64, np.shape(values))
    signals, longest = values.shape
    lengths = argument("lengths", lengths, np.int64, (signals,))
    if signals and not 0 <= lengths.min() <= lengths.max() <= longest:
        message = f"lengths: are {lengths.min()} to {lengths.max()} (0 to {longest}, the columns of values)"
        raise ValueError(message)
    return values, lengths
