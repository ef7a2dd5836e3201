"""Archives: a Python environment that goes with a job, to a cluster whose machines have none with Tidemark.

Flink takes the archive to the workers' machines and unpacks it there. What is in it is looked at here first, as a
worker that cannot begin is found only when what ran before has been stopped.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from jobs import versions
from schemas.errors import SetupError, UsageError

FOLDER = "tidemark-environment"  # that it is unpacked into, in the working folder of a worker
PYTHON = f"{FOLDER}/bin/python"
KINDS = (".zip", ".tar.gz", ".tgz")  # that Flink unpacks: by the end of the name


def options(archive: str) -> dict[str, str]:
    """Flink's options for an archive."""
    return {"python.archives": f"{Path(archive).absolute()}#{FOLDER}"}


def check(archive: str) -> None:
    """Whether workers can run in what an archive holds.

    Raises
    ------
    UsageError
        There is no such archive, or Flink would not unpack it.
    SetupError
        It has no interpreter, or another Python, Flink or Tidemark than this one.
    """
    names = _names(archive)
    if "bin/python" not in names:
        message = (
            f"--archive: {archive}: has no bin/python; pack the inside of an environment, "
            "as in 'tar -czf environment.tar.gz -C .venv .'"
        )
        raise SetupError(message)
    here = versions.here()
    minor = here.python.rpartition(".")[0]
    packages = f"lib/python{minor}/site-packages/"
    if not any(name.startswith(packages) for name in names):
        found = sorted({one[1] for name in names if (one := re.match(r"lib/python(3\.\d+)/site-packages/", name))})
        message = (
            f"--archive: {archive}: has packages of Python {', '.join(found) or 'none'}, this is Python {here.python}; "
            "pack an environment of the same Python"
        )
        raise SetupError(message)
    pattern = re.compile(re.escape(packages) + r"([^/]+?)-([^/-]+)\.dist-info/METADATA")
    releases = {one[1].replace("_", "-"): one[2] for name in names if (one := pattern.fullmatch(name))}
    for package, ours in (("apache-flink", versions.flink()), ("tidemark", here.tidemark)):
        if releases.get(package) != ours:
            has = releases.get(package, "none")
            message = f"--archive: {archive}: has {package} {has}, this one has {ours}; install the same in it"
            raise SetupError(message)
    if f"{packages}tidemark/__init__.py" not in names:
        message = (
            f"--archive: {archive}: has tidemark as a link to a checkout, which is not in it; "
            "install it there with 'pip install --no-deps .'"
        )
        raise SetupError(message)


def _names(archive: str) -> set[str]:
    if not archive.endswith(KINDS):
        message = f"--archive: '{archive}' is not an archive that Flink unpacks ({', '.join(KINDS)})"
        raise UsageError(message)
    try:
        if archive.endswith(".zip"):
            with zipfile.ZipFile(archive) as opened:
                return _plain(opened.namelist())
        with tarfile.open(archive) as packed:
            return _plain(packed.getnames())
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        message = f"--archive: {archive}: cannot be read ({error})"
        raise UsageError(message) from error


def _plain(names: Iterable[str]) -> set[str]:
    return {name.removeprefix("./") for name in names}
