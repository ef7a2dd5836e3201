"""Programs that tests need, installed where a test may do that: as root on a Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def installed(name: str, find: Callable[[], T | None], package: str) -> T:
    """What `find` finds, after its package was installed if need be; without it the test is skipped."""
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *command], check=True, capture_output=True, env=quiet)
        found = find()
    if found is None:
        pytest.skip(f"there is no {name}, and no way to install it without being root on a Debian")
    return found
