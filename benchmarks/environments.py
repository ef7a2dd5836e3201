"""Environments for packages that cannot be installed beside Tidemark."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

INSTALLED_WITHIN_S = 1_200  # the largest takes three minutes; a slow network several times that


class UnavailableError(Exception):
    """It cannot be installed here; the text says why."""


def python(folder: Path, install: Sequence[str | Path], tell: Callable[[str], object], what: str) -> Path:
    """Give the interpreter of the environment in a folder; it is made if it is not there.

    Parameters
    ----------
    install
        Arguments of ``pip install``.
    what
        Is installed, for the one line that is told.

    Raises
    ------
    UnavailableError
    """
    interpreter, ready = folder / "bin" / "python", folder / ".ready"
    said = "\n".join(one.read_text() if isinstance(one, Path) else one for one in install)
    if ready.exists() and ready.read_text() == said:
        return interpreter
    tell(f"installs {what} into {folder}")
    _run([sys.executable, "-m", "venv", "--clear", folder])
    _run([interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *install])
    ready.write_text(said)
    return interpreter


def _run(command: list[str | Path]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise UnavailableError(said[-1] if said else "no reason given") from error
