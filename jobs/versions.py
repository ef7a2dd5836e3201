"""Whether workers have the Python and the Tidemark of whoever submitted the job: others misread what they are sent."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from schemas.errors import SetupError


@dataclass(frozen=True)
class Versions:
    """Those of an interpreter."""

    python: str
    tidemark: str  # nothing where it is not installed, but on the path


def here() -> Versions:
    """Of this one."""
    try:
        release = version("tidemark")
    except PackageNotFoundError:
        release = ""
    return Versions(platform.python_version(), release)


def flink() -> str:
    """Of Flink, as it is installed here."""
    return version("apache-flink")


def check(submitted: Versions) -> None:
    """Compare a worker with whoever submitted its job.

    Raises
    ------
    SetupError
        The release of Tidemark or the minor version of Python is another one.
    """
    found = here()
    for name, theirs, ours, same in (
        ("Python", submitted.python, found.python, _minor(submitted.python) == _minor(found.python)),
        ("tidemark", submitted.tidemark, found.tidemark, submitted.tidemark in (found.tidemark, "")),
    ):
        if not same and ours:
            message = (
                f"workers: have {name} {ours}, the job was submitted by {name} {theirs}; "
                "install the same there, or name another interpreter with --python"
            )
            raise SetupError(message)


def check_interpreter(job: str, python: str, submitted: str) -> None:
    """Whether workers that run already can go on with what this interpreter sends them.

    Parameters
    ----------
    job
        Its name.
    python
        The interpreter of its workers.
    submitted
        Version of the interpreter that submitted it; "": not known.

    Raises
    ------
    SetupError
        It is another minor version.
    """
    ours = here().python
    if submitted and _minor(submitted) != _minor(ours):
        message = (
            f"job {job}: its workers have Python {submitted} ({python}), this is Python {ours}, and they would misread "
            f"what it sends; run tidemark with Python {_minor(submitted)}, or name one like this with --python"
        )
        raise SetupError(message)


def _minor(python: str) -> str:
    return python.rpartition(".")[0]
