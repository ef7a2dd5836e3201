"""An environment for river's newest release, which needs a numpy that Flink's dependencies refuse."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import environments
from benchmarks.environments import UnavailableError
from jobs.jars import cache

__all__ = ["UnavailableError", "python"]

PACKAGES = ("river", "msgspec")


def python(tell: Callable[[str], object]) -> Path:
    """Give its interpreter; the environment is made in the user's cache if it is not there.

    Raises
    ------
    UnavailableError
    """
    folder = cache() / f"river-newest-{sys.version_info.major}.{sys.version_info.minor}"
    return environments.python(folder, PACKAGES, tell, "river's newest release")
