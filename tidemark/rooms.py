"""Are Tidemark's rooms its own? They are top-level packages, so a ``config.py`` of somebody's can stand before ours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("config", "schemas", "operators", "jobs", "consumers", "store", "dashboard")


def shadowed(home: Path | None = None) -> list[str]:
    """Say of each room that Python would take from elsewhere which file stands before it.

    Parameters
    ----------
    home : Path, optional
        The folder that holds the rooms; the one of this package if not given.

    Returns
    -------
    list of str
        One line a room, nothing when all is well.
    """
    home = home or Path(__file__).resolve().parents[1]
    lines = []
    for room in ROOMS:
        spec = find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin != home / room / "__init__.py":
            lines.append(
                f"tidemark: Python finds '{room}' at {origin or 'no file'}, not at {home / room}; "
                f"start from another folder or take that one off PYTHONPATH"
            )
    return lines
