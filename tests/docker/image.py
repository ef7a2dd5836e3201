"""The steps of a Dockerfile without Docker: each stage in a bare root of debootstrap, each RUN in a chroot there.

What it does not do: fetch the base image (Debian's Python of the same minor version stands in for it), keep layers, or
limit what a process may use. It takes the instructions that our Dockerfile has, and says so of any other.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import string
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEBIAN = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
# What a machine knows of the network, which Docker gives its containers too.
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs")
# How it says that a certificate of its own is to be trusted.
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """A root, and what its image says of the processes in it."""

    root: Path
    variables: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: str = "0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    def account(self) -> tuple[str, str, str]:
        """Number of the user, number of its group, and its home."""
        rows = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
        [row] = [row for row in rows if self.user in (row[0], row[2])]
        return row[2], row[3], row[5]

    def command(
        self, words: Sequence[str], variables: Mapping[str, str] | None = None, mounts: Mapping[str, Path] | None = None
    ) -> list[str]:
        """What runs `words` in the root, as its user, with its variables and no others, and ends all that it began."""
        number, group, home = self.account()
        bound = {**{place: Path(place) for place in NETWORK}, "/dev": Path("/dev"), **(mounts or {})}
        prepare = [f"mount -t proc proc {self.root}/proc"]
        prepare += [f"mount --rbind {path} {self.root}{place}" for place, path in bound.items()]
        trusted = {name: os.environ[name] for name in TRUST if name in os.environ}
        told = {"HOME": home, **trusted, **self.variables, **(variables or {})}
        inside = ["chroot", f"--userspec={number}:{group}", str(self.root)]
        inside += ["/usr/bin/env", "-i", f"--chdir={self.folder}", *(f"{key}={value}" for key, value in told.items())]
        script = " && ".join([*prepare, shlex.join([*inside, *words]).join(("exec ", ""))])
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]

    def container(self, arguments: Sequence[str] | None = None) -> list[str]:
        """What a container of the image runs."""
        return [*self.entrypoint, *(self.arguments if arguments is None else arguments)]


def bare_root(root: Path) -> Path:
    """Make a Debian with a Python and nothing else, where the base image of the Dockerfile has its own Python."""
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", DEBIAN, root], check=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    (root / "etc/hosts").touch()
    return root


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction and what follows it, lines that go on joined, comments left out."""
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        yield word.upper(), rest.strip()


def build(context: Path, base: Path, folder: Path) -> Stage:
    """Take the steps of docker/Dockerfile, with the files of `context` that .dockerignore lets through."""
    sent, stages, arguments = folder / "context", dict[str, Stage](), dict[str, str]()
    send(context, sent)
    stage = Stage(base)
    for word, rest in instructions((context / "docker/Dockerfile").read_text()):
        options = dict(re.findall(r"--([\w-]+)=(\S+)", rest))
        bare = re.sub(r"^(--[\w-]+=\S+\s+)+", "", rest)
        if word == "ARG":
            arguments.update([bare.split("=", 1)])
        elif word == "FROM":
            image, _, name = string.Template(bare).substitute(arguments).partition(" AS ")
            assert re.fullmatch(rf"python:3\.11\..*{DEBIAN}", image), image
            stage = stages[name] = Stage(folder / (name or "image"))
            subprocess.run(["cp", "-a", base, stage.root], check=True)
        elif word == "RUN":
            subprocess.run(stage.command(["/bin/sh", "-c", bare]), check=True)
        elif word == "COPY":
            _copy(stages[options["from"]].root if "from" in options else sent, stage, bare.split(), options)
        elif word == "ENV":
            known = string.Template(bare).substitute(stage.variables)
            stage.variables.update(one.split("=", 1) for one in shlex.split(known))
        elif word == "WORKDIR":
            stage.folder = bare
            Path(f"{stage.root}{bare}").mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = bare
        elif word == "HEALTHCHECK":
            stage.health = json.loads(bare.removeprefix("CMD "))
        elif word == "ENTRYPOINT":
            stage.entrypoint = json.loads(bare)
        elif word == "CMD":
            stage.arguments = json.loads(bare)
        elif word == "VOLUME":
            stage.volumes += bare.split()
        else:
            assert word == "EXPOSE", f"{word}: an instruction that is not known here"
    return stage


def send(context: Path, to: Path) -> None:
    """Copy what Docker would be sent: all that .dockerignore does not leave out."""
    rules = [line for line in (context / ".dockerignore").read_text().split("\n") if line and not line.startswith("#")]
    for place, folders, files in os.walk(context):
        here = Path(place).relative_to(context)
        for name in list(folders):
            inner = any(rule.startswith(f"!{here / name}/") for rule in rules)
            if ignored(here / name, rules) and not inner:
                folders.remove(name)
        for name in files:
            if not ignored(here / name, rules):
                (to / here).mkdir(parents=True, exist_ok=True)
                shutil.copy(context / here / name, to / here / name)


def ignored(path: Path, rules: Sequence[str]) -> bool:
    """Whether the last rule that says something of a path, or of a folder that it is in, leaves it out."""
    out = False
    for rule in rules:
        pattern = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, str(one)) for one in (path, *path.parents)):
            out = not rule.startswith("!")
    return out


def _copy(source: Path, stage: Stage, words: Sequence[str], options: Mapping[str, str]) -> None:
    """As COPY does: of a folder what is in it, files into a folder that ends in a slash or under another name."""
    *names, last = words
    inside = last if last.startswith("/") else f"{stage.folder}/{last}"
    target = Path(f"{stage.root}{inside}")
    (target if last.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
    for name in names:
        path = Path(f"{source}/{name}")
        subprocess.run(
            ["cp", "-a", "--no-preserve=ownership", f"{path}/." if path.is_dir() else path, target], check=True
        )
    if owner := options.get("chown"):
        subprocess.run(["chroot", stage.root, "chown", "-R", owner, inside], check=True)
    if mode := options.get("chmod"):
        subprocess.run(["chmod", mode, target], check=True)
