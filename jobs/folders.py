"""Folders that a run writes to: made before anything is started, so that one that cannot be is told at once."""

from __future__ import annotations

import fsspec

from schemas.errors import UsageError


def make(where: str, what: str) -> None:
    """Make a folder unless it is there, and see whether it takes files.

    Parameters
    ----------
    where
        A path or URI.
    what
        What says that it is this one: ``job.checkpoints.dir``.

    Raises
    ------
    UsageError
        It does not.
    """
    try:
        system, place = fsspec.core.url_to_fs(where)
        probe = f"{place}/.writable"
        system.makedirs(place, exist_ok=True)
        system.pipe_file(probe, b"")
        system.rm_file(probe)
    except (OSError, ImportError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        shown = where.removeprefix("file://")
        message = f"{what}: '{shown}' cannot be written ({reason[:1].lower()}{reason[1:]}); choose another folder"
        raise UsageError(message) from error
