"""What an archive has to hold before a job is sent with it."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from jobs import versions
from jobs.cluster import archives
from schemas.errors import SetupError, UsageError

HERE = versions.here()
MINOR = HERE.python.rpartition(".")[0]
PACKAGES = f"lib/python{MINOR}/site-packages"
WHOLE = (
    "bin/python",
    f"{PACKAGES}/apache_flink-{versions.flink()}.dist-info/METADATA",
    f"{PACKAGES}/tidemark-{HERE.tidemark}.dist-info/METADATA",
    f"{PACKAGES}/tidemark/__init__.py",
)


def packed(path: Path, names: tuple[str, ...], prefix: str = "./") -> str:
    """An archive with empty files of these names."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as opened:
            for name in names:
                opened.writestr(name, b"")
    else:
        with tarfile.open(path, "w:gz") as written:
            for name in names:
                written.addfile(tarfile.TarInfo(prefix + name))
    return str(path)


@pytest.mark.parametrize(("name", "prefix"), [("e.tar.gz", "./"), ("e.tgz", ""), ("e.zip", "")])
def test_an_environment(tmp_path: Path, name: str, prefix: str) -> None:
    """As `tar -C .venv .` packs it, or other tools; Flink unpacks it into a folder that has a name."""
    archive = packed(tmp_path / name, WHOLE, prefix)
    archives.check(archive)
    assert archives.options(archive) == {"python.archives": f"{archive}#tidemark-environment"}
    assert archives.PYTHON == "tidemark-environment/bin/python"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            WHOLE[1:],
            "has no bin/python; pack the inside of an environment, as in 'tar -czf environment.tar.gz -C .venv .'",
        ),
        (
            ("bin/python", "lib/python3.9/site-packages/six.py"),
            f"has packages of Python 3.9, this is Python {HERE.python}; pack an environment of the same Python",
        ),
        (
            WHOLE[:3],
            "has tidemark as a link to a checkout, which is not in it; install it there with 'pip install --no-deps .'",
        ),
        (WHOLE[:2], f"has tidemark none, this one has {HERE.tidemark}; install the same in it"),
        (
            (WHOLE[0], WHOLE[2], f"{PACKAGES}/apache_flink-2.0.1.dist-info/METADATA"),
            f"has apache-flink 2.0.1, this one has {versions.flink()}; install the same in it",
        ),
    ],
)
def test_what_workers_could_not_run_in(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """No interpreter, another Python, or other packages."""
    archive = packed(tmp_path / "e.tar.gz", names)
    with pytest.raises(SetupError) as raised:
        archives.check(archive)
    assert str(raised.value) == f"--archive: {archive}: {message}"


def test_what_is_no_archive(tmp_path: Path) -> None:
    """It is not there, is something else, or Flink does not know its kind."""
    with pytest.raises(UsageError, match=r"--archive: .*gone\.zip: cannot be read \(.*No such file"):
        archives.check(str(tmp_path / "gone.zip"))
    (tmp_path / "e.tar.gz").write_bytes(b"PK")
    with pytest.raises(UsageError, match="cannot be read"):
        archives.check(str(tmp_path / "e.tar.gz"))
    with pytest.raises(UsageError, match=r"is not an archive that Flink unpacks \(\.zip, \.tar\.gz, \.tgz\)"):
        archives.check("environment.tar.zst")
