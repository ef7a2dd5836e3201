"""The one place that imports numba, and `kernel`, the way every compiled loop here is made.

`intrinsic` and `types` are numba's own, for the few machine instructions that it does not offer.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

# PyFlink's worker replaces print by a bound method, and numba's import then fails: put it back meanwhile.
_replaced: Any = builtins.print
_printer = getattr(getattr(_replaced, "__self__", None), "_print", None)
if _printer is not None:
    builtins.print = _printer
try:
    import numba
    from numba import types
    from numba.extending import intrinsic
finally:
    builtins.print = _replaced

__all__ = ["intrinsic", "kernel", "part", "types"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop over arrays: cached on disk, without the GIL, and never reassociating floats."""
    return numba.njit(function, cache=True, nogil=True, fastmath=False)


def part(function: Callable[..., Any]) -> Any:
    """Compile what a kernel calls for each value: it makes no arrays, and does not count who uses those that it gets.

    Counting takes two locked instructions an array and call, more than most of these loops do.
    """
    return numba.njit(function, cache=True, nogil=True, fastmath=False, _nrt=False)
