"""Profiles written to files: those that were asked for, and copies of those that a job learned.

Of what was learned the job's state is the truth; a copy is to look at, and to give to another job. It is written by
the worker that learned the profile, when it did, and so before any checkpoint that has it: after a crash the same
records give the same profile again, and the same file. Each file is whole or not there.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import PurePosixPath

import fsspec

from config.plan import ALL, ModelPlan
from operators.monitoring.state import Key
from schemas import profile as profiles
from schemas.errors import ProfileError
from schemas.profile import Profile

LONGEST = 100  # characters of a version in the name of a file: names end at 255, also those of a hostile stream

_UNSAFE = re.compile(r"[/\\%\x00-\x1f\x7f]")


def save(model: ModelPlan, key: Key, profile: Profile) -> None:
    """Write the profile of a version's whole traffic where the configuration says; there is no file for segments.

    Raises
    ------
    ProfileError
        It cannot be written.
    """
    if key.segment == ALL:
        write(path_of(model, key), profile)


def path_of(model: ModelPlan, key: Key) -> str:
    """Where a version's copy belongs.

    With another role than the version's own, which only records can give it, the role is part of the name.
    """
    assert model.learn is not None, "a version without a profile is learned"
    version = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", key.version)
    if len(version.encode("utf-8", "surrogatepass")) > LONGEST:
        digest = hashlib.sha256(key.version.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        version = f"{version[: LONGEST // 4]}-{digest}"
    given = model.versions.get(key.version)
    if key.role != (given.role if given else "champion"):
        version = f"{version}-{key.role}"
    return model.learn.save.replace("{model}", model.name).replace("{version}", version)


def check(model: ModelPlan) -> None:
    """Make the folder of a model's copies.

    Raises
    ------
    ProfileError
        It cannot be made.
    """
    if model.learn is not None:
        _make_folder(model.learn.save)


def write(path: str, profile: Profile) -> None:
    """Write a profile to a file, whole or not at all, or to a URL.

    Raises
    ------
    ProfileError
        It cannot be written.
    """
    try:
        system, place = fsspec.core.url_to_fs(path)
        system.makedirs(PurePosixPath(place).parent.as_posix(), exist_ok=True)
        aside = f"{place}.{os.getpid()}.tmp" if "file" in _protocols(system) else place  # objects are whole anyway
        system.pipe_file(aside, profiles.encode(profile))
        if aside != place:
            os.replace(aside, place)
    except (OSError, ImportError, ValueError) as error:
        raise _not_written(path, error) from error


def _make_folder(path: str) -> None:
    try:
        system, place = fsspec.core.url_to_fs(path)
        folder = place[: place.index("{")].rpartition("/")[0]
        system.makedirs(folder, exist_ok=True)
    except (OSError, ImportError, ValueError) as error:
        raise _not_written(path, error) from error


def _not_written(path: str, error: Exception) -> ProfileError:
    reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return ProfileError(f"profile {path}: cannot be written ({reason})")


def _protocols(system: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    named = system.protocol
    return (named,) if isinstance(named, str) else tuple(named)
