"""Jars by their Maven coordinates: fetched once by jgo, compared with pinned hashes, kept in the user's cache.

``jars.sha256`` beside this file names every jar with its SHA-256; nothing else is ever put on a class path.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from schemas.errors import SetupError

PINS = Path(__file__).with_name("jars.sha256")
DOWNLOADS = 8  # at a time; one by one, 46 small jars take 40 s; the repository serves 8 in 7 s and may refuse many more
TIMEOUT_S = 60  # for an answer from the repository; a busy mirror takes over 10 s, a missing network fails at once


class Jar(msgspec.Struct, frozen=True):
    """A pinned jar: what it is for, its SHA-256 and its Maven coordinate."""

    use: str
    sha256: str
    coordinate: str

    @property
    def path(self) -> Path:
        """Where it is kept, once fetched."""
        _, name, version = self.coordinate.split(":")
        return cache() / "jars" / f"{name}-{version}.jar"

    @property
    def ready(self) -> bool:
        """Whether it is there and is what was pinned."""
        return self.path.is_file() and _sha256(self.path) == self.sha256


def kafka_connector(tell: Callable[[str], object] | None = None) -> Path:
    """Give the jar of Flink's Kafka connector; `tell` gets a line if it has to be fetched."""
    return _fetched("job", tell)[0]


def kafka_broker_classpath(tell: Callable[[str], object] | None = None) -> list[Path]:
    """Give the jars of a Kafka broker; `tell` gets a line if any have to be fetched."""
    return _fetched("broker", tell)


def pinned(use: str) -> list[Jar]:
    """List the jars of one use.

    >>> [jar.coordinate for jar in pinned("job")]
    ['org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2']
    """
    rows = (line.split() for line in PINS.read_text().splitlines() if not line.startswith("#"))
    return [jar for jar in (Jar(*row) for row in rows) if jar.use == use]


def cache() -> Path:
    """Give the folder of the user in which Tidemark keeps what can be fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidemark"


def _fetched(use: str, tell: Callable[[str], object] | None) -> list[Path]:
    jars = pinned(use)
    missing = [jar for jar in jars if not jar.ready]
    if missing:
        if tell:
            tell(f"fetching {len(missing)} {'jar' if len(missing) == 1 else 'jars'}, once")
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(_fetch, missing))
    return [jar.path for jar in jars]


def _fetch(jar: Jar) -> None:
    """Download beside the cache, compare, then move: another process never sees half a jar or a wrong one."""
    try:
        from jgo.maven import MavenContext
    except ImportError:
        message = "the jars of Kafka are fetched by jgo, which is not installed; pip install 'tidemark[flink]'"
        raise SetupError(message) from None
    import requests

    jar.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jar.path.parent, prefix=".fetching-") as folder:
        group, name, version = jar.coordinate.split(":")
        artifact = MavenContext(repo_cache=Path(folder), timeout=TIMEOUT_S).project(group, name).at_version(version)
        try:
            fetched = artifact.artifact().resolve()
        except (requests.RequestException, RuntimeError, ValueError, OSError) as error:
            message = (
                f"jar {jar.coordinate}: could not be fetched from the Maven repository ({type(error).__name__}); "
                f"check the network, or put the file at {jar.path}"
            )
            raise SetupError(message) from error
        if (actual := _sha256(fetched)) != jar.sha256:
            message = (
                f"jar {jar.coordinate}: SHA-256 of the download is {actual} (pinned: {jar.sha256}); "
                "the repository or the way to it altered the file, so it is not used; try another network"
            )
            raise SetupError(message)
        fetched.replace(jar.path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
