"""The image's steps in bare roots without Docker (see image.py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.debian import installed
from tests.docker import image

ROOT = Path(__file__).parents[2]
BUILT = {"requirements", "tidemark", "config", "schemas", "operators", "jobs", "consumers", "store", "dashboard"}


def test_the_build_is_sent_what_it_needs(tmp_path: Path) -> None:
    """All files of requirements that it installs, all rooms, and the files of docker/; nothing else."""
    image.send(ROOT, tmp_path)
    sent = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    steps = (ROOT / "docker/Dockerfile").read_text()
    needed = {*re.findall(r"-r (\S+)", steps), *re.findall(r"docker/[\w.-]+", steps)} - {"docker/Dockerfile"}
    assert needed - sent == set()
    [rooms] = re.findall(r"(?m)^include = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert {f"{room}/__init__.py" for room in re.findall(r"(\w+)\*", rooms)} - sent == set()
    folders = {name.split("/")[0] for name in sent if "/" in name}
    assert folders == BUILT | {"docker"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> image.Stage:
    """The image, as the steps of its Dockerfile make it."""
    if os.geteuid():
        pytest.skip("chroot, mounts and namespaces need root")
    installed("debootstrap", lambda: shutil.which("debootstrap"), "debootstrap")
    folder = tmp_path_factory.mktemp("image")
    return image.build(ROOT, image.bare_root(folder / "base"), folder)


def run(stage: image.Stage, *words: str) -> str:
    """What a command in a container says, which has loopback and no other network."""
    apart = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *stage.command(words)]
    ended = subprocess.run(apart, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.soak
def test_the_image_is_whole(stage: image.Stage) -> None:
    """Not root, and what it does needs nothing from elsewhere: the demonstration runs without a network."""
    assert run(stage, "id", "-u").strip() == "9999"
    assert run(stage, *stage.container(["--help"])).startswith("\n Usage: tidemark")
    told = run(stage, *stage.container(["demo"]))
    assert "opened" in told
