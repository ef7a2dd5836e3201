"""Plans and profiles of the jobs that were submitted, kept in the folder of their state: to go back to one of them."""

from __future__ import annotations

import contextlib
import zlib

import fsspec
import msgspec

from jobs.cluster.about import About
from jobs.cluster.states import states
from jobs.savepoints import folder
from operators.profiles.profile_files import load_references
from operators.profiles.references import JobReferences, read_job
from schemas.errors import TidemarkError

PLACE = "submitted"  # folder in that of the job's state
KEPT = 3  # the job, the one before, and one to look at


def keep_if_possible(references: JobReferences, job: str) -> None:
    """Keep what a job was submitted with, unless the folder is only on other machines."""
    with contextlib.suppress(OSError, ImportError):
        system, place = fsspec.core.url_to_fs(f"{folder(references.plan.job)}/{PLACE}")
        system.makedirs(place, exist_ok=True)
        system.pipe_file(f"{place}/{job}", zlib.compress(msgspec.msgpack.encode(references)))
        for old in sorted(system.ls(place, detail=False), key=system.modified)[:-KEPT]:
            system.rm_file(old)


def find(about: About, job: str) -> JobReferences | None:
    """What a job was submitted with; None where that is not known any more."""
    with contextlib.suppress(OSError, ImportError):
        system, place = fsspec.core.url_to_fs(f"{about.state_folder}/{PLACE}/{job}")
        return read_job(zlib.decompress(system.cat_file(place)))
    with contextlib.suppress(TidemarkError):
        references = load_references(about.plan)
        if states(references) == about.states:  # the profiles are still the same
            return references
    return None
