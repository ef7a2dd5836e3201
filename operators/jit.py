"""The one place that imports numba, and `kernel`, the way every compiled loop here is made."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, TypeVar

# PyFlink's worker replaces print by a bound method, and numba's import then fails: put it back meanwhile.
_replaced = builtins.print
if hasattr(_replaced, "__self__") and hasattr(_replaced.__self__, "_print"):
    builtins.print = _replaced.__self__._print
try:
    import numba
finally:
    builtins.print = _replaced

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a loop over arrays: cached on disk, without the GIL, and never reassociating floats.

    >>> @kernel
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> import numpy as np
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    return numba.njit(function, cache=True, nogil=True, fastmath=False)  # type: ignore[no-any-return]
