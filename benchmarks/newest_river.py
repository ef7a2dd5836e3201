"""An environment for river's newest release, which needs a numpy that Flink's dependencies refuse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jobs.jars import cache

PACKAGES = ("river", "msgspec")
INSTALLED_WITHIN_S = 600  # it takes half a minute; a slow network several times that


class UnavailableError(Exception):
    """It cannot be installed here; the text says why."""


def python(tell: Callable[[str], object]) -> Path:
    """Give its interpreter; the environment is made in the user's cache if it is not there.

    Raises
    ------
    UnavailableError
    """
    folder = cache() / f"river-newest-{sys.version_info.major}.{sys.version_info.minor}"
    interpreter, ready = folder / "bin" / "python", folder / ".ready"
    if ready.exists():
        return interpreter
    tell(f"installs river's newest release into {folder}")
    _run([sys.executable, "-m", "venv", "--clear", folder])
    _run([interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES])
    ready.touch()
    return interpreter


def _run(command: list[str | Path]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise UnavailableError(said[-1] if said else "no reason given") from error
